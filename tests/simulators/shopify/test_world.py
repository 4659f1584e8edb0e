"""What a shop holds, what happens to it, and what moves when it happens."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuadra_simulators.shopify import ACTS, ARGENTINA, COLOMBIA, COUNTRIES, SPAIN, Shop, orders
from cuadra_simulators.shopify.history import ODD
from cuadra_simulators.shopify.money import exact, full, share, short
from tests.simulators.shopify.queries import ORDER, PRODUCT
from tests.simulators.shopify.receiver import subscribed


def lived(seed: int) -> object:
    shop = Shop(seed, orders=60)
    shop.live(80, deliver=False)
    return shop.truth.orders(), shop.truth.customers(), shop.truth.products(), shop.token


def test_the_same_arguments_make_the_same_shop() -> None:
    assert lived(5) == lived(5)
    assert lived(5) != lived(6)


@pytest.mark.parametrize("country", COUNTRIES)
def test_amounts_add_up(country: str) -> None:
    shop = Shop(2, orders=200, settings=COUNTRIES[country])
    shop.live(150, deliver=False)
    for order in shop.truth.orders().values():
        lines = sum((it.total for it in order.lines), Decimal(0))
        assert order.subtotal == lines
        on_top = Decimal(0) if shop.settings.taxes_included else order.tax
        assert order.total == order.subtotal + order.shipping + on_top
        assert order.received - order.refunded >= 0
        assert order.refunded == sum((it.amount for it in order.refunds), Decimal(0))
        assert order.outstanding == order.current_total - order.net
        assert all(0 <= it.current <= it.quantity for it in order.lines)


def test_there_is_one_of_each_order_that_surprises(still: Shop) -> None:
    truth = still.truth
    odd = {name: truth.order(number) for name, number in still.odd.items()}
    assert set(odd) == set(ODD)
    assert [len(odd[f"lines_{many}"].lines) for many in (21, 60, 260)] == [21, 60, 260]
    assert {it.variant for it in odd["doomed_products"].lines} == {None}
    assert {it.title for it in odd["doomed_products"].lines} == {"Manteca de cacao", "Vela perfumada"}
    assert odd["no_customer"].customer_id is None
    assert odd["test"].test
    assert (odd["edited"].edited, odd["edited"].lines[0].current) == (True, 0)
    assert odd["part_refunded"].financial == "PARTIALLY_REFUNDED"
    assert odd["amount_refunded"].refunds[0].lines == ()
    assert odd["refunded"].financial == "REFUNDED"
    assert odd["voided"].financial == "VOIDED"
    assert odd["cancelled_paid"].current_total == 0
    assert odd["two_parcels"].fulfillment == "FULFILLED"
    assert len(odd["two_parcels"].fulfillments) == 2
    assert odd["delivered"].fulfillments[0].delivered
    assert odd["on_hold"].fulfillment == "ON_HOLD"
    assert odd["other_currency"].presentment == "USD" != odd["other_currency"].currency
    assert odd["draft_order"].source_name == "shopify_draft_order"


def test_some_products_have_no_sku_and_some_share_one(still: Shop) -> None:
    skus = [sku for it in still.truth.products().values() for _, sku, _ in it.variants]
    assert None in skus
    assert "" in skus
    assert skus.count("PAV-0500-RO") == 2
    answer = still.graphql(PRODUCT, {"id": f"gid://shopify/Product/{still.odd_products['no_sku']}"})
    assert answer["data"]["product"]["hasOnlyDefaultVariant"]
    assert answer["data"]["product"]["variants"]["nodes"][0]["title"] == "Default Title"


def test_names_carry_what_the_shop_writes_around_numbers() -> None:
    assert next(iter(Shop(1, orders=3, settings=SPAIN).truth.orders().values())).name.startswith("ES1")
    assert next(iter(Shop(1, orders=3, settings=ARGENTINA).truth.orders().values())).name.endswith("-A")


def test_the_buyers_currency_stands_beside_the_shops(still: Shop) -> None:
    number = still.odd["other_currency"]
    both = still.graphql(ORDER, {"id": f"gid://shopify/Order/{number}"})["data"]["order"]["totalPriceSet"]
    assert (both["shopMoney"]["currencyCode"], both["presentmentMoney"]["currencyCode"]) == ("MXN", "USD")
    there = still.truth.order(number).total * Decimal("0.0541")
    assert abs(Decimal(both["presentmentMoney"]["amount"]) - there) <= Decimal("0.005")


def test_money_without_decimals_still_has_one_in_graphql() -> None:
    shop = Shop(1, orders=3, settings=COLOMBIA)
    number = next(iter(shop.world.orders))
    amount = shop.graphql(ORDER, {"id": f"gid://shopify/Order/{number}"})["data"]["order"]["totalPriceSet"]
    assert amount["shopMoney"]["amount"].endswith(".0")


@given(st.integers(-(10**9), 10**9), st.sampled_from([0, 2, 3]))
def test_amounts_are_written_without_loss(units: int, decimals: int) -> None:
    assert Decimal(short(units, decimals)) == Decimal(full(units, decimals)) == exact(units, decimals)


@given(st.integers(0, 10**9), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_shares_of_an_amount_come_to_the_amount(units: int, parts: list[int]) -> None:
    whole = sum(parts)
    ends = [share(units, sum(parts[: at + 1]), whole) for at in range(len(parts))]
    assert ends[-1] == units
    assert ends == sorted(ends)


@pytest.mark.parametrize("act", ACTS)
def test_every_act_happens(act: str) -> None:
    shop = Shop(7, orders=120)
    shop.live(25, act="place", deliver=False)
    assert shop.life.step(act).act == act


MOVES = {
    "pay": True, "fulfil": True, "track": True, "edit": True, "refund": True, "cancel": True, "close": True,
    "move": True, "touch": True, "hold": False, "deliver": False, "note_refund": False,
}  # fmt: skip


@pytest.mark.parametrize("act", MOVES)
def test_what_moves_the_stamp_of_an_order(act: str) -> None:
    """Everything, but for a hold, a parcel's arrival, and a change of a refund."""
    shop = Shop(7, orders=120)
    shop.live(25, act="place", deliver=False)
    heard = subscribed(shop, "orders/updated")
    before = shop.truth.orders()
    shop.clock.advance(60)
    event = shop.life.step(act)
    shop.deliver()
    assert event.act == act
    after = shop.truth.order(event.order_id)
    assert (after.updated == shop.clock.now) is MOVES[act]
    assert (len(heard.got) == 1) is MOVES[act]
    assert before[event.order_id].updated <= after.updated


def test_two_changes_may_share_a_second(shop: Shop) -> None:
    heard = subscribed(shop, "orders/updated")
    shop.live(25, act="place", deliver=False)
    shop.deliver()
    heard.got.clear()
    event = shop.live(1, act="touch_twice")[0]
    shop.deliver()
    bodies = [it.json() for it in heard.got]
    assert {it["id"] for it in bodies} == {event.order_id}
    assert bodies[0]["updated_at"] == bodies[1]["updated_at"]
    assert bodies[0]["note"] != bodies[1]["note"]


def test_only_cancelled_and_test_orders_can_be_deleted(shop: Shop) -> None:
    sale = next(it for it in shop.world.orders.values() if it.cancelled is None and not it.test)
    with pytest.raises(ValueError, match="neither"), shop.world.action():
        orders.erase(shop.world, sale, shop.clock.now)
    event = shop.life.step("erase")
    gone = shop.truth.order(event.order_id)
    assert not gone.exists
    assert gone.test or gone.cancelled
    told = shop.graphql(
        '{ events(first: 9, query: "verb:destroy") { nodes { action ... on BasicEvent { subjectId } } } }'
    )
    assert gone.gid in [it["subjectId"] for it in told["data"]["events"]["nodes"]]


def test_an_edit_leaves_the_line_and_its_quantity(shop: Shop) -> None:
    event = shop.life.step("edit")
    order = shop.truth.order(event.order_id)
    assert order.edited
    assert any(it.current < it.quantity for it in order.lines)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 10_000))
def test_whatever_happens_what_is_answered_is_whole(seed: int) -> None:
    """No field that may not be null is."""
    shop = Shop(seed, orders=25, odd=False)
    shop.live(40, deliver=False)
    for number in list(shop.world.orders)[-25:]:
        answer = shop.graphql(ORDER, {"id": f"gid://shopify/Order/{number}"})
        assert "errors" not in answer
        shop.clock.advance(1)
