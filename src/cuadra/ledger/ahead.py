"""Facts kept from batch to batch, for one who decides the next batch while the last one is still being written.

This needs no lock until the writing. Every transaction that changes an account's ledger makes a new *generation* of it;
a batch is written only if all generations since its facts were loaded are this writer's own, whose changes the kept
facts have in them already. If not, the transaction is undone, the facts are forgotten, and the batch is decided again
under the lock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import Struct, field, structs

from cuadra import observing
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.ledger import AlreadyDone, Take, Way, facts, news, utc_now
from cuadra.ledger.news import News
from cuadra.ledger.write import Writes
from cuadra.pipeline import telling
from cuadra.pipeline.working import Item, OrderState, WorkingSet

#: customers and keys kept before everything is forgotten and loaded anew: some 150 MB
MOST_CUSTOMERS = 80_000
MOST_KEYS = 400_000


class Piece(Struct):
    """A part of a batch, decided; what is to be written of it is gathered next, or once the others are decided too."""

    items: list[Item]
    ws: WorkingSet
    """As it was when the piece had been decided: its orders, and the versions that they brought."""
    numbers: list[int]
    """For its attempts."""


class Decided(Struct):
    """A batch ready to be written, once all its pieces are gathered."""

    first: int
    last: int
    """Receipts of the batch: from, to."""
    writes: Writes
    orders: dict[str, OrderState]
    began: float
    set_id: int | None = None
    pieces: deque[Piece] = field(default_factory=deque)
    """Not gathered yet."""
    sequence: int = 0
    """Its place among the batches since `begin`: so many generations later it is written."""
    news: News | None = None
    """Once it is closed: what it changes of the facts that others keep."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    """What is to be said of its attempts once it is written; empty where nobody listens."""


class AheadLedger:
    """Decides with one connection and writes with another. `decide` and `begin` belong to one thread, `write` to
    another; `begin` only while nothing is on its way."""

    def __init__(self, db: Database, way: Way, *, run_id: int, take: Take,
                 clock: Callable[[], datetime] = utc_now) -> None:  # fmt: skip
        self._reader, self._writer, self._way, self._run_id = db, db.again(), way, run_id
        self._take, self._clock = take, clock
        self._generation = 0
        """Of the ledger, when `begin` was called."""
        self._sequence = 0
        """Of the next batch."""
        self._known: WorkingSet | None = None
        self._flying: deque[dict[str, OrderState]] = deque()
        self._aliased = False
        """A product has changed its SKU since `begin`."""
        self._within = observing.here()

    def begin(self) -> None:
        """Forget what is known. From here on it is noticed if anybody else changes the ledger."""
        way = self._way
        with self._reader.transaction(way.account_id) as conn:
            row = conn.execute(sql("generation"), {"account": way.account_id}).fetchone()
        assert row is not None
        self.begin_at(row[0])

    def begin_at(self, generation: int) -> None:
        """The same, where the generation is known."""
        way = self._way
        self._flying.clear()
        self._aliased = False
        self._generation, self._sequence = generation, 0
        self._known = WorkingSet(way.account_id, way.store_id, way.integration_id, way.account, way.rules,
                                 way.rule_version, self._clock(), iter(()), way.connector)  # fmt: skip

    @property
    def full(self) -> bool:
        """Whether it is time to `begin` anew: too much is kept, or something that is easier loaded than kept right."""
        known = self._known
        return known is None or (
            len(known.customers) > MOST_CUSTOMERS
            or len(known.asked_customers) + len(known.asked_products) + len(known.asked_sold) > MOST_KEYS
            or self._aliased
        )

    def decide(self, pieces: Iterable[list[Item]], set_id: int | None,
               decide: Callable[[list[Item], WorkingSet], None]) -> Iterator[Decided]:  # fmt: skip
        """Decide receipts piece by piece: of each, load what is not known yet, decide, gather what is to be written. All
        of them are one batch to write; only where an order comes again, what came before is a batch of its own."""
        return self._batches(pieces, set_id, decide, self._gather)

    def _batches(self, pieces: Iterable[list[Item]], set_id: int | None,
                 decide: Callable[[list[Item], WorkingSet], None],
                 each: Callable[[Decided], None]) -> Iterator[Decided]:  # fmt: skip
        """`each` is called after each piece."""
        batch: Decided | None = None
        for items in pieces:
            if batch is not None and not batch.orders.keys().isdisjoint(item.read.identifier for item in items):
                self._gather(batch)  # before what it leaves is changed
                yield self._close(batch)
                batch = None
            if batch is None:
                batch = self._open(items[0].receipt_id, set_id)
            self._piece(batch, items, decide)
            each(batch)
        if batch is not None:
            yield self._close(batch)

    def _open(self, first: int, set_id: int | None) -> Decided:
        assert self._known is not None
        self._known = self._known.following(self._clock())
        self._sequence += 1
        writes = Writes(self._reader.connection(), self._known)
        return Decided(first, first, writes, {}, time.monotonic(), set_id, sequence=self._sequence - 1)

    def _piece(self, batch: Decided, items: list[Item], decide: Callable[[list[Item], WorkingSet], None]) -> None:
        ws = self._known
        assert ws is not None
        # first those on their way, then the database: what lands in between is in both
        flying = list(self._flying)
        ws.orders = {
            item.read.identifier: orders[item.read.identifier]
            for orders in flying
            for item in items
            if item.read.identifier in orders
        }
        ws.versions = []
        with self._reader.transaction(self._way.account_id) as conn:
            ws.ids = facts.ids(conn, items)
            facts.load(conn, ws, items)
            decide(items, ws)
            numbers = [ws.new_id() for _ in items]
        batch.pieces.append(Piece(items, structs.replace(ws), numbers))
        batch.orders |= ws.orders
        batch.last = items[-1].receipt_id

    def _gather(self, batch: Decided) -> None:
        """What its pieces leave behind, as it is to be written. Needs no facts any more, and nobody else's leave."""
        while batch.pieces:
            piece = batch.pieces.popleft()  # and with it goes what its orders were read from
            batch.writes.orders(piece.ws)
            batch.writes.attempts(piece.items, self._run_id, piece.numbers)
            batch.writes.receipts(piece.items)
            batch.writes.rejects(piece.items, batch.set_id)
            if observing.attempts:
                batch.lines += telling.lines(piece.items)
            for state in piece.ws.orders.values():
                state.pack()

    def _close(self, batch: Decided) -> Decided:
        assert self._known is not None
        batch.news = news.tell(self._known, batch.orders, batch.sequence)
        batch.writes.close()
        self._aliased = self._aliased or bool(self._known.aliased_keys)
        self._flying.append(batch.orders)
        return batch

    def write(self, decided: Decided) -> int:
        """Write a batch, and return how many receipts it had; they come in the order in which they were decided.

        Raises Overtaken if the facts no longer hold, AlreadyDone if another worker has taken the receipts.
        """
        account, named = self._way.account_id, self._way.named(self._run_id)
        many = decided.last - decided.first + 1
        with (
            observing.batch({**named, "receipts": many}, self._within),
            self._writer.writing(
                account, unchanged_since=self._generation + decided.sequence, before=partial(self._stage, decided)
            ) as conn,
        ):
            if not self._take(conn, account, [(decided.first, decided.last)]):
                raise AlreadyDone
            decided.writes.write(conn)
        self._flying.popleft()
        if decided.lines:
            ms = round((time.monotonic() - decided.began) * 1000, 1)
            observing.say_attempts(decided.lines, "attempt", **named, batch=many, batch_ms=ms)
        return many

    def _stage(self, decided: Decided, conn: Conn) -> None:
        decided.writes.stage(conn)

    def close(self) -> None:
        """Give back the connection that writes."""
        self._writer.close()
