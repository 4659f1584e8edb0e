"""What goes wrong on command: by rate, by plan, so many times, or until it is switched off. Every chance is seeded."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

_T = TypeVar("_T")

BEFORE = (
    "reset", "timeout", "too_many", "firewall", "maintenance", "fatal", "error_500", "plugin_off", "plain_permalinks",
)  # fmt: skip
"""Instead of an answer: connection reset, nothing in time, the hosting's 429 and 403, and the shop's own failures."""
PAGES = ("short_page", "skip_item", "repeat_item")
"""A page that says 200 and holds less, skips one, or shows one twice."""
AFTER = ("cut_body", "no_totals", "php_warning")
"""Done to a good answer: cut in the middle, without its totals, with a PHP warning before the JSON."""
WEBHOOKS = ("webhook_drop", "webhook_duplicate", "webhook_delay", "webhook_reorder", "webhook_crash")
"""An event that is never queued, sent twice, sent late, sent in another order, or lost with the process sending it."""
STATES = ("index_lag",)
"""Lists that learn of orders so many seconds late."""
KINDS = (*BEFORE, *PAGES, *AFTER, *WEBHOOKS, *STATES)


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
    """The faults of a shop, none to begin with. `happened` counts what struck."""

    def __init__(self, seed: int) -> None:
        self.active: list[Fault] = []
        self.happened: Counter[str] = Counter()
        self._seed = seed
        self._made = 0
        self._lock = threading.Lock()

    def add(self, kind: str, *, rate: float = 1.0, calls: Collection[int] | None = None, times: int | None = None,
            path: str = "", seconds: float = 0.0) -> Fault:  # fmt: skip
        """Switch a fault on.

        `rate` strikes by chance, `calls` at those matching calls exactly, `times` stops after so many. `path` is
        searched in «GET orders/{id}» or in a webhook's topic. `seconds` is how long a timeout holds, a webhook waits
        or an index lags.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no fault «{kind}»; there are {', '.join(KINDS)}")
        self._made += 1
        chance = random.Random(f"fault {self._seed} {kind} {self._made}")
        fault = Fault(kind, rate, None if calls is None else frozenset(calls), times, path, seconds, chance=chance)
        self.active.append(fault)
        return fault

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

    def before(self, where: str) -> Fault | None:
        """What is answered instead of the request, if anything."""
        return next((fault for kind in BEFORE if (fault := self.striking(kind, where))), None)

    @property
    def index_lag(self) -> float:
        """Seconds by which lists are behind."""
        return max((fault.seconds for fault in self.active if fault.kind == "index_lag"), default=0.0)

    def page(self, found: Sequence[_T], begin: int, size: int, where: str) -> list[_T]:
        """The items of one page, as they come out."""
        window = list(found[begin : begin + size])
        if len(window) > 1 and (fault := self.striking("short_page", where)):
            window = window[: fault.chance.randrange(1, len(window))]
        if window and (fault := self.striking("skip_item", where)):
            del window[fault.chance.randrange(len(window))]
        if window and (fault := self.striking("repeat_item", where)):
            at = fault.chance.randrange(len(window))
            window.insert(at, window[at])
        return window
