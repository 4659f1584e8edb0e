"""The worker: everything runs by itself, one does what another left, and an outage is one problem."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cuadra import accounts, runs
from cuadra.clock import utc_now
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database, embedded, migrate
from cuadra.errors import CuadraError
from cuadra.jobs import importing, problems, schedules, status, worker
from cuadra.jobs.pacing import SharedPace
from cuadra.jobs.receiving import Interrupted
from cuadra.jobs.worker import Worker
from cuadra.runs import Report
from cuadra.settings import Settings
from tests.shopworld import followed, hurried
from tests.world import World, order

__all__ = ["hurried"]

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def hurried_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CLOCK_SECONDS", 0.05)
    monkeypatch.setattr(worker, "SEEN_SECONDS", 0.1)
    monkeypatch.setattr(worker, "PLAN_SECONDS", 0.1)
    monkeypatch.setattr(problems, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(problems, "MENDED_PAUSE", 0.1)
    monkeypatch.setattr(problems, "LONGEST_PAUSE", 0.4)


@contextmanager
def working(world: World, **options: Any) -> Iterator[Worker]:
    faults: list[Exception] = []
    with world.db.again() as db:
        one = Worker(world.settings, db, told=faults.append, **options)
        one.start()
        try:
            yield one
        finally:
            one.stop()
    assert not faults, faults


def until(true: Callable[[], Any]) -> Any:
    """What it is once it is something. Fails if it never is."""
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
    return found


def rows(world: World, text: str) -> list[Any]:
    with world.db.again() as db, db.transaction(world.account.account_id) as conn:
        return conn.execute(text.encode()).fetchall()


def lasting(world: World, party: int) -> problems.Problem | None:
    with world.db.again() as db:
        return problems.last(db, world.account.account_id, party)


def test_a_set_that_is_dropped_is_imported_by_itself(world: World) -> None:
    accounts.set_mode(world.db, world.account, world.shop, "every 1s", "test")
    world.write(order("1"))
    with working(world):
        until(lambda: rows(world, "SELECT 1 FROM orders"))
        world.write(order("2"))
        until(lambda: len(rows(world, "SELECT 1 FROM orders")) == 2)
        found = status.status(world.db, world.account)
        assert found.workers
        assert found.well
        poll = found.integrations[0].poll
        assert poll is not None
        assert poll.next is not None
    assert status.status(world.db, world.account).workers == []
    assert {author for (author,) in rows(world, "SELECT author FROM run")} == {"clock"}


def test_two_workers_import_each_set_once(world: World) -> None:
    accounts.set_mode(world.db, world.account, world.shop, "every 1s", "test")
    with working(world), working(world):
        for number in range(6):
            world.write(order(str(number)))
        until(lambda: len(rows(world, "SELECT 1 FROM orders")) == 6)
    assert rows(world, "SELECT count(*) FROM file_set")[0][0] == 6
    assert {outcome for (outcome,) in rows(world, "SELECT outcome FROM attempt")} == {"created"}


def test_an_import_that_is_told_to_stop_goes_on_where_it_was(world: World) -> None:
    world.write(*(order(str(number)) for number in range(40)))
    seen: list[int] = []

    def watch(what: str, done: int, _total: int | None) -> None:
        if what == "imported":
            seen.append(done)

    with working(world) as one:
        pass
    with pytest.raises(Interrupted):  # `stop` is set before it begins
        importing.import_now(world.settings, world.db, world.account, world.shop, "test", watch, stop=one.stopping)
    assert rows(world, "SELECT state FROM run ORDER BY run_id DESC LIMIT 1")[0][0] == "running"
    report = world.import_now()
    assert report.items.created == 40
    assert len(rows(world, "SELECT 1 FROM run")) == 1


def test_an_import_that_was_overtaken_stores_nothing_more(world: World) -> None:
    """Its lock died with a connection, another import took the run over and ended it; only then the first one comes to
    store what it has read. Stored for a run that has ended it would wait for ever."""
    world.write(*(order(str(number)) for number in range(10)))
    overtaken: list[Report] = []

    def watch(what: str, _done: int, _total: int | None) -> None:
        if what.startswith("reading") and not overtaken:
            with world.db.again() as other:
                lock = "FROM pg_locks WHERE classid = 7208 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                other.connection().execute(f"SELECT pg_terminate_backend(pid) {lock}")
                until(lambda: not rows(world, f"SELECT {lock}"))
                overtaken.append(importing.import_now(
                    world.settings, other, world.account, world.shop, "other", lambda *_: None
                ))  # fmt: skip

    with pytest.raises(Interrupted):
        importing.import_now(world.settings, world.db, world.account, world.shop, "test", watch)
    assert overtaken[0].items.created == 10
    assert rows(world, "SELECT state FROM run") == [("finished",)]
    assert rows(world, "SELECT FROM inbox") == []
    assert rows(world, "SELECT count(*) FROM receipt") == [(10,)]


def test_a_run_whose_end_was_asked_for_ends_with_what_it_has(world: World) -> None:
    world.write(*(order(str(number)) for number in range(20)))
    with world.db.transaction(world.account.account_id) as conn:
        run = runs.start(conn, world.account.account_id, world.shop.integration_id, "import", "test", {})
    assert runs.ask_to_end(world.db, world.account.account_id, run, "ana")
    world.import_now()
    assert rows(world, "SELECT run_id, state, cancelled_by FROM run") == [(run, "cancelled", "ana")]
    assert not runs.ask_to_end(world.db, world.account.account_id, run, "ana"), "it has ended"
    report = world.import_now()
    assert report.items.created + report.items.unchanged + report.items.duplicate == 20


def test_a_shop_that_is_down_is_one_problem_and_is_asked_again_by_the_clock(world: World, hurried: None) -> None:
    with followed(world, orders=20) as shop:
        shop.scan()
        accounts.set_mode(world.db, world.account, shop.one, "every 2s", "test")
        shop.shop.faults.add("maintenance", path="orders")
        with working(world):
            met = until(lambda: lasting(world, shop.one.integration_id))
            assert met.reason == "source_unavailable"
            until(lambda: lasting(world, shop.one.integration_id).red)
            found = status.status(world.db, world.account)
            assert not found.well
            assert len(rows(world, "SELECT 1 FROM problem")) == 1
            shop.shop.faults.clear()
            until(lambda: not rows(world, "SELECT 1 FROM problem WHERE ended_at IS NULL"))
        assert status.status(world.db, world.account).integrations[-1].problem is None


def test_refused_credentials_break_the_integration_until_they_are_accepted(world: World, hurried: None) -> None:
    with followed(world, orders=10) as shop:
        shop.scan()
        accounts.set_mode(world.db, world.account, shop.one, "every 1s", "test")
        shop.keys("ck_refused")
        with working(world):
            until(lambda: rows(world, "SELECT 1 FROM integration WHERE state = 'broken'"))
            shop.keys(shop.shop.key.basic[0])
            until(lambda: not rows(world, "SELECT 1 FROM integration WHERE state = 'broken'"))
            until(lambda: not rows(world, "SELECT 1 FROM problem WHERE ended_at IS NULL"))
    said = [(state, author) for state, author in rows(world, "SELECT state, author FROM integration_state ORDER BY at")]
    assert ("broken", "clock") in said


def test_the_pace_of_a_source_is_one_for_all_who_ask(world: World) -> None:
    ((began,),) = rows(world, "SELECT clock_timestamp()")
    some = [
        SharedPace(world.db, world.account.account_id, world.shop.integration_id, 10.0, sleep=lambda _: None)
        for _ in range(3)
    ]
    for one in some * 4:
        one.wait()
    ((calls, next_at),) = rows(world, "SELECT calls, next_at FROM pace")
    assert calls == 12
    assert next_at >= began + timedelta(seconds=1.2), "ten a second, whoever they are of"
    for one in some:
        one.close()


def test_who_has_no_patience_does_not_wait_for_a_far_turn(world: World) -> None:
    asked = world.account.account_id, world.shop.integration_id, 10.0
    slept: list[float] = []
    patient, hasty = SharedPace(world.db, *asked, sleep=slept.append), SharedPace(world.db, *asked, patience=3.0)
    try:
        patient.pause(30)
        with pytest.raises(Trouble) as met:
            hasty.wait()
        assert met.value.reason == "source_rate_limited"
        patient.wait()
        assert slept[-1] > 20
    finally:
        patient.close()
        hasty.close()


def test_the_disk_is_seen_to_fill(world: World) -> None:
    schedules.plan(world.db)
    with working(world):
        until(lambda: status.status(world.db, world.account).disk)
    start = utc_now() - timedelta(days=10)
    samples = [(start + timedelta(days=day), 1_000_000 + day * 1000, 50_000 - day * 1000) for day in range(10)]
    found = status.forecast(samples)
    assert found is not None
    assert found.per_day == pytest.approx(1000)
    assert found.days_left == pytest.approx(41)
    assert status.forecast(samples[:2]).days_left is None


def test_an_embedded_server_that_is_killed_is_started_again(tmp_path: Path) -> None:
    settings = Settings.load({"CUADRA_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)})
    info = embedded.start(settings.home)
    told: list[Exception] = []
    try:
        with Database(info) as db:
            migrate.migrate(db)
            accounts.add(db, "acme", "ARS", "AR", "UTC", 3)
            one = Worker(settings, db, told=told.append)
            one.start()
            try:
                os.kill(postmaster(settings.home), signal.SIGKILL)

                def alive() -> bool:
                    with suppress(CuadraError, psycopg.Error), Database(info) as other:
                        return bool(accounts.names(other))
                    return False

                until(lambda: told and alive())
            finally:
                db.close()
                one.stop()
    finally:
        embedded.stop(settings.home)


def postmaster(home: Path) -> int:
    return int((embedded.data_folder(home) / "postmaster.pid").read_text().splitlines()[0])
