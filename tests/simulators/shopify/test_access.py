"""Who sees what: scopes, the sixty days, and customer data by plan and kind of app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.shopify import ALL_SCOPES, Shop
from tests.simulators.shopify.queries import BULK, BULK_STATUS, COUNT, ORDER, RUN_BULK
from tests.simulators.shopify.receiver import subscribed

RECENT = tuple(scope for scope in ALL_SCOPES if scope != "read_all_orders")
PII = """{ orders(first: 100) { nodes { id name email customer { id displayName }
  currentTotalPriceSet { shopMoney { amount } } shippingAddress { city zip address1 name } } } }"""


def nodes(answer: Any) -> list[Any]:
    found: list[Any] = answer["data"]["orders"]["nodes"]
    return found


def test_orders_of_more_than_sixty_days_ago_are_not_there() -> None:
    shop = Shop(3, orders=100, scopes=RECENT)
    old = f"gid://shopify/Order/{shop.odd['old']}"
    listed = nodes(shop.graphql("{ orders(first: 250) { nodes { id } } }"))
    assert len(listed) == 99
    assert old not in {it["id"] for it in listed}
    assert shop.graphql(COUNT)["data"]["ordersCount"] == {"count": 99, "precision": "EXACT"}
    answer = shop.graphql(ORDER, {"id": old})
    assert answer["data"] == {"order": None}
    assert "errors" not in answer
    assert shop.graphql("query($i: ID!) { node(id: $i) { id } }", {"i": old})["data"] == {"node": None}
    shop.clock.advance(6 * 86_400)
    assert len(nodes(shop.graphql("{ orders(first: 250) { nodes { id } } }"))) < 99


def test_all_orders_are_there_with_the_scope(still: Shop) -> None:
    assert still.graphql(ORDER, {"id": f"gid://shopify/Order/{still.odd['old']}"})["data"]["order"]


def test_a_customers_orders_end_at_sixty_days_too() -> None:
    shop = Shop(3, orders=100, scopes=RECENT)
    who = shop.truth.order(shop.odd["old"]).customer_id
    query = "query($i: ID!) { customer(id: $i) { orders(first: 250) { nodes { id } } } }"
    listed = shop.graphql(query, {"i": f"gid://shopify/Customer/{who}"})["data"]["customer"]["orders"]["nodes"]
    assert f"gid://shopify/Order/{shop.odd['old']}" not in {it["id"] for it in listed}


@pytest.mark.parametrize(("scope", "query", "name"), [
    ("customers", "{ customers(first: 1) { nodes { id } } }", "customers"),
    ("orders", "{ orders(first: 1) { nodes { id } } }", "orders"),
    ("orders", "{ ordersCount { count } }", "ordersCount"),
    ("products", "{ products(first: 1) { nodes { id } } }", "products"),
])  # fmt: skip
def test_without_its_scope_a_list_is_denied(scope: str, query: str, name: str) -> None:
    shop = Shop(1, orders=3, scopes=[it for it in ALL_SCOPES if not it.endswith(f"_{scope}")])
    answer = shop.graphql(query)
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert error["message"] == f"Access denied for {name} field. Required access: `read_{scope}` access scope."
    assert error["path"] == [name]


def test_orders_come_without_customers_whose_scope_is_missing() -> None:
    shop = Shop(1, orders=5, odd=False, scopes=["read_orders", "read_all_orders"])
    answer = shop.graphql("{ orders(first: 5) { nodes { id customer { id } } } }")
    assert [it["customer"] for it in nodes(answer)] == [None] * 5
    assert {it["extensions"]["code"] for it in answer["errors"]} == {"ACCESS_DENIED"}


def test_to_write_orders_takes_a_scope() -> None:
    shop = Shop(1, orders=3, scopes=[it for it in ALL_SCOPES if it != "write_orders"])
    gid = f"gid://shopify/Order/{next(iter(shop.world.orders))}"
    for mutation in (
        'orderUpdate(input: {id: $i, note: "x"}) { order { id } }',
        'tagsAdd(id: $i, tags: ["x"]) { node { id } }',
    ):
        answer = shop.graphql(f"mutation($i: ID!) {{ {mutation} }}", {"i": gid})
        assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert shop.world.orders[int(gid.rpartition("/")[2])].note != "x"


def test_an_app_made_in_the_shop_sees_no_customers_on_the_basic_plan() -> None:
    shop = Shop(1, orders=60, kind="admin")
    shop.upgrade("basic")
    answer = shop.graphql(PII)
    assert all(it["email"] is None and it["customer"] is None for it in nodes(answer))
    assert all(it["currentTotalPriceSet"]["shopMoney"]["amount"] for it in nodes(answer))
    places = [it["shippingAddress"] for it in nodes(answer) if it["shippingAddress"]]
    assert all(it["city"] and it["zip"] is None and it["name"] is None for it in places)
    whole = next(it for it in answer["errors"] if it["path"][-1] == "customer")
    assert "only available on Shopify, Advanced, and Plus plans" in whole["message"]
    assert {"orders"} == {it["path"][0] for it in answer["errors"]}


def test_a_better_plan_opens_them() -> None:
    shop = Shop(1, orders=60, kind="admin")
    shop.upgrade("basic")
    assert "errors" in shop.graphql(PII)
    shop.upgrade("grow")
    answer = shop.graphql(PII)
    assert "errors" not in answer
    assert any(it["email"] and it["customer"]["displayName"] for it in nodes(answer) if it["customer"])


def test_an_app_of_the_organization_sees_customers_on_any_plan() -> None:
    shop = Shop(1, orders=60)
    shop.upgrade("basic")
    assert "errors" not in shop.graphql(PII)


def test_a_public_app_sees_the_groups_it_was_granted() -> None:
    shop = Shop(1, orders=60, kind="public", approved=frozenset({"email"}))
    answer = shop.graphql("{ orders(first: 50) { nodes { email phone customer { id firstName email } } } }")
    known = [it for it in nodes(answer) if it["customer"]]
    assert all(it["phone"] is None and it["customer"]["firstName"] is None for it in known)
    assert any(it["email"] and it["customer"]["email"] for it in known)
    assert "firstName" in {it["path"][-1] for it in answer["errors"]}


def test_what_may_not_be_null_takes_its_parent_with_it() -> None:
    shop = Shop(1, orders=60, kind="public", approved=frozenset({"email"}))
    answer = shop.graphql("{ orders(first: 50) { nodes { id customer { id displayName } } } }")
    assert {it["customer"] is None for it in nodes(answer)} == {True}
    assert {it["path"][-1] for it in answer["errors"]} == {"displayName"}


def test_phones_are_null_with_their_path() -> None:
    shop = Shop(1, orders=60, kind="public", approved=frozenset({"email", "name"}))
    who = next(iter(shop.world.customers))
    answer = shop.graphql("query($i: ID!) { customer(id: $i) { email phone } }", {"i": f"gid://shopify/Customer/{who}"})
    assert answer["data"]["customer"]["phone"] is None
    assert [it["path"] for it in answer["errors"]] == [["customer", "phone"]]


@pytest.mark.shared
def test_denials_look_like_the_sample(shared: Path) -> None:
    shop = Shop(1, orders=60, kind="admin")
    shop.upgrade("basic")
    sample = json.loads((shared / "platforms" / "samples" / "shopify" / "error_pii_denied.json").read_text())
    answer = shop.graphql("{ orders(first: 1) { nodes { id name email customer { id } } } }")
    assert list(answer) == list(sample)
    by_field = {it["path"][-1]: it for it in answer["errors"]}
    for theirs in sample["errors"]:
        mine = by_field[theirs["path"][-1]]
        assert set(mine) == set(theirs)
        assert mine["extensions"] == theirs["extensions"]
        assert mine["path"] == theirs["path"]
        assert mine["message"].split(" See ")[0] == theirs["message"].split(" See ")[0]


def test_webhooks_tell_what_the_app_may_see() -> None:
    shop = Shop(1, orders=60, kind="admin")
    heard = subscribed(shop, "orders/create")
    shop.upgrade("basic")
    shop.live(8, act="place")
    shop.upgrade("grow")
    shop.live(8, act="place")
    shop.deliver()
    bodies = [it.json() for it in heard.got]
    assert all(it["email"] is None and it["customer"] is None for it in bodies[:8])
    assert all(it["shipping_address"]["address1"] is None for it in bodies[:8] if it["shipping_address"])
    assert any(it["email"] and it["customer"]["first_name"] for it in bodies[8:] if it["customer"])
    assert all(it["total_price"] for it in bodies)


@pytest.mark.parametrize("scopes", [RECENT, ("read_products",)])
def test_bulk_operations_see_what_the_app_sees(scopes: tuple[str, ...]) -> None:
    shop = Shop(3, orders=100, scopes=scopes)
    made = shop.graphql(RUN_BULK, {"q": BULK})["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.advance(30)
    done = shop.graphql(BULK_STATUS, {"id": made})["data"]["bulkOperation"]
    if "read_orders" in scopes:
        assert done["rootObjectCount"] == "99"
    else:
        assert (done["status"], done["errorCode"], done["url"]) == ("FAILED", "ACCESS_DENIED", None)
