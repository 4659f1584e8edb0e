"""What apps write back, and what it sets going."""

from __future__ import annotations

from typing import Any

import pytest

from cuadra_simulators.shopify import Shop
from tests.simulators.shopify.queries import MARK, TAG
from tests.simulators.shopify.receiver import subscribed


def one(shop: Shop, test: Any = lambda it: True) -> Any:
    return next(it for it in reversed(shop.truth.orders(erased=False).values()) if test(it))


def open_order(it: Any) -> bool:
    return not it.cancelled and not it.closed and not it.fulfillments


def act(shop: Shop, name: str, gid: str, more: str = "") -> Any:
    query = (
        f"mutation($i: ID!) {{ {name}(input: {{id: $i{more}}}) {{ order {{ id }} userErrors {{ field message }} }} }}"
    )
    return shop.graphql(query, {"i": gid})["data"][name]


def test_tags_are_added_and_removed_and_the_echo_comes_back(shop: Shop) -> None:
    heard = subscribed(shop, "orders/updated")
    order = one(shop)
    shop.clock.advance(60)
    assert shop.graphql(TAG, {"id": order.gid, "tags": ["cuadra", "b"]})["data"]["tagsAdd"]["node"] == {"id": order.gid}
    assert set(shop.truth.order(order.id).tags) == {*order.tags, "cuadra", "b"}
    assert shop.truth.order(order.id).updated == shop.clock.now
    shop.deliver()
    assert "cuadra" in heard.got[0].json()["tags"].split(", ")
    remove = 'mutation($i: ID!) { tagsRemove(id: $i, tags: ["b"]) { node { id } } }'
    shop.graphql(remove, {"i": order.gid})
    assert "b" not in shop.truth.order(order.id).tags
    assert shop.graphql(TAG, {"id": "gid://shopify/Order/1", "tags": ["x"]})["data"]["tagsAdd"]["userErrors"]


def test_an_update_replaces_the_tags(shop: Shop) -> None:
    order = one(shop)
    more = ', tags: ["only"], note: "visto", poNumber: "OC-1", customAttributes: [{key: "a", value: "b"}]'
    assert act(shop, "orderUpdate", order.gid, more)["userErrors"] == []
    after = shop.truth.order(order.id)
    assert (after.tags, after.note) == (("only",), "visto")
    said = shop.graphql(
        "query($i: ID!) { order(id: $i) { poNumber customAttributes { key value } } }", {"i": order.gid}
    )
    assert said["data"]["order"] == {"poNumber": "OC-1", "customAttributes": [{"key": "a", "value": "b"}]}


def test_the_address_can_be_changed(shop: Shop) -> None:
    order = one(shop)
    act(shop, "orderUpdate", order.gid, ', shippingAddress: {city: "Toluca", address1: "Morelos 1"}')
    said = shop.graphql("query($i: ID!) { order(id: $i) { shippingAddress { city address1 } } }", {"i": order.gid})
    assert said["data"]["order"]["shippingAddress"] == {"city": "Toluca", "address1": "Morelos 1"}


def test_metafields_are_set_and_set_again(shop: Shop) -> None:
    order = one(shop)
    for value in ("1", "2"):
        given = {"ownerId": order.gid, "namespace": "cuadra", "key": "seen", "value": value, "type": "number_integer"}
        assert shop.graphql(MARK, {"m": [given]})["data"]["metafieldsSet"]["userErrors"] == []
    asked = """query($i: ID!) { order(id: $i) { metafield(namespace: "cuadra", key: "seen") { value jsonValue type }
      metafields(first: 5) { nodes { key } } } }"""
    said = shop.graphql(asked, {"i": order.gid})["data"]["order"]
    assert said["metafield"] == {"value": "2", "jsonValue": 2, "type": "number_integer"}
    assert said["metafields"]["nodes"] == [{"key": "seen"}]


def test_orders_are_closed_and_opened(shop: Shop) -> None:
    order = one(shop, open_order)
    assert act(shop, "orderClose", order.gid)["userErrors"] == []
    assert shop.truth.order(order.id).closed
    assert act(shop, "orderClose", order.gid)["userErrors"]
    assert act(shop, "orderOpen", order.gid)["userErrors"] == []
    assert shop.truth.order(order.id).closed is None


def test_a_promised_order_is_marked_as_paid(shop: Shop) -> None:
    shop.live(25, act="place", deliver=False)
    order = one(shop, lambda it: it.financial == "PENDING" and open_order(it))
    assert act(shop, "orderMarkAsPaid", order.gid)["userErrors"] == []
    assert shop.truth.order(order.id).financial == "PAID"
    assert act(shop, "orderMarkAsPaid", order.gid)["userErrors"]


@pytest.mark.parametrize("back", [True, False])
def test_an_order_is_cancelled_with_or_without_its_money(shop: Shop, back: bool) -> None:
    shop.live(25, act="place", deliver=False)
    order = one(shop, lambda it: it.financial == "PAID" and open_order(it) and it.total > 0)
    query = """mutation($i: ID!, $b: Boolean) { orderCancel(orderId: $i, reason: INVENTORY, restock: true,
      refundMethod: {originalPaymentMethodsRefund: $b}) { job { id done } orderCancelUserErrors { field message code } } }"""
    said = shop.graphql(query, {"i": order.gid, "b": back})["data"]["orderCancel"]
    assert said["job"]["id"].startswith("gid://shopify/Job/")
    after = shop.truth.order(order.id)
    assert (after.cancel_reason, after.current_total) == ("INVENTORY", 0)
    assert after.refunded == (order.total if back else 0)
    again = shop.graphql(query, {"i": order.gid, "b": back})["data"]["orderCancel"]
    assert again["job"] is None
    assert again["orderCancelUserErrors"]
