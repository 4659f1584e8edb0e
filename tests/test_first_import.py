"""What the first import of a live shop leaves out, and what becomes of it later."""

from __future__ import annotations

import calendar
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuadra import accounts
from cuadra.connectors.trouble import Answer
from cuadra.connectors.woocommerce import PROFILES
from cuadra.connectors.woocommerce.about import about
from cuadra.jobs import live
from tests.rules import one
from tests.shopworld import Followed, followed, hurried
from tests.world import World

__all__ = ["hurried"]

OPEN = ",".join(PROFILES[0].without)
OUT = ("skipped", "excluded_from_initial_import")
HERE = ("present", None)


# ---------------------------------------------------------------- two calendar months


@pytest.mark.parametrize(
    ("day", "before"),
    [
        ((2026, 11, 22), (2026, 9, 22)), ((2026, 1, 15), (2025, 11, 15)), ((2026, 2, 28), (2025, 12, 28)),
        ((2026, 4, 30), (2026, 2, 28)), ((2024, 4, 30), (2024, 2, 29)), ((2026, 8, 31), (2026, 6, 30)),
        ((2026, 12, 31), (2026, 10, 31)), ((2026, 1, 31), (2025, 11, 30)), ((2026, 3, 1), (2026, 1, 1)),
        ((2026, 2, 1), (2025, 12, 1)),
    ],
)  # fmt: skip
def test_two_months_before(day: tuple[int, int, int], before: tuple[int, int, int]) -> None:
    assert live.two_months_before(date(*day)) == date(*before)


@given(st.dates(date(1990, 3, 1), date(2100, 1, 1)))
def test_two_months_before_any_day_is_that_day_or_the_last_of_its_month(day: date) -> None:
    found = live.two_months_before(day)
    assert (day.year * 12 + day.month) - (found.year * 12 + found.month) == 2
    assert found.day == min(day.day, calendar.monthrange(found.year, found.month)[1])
    assert live.two_months_before(day + timedelta(days=1)) >= found


def test_the_shop_tells_its_time_zone(world: World, hurried: None) -> None:
    with followed(world, orders=3) as shop:
        assert shop.one.time_zone is None
        shop.scan()
        found = accounts.integration_named(world.db, world.account, "tienda")
        assert found.time_zone == shop.shop.settings.zone


@pytest.mark.parametrize(
    ("site", "zone"),
    [({"timezone_string": "America/Bogota"}, "America/Bogota"), ({"timezone_string": "", "gmt_offset": -3}, "Etc/GMT+3"),
     ({"gmt_offset": "5.5"}, None), ({"gmt_offset": 0}, "UTC"), ({"timezone_string": "Middle/Earth"}, None)],
)  # fmt: skip
def test_a_zone_without_a_name_is_none(site: dict[str, Any], zone: str | None) -> None:
    found = about(Answer(200, {}, msgspec.json.encode(site), "GET", "/wp-json/"))
    assert found is not None
    assert found.named_zone == zone


# ---------------------------------------------------------------- what stays out


def heard(shop: Followed, way: str) -> None:
    """What has happened becomes known, by notices or by an import."""
    if way == "notices":
        shop.shop.deliver()
        shop.work()
    else:
        shop.scan()


def placed(shop: Followed, status: str) -> str:
    return str(shop.shop.desk.place(status=status))


def begun(shop: Followed, without: str = OPEN) -> None:
    """The first import, some moments after everything that was placed so far."""
    shop.world.rules("tienda", first__without=without)
    time.sleep(1.1)
    shop.shop.deliver()
    shop.scan()


@pytest.mark.parametrize("way", ["notices", "imports"])
def test_open_orders_only(world: World, hurried: None, way: str) -> None:
    with followed(world, orders=0, customers=3) as shop:
        old = {status: placed(shop, status) for status in ("processing", "completed", "cancelled", "failed", "on-hold")}
        trashed = placed(shop, "processing")
        shop.shop.desk.trash(int(trashed))
        open_later = placed(shop, "processing")
        begun(shop)
        assert world.standing(old["processing"]) == HERE
        assert world.standing(open_later) == HERE
        assert world.standing(old["on-hold"])[0] == "waiting"
        assert {world.standing(one) for one in (old["completed"], old["cancelled"], old["failed"], trashed)} == {OUT}

        # one that is open again comes in, and stays when it is done
        shop.shop.desk.set_status(int(old["cancelled"]), "processing")
        shop.shop.desk.set_status(int(old["failed"]), "on-hold")
        shop.shop.desk.edit(int(old["completed"]), note="nota nueva")
        heard(shop, way)
        assert world.standing(old["cancelled"]) == HERE
        assert world.standing(old["failed"])[0] == "waiting"
        assert world.standing(old["completed"]) == OUT
        shop.shop.clock.advance(1)
        shop.shop.desk.set_status(int(old["cancelled"]), "completed")
        shop.shop.desk.set_status(int(open_later), "completed")
        heard(shop, way)
        assert world.standing(old["cancelled"]) == HERE
        assert world.standing(open_later) == HERE

        # one that is done without ever having been here stays out
        shop.shop.desk.set_status(int(old["on-hold"]), "completed")
        shop.shop.desk.set_status(int(old["failed"]), "cancelled")
        heard(shop, way)
        assert world.standing(old["on-hold"]) == OUT
        assert world.standing(old["failed"]) == OUT

        # of what was here, a cancellation is a cancellation
        shop.shop.desk.set_status(int(old["processing"]), "cancelled")
        heard(shop, way)
        assert world.standing(old["processing"]) == ("skipped", "cancelled_at_source")

        # and what is placed afterwards is taken in whatever its state
        new = placed(shop, "completed")
        heard(shop, way)
        time.sleep(1.1)
        assert world.standing(new) == HERE
        assert shop.scan(compare=True).proven


def test_a_change_of_the_rule_lets_the_others_in(world: World, hurried: None) -> None:
    with followed(world, orders=0, customers=3) as shop:
        done = placed(shop, "completed")
        begun(shop)
        assert world.standing(done) == OUT
        world.rules("tienda", first__without="cancelled")
        assert world.standing(done) == HERE
        world.rules("tienda", first__without=OPEN)
        assert world.standing(done) == HERE  # what is here stays


# ---------------------------------------------------------------- what is older


def aged(shop: Followed, days: int, status: str = "processing") -> str:
    """An order placed so many days ago, and not changed since."""
    shop.shop.clock.advance(-days * 86400)
    number = placed(shop, status)
    shop.shop.clock.advance(days * 86400)
    return number


def since(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


def test_what_is_older_than_the_first_day_stays_out_until_that_day_is_set_earlier(world: World, hurried: None) -> None:
    with followed(world, orders=0, customers=3, subscribed=False) as shop:
        before = {days: aged(shop, days) for days in (100, 80, 50)}
        quiet = aged(shop, 90)
        begun(shop, without="")
        shop.subscribe()
        rule = one(world, "SELECT rules FROM rule_version ORDER BY rule_version DESC LIMIT 1")["first"]["since"]
        assert rule == live.two_months_before(datetime.now(UTC).date()).isoformat()
        known: Any = {one for (one,) in world.rows("SELECT source_id FROM orders")}
        assert known == {before[50]}
        out = ("skipped", "date_outside_coverage")
        shop.shop.desk.edit(int(before[100]), note="cambio por aviso")
        shop.shop.deliver()
        shop.work()
        assert world.standing(before[100]) == out
        shop.shop.desk.edit(int(before[80]), note="cambio por consulta")
        shop.scan()
        assert world.standing(before[80]) == out
        shop.shop.desk.edit(int(before[80]), note="y otro más")
        shop.scan()
        assert world.standing(before[80]) == out
        assert shop.scan(compare=True).proven
        assert world.rows("SELECT 1 FROM orders WHERE source_id = %s", quiet) == []

        world.rules("tienda", first__since=since(95))
        assert world.standing(before[80]) == HERE  # it is known already
        assert world.standing(before[100]) == out
        shop.scan()
        assert world.standing(quiet) == HERE
        assert world.standing(before[100]) == out
        calls = shop.shop.calls["GET orders"]
        world.rules("tienda", first__since=since(120))
        assert world.standing(before[100]) == HERE
        shop.scan()
        wider = shop.shop.calls["GET orders"] - calls
        shop.scan()
        assert shop.shop.calls["GET orders"] - calls - wider < wider  # a range is read once
        assert shop.scan(compare=True).proven


def test_an_order_that_is_here_stays_when_the_first_day_is_set_later(world: World, hurried: None) -> None:
    with followed(world, orders=0, customers=3) as shop:
        number = aged(shop, 20)
        begun(shop, without="")
        world.rules("tienda", first__since=since(10))
        shop.shop.desk.edit(int(number), note="cambio")
        shop.scan()
        assert world.standing(number) == HERE


def test_a_first_day_that_has_not_come_yet(world: World, hurried: None) -> None:
    with followed(world, orders=3, customers=3) as shop:
        world.rules("tienda", first__since=(datetime.now(UTC) + timedelta(days=3)).date().isoformat())
        for _ in range(2):
            assert not shop.scan().notes
        assert world.rows("SELECT 1 FROM orders") == []
        world.rules("tienda", first__since="2026-01-01")
        assert shop.scan(compare=True).proven
        assert len(world.rows("SELECT 1 FROM orders")) == 3
