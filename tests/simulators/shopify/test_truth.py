"""The truth agrees with what the API says, whatever happened."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cuadra_simulators.shopify import Shop
from tests.simulators.shopify.queries import MONEY, ORDER
from tests.simulators.shopify.receiver import subscribed
from tests.simulators.shopify.test_lists import IDS


def amount(both: Any) -> Decimal:
    return Decimal(both["shopMoney"]["amount"])


def test_the_truth_is_what_the_api_says() -> None:
    shop = Shop(9, orders=80)
    shop.live(120)
    shop.graphql("{ shop { id } }")
    for order in shop.truth.orders(erased=False).values():
        shop.clock.advance(1)
        said = shop.graphql(ORDER, {"id": order.gid})["data"]["order"]
        assert said["name"] == order.name
        assert amount(said["totalPriceSet"]) == order.total
        assert amount(said["currentTotalPriceSet"]) == order.current_total
        assert amount(said["totalRefundedSet"]) == order.refunded
        assert amount(said["totalTaxSet"]) == order.tax
        assert amount(said["totalShippingPriceSet"]) == order.shipping
        assert amount(said["totalDiscountsSet"]) == order.discount
        assert (said["displayFinancialStatus"], said["displayFulfillmentStatus"]) == (
            order.financial,
            order.fulfillment,
        )
        assert (said["cancelledAt"] is not None) is (order.cancelled is not None)
        assert said["email"] == order.email
        assert [it["currentQuantity"] for it in said["lineItems"]["nodes"]] == [it.current for it in order.lines][:25]
        assert [it["amountSet"]["shopMoney"]["amount"] for it in said["transactions"]] == [
            f"{it.amount.normalize():f}" if it.amount % 1 else f"{it.amount:.1f}" for it in order.transactions
        ][:10]
        variants = [it["variant"] and int(it["variant"]["legacyResourceId"]) for it in said["lineItems"]["nodes"]]
        assert variants == [it.variant for it in order.lines][:25]


def test_the_sum_is_that_of_the_sales_that_count(still: Shop) -> None:
    query = f"{{ orders(first: 250) {{ nodes {{ test cancelledAt currentTotalPriceSet {MONEY} }} }} }}"
    found = still.graphql(query)["data"]["orders"]["nodes"]
    sales = [it for it in found if not it["test"] and it["cancelledAt"] is None]
    assert 0 < len(sales) < len(found)
    assert still.truth.sum() == sum(amount(it["currentTotalPriceSet"]) for it in sales)


def test_an_order_that_is_gone_is_kept_as_it_was(shop: Shop) -> None:
    heard = subscribed(shop, "orders/delete")
    event = shop.life.step("erase")
    assert not shop.truth.order(event.order_id).deletion_announced
    shop.deliver()
    gone = shop.truth.order(event.order_id)
    assert (gone.exists, gone.deletion_announced) == (False, True)
    assert heard.got[0].json() == {"id": event.order_id}
    listed = shop.graphql(IDS, {"first": 250})["data"]["orders"]["nodes"]
    assert gone.gid not in {it["id"] for it in listed}
    assert event.order_id not in shop.truth.orders(erased=False)


def test_announcements_are_those_that_were_taken(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", "orders/updated")
    event = shop.life.step("place")
    assert shop.truth.order(event.order_id).announced == 0
    shop.deliver()
    assert shop.truth.order(event.order_id).announced == len(heard.got) == 2


def test_customers_and_products(still: Shop) -> None:
    customers = still.truth.customers()
    asked = "query($i: ID!) { customer(id: $i) { displayName amountSpent { amount } numberOfOrders orders(first: 50) { nodes { id } } } }"
    who = max(customers.values(), key=lambda it: len(it.orders))
    said = still.graphql(asked, {"i": who.gid})["data"]["customer"]
    assert said["displayName"] == who.name
    assert Decimal(said["amountSpent"]["amount"]) == who.spent > 0
    assert said["numberOfOrders"] == str(len(who.orders)) == str(len(said["orders"]["nodes"]))
    products = still.graphql(
        '{ products(first: 250, query: "status:active,draft,archived,unlisted") { nodes { id } } }'
    )
    assert {it["id"] for it in products["data"]["products"]["nodes"]} == {
        it.gid for it in still.truth.products().values()
    }
