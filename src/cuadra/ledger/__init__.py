"""The ledger: the only writer of orders, customers and products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from cuadra.clock import utc_now
from cuadra.db import Conn, Database
from cuadra.ledger import facts, write
from cuadra.pipeline.rules import AccountFacts, Rules
from cuadra.pipeline.working import Item, WorkingSet

__all__ = ["AlreadyDone", "BatchLedger", "Take", "Way", "ranges", "utc_now"]

Take = Callable[[Conn, int, Sequence[tuple[int, int]]], bool]
"""(connection, account, ranges of receipts: first, last): takes the work out of the inbox inside the batch's own
transaction; False if somebody else has done it."""


BLOCK = 10_000
"""Numbers of receipts are drawn in blocks; a range never crosses from one draw into the next."""


class Way(Struct, frozen=True):
    """One integration as the ledger needs to know it."""

    account_id: int
    integration_id: int
    store_id: int
    connector: str
    account: AccountFacts
    rules: Rules
    rule_version: int

    def named(self, run_id: int | None) -> dict[str, int | None]:
        """The ids that a batch of a run is known by where it is spoken of."""
        return {"account": self.account_id, "integration": self.integration_id, "run": run_id}


class BatchLedger:
    """Loads, decides and writes one batch in one transaction under the account's lock."""

    def __init__(self, db: Database, way: Way, *, run_id: int | None = None, set_id: int | None = None,
                 take: Take | None = None, clock: Callable[[], datetime] = utc_now) -> None:  # fmt: skip
        self._db, self._way, self._run_id, self._set_id = db, way, run_id, set_id
        self._take, self._clock = take, clock

    @property
    def named(self) -> dict[str, int | None]:
        """See `pipeline.run.Ledger`."""
        return self._way.named(self._run_id)

    def batch(self, items: list[Item], decide: Callable[[WorkingSet], None]) -> None:
        """See `pipeline.run.Ledger`. Items whose receipts have been claimed by another worker are left alone."""
        way = self._way
        with self._db.writing(way.account_id) as conn:
            if self._take is not None and not self._take(
                conn, way.account_id, ranges([item.receipt_id for item in items])
            ):
                raise AlreadyDone
            ws = facts.working_set(conn, way.account_id, way.store_id, way.integration_id, way.account, way.rules,
                                   way.rule_version, way.connector, items, self._clock())  # fmt: skip
            decide(ws)
            writes = write.Writes(conn, ws)
            writes.orders()
            writes.attempts(items, self._run_id)
            writes.receipts(items)
            writes.rejects(items, self._set_id)
            writes.perform(conn)


def ranges(receipts: list[int]) -> list[tuple[int, int]]:
    """Receipts as the ranges in which the inbox knows them: numbers in a row, of one draw."""
    found: list[tuple[int, int]] = []
    for one in receipts:
        if found and one == found[-1][1] + 1 and one % BLOCK:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return found


class AlreadyDone(BaseException):
    """Another worker took this batch: nothing is left to do. Not an error, so that no handler takes it for one."""
