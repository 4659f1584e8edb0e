"""The fast lane: decides the next batch while the last one is being written.

It is an optimisation of `run` and nothing else. Whatever goes wrong with a batch here, everything decided after it is
dropped too, and each of these batches is taken patiently, one after the other: under the account's lock, with retries,
halved until the poisonous receipt stands alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from cuadra.pipeline.run import decide_all
from cuadra.pipeline.working import Item, WorkingSet

Decided = TypeVar("Decided")
MOST_PATIENT = 16


class Ahead(Protocol[Decided]):
    """What the lane needs of the ledger: see `ledger.ahead.AheadLedger`."""

    @property
    def full(self) -> bool: ...
    def begin(self) -> None: ...
    def decide(self, pieces: Iterable[list[Item]], set_id: int | None,
               decide: Callable[[list[Item], WorkingSet], None]) -> Iterator[Decided]: ...  # fmt: skip
    def write(self, decided: Decided) -> int: ...
    def close(self) -> None: ...


class Batch(Struct, eq=False):
    """Receipts to process together. `pieces` makes items of them for a first try, some at a time, so that what belongs
    together is handled while the processor still has it at hand; `patiently` takes all of them the slow way."""

    set_id: int | None
    pieces: Callable[[], Iterable[list[Item]]]
    patiently: Callable[[], None]


class Lane(Generic[Decided]):
    """One thread decides (the caller's), one writes. Use as a context; after `settle` everything taken is done."""

    def __init__(self, ledger: Ahead[Decided], done: Callable[[int], None]) -> None:
        self._ledger, self._done = ledger, done
        self._written: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._queue: queue.Queue[tuple[Batch, Decided] | None] = queue.Queue(maxsize=1)
        self._failed = threading.Event()
        self._undone: list[Batch] = []
        self._patient = 0
        """Batches to take patiently before the next try: more each time that somebody else is at work here."""
        self._setback = 1
        self.in_step = False
        """Whether the ledger's facts go with everything taken so far."""
        self._thread = threading.Thread(target=self._writing, name="write", daemon=True)

    def __enter__(self) -> Lane[Decided]:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave. After an error, what has been decided and not written stays in the inbox."""
        self._failed.set()
        self._queue.put(None)
        self._thread.join()
        self._ledger.close()

    def take(self, batch: Batch) -> None:
        """Take a batch into the ledger, now or in a moment."""
        self._tell()
        if self._failed.is_set():
            self.settle()
        if self._patient:
            self._patient -= 1
            batch.patiently()
            return
        if not self.in_step or self._ledger.full:
            self.settle()
            self._ledger.begin()
            self.in_step = True
        try:
            for decided in self._ledger.decide(batch.pieces(), batch.set_id, decide_all):
                self._queue.put((batch, decided))
        except Exception:  # noqa: BLE001 - the patient way finds out which receipt it is
            self.settle()
            batch.patiently()
            self.in_step = False

    def settle(self) -> None:
        """Wait until everything taken is in the ledger."""
        self._queue.join()
        self._tell()
        if not self._failed.is_set():
            return
        undone, self._undone = self._undone, []
        self._failed.clear()
        for batch in undone:
            batch.patiently()
        self.in_step = False
        self._patient = self._setback
        self._setback = min(2 * self._setback, MOST_PATIENT)

    def _tell(self) -> None:
        while not self._written.empty():
            self._done(self._written.get())
            self._setback = 1

    def _writing(self) -> None:
        while (job := self._queue.get()) is not None:
            batch, decided = job
            del job
            if not self._failed.is_set():
                try:
                    self._written.put(self._ledger.write(decided))
                except BaseException:  # noqa: BLE001 - whatever it was, the patient way meets it again and judges it
                    self._failed.set()
            if self._failed.is_set() and batch not in self._undone:
                self._undone.append(batch)
            del batch, decided
            self._queue.task_done()
