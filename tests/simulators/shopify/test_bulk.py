"""Bulk operations: what they take, how they go, and what their files hold."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.shopify import MEXICO, Shop, write_orders, write_orders_of
from cuadra_simulators.shopify.bulkfile import QUERY
from tests.simulators.shopify.queries import BULK, BULK_STATUS, RUN_BULK
from tests.simulators.shopify.receiver import subscribed

RICH = """{ orders { nodes {
  id name email test tags clientIp totalPriceSet { presentmentMoney { amount currencyCode } } app { id name }
  customer { id displayName defaultEmailAddress { emailAddress } lastOrder { id } }
  billingAddress { city formatted } taxLines { title rate priceSet { shopMoney { amount } } }
  transactions { id kind parentTransaction { id } amountSet { shopMoney { amount } } }
  refunds { id totalRefundedSet { shopMoney { amount } } }
  fulfillments { id trackingInfo { company number } }
  lineItems { nodes {
    kind: __typename ...Line
    discountAllocations { allocatedAmountSet { shopMoney { amount } } discountApplication {
      index ... on DiscountCodeApplication { code } ... on ManualDiscountApplication { title }
      value { __typename ... on PricingPercentageValue { percentage } } } }
  } }
  shippingLine { title }
} } }
fragment Line on LineItem { id sku quantity product { id title } variant { id price } customAttributes { key value } }
"""


def run(shop: Shop, query: str, *, grouped: bool = False, token: str | None = None) -> str:
    answer = shop.graphql(RUN_BULK, {"q": query, "grouped": grouped}, token=token)["data"]["bulkOperationRunQuery"]
    assert answer["userErrors"] == []
    assert answer["bulkOperation"]["status"] == "CREATED"
    return str(answer["bulkOperation"]["id"])


def status(shop: Shop, gid: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.graphql(BULK_STATUS, {"id": gid})["data"]["bulkOperation"]
    return found


def refused(shop: Shop, query: str) -> dict[str, Any]:
    answer = shop.graphql(RUN_BULK, {"q": query})["data"]["bulkOperationRunQuery"]
    assert answer["bulkOperation"] is None
    error: dict[str, Any] = answer["userErrors"][0]
    return error


def rows(shop: Shop, url: str) -> list[dict[str, Any]]:
    reply = shop.get(url)
    assert reply.status == 200
    assert reply.file is not None
    return [json.loads(line) for line in reply.file.read_text(encoding="utf-8").splitlines()]


def done(shop: Shop, query: str, *, grouped: bool = False) -> list[dict[str, Any]]:
    gid = run(shop, query, grouped=grouped)
    shop.advance(30)
    return rows(shop, status(shop, gid)["url"])


def test_it_goes_through_its_states(shop: Shop) -> None:
    gid = run(shop, BULK)
    shop.advance(2)
    assert status(shop, gid) | {"status": ""} == {
        "id": gid, "status": "", "errorCode": None, "type": "QUERY", "createdAt": "2026-05-20T15:00:00Z",
        "completedAt": None, "objectCount": "0", "rootObjectCount": "0", "fileSize": None, "url": None,
        "partialDataUrl": None,
    }  # fmt: skip
    assert status(shop, gid)["status"] == "RUNNING"
    shop.advance(30)
    end = status(shop, gid)
    found = rows(shop, end["url"])
    assert end["status"] == "COMPLETED"
    assert (end["objectCount"], end["rootObjectCount"]) == (str(len(found)), "80")
    reply = shop.get(end["url"])
    assert reply.file is not None
    assert end["fileSize"] == str(reply.file.stat().st_size)


def test_a_poll_moves_it_where_nobody_follows_the_clock(shop: Shop) -> None:
    gid = run(shop, BULK)
    shop.clock.advance(60)
    assert status(shop, gid)["status"] == "COMPLETED"


@pytest.mark.parametrize("query", [BULK, RICH, QUERY])
def test_the_file_holds_what_the_executor_answers(query: str) -> None:
    shop = Shop(4, orders=70, odd=False)
    shop.live(40, deliver=False)
    expected = flattened(shop, query)
    found = done(shop, query)
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, expected))
    assert [it for it in found if "__parentId" not in it] == [it for it in expected if "__parentId" not in it]


@pytest.mark.parametrize("kind", ["admin", "public"])
def test_it_is_the_same_for_those_who_see_less(kind: str) -> None:
    shop = Shop(4, orders=70, odd=False, kind=kind, approved=frozenset({"phone"}))
    shop.upgrade("basic")
    expected = flattened(shop, RICH)
    assert {it["customer"] is None for it in expected if "customer" in it} == {True}
    assert sorted(map(json.dumps, done(shop, RICH))) == sorted(map(json.dumps, expected))


def flattened(shop: Shop, query: str) -> list[dict[str, Any]]:
    """What the executor answers to the same query with pages large enough, in the shape of a file."""
    sized = query
    for name in ("orders", "lineItems"):
        sized = sized.replace(f"{name}(query", f"{name}(first: 250, sortKey: ID, query")
        sized = sized.replace(f"{name} {{", f"{name}(first: 250{', sortKey: ID' if name == 'orders' else ''}) {{")
    shop.bucket(shop.app).resize(10**9, 0)
    shop.api.executor.cost = lambda *_: 1
    answer = shop.graphql(sized)
    shop.api.executor.cost = Shop(1, orders=1).api.executor.cost
    found: list[dict[str, Any]] = []
    for order in nodes(answer["data"]["orders"]):
        below = [
            {**it, "__parentId": order["id"]}
            for name in ("lineItems",) if name in order for it in nodes(order.pop(name))
        ]  # fmt: skip
        found += [order, *below]
    return [it for it in found if "lineItems" not in it]


def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return connection["nodes"] if "nodes" in connection else [it["node"] for it in connection["edges"]]


def test_lines_over_250_are_all_there(still: Shop) -> None:
    shop = Shop(3, orders=240)
    found = done(shop, BULK)
    owner = f"gid://shopify/Order/{shop.odd['lines_260']}"
    assert sum(it.get("__parentId") == owner for it in found) == 260


def test_children_come_after_their_parent_but_not_beside_it(shop: Shop) -> None:
    found = done(shop, BULK)
    assert after_parents(found)
    kinds = ["__parentId" in it for it in found[:8]]
    assert kinds == [False] * 8


def test_grouped_children_follow_their_parent(shop: Shop) -> None:
    owner = ""
    for row in done(shop, BULK, grouped=True):
        assert row.get("__parentId", row["id"]) in (owner, row["id"])
        owner = row.get("__parentId", row["id"])


def after_parents(found: list[dict[str, Any]]) -> bool:
    seen: set[str] = set()
    orders: dict[str, list[str]] = defaultdict(list)
    for row in found:
        if "__parentId" in row:
            orders[row["__parentId"]].append(row["id"])
            if row["__parentId"] not in seen:
                return False
        seen.add(row["id"])
    return all(ids == sorted(ids) for ids in orders.values())


def test_connections_nest_two_levels(shop: Shop) -> None:
    query = """{ collections { nodes { id title products { nodes { id title variants { nodes { id sku } } } } } } }"""
    found = done(shop, query)
    assert after_parents([it for it in found if "title" in it])
    kinds = {it["id"].split("/")[3] for it in found}
    assert kinds == {"Collection", "Product", "ProductVariant"}


def test_no_rows_are_no_file(shop: Shop) -> None:
    gid = run(shop, '{ orders(query: "name:none") { nodes { id } } }')
    shop.advance(30)
    end = status(shop, gid)
    assert (end["status"], end["url"], end["objectCount"], end["fileSize"]) == ("COMPLETED", None, "0", None)


@pytest.mark.parametrize("query", [
    "{ shop { id } }", "{ orders { nodes { id } } products { nodes { id } } }", "{ node(id: \"gid://shopify/Order/1\") { id } }",
    "{ orders { nodes { id shippingLines { nodes { id } } } } }",
    "mutation { tagsAdd(id: \"x\", tags: []) { node { id } } }", "{ orders { nodes { wealth } } }", "{ orders {",
    "{ orders { nodes { id refunds { refundLineItems { nodes { id } } } } } }",
    "{ collections { nodes { id products { nodes { id collections { nodes { id products { nodes { id } } } } } } } } }",
    """{ products { nodes { id a: variants { nodes { id } } b: variants { nodes { id } } c: variants { nodes { id } }
         d: collections { nodes { id } } e: collections { nodes { id } } } } }""",
])  # fmt: skip
def test_queries_that_are_not_taken(shop: Shop, query: str) -> None:
    assert refused(shop, query)["code"] == "INVALID"


def test_five_at_once(shop: Shop) -> None:
    going = [run(shop, BULK) for _ in range(5)]
    assert refused(shop, BULK)["code"] == "LIMIT_REACHED"
    other = shop.tokens.permanent(shop.install())
    run(shop, BULK, token=other)
    assert shop.graphql(BULK_STATUS, {"id": going[0]}, token=other)["data"]["bulkOperation"] is None
    shop.advance(30)
    run(shop, BULK)
    listed = shop.graphql(
        '{ bulkOperations(first: 10, query: "status:COMPLETED operation_type:query") { nodes { id } } }'
    )
    assert len(listed["data"]["bulkOperations"]["nodes"]) == 5


def test_one_at_once_where_that_is_the_rule() -> None:
    shop = Shop(1, orders=3, settings=replace(MEXICO, bulk_at_once=1))
    run(shop, BULK)
    assert refused(shop, BULK)["code"] == "OPERATION_IN_PROGRESS"


def test_its_app_cancels_it(shop: Shop) -> None:
    gid = run(shop, BULK)
    cancel = "mutation($i: ID!) { bulkOperationCancel(id: $i) { bulkOperation { status } userErrors { message } } }"
    assert shop.graphql(cancel, {"i": gid})["data"]["bulkOperationCancel"]["bulkOperation"]["status"] == "CANCELING"
    shop.advance(1)
    assert status(shop, gid)["status"] == "CANCELED"
    assert shop.graphql(cancel, {"i": gid})["data"]["bulkOperationCancel"]["userErrors"]


@pytest.mark.parametrize(("fault", "end", "error"), [
    ("bulk_failed", "FAILED", "INTERNAL_SERVER_ERROR"), ("bulk_partial", "FAILED", "TIMEOUT"),
    ("bulk_canceled", "CANCELED", None), ("bulk_stuck", "RUNNING", None), ("bulk_expired", "COMPLETED", None),
])  # fmt: skip
def test_it_goes_wrong_on_command(shop: Shop, fault: str, end: str, error: str | None) -> None:
    shop.faults.add(fault, times=1)
    gid = run(shop, BULK)
    shop.advance(3_600)
    said = status(shop, gid)
    assert (said["status"], said["errorCode"]) == (end, error)
    assert (said["url"] is None) is (fault != "bulk_expired")
    assert (said["partialDataUrl"] is not None) is (fault == "bulk_partial")
    if fault == "bulk_partial":
        part = rows(shop, said["partialDataUrl"])
        assert 0 < sum("__parentId" not in it for it in part) < 80
    if fault == "bulk_expired":
        assert shop.get(said["url"]).status == 400
    assert done(shop, BULK)


def test_its_address_is_signed_and_expires(shop: Shop) -> None:
    gid = run(shop, BULK)
    shop.advance(30)
    url = status(shop, gid)["url"]
    assert url.startswith(shop.url)
    assert shop.get(f"{url}0").status == 403
    shop.clock.advance(6 * 86_400)
    assert shop.get(url).status == 200
    shop.clock.advance(86_400)
    assert shop.get(url).status == 400
    assert shop.get("https://x/bulk/1.jsonl?Signature=").status == 404


def test_its_end_is_told_without_the_address(shop: Shop) -> None:
    heard = subscribed(shop, "bulk_operations/finish")
    gid = run(shop, BULK)
    shop.advance(30)
    assert [it.json() for it in heard.got] == [{
        "admin_graphql_api_id": gid, "completed_at": "2026-05-20T15:00:10Z", "created_at": "2026-05-20T15:00:00Z",
        "error_code": None, "status": "completed", "type": "query",
    }]  # fmt: skip


def test_a_file_of_many_orders_without_a_shop(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    roots, objects, size = write_orders(path, 300, seed=2)
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert (roots, objects, size) == (300, len(found), path.stat().st_size)
    assert after_parents(found)
    orders = [it for it in found if "__parentId" not in it]
    assert len({it["id"] for it in orders}) == 300
    assert [it["createdAt"] for it in orders] == sorted(it["createdAt"] for it in orders)
    again = tmp_path / "again.jsonl"
    write_orders(again, 300, seed=2)
    assert again.read_bytes() == path.read_bytes()
    assert set(orders[0]) == set(done(Shop(1, orders=3), QUERY)[0])


def test_a_file_of_a_shop_that_keeps_its_people_and_gives_money_back_only(tmp_path: Path) -> None:
    shop = Shop(2, orders=0)
    shop.past.units_back = False
    told: list[int] = []
    path = tmp_path / "orders.jsonl"
    write_orders_of(shop, path, 300, query=QUERY, told=lambda order: told.append(order.id))
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    orders = [it for it in found if "__parentId" not in it]
    assert [f"gid://shopify/Order/{number}" for number in told] == [it["id"] for it in orders]
    assert not shop.world.orders
    bought = {it["customer"]["id"] for it in orders if it["customer"]}
    assert bought <= {f"gid://shopify/Customer/{number}" for number in shop.truth.customers()}
    standing = [it for it in orders if it["cancelledAt"] is None]
    assert any(it["displayFinancialStatus"] == "PARTIALLY_REFUNDED" for it in standing)
    assert {it["displayFinancialStatus"] for it in standing} <= {"PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED"}
