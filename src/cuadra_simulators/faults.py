"""What goes wrong on command: by rate, by plan, so many times, or until it is switched off. Every chance is seeded."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong. It is considered at every call that fits, which is what `calls` counts from 1."""

    kind: str
    rate: float = 1.0
    calls: Collection[int] | None = None
    times: int | None = None
    path: str = ""
    seconds: float = 0.0
    seen: int = 0
    happened: int = 0
    chance: random.Random = field(default_factory=random.Random)

    def strikes(self, where: str) -> bool:
        """Whether it happens now."""
        if self.times is not None and self.happened >= self.times:
            return False
        if self.path and not re.search(self.path, where):
            return False
        self.seen += 1
        hit = self.seen in self.calls if self.calls is not None else self.chance.random() < self.rate
        self.happened += hit
        return hit


class Faults:
    """The faults of one simulator, none to begin with, of the kinds that it knows. `happened` counts what struck."""

    def __init__(self, seed: int, kinds: Sequence[str]) -> None:
        self.active: list[Fault] = []
        self.happened: Counter[str] = Counter()
        self._kinds = kinds
        self._seed = seed
        self._made = 0
        self._lock = threading.Lock()

    def add(self, kind: str, *, rate: float = 1.0, calls: Collection[int] | None = None, times: int | None = None,
            path: str = "", seconds: float = 0.0) -> Fault:  # fmt: skip
        """Switch a fault on.

        `rate` strikes by chance, `calls` at those matching calls exactly, `times` stops after so many. What `path` is
        searched in, and what `seconds` says of a kind, is the simulator's own affair.
        """
        self.check(kind)
        self._made += 1
        chance = random.Random(f"fault {self._seed} {kind} {self._made}")
        fault = Fault(kind, rate, None if calls is None else frozenset(calls), times, path, seconds, chance=chance)
        self.active.append(fault)
        return fault

    def check(self, kind: str) -> None:
        """ValueError when the simulator knows no such fault."""
        if kind not in self._kinds:
            raise ValueError(f"there is no fault «{kind}»; there are {', '.join(self._kinds)}")

    def clear(self, kind: str = "") -> None:
        """Switch off a kind, or everything."""
        self.active = [fault for fault in self.active if kind and fault.kind != kind]

    def striking(self, kind: str, where: str) -> Fault | None:
        """The fault of this kind that happens now, if any."""
        with self._lock:
            for fault in self.active:
                if fault.kind == kind and fault.strikes(where):
                    self.happened[kind] += 1
                    return fault
        return None

    def first(self, kinds: Sequence[str], where: str) -> Fault | None:
        """The fault of the first of these kinds that happens now, if any; the kinds after it are not considered."""
        if not self.active:
            return None
        return next((fault for kind in kinds if (fault := self.striking(kind, where))), None)
