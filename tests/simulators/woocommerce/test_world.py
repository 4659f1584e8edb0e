"""The shop as a thing to test with: deterministic, alive, able to fail by rate and by plan, and truthful."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from cuadra_simulators.woocommerce import ACTS, ARGENTINA, COLOMBIA, MADRID, Shop
from cuadra_simulators.woocommerce.faults import KINDS
from tests.simulators.woocommerce.receiver import Receiver, subscribed


def everything(shop: Shop) -> bytes:
    """All that the REST face shows of a shop."""
    paths = ("orders", "products", "customers", "products/categories", "coupons", "refunds")
    return b"".join(shop.request("GET", path, params={"per_page": 100}).body for path in paths)


@pytest.mark.parametrize("settings", [ARGENTINA, COLOMBIA, MADRID])
def test_the_same_seed_gives_the_same_bytes(settings: Any) -> None:
    first, second, other = (Shop(seed, orders=60, settings=settings) for seed in (7, 7, 8))
    assert everything(first) == everything(second)
    assert everything(first) != everything(other)


def test_the_same_life_sends_the_same_bytes() -> None:
    sent = []
    for _ in range(2):
        shop = Shop(7, orders=50, settings=COLOMBIA)
        receiver = subscribed(shop)
        events = shop.live(300)
        sent.append((events, [(got.topic, got.body) for got in receiver.deliveries], everything(shop)))
    assert sent[0] == sent[1]
    assert len(sent[0][1]) > 200


def test_the_shop_opens_with_some_of_everything() -> None:
    shop = Shop(3, orders=400, settings=COLOMBIA)
    orders = list(shop.world.orders.values())
    assert {order.status for order in orders} >= {
        "pending",
        "processing",
        "completed",
        "cancelled",
        "failed",
        "refunded",
        "trash",
        "on-hold",
    }
    assert any(order.refunds for order in orders)
    assert any(order.coupons for order in orders)
    assert any(order.customer_id for order in orders)
    assert any(not order.customer_id for order in orders)
    assert {product.type for product in shop.world.products.values()} == {
        "simple",
        "variable",
        "variation",
        "external",
        "grouped",
    }
    assert len(shop.odd) > 25
    begun = min(order.created for order in orders)
    assert shop.clock.now - begun > 50 * 86_400
    assert all(order.created <= order.modified <= shop.clock.now for order in orders)


def test_life_does_everything_and_the_truth_follows() -> None:
    shop = Shop(5, orders=40, settings=COLOMBIA)
    events = Counter(event.act for event in shop.live(1500))
    assert set(events) >= set(ACTS) - {"untrash"}
    truth = shop.truth.orders()
    assert set(truth) == set(shop.world.orders) | set(shop.world.erased)
    listed = {order["id"]: order for page in range(1, 20) for order in shop.get("orders", per_page=100, page=page)}
    assert set(listed) == {number for number, order in truth.items() if order.listed}
    for number, order in listed.items():
        true = truth[number]
        assert (Decimal(order["total"]), order["status"]) == (true.total, true.status)
        assert sum((Decimal(refund["total"]) for refund in order["refunds"]), Decimal(0)) == -true.refunded
        assert [line["quantity"] for line in order["line_items"]] == [line.quantity for line in true.lines]
    assert shop.truth.sum() == sum((Decimal(o["total"]) for o in listed.values() if o["currency"] == "COP"), Decimal(0))


def test_the_truth_knows_what_was_announced(shop: Shop) -> None:
    receiver = subscribed(shop)
    heard, unheard = shop.desk.place(), shop.desk.place()
    shop.faults.add("webhook_drop", path=r"order\.created")
    shop.deliver()
    assert shop.truth.order(heard).announced == 2
    receiver.answers = {"order.created": 500, "order.updated": 500}
    third = shop.desk.place()
    shop.deliver()
    assert shop.truth.order(third).announced == 0
    receiver.answers = {}
    shop.desk.trash(unheard)
    shop.deliver()
    assert shop.truth.order(unheard).deletion_announced
    shop.desk.erase(unheard)
    gone = shop.truth.order(unheard)
    assert (gone.exists, gone.listed, gone.deleted) == (False, False, True)


def test_edits_within_one_second_share_their_stamp(shop: Shop) -> None:
    receiver = subscribed(shop, "order.updated")
    number = shop.desk.place()
    shop.deliver()
    receiver.clear()
    for note in ("uno", "dos"):
        shop.desk.edit(number, note=note)
        shop.deliver()
    first, second = (got.json() for got in receiver.deliveries)
    assert first["date_modified_gmt"] == second["date_modified_gmt"]
    assert first != second


def test_a_lively_shop_sends_two_contents_under_one_stamp() -> None:
    shop = Shop(5, orders=40, settings=COLOMBIA)
    receiver = subscribed(shop, "order.updated")
    shop.live(40, act="edit_twice")
    shop.advance(120)
    stamps: dict[tuple[int, str], set[bytes]] = {}
    for got in receiver.deliveries:
        order = got.json()
        stamps.setdefault((order["id"], order["date_modified_gmt"]), set()).add(got.body)
    assert max(len(bodies) for bodies in stamps.values()) >= 2


def test_a_plugin_brings_a_status(shop: Shop) -> None:
    assert shop.request("GET", "orders", params={"status": "en-camino"}).status == 400
    shop.register_status("en-camino", "En camino")
    number = shop.desk.place(paid=True)
    assert shop.request("PUT", f"orders/{number}", body={"status": "en-camino"}).json()["status"] == "en-camino"
    assert number in [order["id"] for order in shop.get("orders", status="en-camino")]
    assert number in [order["id"] for order in shop.get("orders", per_page=100)]
    assert {"slug": "en-camino", "name": "En camino", "total": 1} in shop.get("reports/orders/totals")
    shop.live(80)


def test_faults_strike_by_rate(shop: Shop) -> None:
    shop.faults.add("error_500", rate=0.3)
    answers = [shop.request("GET", "orders", params={"per_page": 1}).status for _ in range(400)]
    struck = answers.count(500)
    assert struck == shop.faults.happened["error_500"]
    assert 85 <= struck <= 155
    shop.faults.clear()
    assert shop.request("GET", "orders").status == 200
    again = Shop(1, orders=60, settings=COLOMBIA)
    again.faults.add("error_500", rate=0.3)
    assert [again.request("GET", "orders", params={"per_page": 1}).status for _ in range(400)] == answers


def test_faults_strike_by_plan(shop: Shop) -> None:
    shop.faults.add("too_many", calls=[2, 3], path=r"GET orders$", seconds=7)
    shop.faults.add("firewall", times=1, path="webhooks")
    replies = [
        shop.request("GET", path)
        for path in ("orders", "products", "orders", "webhooks", "orders", "orders", "webhooks")
    ]
    assert [reply.status for reply in replies] == [200, 200, 429, 403, 429, 200, 200]
    assert replies[2].header("Retry-After") == "7"
    assert replies[2].header("Content-Type") == "text/html"
    with pytest.raises(ValueError, match="there is no fault"):
        shop.faults.add("earthquake")


def test_pages_lie_while_they_say_200(shop: Shop) -> None:
    def read() -> tuple[list[int], str]:
        reply = shop.request("GET", "orders", params={"per_page": 10, "_fields": "id"})
        return [order["id"] for order in reply.json()], reply.header("X-WP-Total")

    good, total = read()
    shop.faults.add("short_page", times=1, path="GET products")
    assert read() == (good, total)
    shop.faults.clear()
    shop.faults.add("short_page", times=1, path="GET orders$")
    short, same = read()
    assert short == good[: len(short)]
    assert len(short) < 10
    assert same == total
    shop.faults.add("skip_item", times=1)
    assert len(set(good) - set(read()[0])) == 1
    shop.faults.add("repeat_item", times=1)
    repeated = read()[0]
    assert len(repeated) == 11
    assert set(repeated) == set(good)
    shop.faults.add("no_totals", times=1)
    assert read()[1] == ""
    shop.faults.add("cut_body", times=1)
    with pytest.raises(ValueError):
        shop.request("GET", "orders").json()
    shop.faults.add("php_warning", times=1)
    warned = shop.request("GET", "orders")
    assert warned.status == 200
    assert warned.body.startswith(b"<br />\n<b>Warning</b>")
    assert read() == (good, total)


def test_an_index_may_lag(shop: Shop) -> None:
    since = {"modified_after": "2026-05-20T15:00:00", "dates_are_gmt": "true", "orderby": "modified", "order": "asc"}
    shop.faults.add("index_lag", seconds=120)
    old = next(order.id for order in shop.world.orders.values() if order.status == "processing")
    shop.clock.advance(10)
    new = shop.desk.place()
    shop.desk.edit(old, note="late")
    assert shop.get("orders", **since) == []
    assert shop.request("GET", f"orders/{new}").status == 200  # by its number it is there
    shop.clock.advance(119)
    assert shop.get("orders", **since) == []
    shop.clock.advance(1)
    late = shop.get("orders", **since)
    assert {order["id"] for order in late} == {old, new}
    assert {order["date_modified_gmt"] for order in late} == {
        "2026-05-20T15:00:10"
    }  # long before the walk that sees it


def test_webhooks_are_dropped_doubled_late_and_mixed(shop: Shop) -> None:
    receiver = subscribed(shop, "order.created")
    shop.faults.add("webhook_drop", calls=[2])
    numbers = [shop.desk.place() for _ in range(3)]
    shop.deliver()
    assert [got.json()["id"] for got in receiver.deliveries] == [numbers[0], numbers[2]]
    shop.faults.clear()
    receiver.clear()
    shop.faults.add("webhook_duplicate", times=1)
    shop.desk.place()
    shop.deliver()
    assert len(receiver.deliveries) == 2
    assert receiver.deliveries[0].body == receiver.deliveries[1].body
    receiver.clear()
    shop.faults.add("webhook_delay", times=1, seconds=600)
    late = shop.desk.place()
    shop.deliver()
    shop.clock.advance(599)
    assert shop.deliver() == []
    shop.clock.advance(1)
    shop.deliver()
    assert [got.json()["id"] for got in receiver.deliveries] == [late]
    receiver.clear()
    shop.faults.clear()
    shop.faults.add("webhook_reorder")
    numbers = [shop.desk.place() for _ in range(20)]
    shop.deliver()
    order = [got.json()["id"] for got in receiver.deliveries]
    assert sorted(order) == numbers != order


def test_every_fault_strikes(shop: Shop) -> None:
    subscribed(shop)
    for kind in KINDS:
        shop.faults.add(kind, rate=0.2, seconds=1)
        shop.live(20, act="place")
        for _ in range(20):
            shop.request("GET", "orders", params={"per_page": 5})
        shop.deliver()
        assert shop.faults.happened[kind] or kind == "index_lag", kind
        shop.faults.clear()


def test_calls_are_counted_by_route(shop: Shop) -> None:
    for number in list(shop.world.orders)[:3]:
        shop.get(f"orders/{number}")
    shop.get("orders")
    shop.request("PUT", "orders/999999", body={})
    assert shop.calls == {"GET orders/{id}": 3, "GET orders": 1, "PUT orders/{id}": 1}


def test_the_merchant_may_write_behind_the_shop(shop: Shop) -> None:
    receiver = subscribed(shop)
    number = shop.desk.place()
    shop.deliver()
    receiver.clear()
    before = shop.get(f"orders/{number}")
    shop.clock.advance(9)
    shop.desk.write_behind(number, status="completed")
    assert shop.deliver() == []
    assert shop.get(f"orders/{number}") == {**before, "status": "completed", **_flags("completed")}


def _flags(status: str) -> dict[str, Any]:
    assert status == "completed"
    return {"is_editable": False, "needs_payment": False}


def test_bodies_are_the_state_of_the_delivery_not_of_the_event(shop: Shop) -> None:
    receiver: Receiver = subscribed(shop, "order.created")
    number = shop.desk.place()
    shop.desk.pay(number)
    shop.deliver()
    assert json.loads(receiver.deliveries[0].body)["status"] == "processing"
    shop.desk.trash(shop.desk.place())
    shop.deliver()
    assert receiver.deliveries[1].json()["status"] == "trash"
