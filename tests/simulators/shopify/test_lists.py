"""Lists: pages, cursors, sorts, limits, counts, and how searches fail in silence."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cuadra_simulators.shopify import MEXICO, Shop, products
from tests.simulators.shopify.queries import COUNT, MARK, ORDERS_PAGE, REFETCH, VARIANTS

IDS = """query($first: Int, $after: String, $query: String, $sort: OrderSortKeys = PROCESSED_AT, $back: Boolean = false) {
  orders(first: $first, after: $after, query: $query, sortKey: $sort, reverse: $back) {
    nodes { id updatedAt createdAt processedAt } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
SORTS = ["CREATED_AT", "UPDATED_AT", "PROCESSED_AT", "ID", "TOTAL_PRICE", "CUSTOMER_NAME", "PO_NUMBER", "ORDER_NUMBER"]


def page(shop: Shop, **variables: Any) -> Any:
    answer = shop.graphql(IDS, {"first": 250, **variables})
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["orders"]


def walk(shop: Shop, **variables: Any) -> list[str]:
    """Ids, page by page."""
    found: list[str] = []
    after = variables.pop("after", None)
    while True:
        one = page(shop, after=after, **variables)
        found += [it["id"] for it in one["nodes"]]
        assert [it["node"]["id"] for it in one["edges"]] == [it["id"] for it in one["nodes"]]
        if not one["pageInfo"]["hasNextPage"]:
            return found
        after = one["pageInfo"]["endCursor"]
        shop.clock.advance(60)  # the cost bucket fills


def searched(shop: Shop, query: str) -> set[str]:
    return {it["id"] for it in page(shop, query=query)["nodes"]}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 120), sort=st.sampled_from(SORTS), back=st.booleans())
def test_a_walk_sees_each_order_once_when_nothing_moves(still: Shop, size: int, sort: str, back: bool) -> None:
    found = walk(still, first=size, sort=sort, back=back)
    seen = {it.gid for it in still.truth.orders().values()}
    assert len(found) == len(set(found))
    assert set(found) == seen


@pytest.mark.parametrize(("sort", "name"), [("UPDATED_AT", "updatedAt"), ("CREATED_AT", "createdAt"),
                                            ("PROCESSED_AT", "processedAt")])  # fmt: skip
def test_orders_come_in_the_order_asked_for(still: Shop, sort: str, name: str) -> None:
    stamps = [it[name] for it in page(still, sort=sort)["nodes"]]
    assert stamps == sorted(stamps)
    assert [it[name] for it in page(still, sort=sort, back=True)["nodes"]] == sorted(
        (it[name] for it in page(still, sort=sort, back=True)["nodes"]), reverse=True
    )


def test_orders_are_sorted_by_their_business_date_unless_told(still: Shop) -> None:
    plain = still.graphql("{ orders(first: 250) { nodes { id } } }")["data"]["orders"]["nodes"]
    assert [it["id"] for it in plain] == [it["id"] for it in page(still, sort="PROCESSED_AT")["nodes"]]
    assert [it["id"] for it in plain] != [it["id"] for it in page(still, sort="ID")["nodes"]]


def test_an_order_that_changes_during_a_walk_is_seen_again(shop: Shop) -> None:
    first = page(shop, first=10, sort="UPDATED_AT")
    shop.clock.advance(60)
    moved = first["nodes"][0]["id"]
    shop.graphql('mutation($id: ID!) { orderUpdate(input: {id: $id, note: "x"}) { order { id } } }', {"id": moved})
    rest = walk(shop, sort="UPDATED_AT", after=first["pageInfo"]["endCursor"])
    assert rest[-1] == moved


def test_a_cursor_is_base64_of_json(still: Shop) -> None:
    one = page(still, first=1, sort="UPDATED_AT")
    said = json.loads(base64.b64decode(one["pageInfo"]["endCursor"]))
    assert one["nodes"][0]["id"].endswith(f"/{said['last_id']}")
    assert said["last_value"] == one["nodes"][0]["updatedAt"].replace("T", " ").replace("Z", ".000000")


def test_pages_backwards(still: Shop) -> None:
    everything = walk(still, sort="ID")
    answer = still.graphql("{ orders(last: 3, sortKey: ID) { nodes { id } pageInfo { hasPreviousPage startCursor } } }")
    last = answer["data"]["orders"]
    assert [it["id"] for it in last["nodes"]] == everything[-3:]
    assert last["pageInfo"]["hasPreviousPage"]
    before = still.graphql(
        "query($c: String) { orders(last: 2, before: $c, sortKey: ID) { nodes { id } } }",
        {"c": last["pageInfo"]["startCursor"]},
    )
    assert [it["id"] for it in before["data"]["orders"]["nodes"]] == everything[-5:-3]


def test_more_than_250_are_refused(still: Shop) -> None:
    answer = still.graphql("{ orders(first: 251) { nodes { id } } }")
    assert answer["errors"][0]["message"].startswith("first cannot exceed 250.")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    nested = '{ order(id: "gid://shopify/Order/%d") { lineItems(first: 251) { nodes { id } } } }'
    assert still.graphql(nested % next(iter(still.world.orders)))["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_size_must_be_given(still: Shop) -> None:
    assert still.graphql("{ orders { nodes { id } } }")["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_cursor_that_is_none_is_refused(still: Shop) -> None:
    answer = still.graphql(IDS, {"first": 2, "after": "bm9uc2Vuc2U="})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(("odd", "size", "more"), [("lines_21", 20, True), ("lines_21", 21, False),
                                                   ("lines_60", 50, True), ("lines_260", 250, True)])  # fmt: skip
def test_nested_lists_end_silently_at_their_size(still: Shop, odd: str, size: int, more: bool) -> None:
    query = """query($id: ID!, $first: Int!, $after: String) { order(id: $id) {
      lineItems(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }"""
    gid = f"gid://shopify/Order/{still.odd[odd]}"
    answer = still.graphql(query, {"id": gid, "first": size})
    assert "errors" not in answer
    lines = answer["data"]["order"]["lineItems"]
    assert len(lines["nodes"]) == size
    assert lines["pageInfo"]["hasNextPage"] is more
    if more:
        rest = still.graphql(query, {"id": gid, "first": 250, "after": lines["pageInfo"]["endCursor"]})
        ids = [it["id"] for it in lines["nodes"] + rest["data"]["order"]["lineItems"]["nodes"]]
        assert ids == [f"gid://shopify/LineItem/{it.id}" for it in still.truth.order(still.odd[odd]).lines]


def test_a_walk_ends_at_its_limit() -> None:
    shop = Shop(1, orders=60, odd=False, settings=replace(MEXICO, walk_limit=40))
    assert len(walk(shop, first=25)) == 40
    assert len(shop.truth.orders()) == 60


def test_counts_say_how_sure_they_are(still: Shop) -> None:
    many = len(still.truth.orders())
    assert still.graphql(COUNT)["data"]["ordersCount"] == {"count": many, "precision": "EXACT"}
    limited = still.graphql("{ ordersCount(limit: 7) { count precision } }")["data"]["ordersCount"]
    assert limited == {"count": 7, "precision": "AT_LEAST"}
    paid = still.graphql(COUNT, {"q": "financial_status:paid"})["data"]["ordersCount"]["count"]
    assert paid == sum(it.financial == "PAID" for it in still.truth.orders().values())


def test_the_count_of_variants_ignores_its_query(still: Shop) -> None:
    answer = still.graphql('{ productVariantsCount(query: "sku:none-such") { count precision } }')
    assert answer["data"]["productVariantsCount"] == {"count": len(still.world.variants), "precision": "EXACT"}


def test_a_quoted_time_is_read_to_the_second_and_includes_it(still: Shop) -> None:
    stamps = sorted(it["updatedAt"] for it in page(still)["nodes"])
    edge = stamps[len(stamps) // 2]
    answer = still.graphql(IDS, {"first": 250, "query": f"updated_at:>='{edge}'"})
    assert {it["updatedAt"] for it in answer["data"]["orders"]["nodes"]} == {it for it in stamps if it >= edge}
    assert "search" not in answer["extensions"]


def test_a_time_without_quotes_is_cut_at_its_colon_and_invents_a_field(still: Shop) -> None:
    stamps = sorted(it["updatedAt"] for it in page(still)["nodes"])
    edge = next(it for it in stamps[len(stamps) // 2 :] if it[11:13] > "08")
    answer = still.graphql(IDS, {"first": 250, "query": f"updated_at:>={edge}"})
    found = [it["updatedAt"] for it in answer["data"]["orders"]["nodes"]]
    assert min(found) < edge  # the whole day, not from that time on
    warning = answer["extensions"]["search"][0]["warnings"][0]
    assert warning == {"field": edge[14:16], "message": "Invalid search field for this query.", "code": "invalid_field"}


def test_a_field_that_is_none_is_ignored_with_a_warning(still: Shop) -> None:
    answer = still.graphql(IDS, {"first": 250, "query": "updated_at_min:'2026-05-01'"})
    assert len(answer["data"]["orders"]["nodes"]) == 240
    assert answer["extensions"]["search"][0]["path"] == ["orders"]
    assert answer["extensions"]["search"][0]["warnings"][0]["code"] == "invalid_field"


def test_a_header_asks_for_the_search_block(still: Shop) -> None:
    answer = still.graphql(IDS, {"first": 1}, headers={"Shopify-Search-Query-Debug": "1"})
    assert answer["extensions"]["search"] == [{"path": ["orders"], "query": "", "warnings": []}]


def test_orders_are_found_by_what_they_are(still: Shop) -> None:
    truth = still.truth.orders()

    def where(test: Any) -> set[str]:
        return {it.gid for it in truth.values() if test(it)}

    assert searched(still, "test:true") == where(lambda it: it.test)
    assert searched(still, "status:cancelled") == where(lambda it: it.cancelled)
    assert searched(still, "status:open") == where(lambda it: not it.cancelled and not it.closed)
    assert searched(still, "tag:mayoreo") == where(lambda it: "mayoreo" in it.tags)
    assert searched(still, "tag_not:mayoreo tag:*") <= where(lambda it: "mayoreo" not in it.tags)
    assert searched(still, "source_name:pos") == where(lambda it: it.source_name == "pos")
    assert searched(still, "fulfillment_status:partial") == where(lambda it: it.fulfillment == "PARTIALLY_FULFILLED")
    assert searched(still, "financial_status:refunded OR financial_status:voided") == where(
        lambda it: it.financial in ("REFUNDED", "VOIDED")
    )
    one = next(iter(truth.values()))
    assert searched(still, f"name:'{one.name}'") == {one.gid}
    assert searched(still, f"id:{one.id}") == {one.gid}
    assert searched(still, f"id:>={one.id} NOT test:true") == where(lambda it: it.id >= one.id and not it.test)


def test_closed_and_cancelled_orders_are_listed_unless_told(still: Shop) -> None:
    found = {it["id"] for it in page(still)["nodes"]}
    truth = still.truth.orders()
    assert any(truth[int(it.rpartition("/")[2])].cancelled for it in found)


def test_products_are_active_ones_unless_told(still: Shop) -> None:
    def titles(query: str | None) -> set[str]:
        asked = "query($q: String) { products(first: 250, query: $q) { nodes { status } } }"
        return {it["status"] for it in still.graphql(asked, {"q": query})["data"]["products"]["nodes"]}

    assert titles(None) == {"ACTIVE"}
    assert titles("status:active,draft,archived,unlisted") == {"ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED"}
    open_shop = Shop(1, orders=3, settings=replace(MEXICO, default_product_status=""))
    everything = open_shop.graphql("{ products(first: 250) { nodes { status } } }")["data"]["products"]["nodes"]
    assert {it["status"] for it in everything} == {"ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED"}


def test_customers_are_matched_by_the_whole_day(shop: Shop) -> None:
    shop.clock.advance(86_400)
    who = next(iter(shop.world.customers.values()))
    shop.graphql('mutation($id: ID!) { tagsAdd(id: $id, tags: ["x"]) { node { id } } }',
                 {"id": f"gid://shopify/Customer/{who.id}"})  # fmt: skip
    asked = "query($q: String) { customers(first: 250, query: $q) { nodes { id } } }"
    late = shop.graphql(asked, {"q": "updated_at:>='2026-05-21T22:59:59Z'"})["data"]["customers"]["nodes"]
    assert [it["id"] for it in late] == [f"gid://shopify/Customer/{who.id}"]  # changed at 15:00 of that day


def test_a_late_index_shows_changes_by_id_first() -> None:
    shop = Shop(1, orders=40, settings=replace(MEXICO, index_delay=120))
    shop.clock.advance(200)
    placed = shop.life.step("place").order_id
    gid = f"gid://shopify/Order/{placed}"
    assert shop.graphql(REFETCH, {"ids": [gid]})["data"]["nodes"][0]["id"] == gid
    assert gid not in searched(shop, "")
    shop.clock.advance(121)
    assert gid in searched(shop, "")
    since = "updated_at:>='2026-05-20T15:05:00Z'"
    shop.graphql('mutation($id: ID!) { tagsAdd(id: $id, tags: ["x"]) { node { id } } }', {"id": gid})
    assert gid not in searched(shop, since)
    shop.clock.advance(121)
    assert gid in searched(shop, since)


def test_an_index_lags_on_command(shop: Shop) -> None:
    shop.faults.add("index_lag", seconds=60)
    placed = shop.life.step("place").order_id
    assert f"gid://shopify/Order/{placed}" not in searched(shop, "")
    shop.faults.clear()
    assert f"gid://shopify/Order/{placed}" in searched(shop, "")


def test_ids_of_what_is_gone_are_null_among_the_others(shop: Shop) -> None:
    product = next(iter(shop.world.products.values()))
    ids = [
        f"gid://shopify/Product/{product.id}",
        "gid://shopify/Order/1",
        f"gid://shopify/Order/{next(iter(shop.world.orders))}",
    ]
    with shop.world.action():
        products.erase(shop.world, product, shop.clock.now)
    found = shop.graphql("query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", {"ids": ids})["data"]["nodes"]
    assert found == [None, None, {"id": ids[2], "__typename": "Order"}]


def test_more_than_250_ids_are_refused(still: Shop) -> None:
    gid = f"gid://shopify/Order/{next(iter(still.world.orders))}"
    assert len(still.graphql(REFETCH, {"ids": [gid] * 250})["data"]["nodes"]) == 250
    answer = still.graphql(REFETCH, {"ids": [gid] * 251})
    assert answer["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_an_id_that_is_none_is_refused(still: Shop) -> None:
    for gid in ("6123456780042", "gid://shopify/Product/1"):
        assert "errors" in still.graphql("query($i: ID!) { order(id: $i) { id } }", {"i": gid})


def test_parts_of_orders_are_found_by_id(still: Shop) -> None:
    order = still.truth.order(still.odd["part_refunded"])
    ids = [f"gid://shopify/LineItem/{order.lines[0].id}", f"gid://shopify/Refund/{order.refunds[0].id}",
           f"gid://shopify/OrderTransaction/{order.transactions[0].id}"]  # fmt: skip
    found = still.graphql("query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", {"ids": ids})["data"]["nodes"]
    assert [it["__typename"] for it in found] == ["LineItem", "Refund", "OrderTransaction"]


def test_an_order_is_found_by_a_custom_id(shop: Shop) -> None:
    gid = f"gid://shopify/Order/{next(iter(shop.world.orders))}"
    shop.graphql(MARK, {"m": [{"ownerId": gid, "namespace": "cuadra", "key": "ref", "value": "A-1", "type": "id"}]})
    asked = '{ orderByIdentifier(identifier: {customId: {namespace: "cuadra", key: "ref", value: "A-1"}}) { id } }'
    assert shop.graphql(asked)["data"]["orderByIdentifier"]["id"] == gid


def test_variants_are_paged_by_id(still: Shop) -> None:
    first = still.graphql(VARIANTS, {"first": 5})["data"]["productVariants"]
    rest = still.graphql(VARIANTS, {"first": 250, "after": first["pageInfo"]["endCursor"]})["data"]["productVariants"]
    assert len(first["nodes"]) + len(rest["nodes"]) == len(still.world.variants)
    assert still.graphql(VARIANTS, {"first": 9, "query": "sku:'PAV-0500-RO'"})["data"]["productVariants"]["nodes"][1]


def test_pages_leave_out_and_repeat_on_command(shop: Shop) -> None:
    everything = walk(shop, first=10, sort="ID")
    shop.faults.add("skip_item", calls=[1], path="orders")
    assert len(walk(shop, first=10, sort="ID")) == len(everything) - 1
    shop.faults.clear()
    shop.faults.add("repeat_item", calls=[1], path="orders")
    twice = walk(shop, first=10, sort="ID")
    assert (len(twice), set(twice)) == (len(everything) + 1, set(everything))


def test_the_page_of_integrations_comes_through(still: Shop) -> None:
    answer = still.graphql(ORDERS_PAGE, {"first": 100, "query": "updated_at:>='2026-01-01T00:00:00Z'"})
    assert "errors" not in answer
    assert len(answer["data"]["orders"]["nodes"]) == 100
