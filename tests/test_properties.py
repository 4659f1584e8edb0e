"""Whatever the order of arrival, however often and in whatever batches receipts come: one ledger."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cuadra import accounts, inbox, runs
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Raw
from cuadra.connectors.files.layout import own_layout
from cuadra.connectors.files.read import SetFile, reader
from cuadra.db import Database
from cuadra.jobs import ways
from cuadra.ledger import AlreadyDone, BatchLedger
from cuadra.ledger.ahead import AheadLedger
from cuadra.model import Entity
from cuadra.pipeline.ahead import Batch, Lane
from cuadra.pipeline.prepare import prepare
from cuadra.pipeline.run import run
from cuadra.pipeline.working import Item

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
READ = reader([SetFile("orders.jsonl", "orders", nested=True)], own_layout(), "UTC", "ARS")


class Side:
    """One account into which receipts are delivered."""

    count = 0

    def __init__(self, db: Database) -> None:
        Side.count += 1
        self.db = db
        number = accounts.add(db, f"side-{Side.count}", "ARS", "AR", "UTC", 12)
        self.account: Account = accounts.get(db, number)
        made = accounts.add_integration(db, self.account, "shop", "files", {"path": "/"}, "test", store="shop")
        self.integration: Integration = made
        self.way = ways.way(db, self.account, made)
        with db.transaction(number) as conn:
            self.run_id = runs.start(conn, number, made.integration_id, "import", "test", {})
        self.delivered = self.told = 0
        self.ahead = AheadLedger(db, self.way, run_id=self.run_id, take=inbox.take, clock=lambda: NOW)
        self.lane = Lane(self.ahead, self.tell)
        self.lane.__enter__()

    def tell(self, receipts: int) -> None:
        self.told += receipts

    def store(self, raws: list[Raw], db: Database | None = None) -> list[tuple[int, Raw]]:
        account, db = self.account.account_id, db or self.db
        db.stage()
        with db.transaction(account) as conn:
            entry = inbox.store(conn, account, self.integration.integration_id, raws, arrival="file", retention=12,
                                now=datetime.now(UTC), run_id=self.run_id)  # fmt: skip
        self.delivered += len(raws)
        return [(entry.first + at, raw) for at, raw in enumerate(raws)]

    def read(self, pairs: list[tuple[int, Raw]], ids: frozenset[int] | None = None) -> list[Item]:
        return [prepare(raw, n, READ, self.way.rules, "AR") for n, raw in pairs if ids is None or n in ids]

    def patiently(self, pairs: list[tuple[int, Raw]], db: Database | None = None) -> None:
        ledger = BatchLedger(db or self.db, self.way, run_id=self.run_id, take=inbox.take, clock=lambda: NOW)
        with contextlib.suppress(AlreadyDone):
            run(partial(self.read, pairs), ledger, self.tell)

    def deliver(self, raws: list[Raw], db: Database | None = None) -> None:
        """A batch through inbox and pipeline, like any other."""
        self.patiently(self.store(raws, db), db)

    def deliver_ahead(self, batches: list[list[Raw]], piece: int) -> None:
        """Batches through the fast lane, in pieces: some are decided while others are being written."""
        for raws in batches:
            pairs = self.store(raws)

            def pieces(pairs: list[tuple[int, Raw]] = pairs) -> Iterator[list[Item]]:
                return (self.read(pairs[at : at + piece]) for at in range(0, len(pairs), piece))

            self.lane.take(Batch(None, pieces, partial(self.patiently, pairs)))
        self.lane.settle()
        for entry in inbox.waiting(self.db, self.account.account_id, self.run_id):
            self.patiently(inbox.load(self.db, self.account.account_id, entry))

    def picture(self) -> dict[str, Any]:
        """The ledger, without the numbers that only say when something was written.

        Customers and products count where an order is present. What a version brought that another one replaced (a
        product, the customer of an order cancelled since) stays known in the order in which it was heard of.
        """
        with self.db.transaction(self.account.account_id) as conn:
            rows = conn.execute("""
                SELECT o.source_id, o.standing, o.reason, o.total, o.currency, o.state, o.stamp, o.sequence, o.digest,
                       o.content::text,
                       CASE WHEN o.standing = 'present' THEN (o.warnings, o.incomplete)::text END,
                       CASE WHEN o.standing = 'present' THEN
                           (SELECT array_agg(k.value ORDER BY k.value) FROM customer_key k
                            WHERE k.customer_id = o.customer_id) END,
                       (SELECT array_agg((l.line_no, l.sku, l.quantity, l.total) ORDER BY l.line_no)::text
                        FROM order_line l WHERE l.order_id = o.order_id),
                       CASE WHEN o.standing = 'present' THEN
                           (SELECT array_agg((l.line_no, p.sku, l.reason) ORDER BY l.line_no)::text
                            FROM order_line l LEFT JOIN product p ON p.product_id = l.product_id
                            WHERE l.order_id = o.order_id) END,
                       (SELECT array_agg((p.payment_no, p.amount) ORDER BY p.payment_no)::text FROM payment p
                        WHERE p.order_id = o.order_id)
                FROM orders o ORDER BY o.source_id""").fetchall()
        return {row[0]: row for row in rows}

    def waiting(self) -> int:
        with self.db.transaction(self.account.account_id) as conn:
            return conn.execute("SELECT count(*) FROM inbox").fetchone()[0]


STATES = ["paid", "pending", "cancelled", "delivered", "on_hold", "never heard of", "refunded", "test"]


@st.composite
def receipts(draw: st.DrawFn) -> Raw:
    """A version of one of a few orders: with or without a stamp, whole, partial, or broken."""
    number = draw(st.integers(0, 3))
    at = draw(st.integers(1, 6))
    body: dict[str, Any] = {"id": f"N-{number}", "created_at": "2026-11-20T10:00:00Z", "currency": "ARS"}
    if draw(st.booleans()):
        body["state"] = draw(st.sampled_from(STATES))
    else:
        body["state"] = "paid"
    quantity = draw(st.integers(1, 3))
    body["lines"] = [{"id": "1", "sku": draw(st.sampled_from(["A", "B"])), "quantity": quantity, "unit_price": "5.50"}]
    body["total"] = str(Decimal("5.50") * quantity)
    body["customer"] = {"email": f"person{number % 2}@example.com"}
    body["updated_at"] = (NOW - timedelta(hours=10 - at)).isoformat()
    kind = draw(st.sampled_from(["whole"] * 8 + ["no lines", "broken"]))
    if kind == "no lines":
        body["lines"] = []
    coded = msgspec.json.encode(body)
    if kind == "broken":
        coded = coded[: draw(st.integers(0, len(coded) - 1))]
    # two deliveries may share a stamp with different bodies: the one read from the source later wins
    return Raw(Entity.ORDER, coded, draw(st.integers(1, 4)), 0, 1)


class Deliveries(RuleBasedStateMachine):
    """Deliver, deliver again, deliver late, in batches of any size; then compare with one orderly delivery."""

    database: Database

    @initialize()
    def start(self) -> None:
        self.side = Side(self.database)
        self.known: list[Raw] = []

    @rule(raws=st.lists(receipts(), min_size=1, max_size=6))
    def deliver(self, raws: list[Raw]) -> None:
        self.side.deliver(raws)
        self.known += raws

    @rule(
        batches=st.lists(st.lists(receipts(), min_size=1, max_size=6), min_size=1, max_size=4), piece=st.integers(1, 4)
    )
    def deliver_ahead(self, batches: list[list[Raw]], piece: int) -> None:
        self.side.deliver_ahead(batches, piece)
        self.known += [raw for raws in batches for raw in raws]

    @rule(seed=st.integers(0, 1000), share=st.floats(0.1, 1.0))
    def deliver_again_in_another_order(self, seed: int, share: float) -> None:
        again = random.Random(seed).sample(self.known, max(1, int(len(self.known) * share))) if self.known else []
        if again:
            self.side.deliver(again)

    @invariant()
    def every_receipt_has_one_attempt_and_the_report_adds_up(self) -> None:
        if not hasattr(self, "side"):
            return
        assert self.side.waiting() == 0
        assert self.side.told == self.side.delivered
        report = runs.report(self.database, self.side.account.account_id, self.side.run_id, "shop")
        items = report.items
        parts = (items.created, items.updated, items.unchanged, items.duplicate, items.stale, items.refused)
        assert items.seen == self.side.delivered == sum(parts) + items.failed_items
        assert items.failed_items == 0
        with self.database.transaction(self.side.account.account_id) as conn:
            known = conn.execute("SELECT count(*) FROM orders").fetchone()
        assert sum(report.orders.values()) == known[0]
        assert sum(report.by_reason.values()) == known[0] - report.orders["present"]

    def teardown(self) -> None:
        if hasattr(self, "side"):
            self.side.lane.__exit__()
        if not getattr(self, "known", None):
            return
        orderly = Side(self.database)
        for raw in sorted(self.known, key=lambda raw: (raw.sequence, raw.body)):
            orderly.deliver([raw])
        assert self.side.picture() == orderly.picture()
        before = orderly.picture()
        orderly.deliver(self.known)
        assert orderly.picture() == before
        orderly.lane.__exit__()


@pytest.fixture
def machine(db: Database) -> type[Deliveries]:
    return type("Machine", (Deliveries,), {"database": db})


def test_any_order_repetition_and_splitting_ends_in_the_same_ledger(machine: type[Deliveries]) -> None:
    run_state_machine_as_test(machine, settings=settings(
        max_examples=25, stateful_step_count=6, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    ))  # fmt: skip
