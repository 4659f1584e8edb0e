"""Which version of an order counts, when notices come late, twice, in the wrong order, or after the order is gone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cuadra.model import Entity
from cuadra_simulators.woocommerce import Clock, Delivery
from tests.rules import one
from tests.shoptruth import compare
from tests.shopworld import Followed, followed, hurried
from tests.world import World, order

__all__ = ["hurried"]


@pytest.fixture
def shop(world: World, hurried: None) -> Iterator[Followed]:
    """A shop whose clock stands still; notices are captured, and arrive when a test says so."""
    clock = Clock(datetime.now(UTC))
    with followed(world, connector="woocommerce", orders=4, customers=2, clock=clock) as it:
        it.scan()
        it.answer = 202  # the shop believes them delivered
        yield it


def captured(shop: Followed) -> list[Delivery]:
    """What the shop sends of orders just now, each once per body."""
    sent = [one for one in shop.shop.deliver() if one.topic.startswith("order.")]
    return list({(one.argument, one.body): one for one in sent}.values())


def edited_twice(shop: Followed, number: int) -> tuple[Delivery, Delivery]:
    """Two edits within one second, each of them sent."""
    shop.shop.desk.edit(number, note=f"primera {number}")
    first = captured(shop)[-1]
    shop.shop.desk.edit(number, note=f"segunda {number}", quantity=7)
    second = captured(shop)[-1]
    stamps = [msgspec.json.decode(it.body)["date_modified_gmt"] for it in (first, second)]
    assert stamps[0] == stamps[1]
    assert first.body != second.body
    return first, second


def last_state(shop: Followed) -> None:
    """Everything is as the shop has it, and nothing is in doubt any more."""
    _, wrong, said = compare(shop.world.rows, shop.shop.truth.orders())
    assert not wrong, said
    assert shop.world.rows("SELECT kind, source_id FROM relink") == []


def note_of(world: World, number: int) -> Any:
    return one(world, "SELECT content::json ->> 'note' FROM orders WHERE source_id = %s", str(number))


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_two_edits_of_one_second_delivered_in_the_wrong_order(shop: Followed, together: bool, twice: bool) -> None:
    number = shop.shop.desk.place(status="processing")
    for it in captured(shop):
        shop.hear(it.body)
    shop.work()
    first, second = edited_twice(shop, number)
    for it in (second, first) * (1 + twice):
        shop.hear(it.body)
        if not together:
            shop.work(asking=False)
    shop.work(asking=False)
    assert shop.world.rows("SELECT cause FROM relink WHERE kind = 'order'") == [("tie",)]
    shop.work()
    assert note_of(shop.world, number) == f"segunda {number}"
    last_state(shop)
    shop.hear(first.body)  # even later, once more
    shop.work()
    assert note_of(shop.world, number) == f"segunda {number}"
    last_state(shop)


def test_forty_orders_edited_twice_in_a_second_in_every_order_of_arrival(shop: Followed) -> None:
    rng = random.Random(4)
    numbers = [shop.shop.desk.place(status="processing") for _ in range(40)]
    for it in captured(shop):
        shop.hear(it.body)
    shop.work()
    arriving: list[Delivery] = []
    for number in numbers:
        arriving += list(edited_twice(shop, number)) * rng.choice((1, 1, 2))
    rng.shuffle(arriving)
    for at in range(0, len(arriving), 7):
        for it in arriving[at : at + 7]:
            shop.hear(it.body)
        shop.work(asking=rng.random() < 0.5)
    shop.work()
    assert all(note_of(shop.world, number) == f"segunda {number}" for number in numbers)
    last_state(shop)


def test_a_tie_is_settled_by_an_import_too(shop: Followed) -> None:
    number = shop.shop.desk.place(status="processing")
    first, second = edited_twice(shop, number)
    for it in (second, first):
        shop.hear(it.body)
        shop.work(asking=False)
    shop.scan()
    last_state(shop)


def test_a_notice_of_an_older_version_after_a_newer_one_was_read(shop: Followed) -> None:
    number = shop.shop.desk.place(status="processing")
    older = captured(shop)[-1]
    shop.shop.clock.advance(60)
    shop.shop.desk.edit(number, note="la nueva")
    shop.scan()
    assert note_of(shop.world, number) == "la nueva"
    shop.hear(older.body)
    shop.work(asking=False)
    assert shop.world.rows("SELECT outcome, reason FROM attempt ORDER BY receipt_id DESC LIMIT 1") == [
        ("stale", "event_stale_or_out_of_order")
    ]
    assert shop.world.rows("SELECT cause FROM relink WHERE kind = 'order'") == [("tie",)]
    shop.work()
    assert note_of(shop.world, number) == "la nueva"
    last_state(shop)


@pytest.mark.xfail(
    strict=True, reason="of two stamps the older one is stale, even where the shop, asked for it, answers with it"
)
def test_a_clock_of_the_shop_that_goes_back_hides_nothing(shop: Followed) -> None:
    """What looks older than what we have may be newer: the shop is asked."""
    number = shop.shop.desk.place(status="processing")
    for it in captured(shop):
        shop.hear(it.body)
    shop.work()
    shop.shop.clock.advance(-3600)
    shop.shop.desk.edit(number, note="después, con fecha anterior")
    shop.hear(captured(shop)[-1].body)
    shop.work()
    assert note_of(shop.world, number) == "después, con fecha anterior"
    last_state(shop)


@pytest.mark.parametrize("late", ["the last version", "an older version", "twice"])
def test_a_late_notice_of_an_order_that_is_gone_does_not_bring_it_back(shop: Followed, late: str) -> None:
    number = shop.shop.desk.place(status="processing")
    older = captured(shop)[-1]
    shop.shop.clock.advance(5)
    shop.shop.desk.edit(number, note="la última")
    last = captured(shop)[-1]
    for it in (older, last):
        shop.hear(it.body)
    shop.work()
    shop.shop.desk.erase(number)
    shop.hear({"id": number})
    shop.work()
    assert shop.world.standing(str(number)) == ("skipped", "deleted_at_source")
    for it in {"the last version": [last], "an older version": [older], "twice": [last, older, last]}[late]:
        shop.hear(it.body)
        shop.work()
    assert shop.world.standing(str(number)) == ("skipped", "deleted_at_source")
    last_state(shop)


def test_a_change_that_was_on_its_way_when_the_order_was_deleted(shop: Followed) -> None:
    """Its notice says something newer than we know, and the order is gone all the same."""
    number = shop.shop.desk.place(status="processing")
    for it in captured(shop):
        shop.hear(it.body)
    shop.work()
    shop.shop.clock.advance(5)
    shop.shop.desk.edit(number, note="en camino")
    late = captured(shop)[-1]
    shop.shop.desk.erase(number)
    shop.hear({"id": number})
    shop.work()
    assert shop.world.standing(str(number)) == ("skipped", "deleted_at_source")
    shop.hear(late.body)
    shop.work()
    assert shop.world.standing(str(number)) == ("skipped", "deleted_at_source")
    assert shop.world.rows("SELECT kind, source_id FROM relink") == []


def test_an_order_that_was_gone_before_anything_of_it_was_read(shop: Followed) -> None:
    """The notice of its creation was late; what it said then is no order any more."""
    number = shop.shop.desk.place(status="processing")
    late = captured(shop)[-1]
    shop.shop.desk.erase(number)
    shop.hear({"id": number})
    shop.work()
    assert shop.world.standing(str(number)) == ("failed", "not_found_at_source")
    shop.hear(late.body)
    shop.work()
    assert shop.world.standing(str(number)) == ("failed", "not_found_at_source")


def test_a_deleted_order_that_the_shop_has_again_is_taken_again(shop: Followed) -> None:
    """From a backup, for instance: the notice is not believed, but asked about."""
    number = shop.shop.desk.place(status="processing")
    for it in captured(shop):
        shop.hear(it.body)
    shop.work()
    kept = shop.shop.world.orders[number]
    shop.shop.desk.erase(number)
    shop.hear({"id": number})
    shop.work()
    assert shop.world.standing(str(number)) == ("skipped", "deleted_at_source")
    shop.shop.world.orders[number] = kept
    del shop.shop.world.erased[number]
    shop.shop.desk.edit(number, note="de vuelta")
    shop.hear(captured(shop)[-1].body)
    shop.work(asking=False)
    assert shop.world.standing(str(number)) == ("skipped", "deleted_at_source")
    shop.work()
    assert shop.world.standing(str(number)) == ("present", None)
    last_state(shop)


def test_a_notice_of_deletion_is_asked_about_and_never_applied(shop: Followed) -> None:
    number = shop.shop.desk.place(status="processing")
    for it in captured(shop):
        shop.hear(it.body)
    shop.work()
    before = shop.shop.calls["GET orders/{id}"]
    shop.hear({"id": number})
    shop.work(asking=False)
    assert shop.world.standing(str(number)) == ("present", None)
    assert shop.world.rows("SELECT source_id, cause FROM relink") == [(str(number), "hint")]
    assert shop.shop.calls["GET orders/{id}"] == before
    shop.work()
    assert shop.shop.calls["GET orders/{id}"] == before + 1
    assert shop.world.standing(str(number)) == ("present", None)  # it was restored meanwhile
    last_state(shop)
    shop.shop.desk.trash(number)
    shop.hear({"id": number})
    shop.work()
    assert shop.world.standing(str(number)) == ("skipped", "failed_or_trashed_at_source")
    last_state(shop)


def test_of_a_thing_that_is_no_order_a_notice_of_deletion_changes_no_order(shop: Followed) -> None:
    shop.hear({"id": 999_999}, Entity.PRODUCT)
    shop.work()
    last_state(shop)


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "in the trash"])
def test_a_deletion_makes_nobody_and_nothing_new(world: World, hurried: None, gone: bool) -> None:
    """What was known of the order stays as it is: its customer and its products are those it had."""
    with followed(world, connector="woocommerce", orders=12, customers=4, subscribed=False) as shop:
        shop.scan()
        sold = "SELECT o.source_id, o.customer_id, l.product_id FROM orders o JOIN order_line l USING (order_id) ORDER BY 1, 2, 3"
        present = [one for (one,) in world.rows("SELECT source_id FROM orders WHERE standing = 'present'")]
        assert present
        before = (
            world.rows(sold),
            world.rows("SELECT count(*) FROM product"),
            world.rows("SELECT count(*) FROM customer"),
        )
        for number in present:
            (shop.shop.desk.erase if gone else shop.shop.desk.trash)(int(number))
            shop.hear({"id": int(number)})
        shop.work()
        assert {world.standing(number)[0] for number in present} == {"skipped"}
        after = (
            world.rows(sold),
            world.rows("SELECT count(*) FROM product"),
            world.rows("SELECT count(*) FROM customer"),
        )
        assert after == before


def test_a_version_that_names_neither_buyer_nor_lines_changes_neither(world: World) -> None:
    """The same of a file whose rows say only what has changed."""
    first = order("A", updated_at="2026-05-01T10:00:00Z")
    world.take(first)
    sold = "SELECT o.customer_id, l.product_id FROM orders o JOIN order_line l USING (order_id)"
    before = world.rows(sold)
    assert before[0][0] is not None
    world.take({"id": "A", "note": "x", "updated_at": "2026-05-02T10:00:00Z"})
    assert world.rows(sold) == before
    assert one(world, "SELECT content::json ->> 'note' FROM orders") == "x"
    assert world.rows("SELECT count(*) FROM product") == [(1,)]
