"""Behaviours 16 to 21 of the recordings: lists, pages, bounds of time, and what the shop does by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cuadra_simulators.woocommerce import COLOMBIA, MADRID, Shop
from cuadra_simulators.woocommerce.clock import iso
from cuadra_simulators.woocommerce.rest.dates import bound
from tests.simulators.woocommerce.conftest import Recorded
from tests.simulators.woocommerce.receiver import subscribed

MEANT = "2026-11-10T12:00:00"


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def ids(shop: Shop, path: str = "orders", **params: Any) -> list[int]:
    """The ids of one page."""
    return [item["id"] for item in shop.get(path, _fields="id", **params)]


def refused(shop: Shop, recorded: Any, path: str, **params: Any) -> None:
    """The same refusal as recorded: status, body, and whether Allow is there."""
    reply = shop.request("GET", path, params=params)
    assert (reply.status, reply.json()) == (recorded["status"], recorded["body"])
    assert reply.header("Allow") == dict(recorded["headers"]).get("Allow", "")


@pytest.mark.parametrize("zone", ["America/Bogota", "Europe/Madrid"])
def test_behaviour_16_every_reading_of_a_bound_to_the_second(zone: str, recorded: Recorded) -> None:
    table = recorded("behaviours/modified_after_thresholds")[f"{zone} (HPOS)"]
    assert len(table) == 7
    for told in table.values():
        given = told["params"]
        limit = bound(given["modified_after"], ZoneInfo(zone), are_gmt=given.get("dates_are_gmt") == "true")
        assert iso(limit + 1) == told["first_included_date_modified_gmt"], given
        assert limit + 1 - seconds(MEANT) == told["seconds_from_meant_instant"]


@pytest.mark.parametrize("settings", [COLOMBIA, MADRID])
def test_behaviour_16_bounds_are_exclusive_in_lists_too(settings: Any, recorded: Recorded) -> None:
    shop = Shop(1, orders=12, settings=settings)
    table = recorded("behaviours/modified_after_thresholds")[f"{settings.zone} (HPOS)"]
    number = shop.desk.place()
    for told in table.values():
        first = seconds(told["first_included_date_modified_gmt"])
        for modified, there in ((first, True), (first - 1, False)):
            shop.desk.write_behind(number, modified=modified)
            assert (number in ids(shop, **told["params"])) is there


@pytest.mark.parametrize(
    ("name", "text"), [("date_only", "2026-11-02"), ("unix", "1780000000"), ("empty", ""), ("bad", "xx")]
)
def test_behaviour_16_other_texts_are_refused(shop: Shop, recorded: Recorded, name: str, text: str) -> None:
    refused(shop, recorded(f"orders_modified_after/{name}"), "orders", modified_after=text)


def test_behaviour_16_after_and_before_are_exclusive(shop: Shop, recorded: Recorded) -> None:
    assert recorded("behaviours/after_before_bounds") == {
        "after equal to date_created": [],
        "before equal to date_created": [],
    }
    order = next(iter(shop.world.orders.values()))
    stamp = iso(order.created)
    for name, off in (("after", -1), ("before", 1)):
        assert order.id not in ids(shop, **{name: stamp}, dates_are_gmt="true", per_page=100)
        assert order.id in ids(shop, **{name: iso(order.created + off)}, dates_are_gmt="true", per_page=100)
    for name in ("after_bad", "after_date_only"):
        text = {"after_bad": "ayer", "after_date_only": "2026-11-01"}[name]
        refused(shop, recorded(f"orders_list/{name}"), "orders", after=text)


def test_behaviour_17_any_has_drafts_and_no_trash(shop: Shop, recorded: Recorded) -> None:
    draft, thrown = shop.desk.open_checkout(), shop.desk.place()
    shop.desk.trash(thrown)
    listed = ids(shop, status="any", per_page=100)
    assert draft in listed
    assert thrown not in listed
    assert ids(shop, status="any,trash", per_page=100) == listed == ids(shop, per_page=100)
    assert thrown in ids(shop, status="trash", per_page=100)
    one = shop.request("GET", f"orders/{thrown}")
    assert (one.status, one.json()["status"]) == (200, "trash")
    for name, status in (("status_wc-processing", "wc-processing"), ("status_bogus", "bogus")):
        refused(shop, recorded(f"orders_list/{name}"), "orders", status=status)
    assert ids(shop, status="auto-draft") == []
    both = shop.get("orders", status="processing,completed", per_page=100)
    assert {order["status"] for order in both} == {"processing", "completed"}


def test_behaviour_18_beyond_the_last_page(shop: Shop, recorded: Recorded) -> None:
    theirs = recorded("orders_list/p3_beyond_last_page")
    reply = shop.request("GET", "orders", params={"per_page": 100, "page": 3})
    assert (reply.status, reply.json()) == (200, [])
    assert [reply.header(f"X-WP-Total{tail}") for tail in ("", "Pages")] == ["0", "0"]
    for link in (reply.header("Link"), dict(theirs["headers"])["Link"]):
        assert link.endswith('/wc/v3/orders?per_page=100&page=0&status%5B0%5D=any>; rel="prev"')
    total = len(ids(shop, per_page=100))
    old = Shop(1, orders=60, settings=replace(COLOMBIA, hpos=False))
    assert old.request("GET", "orders", params={"page": 90}).header("X-WP-Total") == str(total)
    products = shop.request("GET", "products", params={"per_page": 100, "page": 9})
    assert products.json() == []
    assert int(products.header("X-WP-Total")) > 0
    assert 'page=2>; rel="prev"' in products.header("Link")


def test_behaviour_18_pages_drift(shop: Shop, recorded: Recorded) -> None:
    seen = recorded("behaviours/pagination_drift_new_order")
    first = ids(shop, per_page=10)
    shop.clock.advance(1)
    shop.desk.place()
    second = ids(shop, per_page=10, page=2)
    assert set(first) & set(second) == {first[-1]}
    assert len(seen["seen_twice"]) == 1
    skipped = recorded("behaviours/pagination_drift_modified_asc")["skipped_by_page_numbers"]
    walk: dict[str, Any] = {"orderby": "modified", "order": "asc", "per_page": 5}
    everything = ids(shop, **{**walk, "per_page": 100})
    first = ids(shop, **walk)
    shop.desk.edit(first[1], note="changed between two pages")
    second = ids(shop, **walk, page=2)
    assert [number for number in everything[5:6] if number not in second] == everything[5:6]
    assert len(skipped) == 1


def test_behaviour_18_links_are_prev_and_next(shop: Shop, recorded: Recorded) -> None:
    reply = shop.request("GET", "orders", params={"per_page": 10, "page": 2})
    theirs = dict(recorded("orders_list/p2_per_page100")["headers"])["Link"]
    assert theirs.endswith('/wc/v3/orders?per_page=100&page=1&status%5B0%5D=any&dp=0&context=view>; rel="prev"')
    before, after = reply.header("Link").split(", ")
    for link, page, rel in ((before, 1, "prev"), (after, 3, "next")):
        assert f"&page={page}&" in link
        assert "&status%5B0%5D=any&dp=0&context=view>" in link
        assert link.endswith(f'rel="{rel}"')


def test_behaviour_19_customers_know_no_time(shop: Shop, recorded: Recorded) -> None:
    everybody = ids(shop, "customers", per_page=100)
    assert ids(shop, "customers", per_page=100, modified_after="2026-11-20T00:00:00") == everybody
    refused(shop, recorded("customers/orderby_modified_invalid"), "customers", orderby="modified")
    logins = [item["username"] for item in shop.get("customers", per_page=100)]
    assert logins == sorted(logins)
    assert shop.admin.id not in everybody
    assert shop.get(f"customers/{shop.admin.id}")["role"] == "administrator"
    assert shop.admin.id in ids(shop, "customers", per_page=100, role="all")
    theirs = [item["username"] for item in recorded("customers/p1_per_page100")["body"]]
    assert theirs == sorted(theirs)


def test_behaviour_19_unknown_parameters_are_ignored(shop: Shop, recorded: Recorded) -> None:
    assert recorded("orders_list/unknown_param_ignored")["status"] == 200
    assert ids(shop, foo="bar") == ids(shop)
    assert ids(shop, number="258") == ids(shop)


def test_behaviour_20_the_shop_keeps_house(shop: Shop, recorded: Recorded) -> None:
    step = next(it for it in recorded("webhooks/STEPS") if it["step"].startswith("S62"))
    assert [it["topic"] for it in step["deliveries"]] == ["order.updated"]
    receiver = subscribed(shop)
    draft, unpaid = shop.desk.open_checkout(), shop.desk.place(via="checkout")
    by_hand = shop.desk.place(via="admin")
    shop.deliver()
    receiver.clear()
    shop.advance(59 * 60)
    assert shop.get(f"orders/{unpaid}")["status"] == "pending"
    shop.advance(4 * 60)
    assert shop.get(f"orders/{unpaid}")["status"] == "cancelled"
    assert shop.get(f"orders/{by_hand}")["status"] == "pending"
    mine = [got for got in receiver.deliveries if unpaid in (got.json().get("id"), got.json().get("arg"))]
    assert [got.topic for got in mine if got.topic.startswith("order.")] == ["order.updated"]
    receiver.clear()
    shop.clock.advance(86_400)
    shop.advance(120)
    assert shop.request("GET", f"orders/{draft}").status == 404
    assert not [got for got in receiver.deliveries if got.json().get("id") == draft]
    assert not shop.truth.order(draft).exists


def test_behaviour_21_fields_make_lists_light(big_shop: Shop, recorded: Recorded) -> None:
    timing = recorded("behaviours/list_timing_ms")
    assert min(timing["100 full objects"]) > 5 * max(timing["100 with _fields=id,date_modified_gmt,status,total"])
    full = big_shop.request("GET", "orders", params={"per_page": 100})
    light = big_shop.request("GET", "orders", params={"per_page": 100, "_fields": "id,date_modified_gmt,status,total"})
    assert len(full.body) > 20 * len(light.body)
    assert list(light.json()[0]) == ["id", "status", "total", "date_modified_gmt"]  # in their own order
    nested = big_shop.get("orders", _fields="id,billing.email,line_items.sku", per_page=2)
    assert [list(order) for order in nested] == [list(it) for it in recorded("orders_list/fields_nested")["body"]]
    single = big_shop.get(f"orders/{nested[0]['id']}", _fields="id,status,date_modified")
    assert list(single) == list(recorded("behaviours/order_after_direct_sql")["body"])


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("per_page_0", {"per_page": 0}), ("per_page_101", {"per_page": 101}), ("per_page_text", {"per_page": "x"}),
        ("page_0", {"page": 0}), ("orderby_bogus", {"orderby": "total"}),
    ],
)  # fmt: skip
def test_list_parameters_are_checked_as_recorded(
    shop: Shop, recorded: Recorded, name: str, params: dict[str, Any]
) -> None:
    refused(shop, recorded(f"orders_list/{name}"), "orders", **params)


def test_lists_can_be_narrowed_and_sorted(shop: Shop, recorded: Recorded) -> None:
    everything = ids(shop, per_page=100)
    assert ids(shop, per_page=100, orderby="id", order="asc") == sorted(everything)
    assert ids(shop, include=f"{everything[4]},{everything[2]},999999") == [everything[2], everything[4]]
    asked = [everything[4], everything[2], everything[9]]
    assert ids(shop, include=",".join(map(str, asked)), orderby="include") == asked
    assert ids(shop, exclude=f"{everything[0]},{everything[1]}", per_page=2) == everything[2:4]
    assert ids(shop, offset=5, per_page=2) == everything[5:7]
    order = next(order for order in shop.world.orders.values() if order.billing.email and order.status != "trash")
    assert order.id in ids(shop, search=order.billing.email, per_page=100)
    assert ids(shop, search=str(order.id)) == [order.id]
    assert set(ids(shop, customer=0, per_page=100)) == {
        order.id for order in shop.world.orders.values() if not order.customer_id and order.status != "trash"
    }
    product = order.lines[0].product_id
    assert order.id in ids(shop, product=product, per_page=100)
    envelope = shop.request("GET", "orders", params={"_envelope": 1, "per_page": 1, "_fields": "id"})
    theirs = recorded("orders_list/envelope")["body"]
    assert list(envelope.json()) == list(theirs)
    assert list(envelope.json()["headers"]) == list(theirs["headers"])


def test_custom_fields_can_be_chosen(shop: Shop) -> None:
    path = f"orders/{shop.odd['meta_zoo']}"
    assert {meta["key"] for meta in shop.get(path, include_meta="lista,vacio")["meta_data"]} == {"lista", "vacio"}
    left = {meta["key"] for meta in shop.get(path, exclude_meta="lista")["meta_data"]}
    assert "lista" not in left
    assert "vacio" in left


def test_custom_fields_of_long_lists_come_in_another_order(recorded: Recorded) -> None:
    theirs = next(order for order in recorded("orders_list/p1_per_page100")["body"] if order["id"] == 242)
    alone = recorded("orders_single/meta_zoo")["body"]
    assert [meta["id"] for meta in theirs["meta_data"]] == sorted(meta["id"] for meta in alone["meta_data"])
    shop = Shop(1, orders=120, settings=COLOMBIA)
    number = shop.odd["meta_zoo"]
    listed = next(
        order for page in (1, 2) for order in shop.get("orders", per_page=100, page=page) if order["id"] == number
    )
    single = shop.get(f"orders/{number}")
    keys = [meta["key"] for meta in single["meta_data"]]
    assert keys == sorted(keys)
    assert [meta["id"] for meta in listed["meta_data"]] == sorted(meta["id"] for meta in single["meta_data"])
    assert [meta["id"] for meta in listed["meta_data"]] != [meta["id"] for meta in single["meta_data"]]
