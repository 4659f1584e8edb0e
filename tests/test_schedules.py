"""The clock: what is planned from how integrations are set, claimed by one, made up once, and given back by the dead."""

from __future__ import annotations

from datetime import time, timedelta
from time import sleep
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cuadra import accounts
from cuadra.clock import utc_now
from cuadra.db import Database
from cuadra.jobs import schedules
from cuadra.jobs.schedules import POLL, Due
from tests.world import World


def planned(world: World) -> dict[tuple[int, str], tuple[Any, ...]]:
    with world.db.again() as db, db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(
            "SELECT integration_id, task, cadence, zone, due_at, begun_at, ended_at, tries FROM schedule"
        ).fetchall()
    return {(row[0], row[1]): row[2:] for row in rows}


def shift(world: World, task: str, back: timedelta) -> None:
    """As if so much time had passed."""
    with world.db.again() as db, db.transaction(role="cuadra_clock") as conn:
        conn.execute("UPDATE schedule SET due_at = due_at - %s WHERE task = %s", (back, task))


def poll_of(world: World, db: Database) -> Due | None:
    return next((one for one in schedules.due(db) if one.task == POLL), None)


def test_an_active_integration_is_due_at_once_and_a_daily_one_at_its_hour(world: World) -> None:
    one = world.shop
    accounts.set_mode(world.db, world.account, one, "every 10m", "test")
    schedules.plan(world.db)
    cadence, zone, due, *_ = planned(world)[one.integration_id, POLL]
    assert (cadence, zone) == ("every 10m", world.account.time_zone)
    assert due <= utc_now()
    accounts.set_mode(
        world.db, world.account, accounts.integration_named(world.db, world.account, "shop"), "daily 03:00", "test"
    )
    schedules.plan(world.db)
    _, _, due, *_ = planned(world)[one.integration_id, POLL]
    assert utc_now() < due <= utc_now() + timedelta(hours=25)


def test_a_daily_hour_is_one_of_the_store_as_soon_as_it_has_told_its_zone(world: World) -> None:
    one = world.shop
    accounts.set_mode(world.db, world.account, one, "daily 03:00", "test")
    schedules.plan(world.db)
    accounts.set_store_zone(world.db, world.account, one, "Asia/Kathmandu")
    accounts.set_store_zone(world.db, world.account, one, None)
    schedules.plan(world.db)
    _, zone, due, *_ = planned(world)[one.integration_id, POLL]
    assert zone == "Asia/Kathmandu"
    assert due.astimezone(ZoneInfo(zone)).time() == time(3)
    assert accounts.integration_named(world.db, world.account, "shop").time_zone == zone


def test_what_is_set_by_hand_never_runs_by_itself(world: World) -> None:
    one = world.shop
    accounts.set_mode(world.db, world.account, one, "manual", "test")
    schedules.plan(world.db)
    assert poll_of(world, world.db) is None


def test_two_claim_and_one_has_it(world: World) -> None:
    schedules.plan(world.db)
    with world.db.again() as first, world.db.again() as second:
        one = poll_of(world, first)
        assert one is not None
        with schedules.locked(first, one.name) as mine, schedules.locked(second, one.name) as yours:
            assert (mine, yours) == (True, False)
            assert schedules.claim(first, one, 1) == 0
            schedules.end(first, one)
        with schedules.locked(second, one.name) as mine:
            assert mine
            assert schedules.claim(second, one, 2) is None  # it was done meanwhile


@pytest.mark.parametrize("days", [1, 7, 90])
def test_a_machine_that_was_off_makes_up_once(world: World, days: int) -> None:
    schedules.plan(world.db)
    shift(world, POLL, timedelta(days=days))
    runs = 0
    while (one := poll_of(world, world.db)) is not None:
        with schedules.locked(world.db, one.name):
            assert schedules.claim(world.db, one, 1) is not None
            schedules.end(world.db, one)
        runs += 1
        assert runs < 5
    assert runs == 1


def ended(world: World, session: int) -> None:
    """Wait until the server has noticed that a session is over: it does so in its own time, not when we hang up."""
    for _ in range(600):
        if not world.rows("SELECT 1 FROM pg_locks WHERE pid = %s", session):
            return
        sleep(0.05)
    raise AssertionError(f"session {session} still holds its locks")


def test_what_a_dead_worker_began_goes_on_with_the_next(world: World) -> None:
    schedules.plan(world.db)
    with world.db.again() as alive:
        with world.db.again() as dead:
            session = dead.connection().info.backend_pid
            one = poll_of(world, dead)
            assert one is not None
            context = schedules.locked(dead, one.name)
            assert context.__enter__()
            schedules.claim(dead, one, 1)
            again = poll_of(world, alive)
            assert again is not None, "begun and not ended: anybody may look whether its worker is gone"
            with schedules.locked(alive, again.name) as mine:
                assert not mine
        ended(world, session)  # and its lock with it
        with schedules.locked(alive, again.name) as mine:
            assert mine
            assert schedules.claim(alive, again, 2) == 0
            schedules.end(alive, again)
        assert poll_of(world, alive) is None


def test_a_failure_is_tried_again_before_its_next_time(world: World) -> None:
    one = world.shop
    accounts.set_mode(world.db, world.account, one, "every 2h", "test")
    schedules.plan(world.db)
    found = poll_of(world, world.db)
    assert found is not None
    schedules.claim(world.db, found, 1)
    schedules.end(world.db, found, tries=1, retry=5.0)
    *_, due, _begun, _ended, tries = planned(world)[one.integration_id, POLL]
    assert tries == 1
    assert utc_now() < due < utc_now() + timedelta(minutes=1)


def test_a_clock_that_was_set_back_does_not_put_everything_off(world: World) -> None:
    one = world.shop
    schedules.plan(world.db)
    with world.db.transaction(role="cuadra_clock") as conn:
        conn.execute("UPDATE schedule SET due_at = now() + interval '3 hours', begun_at = now(), ended_at = now()")
    schedules.plan(world.db)
    assert planned(world)[one.integration_id, POLL][2] <= utc_now()


def test_a_paused_integration_is_not_due_and_is_at_once_when_it_goes_on(world: World) -> None:
    one = world.shop
    schedules.plan(world.db)
    accounts.move(world.db, world.account, one, "paused", "test")
    assert poll_of(world, world.db) is None
    accounts.move(
        world.db, world.account, accounts.integration_named(world.db, world.account, "shop"), "active", "test"
    )
    assert poll_of(world, world.db) is not None
