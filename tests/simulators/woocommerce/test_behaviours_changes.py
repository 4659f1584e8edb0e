"""Behaviours 9 to 15 of the recordings: what changes without a word, what speaks without a change, and signatures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.woocommerce import COLOMBIA, Shop
from cuadra_simulators.woocommerce.model import Order
from cuadra_simulators.woocommerce.webhooks import signature
from tests.simulators.woocommerce.conftest import Recorded
from tests.simulators.woocommerce.receiver import HUB, SECRET, Receiver, subscribed


def placed(shop: Shop) -> int:
    """An order of a product that keeps stock, paid, with everything delivered."""
    product = next(p.id for p in shop.world.products.values() if p.type == "simple" and (p.stock or 0) > 20)
    number = shop.desk.place([(product, 2)], paid=True)
    shop.deliver()
    return number


def quiet(shop: Shop, receiver: Receiver) -> Receiver:
    """Deliver, forget, and let a second pass."""
    shop.deliver()
    receiver.clear()
    shop.clock.advance(1)
    return receiver


def test_behaviour_09_a_status_takes_an_order_silently_out_of_the_trash(shop: Shop, recorded: Recorded) -> None:
    step = next(it for it in recorded("webhooks/STEPS") if it["step"].startswith("S11"))
    receiver = subscribed(shop)
    number = placed(shop)
    shop.desk.trash(number)
    quiet(shop, receiver)
    answer = shop.request("PUT", f"orders/{number}", body={"status": "pending"}).json()
    assert answer["status"] == "pending"
    assert any(meta["key"] == "_wp_trash_meta_status" for meta in answer["meta_data"])
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in step["deliveries"]]
    shop.desk.trash(number)
    quiet(shop, receiver)
    shop.desk.restore(number)
    shop.deliver()
    assert receiver.topics() == ["order.restored"]
    restored = receiver.deliveries[0].json()
    assert restored["status"] == "pending"
    theirs = json.loads(recorded("webhooks/S58__01_order_restored")["request"]["body_raw"])
    for order in (restored, theirs):
        assert not [meta for meta in order["meta_data"] if meta["key"].startswith("_wp_trash")]


def test_behaviour_09_the_old_storage_does_speak() -> None:
    shop = Shop(1, orders=5, settings=replace(COLOMBIA, hpos=False))
    receiver = subscribed(shop, "order.updated")
    number = placed(shop)
    shop.desk.trash(number)
    quiet(shop, receiver)
    shop.request("PUT", f"orders/{number}", body={"status": "pending"})
    shop.deliver()
    assert receiver.topics() == ["order.updated"]


def test_behaviour_10_deleting_a_refund_leaves_no_trace(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop)
    number = placed(shop)
    quiet(shop, receiver)
    before = shop.get(f"orders/{number}")
    refund = shop.request(
        "POST", f"orders/{number}/refunds", body={"amount": "1000", "api_refund": False, "reason": "r"}
    )
    assert refund.status == 201
    shop.deliver()
    after = shop.get(f"orders/{number}")
    assert receiver.topics() == ["order.updated"]
    assert after["date_modified_gmt"] > before["date_modified_gmt"]
    assert after["refunds"] == [{"id": refund.json()["id"], "reason": "r", "total": "-1000"}]
    quiet(shop, receiver)
    gone = shop.request("DELETE", f"orders/{number}/refunds/{refund.json()['id']}", params={"force": "true"})
    assert gone.status == 200
    assert shop.deliver() == []
    assert {**shop.get(f"orders/{number}"), "refunds": after["refunds"]} == after
    assert shop.get(f"orders/{number}")["refunds"] == []
    step = next(it for it in recorded("webhooks/STEPS") if it["step"].startswith("S61"))
    assert step["deliveries"] == []


def _requests(shop: Shop, number: int, refund: int) -> dict[str, tuple[str, str, dict[str, Any]]]:
    path = f"orders/{number}"
    return {
        "POST private note": ("POST", f"{path}/notes", {"note": "x"}),
        "POST customer note": ("POST", f"{path}/notes", {"note": "x", "customer_note": True}),
        "PUT empty body": ("PUT", path, {}),
        "PUT same status": ("PUT", path, {"status": "processing"}),
        "PUT meta_data new": ("PUT", path, {"meta_data": [{"key": "m", "value": "1"}]}),
        "PUT meta_data same value": ("PUT", path, {"meta_data": [{"key": "m", "value": "1"}]}),
        "PUT billing phone": ("PUT", path, {"billing": {"phone": "3000000000"}}),
        "POST refund": ("POST", f"{path}/refunds", {"amount": "1", "api_refund": False}),
        "DELETE refund": ("DELETE", f"{path}/refunds/{refund}?force=true", {}),
    }


def test_behaviour_11_what_moves_the_stamp_and_what_does_not(shop: Shop, recorded: Recorded) -> None:
    expected = {name: it["date_modified_changed"] for name, it in recorded("behaviours/date_modified_changes").items()
                if isinstance(it, dict) and "date_modified_changed" in it}  # fmt: skip
    receiver = subscribed(shop, "order.updated")
    number = placed(shop)
    refund = shop.desk.refund(number, 5).id
    compared = 0
    for name, (method, path, body) in _requests(shop, number, refund).items():
        known = next((moved for told, moved in expected.items() if told.startswith(name)), None)
        quiet(shop, receiver)
        before = shop.get(f"orders/{number}")["date_modified_gmt"]
        path, _, query = path.partition("?")
        assert shop.request(method, path, params=dict([query.split("=")]) if query else None, body=body).status < 300
        moved = shop.get(f"orders/{number}")["date_modified_gmt"] != before
        shop.deliver()
        assert bool(receiver.topics()) == moved, name
        if known is not None:
            compared += 1
            assert moved == known, name
    assert compared >= 7


def test_behaviour_12_stock_speaks_for_the_variation(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop)
    variation = next(p for p in shop.world.products.values() if p.parent and p.manage_stock)
    shop.desk.place([(variation.id, 2)], paid=True)
    shop.deliver()
    (told,) = [got.json() for got in receiver.deliveries if got.topic == "product.updated"]
    assert (told["id"], told["type"], told["parent_id"]) == (variation.id, "variation", variation.parent)
    theirs = recorded("webhooks/S15__04_product_updated")["request"]["body_raw"]
    assert list(told) == list(json.loads(theirs))
    quiet(shop, receiver)
    answer = shop.request("PUT", f"products/{variation.parent}/variations/{variation.id}", body={"regular_price": "9"})
    assert answer.status == 200
    shop.deliver()
    assert [(got.topic, got.json()["id"]) for got in receiver.deliveries] == [("product.updated", variation.id)]


def test_behaviour_12_a_renamed_category_says_nothing(shop: Shop) -> None:
    receiver = subscribed(shop)
    stamps = [product.modified for product in shop.world.products.values()]
    category = shop.get("products/categories")[0]["id"]
    assert shop.request("PUT", f"products/categories/{category}", body={"name": "Otra"}).status == 200
    assert shop.deliver() == []
    assert [product.modified for product in shop.world.products.values()] == stamps
    assert receiver.got == []


def test_behaviour_12_a_deleted_customer_touches_his_orders_silently(shop: Shop, recorded: Recorded) -> None:
    told = recorded("behaviours/customer_deleted_order_touched")
    assert told["before"]["date_updated_gmt"] != told["after"]["date_updated_gmt"]
    receiver = subscribed(shop)
    customer = next(order.customer_id for order in shop.world.orders.values() if order.customer_id)
    theirs = [order.id for order in shop.world.orders.values() if order.customer_id == customer]
    before = {number: shop.get(f"orders/{number}") for number in theirs}
    shop.clock.advance(5)
    assert shop.request("DELETE", f"customers/{customer}", params={"force": "true"}).status == 200
    shop.deliver()
    assert [(got.topic, got.body) for got in receiver.deliveries] == [("customer.deleted", b'{"id":%d}' % customer)]
    for number in theirs:
        after = shop.get(f"orders/{number}")
        assert after["customer_id"] == 0
        assert "customer" not in after["_links"]
        assert after["date_modified_gmt"] > before[number]["date_modified_gmt"]


def test_customers_and_products_speak_as_recorded(shop: Shop, recorded: Recorded) -> None:
    steps = {it["step"].split()[0]: [told["topic"] for told in it["deliveries"]] for it in recorded("webhooks/STEPS")}
    receiver = subscribed(shop)

    def told(step: str) -> None:
        shop.deliver()
        assert receiver.topics() == steps[step], step
        quiet(shop, receiver)

    customer = shop.desk.add_customer("Nueva.Cliente@Correo.Example", "Nueva")
    told("S22")
    shop.request("PUT", f"customers/{customer.id}", body={"billing": {"phone": "+57 301 777 8899"}})
    told("S23")
    shop.desk.delete_customer(customer.id)
    told("S25")
    product = shop.request("POST", "products", body={"name": "Producto nuevo", "regular_price": "10000"}).json()["id"]
    told("S26")
    shop.desk.set_price(product, "11000")
    told("S27")
    shop.request("DELETE", f"products/{product}")
    told("S30")
    shop.request("PUT", f"products/{product}", body={"status": "publish"})
    told("S31")
    shop.request("DELETE", f"products/{product}", params={"force": "true"})
    told("S32")


def test_behaviour_13_a_ping_is_an_unsigned_form(shop: Shop, recorded: Recorded) -> None:
    receiver = Receiver()
    shop.dispatcher.send = receiver
    webhook = shop.subscribe("order.created", f"{HUB}/ok", secret=SECRET)
    (ping,) = receiver.got
    theirs = recorded("webhooks/S01__01_ping")["request"]
    assert ping.body == b"webhook_id=%d" % webhook.id
    assert theirs["body_raw"].startswith("webhook_id=")
    ours = {**ping.headers, "Host": "hub", "Content-Length": "12"}
    assert {name: value for name, value in theirs["headers"] if name != "Host"} == {
        name: value for name, value in ours.items() if name != "Host"
    }


def test_behaviour_13_a_failed_ping_comes_again_with_every_failure(shop: Shop, recorded: Recorded) -> None:
    receiver = Receiver(answers={"/fail": 500})
    shop.dispatcher.send = receiver
    shop.subscribe("order.updated", f"{HUB}/fail", secret=SECRET)
    receiver.clear()
    number = shop.desk.place()
    shop.deliver()
    seen = [len(receiver.got)]
    for at in range(6):
        receiver.clear()
        shop.desk.edit(number, note=str(at))
        shop.deliver()
        seen.append(len(receiver.got))
    steps = [it for it in recorded("webhooks/STEPS") if it["step"].startswith("S40_")][:7]
    assert seen == [len(it["deliveries"]) for it in steps] == [2, 2, 2, 2, 2, 2, 1]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://10.0.0.7/x", "https://hub.example:18090/x", "http://localhost/x"]
)
def test_behaviour_13_wordpress_refuses_private_addresses_and_odd_ports(url: str, recorded: Recorded) -> None:
    assert recorded("webhooks_api/create_to_port_18090_real_wordpress_port_rule")["status"] == 201
    shop = Shop(1, orders=2, settings=replace(COLOMBIA, strict_urls=True))
    receiver = Receiver()
    shop.dispatcher.send = receiver
    answer = shop.request("POST", "webhooks", body={"topic": "order.updated", "delivery_url": url})
    assert (answer.status, answer.json()["status"]) == (201, "active")
    shop.desk.place()
    (delivery,) = shop.deliver()
    assert (delivery.status, delivery.error) == (0, "A valid URL was not provided.")
    assert receiver.got == []


def test_behaviour_14_the_queue_runs_once_a_minute(shop: Shop, recorded: Recorded) -> None:
    waited = recorded("behaviours/webhook_latency_system_cron")["seconds_from_REST_write_to_webhook_arrival"]
    assert max(waited) < 90
    receiver = subscribed(shop, "order.updated")
    lags = []
    for pause in (7, 31, 55, 12, 40):
        shop.advance(pause)
        begun = shop.clock.now
        shop.desk.place()
        assert not receiver.deliveries  # never at once
        for _ in range(90):
            shop.advance(1)
            if receiver.deliveries:
                break
        lags.append(shop.clock.now - begun)
        receiver.clear()
    assert all(0 < lag < 90 for lag in lags)
    assert len(set(lags)) > 1


def test_behaviour_15_recorded_signatures_are_ours(captures: Path) -> None:
    seen = 0
    for path in sorted((captures / "webhooks").glob("S[0-3]*.json")):
        request = json.loads(path.read_text(encoding="utf-8"))["request"]
        given = dict(request["headers"]).get("X-WC-Webhook-Signature")
        if given:
            seen += 1
            assert signature(SECRET, request["body_raw"].encode()) == given, path.name
    assert seen > 50


def test_behaviour_15_entities_in_secrets_are_undone(recorded: Recorded) -> None:
    for row in recorded("behaviours/webhook_secret_special_characters"):
        plain = row["secret_sent"].replace("&amp;", "&")
        assert (signature(row["secret_sent"], b"x") == signature(plain, b"x")) is True
        assert row["signature_matches_secret_as_sent"] == (plain == row["secret_sent"])


def test_behaviour_15_bodies_are_escaped_and_headers_complete(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop, "order.created")
    number = shop.desk.place()
    order: Order = shop.world.orders[number]
    order.billing.city, order.customer_id = "Bogotá D.C. 😀", 0
    shop.deliver()
    (got,) = receiver.deliveries
    assert rb"Bogot\u00e1 D.C. \ud83d\ude00" in got.body
    assert rb"http:\/\/tienda.example\/checkout\/order-pay\/" in got.body
    assert b": " not in got.body.replace(b"Mozilla/5.0 (Linux: ", b"")
    assert got.headers["X-WC-Webhook-Signature"] == signature(SECRET, got.body)
    theirs = [name for name, _ in recorded("webhooks/S03__01_order_created")["request"]["headers"] if name != "Host"]
    assert list(got.headers) == theirs
    assert got.headers["X-WC-Webhook-Source"] == "http://tienda.example/"


def test_behaviour_15_without_a_secret_there_is_one_nobody_knows(shop: Shop, recorded: Recorded) -> None:
    shop.dispatcher.send = Receiver()
    body = {"name": "sin secreto", "topic": "order.created", "delivery_url": f"{HUB}/x"}
    answer = shop.request("POST", "webhooks", body=body).json()
    assert list(answer) == list(recorded("webhooks_api/create_no_secret")["body"])
    assert len(shop.world.webhooks[answer["id"]].secret) == 50
