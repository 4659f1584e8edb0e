"""A large import by two processes: the same ledger as by one, and nothing lost or twice whatever becomes of the second."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cuadra import observing
from cuadra.db import Database
from cuadra.jobs import crew, job
from cuadra.ledger import rows
from cuadra.settings import Settings
from tests.world import World, line, order

BATCH = 100
DAY = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process from the first full chunk on, even where there is one core."""
    monkeypatch.setattr(crew, "ALONE", 1)
    monkeypatch.setattr(crew, "READY_SECONDS", 60.0)
    monkeypatch.setattr(crew, "_cores", lambda: 2)
    monkeypatch.setattr(job, "PIECE", 20)
    monkeypatch.setattr(observing, "listened", lambda: observing.attempts)  # another test may listen to traces


@pytest.fixture
def small(db: Database, settings: Settings, tmp_path: Path) -> World:
    """A world whose chunks are small."""
    return World(db, replace(settings, batch=BATCH), tmp_path)


def sales(seed: int, count: int) -> list[dict[str, Any]]:
    """Orders of people who come again, under one key or more, of products that are known by one number or more; some come
    in several versions, far from each other and close together, some cannot be read, some do not count."""
    mixer = random.Random(seed)
    found: list[dict[str, Any]] = []
    for at in range(count):
        number = at if mixer.random() < 0.8 else mixer.randrange(max(1, at))
        who, what = number % (count // 5), number % 37
        customer = {"id": f"c{who}", "email": f"p{who}@example.com", "document": str(20_000_000 + who)}
        if at > count // 3:  # known by all of their keys from here on: an order may name one of them alone
            kept = mixer.sample(sorted(customer), mixer.choice([1, 2, 3]))
            customer = {name: value for name, value in customer.items() if name in kept}
        made = order(
            f"N-{number}", number=f"#{number}", customer=customer, created_at=DAY.isoformat(),
            updated_at=(DAY + timedelta(minutes=at)).isoformat(), note=f"version {at}",
            lines=[line(id=None, sku=f"S-{what}", name=f"Thing {what}", product_id=str(what) if what % 2 else None)],
        )  # fmt: skip
        if mixer.random() < 0.05:
            made["state"] = mixer.choice(["pending", "cancelled", "never heard of"])
        if mixer.random() < 0.02:
            made["lines"][0]["quantity"] = "many"
        found.append(made)
    return found


def picture(world: World) -> list[tuple[Any, ...]]:
    """Orders with everything that says what they are, customers and products by what they are known by."""
    return world.rows("""
        SELECT o.source_id, o.standing, o.reason, o.total, o.stamp, o.digest, o.version, o.warnings, o.content::text,
               (SELECT array_agg(k.kind || regexp_replace(k.value, '.*:', ':') ORDER BY k.kind, k.value)
                FROM customer_key k
                WHERE k.customer_id = o.customer_id),
               (SELECT array_agg((l.line_no, l.sku, l.quantity, p.sku, p.code) ORDER BY l.line_no)::text FROM order_line l
                LEFT JOIN product p USING (product_id) WHERE l.order_id = o.order_id),
               (SELECT array_agg((i.kind, i.normal) ORDER BY i.kind, i.normal)::text FROM identifier i
                WHERE i.order_id = o.order_id),
               (SELECT count(*) FROM order_version v WHERE v.order_id = o.order_id)
        FROM orders o ORDER BY o.source_id""")


def whole(world: World, receipts: int) -> None:
    """Every receipt has one attempt, and nobody and nothing is there twice."""
    assert world.rows("SELECT count(*), count(DISTINCT receipt_id) FROM attempt") == [(receipts, receipts)]
    assert world.rows("SELECT count(*) FROM inbox") == [(0,)]
    assert world.rows("SELECT 1 FROM product_key WHERE kind = 'sku' GROUP BY value HAVING count(*) > 1") == []


class Helpers:
    """The second processes that live meanwhile, and how many receipts each import lent to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lent = 0
        self.started: list[Any] = []
        start, lend = crew.subprocess.Popen, crew.Crew._lend

        def started(*args: Any, **options: Any) -> Any:
            self.started.append(start(*args, **options))
            return self.started[-1]

        def lent(one: crew.Crew, chunk: Any) -> None:
            self.lent += len(chunk.raws)
            lend(one, chunk)

        monkeypatch.setattr(crew.subprocess, "Popen", started)
        monkeypatch.setattr(crew.Crew, "_lend", lent)


@pytest.fixture
def helpers(monkeypatch: pytest.MonkeyPatch) -> Helpers:
    return Helpers(monkeypatch)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_processes_leave_the_same_ledger_as_one(
    db: Database, small: World, helpers: Helpers, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    found = sales(seed, 1500)
    report = small.take(*found)
    assert helpers.lent >= 500
    whole(small, 1500)
    monkeypatch.setattr(crew, "ALONE", 1_000_000)
    (small.tmp / "alone").mkdir()
    alone = World(db, small.settings, small.tmp / "alone", name="alone")
    by_one = alone.take(*found)
    assert len(helpers.started) == 1
    assert picture(small) == picture(alone)
    assert (report.orders, report.by_reason) == (by_one.orders, by_one.by_reason)
    assert small.rows("SELECT count(*) FROM customer") == alone.rows("SELECT count(*) FROM customer")


def test_it_ends_with_the_import(small: World, helpers: Helpers) -> None:
    small.take(*sales(3, 600))
    (one,) = helpers.started
    assert one.poll() == 0


@contextlib.contextmanager
def meanwhile(act: Any) -> Iterator[None]:
    """Do something again and again in a thread, until the block is over."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            act()
            time.sleep(0.02)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("after", [0.0, 0.15, 0.4])
def test_killed_it_leaves_nothing_undone(small: World, helpers: Helpers, after: float) -> None:
    found = sales(4, 1500)
    small.write(*found)

    def kill() -> None:
        if helpers.lent and not killed:
            time.sleep(after)
            killed.append(helpers.started[0].pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(killed[0], signal.SIGKILL)

    killed: list[int] = []
    with meanwhile(kill):
        small.import_now()
    assert killed
    whole(small, 1500)
    assert {row[0] for row in picture(small)} == {one["id"] for one in found}


def test_one_that_cannot_start_is_not_missed(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew.sys, "executable", "/bin/false")
    small.take(*sales(5, 600))
    whole(small, 600)


def test_overtaken_by_others_both_give_way(small: World, helpers: Helpers) -> None:
    """Somebody else writes into the account's ledger all the time."""

    account = small.account.account_id

    def write() -> None:
        with small.db.again() as db, db.writing(account):
            pass

    found = sales(6, 1500)
    small.write(*found)
    with meanwhile(write):
        small.import_now()
    assert helpers.started
    whole(small, 1500)
    assert {row[0] for row in picture(small)} == {one["id"] for one in found}


def test_whoever_wants_to_know_of_every_batch_has_them_from_one_process(
    small: World, helpers: Helpers, capfd: pytest.CaptureFixture[str]
) -> None:
    observing.configure(observing.ATTEMPTS)
    try:
        small.take(*sales(7, 600))
    finally:
        observing.configure(observing.OFF)
    assert helpers.started == []
    assert capfd.readouterr().err.count('"event": "attempt"') == 600


def test_a_fault_of_ours_after_the_turn_is_one_orders_fault(
    small: World, helpers: Helpers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has heard of the batch already that will not be written."""
    make, met = rows.order, []

    def made(state: Any) -> Any:
        if state.source_id == "X-1":
            if not met:
                time.sleep(1)  # what came before is written: nothing else wakes who waits for this one
            met.append(len(helpers.started))
            raise RuntimeError("a fault of ours")
        return make(state)

    found = [order(f"U-{number}") for number in range(1000)]
    small.write(*found[:350], order("X-1"), *found[350:])  # in a chunk that is not lent
    monkeypatch.setattr(rows, "order", made)
    small.import_now()
    assert helpers.lent >= 200
    assert met[0] == 1
    whole(small, 1001)
    assert small.rows("SELECT identifier FROM attempt WHERE reason = 'internal_error'") == [("X-1",)]
    assert {row[0] for row in picture(small)} >= {one["id"] for one in found}
