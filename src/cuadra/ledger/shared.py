"""Two who decide the batches of one import in turns, each with facts of its own, and tell each other what they changed.

Reading receipts, making rows and writing them takes most of the time, and needs nobody else's leave: so while one
decides a batch, the other makes the next one ready or writes the last one. Each batch still stands on everything decided
before it, and batches are written in the order in which they were decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from cuadra.db import Conn, Database
from cuadra.ledger import Take, Way, news, utc_now
from cuadra.ledger.ahead import AheadLedger, Decided
from cuadra.ledger.news import News
from cuadra.pipeline.working import Item, WorkingSet


class Gone(Exception):
    """There is nobody any more with whom to take turns."""


class Turn(Struct):
    """The leave to decide, and what the other one has decided since the last."""

    news: list[News]
    generation: int | None = None
    """Forget everything first: whatever is known from here on is known since this generation of the ledger."""
    full: bool = False
    """The other one keeps as much as it may."""


class Peer(Protocol):
    """The other one. Every call that waits raises `Gone` when there is nobody to wait for."""

    def turn(self) -> Turn:
        """Wait until the next batch is ours to decide."""
        ...

    def over(self, turn: Turn) -> None:
        """The batch is decided. This is what came of it."""
        ...

    def landed(self, sequence: int) -> None:
        """Wait until every batch before that one is in the database."""
        ...

    def wrote(self, sequence: int, receipts: int) -> None:
        """That batch of ours is in the database."""
        ...

    def restart(self) -> None:
        """Wait until nothing of the other one's is on its way, and count batches from 0 again; for who leads."""
        ...

    def leave(self) -> None:
        """We are not with it any more: what is not in the database will not come."""
        ...

    @property
    def alone(self) -> bool:
        """Whether there is nobody else; then every turn is ours."""
        ...

    @property
    def restless(self) -> bool:
        """Whether everything has to begin anew: somebody has left or keeps too much, or facts have changed."""
        ...

    @property
    def written(self) -> int:
        """Every batch before that one is in the database."""
        ...


class SharedLedger(AheadLedger):
    """The facts of one of the two. `leads`: who of them says when both begin anew."""

    def __init__(self, db: Database, way: Way, peer: Peer, *, leads: bool, run_id: int, take: Take,
                 clock: Callable[[], datetime] = utc_now) -> None:  # fmt: skip
        super().__init__(db, way, run_id=run_id, take=take, clock=clock)
        self._peer, self._leads = peer, leads
        self._anew: int | None = None
        self._elsewhere: dict[str, int] = {}
        """Orders of the other one's batches that may be on their way → number of the last of these."""

    def begin(self) -> None:
        """See `AheadLedger.begin`. Who does not lead is told when to."""
        if self._leads:
            self._peer.restart()
            super().begin()
            self._anew = self._generation

    def share(self) -> None:
        """From here on the other one decides too. For who leads; nothing of ours may be on its way."""
        self._peer.restart()
        self._generation += self._sequence
        self._sequence, self._anew = 0, self._generation

    def begin_at(self, generation: int) -> None:
        """See `AheadLedger.begin_at`."""
        super().begin_at(generation)
        self._elsewhere = {}

    @property
    def full(self) -> bool:
        """See `AheadLedger.full`."""
        return self._leads and (super().full or self._peer.restless)

    def decide(self, pieces: Iterable[list[Item]], set_id: int | None,
               decide: Callable[[list[Item], WorkingSet], None]) -> Iterator[Decided]:  # fmt: skip
        """See `AheadLedger.decide`. Everything that needs no facts is done before it is our turn."""
        if self._peer.alone:
            yield from super().decide(pieces, set_id, decide)
            return
        ready = list(pieces)
        self._hear(self._peer.turn())
        wanted = [item.read.identifier for items in ready for item in items]
        far = max((self._elsewhere.get(one, -1) for one in wanted if one is not None), default=-1)
        if far >= 0:  # a version of one of these orders is on its way there: its state is known here once it is written
            self._peer.landed(far + 1)
        found = list(self._batches(ready, set_id, decide, lambda batch: None))
        self._peer.over(Turn([one.news for one in found if one.news is not None], self._anew, super().full))
        self._anew = None
        del ready
        try:
            for batch in found:
                self._gather(batch)
                yield batch
        except BaseException:  # the other one has been told of batches that will not be written
            self._peer.leave()
            raise

    def skip(self) -> None:
        """Hear what the other one has decided, and let it decide what comes next too. Raises Gone."""
        self._hear(self._peer.turn())
        if self.full:
            self.begin()
        self._peer.over(Turn([], self._anew))
        self._anew = None

    def _hear(self, turn: Turn) -> None:
        if turn.generation is not None:
            self.begin_at(turn.generation)
        assert self._known is not None
        for one in turn.news:
            news.learn(self._known, one)
            self._sequence = one.sequence + 1
        written = self._peer.written
        self._elsewhere = {one: sequence for one, sequence in self._elsewhere.items() if sequence >= written}
        self._elsewhere |= {number: one.sequence for one in turn.news for number in one.orders}

    def write(self, decided: Decided) -> int:
        """See `AheadLedger.write`. Raises Gone too."""
        try:
            many = super().write(decided)
        except BaseException:
            self._peer.leave()
            raise
        self._peer.wrote(decided.sequence, many)
        return many

    def _stage(self, decided: Decided, conn: Conn) -> None:
        super()._stage(decided, conn)
        self._peer.landed(decided.sequence)
