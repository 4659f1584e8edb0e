"""The fast lane of a bulk import: what it may do ahead of the account's lock, and that nothing is lost when it may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cuadra import inbox
from cuadra.connectors.base import Raw
from cuadra.db import Database
from cuadra.ledger.ahead import AheadLedger, Decided
from cuadra.model import Entity
from cuadra.pipeline.ahead import Batch, Lane
from cuadra.pipeline.working import Item
from tests.test_properties import NOW, Side
from tests.world import order


class Watched(AheadLedger):
    """Counts what is written ahead, and lets somebody else write in between."""

    written = 0
    meanwhile: Any = None

    def write(self, decided: Decided) -> int:
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        count = super().write(decided)
        self.written += count
        return count


class Lanes:
    """One account, its lane, and how many receipts went which way."""

    def __init__(self, db: Database) -> None:
        self.side = Side(db)
        self.side.lane.__exit__()
        self.ledger = Watched(db, self.side.way, run_id=self.side.run_id, take=inbox.take, clock=lambda: NOW)
        self.patient = 0

    def import_all(self, batches: list[list[dict[str, Any]]], piece: int = 2, broken: int | None = None) -> None:
        """Take batches of orders; the pieces of batch number `broken` cannot be made the first time."""
        with Lane(self.ledger, self.side.tell) as lane:
            for number, orders in enumerate(batches):
                pairs = self.side.store([raw(one) for one in orders])

                def pieces(pairs: Any = pairs, number: int = number) -> Iterator[list[Item]]:
                    for at in range(0, len(pairs), piece):
                        if number == broken:
                            raise RuntimeError("a fault of ours")
                        yield self.side.read(pairs[at : at + piece])

                def patiently(pairs: Any = pairs) -> None:
                    self.patient += len(pairs)
                    self.side.patiently(pairs)

                lane.take(Batch(None, pieces, patiently))
            lane.settle()


def raw(one: dict[str, Any]) -> Raw:
    return Raw(Entity.ORDER, msgspec.json.encode(one), 1, 0, 1)


def orders(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    """Every third order has the same buyer."""
    return [
        order(f"A-{n}", customer={"email": f"p{n % 3}@example.com"}, created_at="2026-11-20T10:00:00Z", **more)
        for n in range(first, first + count)
    ]


@pytest.fixture
def lanes(db: Database) -> Lanes:
    return Lanes(db)


def count(lanes: Lanes, statement: str) -> int:
    with lanes.side.db.transaction(lanes.side.account.account_id) as conn:
        return int(conn.execute(statement).fetchone()[0])


def sound(lanes: Lanes, wanted: int) -> None:
    assert count(lanes, "SELECT count(*) FROM orders WHERE standing = 'present'") == wanted
    assert count(lanes, "SELECT count(*) FROM customer") == 3
    assert count(lanes, "SELECT count(*) FROM inbox") == 0
    assert count(lanes, "SELECT count(*) FROM attempt") == lanes.side.delivered == lanes.side.told


def test_batches_are_written_ahead_and_find_what_is_still_on_its_way(lanes: Lanes) -> None:
    lanes.import_all([orders(0, 5), orders(5, 5), orders(10, 5)])
    sound(lanes, 15)
    assert (lanes.ledger.written, lanes.patient) == (15, 0)


def test_an_order_that_comes_again_is_the_same_order(lanes: Lanes) -> None:
    """Twice in a piece, in a batch, and in the batch behind; the newest version wins each time."""
    versions = [orders(0, 3, updated_at=f"2026-11-20T1{n}:00:00Z", note=f"version {n}") for n in range(4)]
    lanes.import_all([versions[0] + versions[1], versions[3] + versions[2]], piece=2)
    sound(lanes, 3)
    assert lanes.patient == 0
    assert count(lanes, "SELECT count(*) FROM orders WHERE content::jsonb ->> 'note' = 'version 3'") == 3
    assert count(lanes, "SELECT max(version) FROM orders") == 3  # version 2 came late and is stale


def test_overtaken_it_decides_again_on_what_is_true_now(lanes: Lanes) -> None:
    """Somebody else makes the customers first, between the deciding and the writing."""
    other = [raw(one) for one in orders(100, 3)]
    lanes.ledger.meanwhile = lambda: _elsewhere(lanes, other)
    lanes.import_all([orders(0, 4), orders(4, 4), orders(8, 4)])
    sound(lanes, 15)
    assert lanes.patient > 0


def _elsewhere(lanes: Lanes, raws: list[Raw]) -> None:
    with lanes.side.db.again() as db:
        lanes.side.deliver(raws, db)


def test_a_batch_that_cannot_be_made_is_taken_patiently_and_the_next_one_ahead_again(lanes: Lanes) -> None:
    lanes.import_all([orders(0, 4), orders(4, 4), orders(8, 4)], broken=1)
    sound(lanes, 12)
    assert (lanes.ledger.written, lanes.patient) == (8, 4)


def test_a_generation_is_every_writing_transaction(lanes: Lanes) -> None:
    account = lanes.side.account.account_id
    before = count(lanes, "SELECT generation FROM account")
    with lanes.side.db.writing(account):
        pass
    assert count(lanes, "SELECT generation FROM account") == before + 1
