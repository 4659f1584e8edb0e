"""Behaviours 1 to 8 of the recordings: how webhooks are queued, delivered, counted and lost."""

from __future__ import annotations

import re

import pytest

from cuadra_simulators.woocommerce import COLOMBIA, Shop
from tests.simulators.woocommerce.conftest import Recorded
from tests.simulators.woocommerce.receiver import HUB, SECRET, Receiver, subscribed


def sellable(shop: Shop) -> int:
    """A simple product with stock."""
    return next(p.id for p in shop.world.products.values() if p.type == "simple" and (p.stock or 0) > 20)


def test_behaviour_01_delivery_ids_are_shared_within_a_second(recorded: Recorded) -> None:
    burst = recorded("behaviours/webhook_burst_100")
    assert burst["distinct_orders"] == 100 > burst["delivery_ids"]
    shop = Shop(1, orders=120, settings=COLOMBIA)
    receiver = subscribed(shop, "order.updated")
    live = [order.id for order in shop.world.orders.values() if order.status != "trash"]
    changes = [{"id": number, "customer_note": "x"} for number in live[:100]]
    assert shop.request("POST", "orders/batch", body={"update": changes}).status == 200
    receiver.on_request = lambda: shop.clock.advance(0.03)
    assert len(shop.deliver()) == 100
    assert len({got.json()["id"] for got in receiver.deliveries}) == 100
    ids = [got.headers["X-WC-Webhook-Delivery-ID"] for got in receiver.deliveries]
    assert len(set(ids)) == burst["delivery_ids"] or 1 < len(set(ids)) <= 4
    assert all(re.fullmatch(r"[0-9a-f]{32}", found) for found in ids)


def test_behaviour_02_nothing_is_ever_sent_again(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop, "order.updated")
    number = shop.desk.place(paid=True)
    shop.deliver()
    for status in (500, 404, 410):
        receiver.answers["order.updated"] = status
        shop.desk.edit(number, note=f"{status}")
        assert not shop.deliver()[0].ok
    receiver.error = "Connection refused"
    shop.desk.edit(number, note="refused")
    assert shop.deliver()[0].status == 0
    receiver.error, receiver.answers = "", {}
    receiver.clear()
    assert shop.deliver() == []
    assert receiver.got == []
    crash = recorded("behaviours/webhook_races_and_crash")
    assert crash["a6 requests that reached the good receiver after the crash"] == 0
    (webhook,) = shop.world.webhooks.values()
    counted = webhook.failures
    shop.faults.add("webhook_crash", calls=[1])
    shop.desk.edit(number, note="crash")
    assert shop.deliver() == []
    assert shop.deliver() == []
    assert webhook.failures == counted


def test_behaviour_02_a_change_during_a_delivery_is_delivered(shop: Shop, recorded: Recorded) -> None:
    assert recorded("behaviours/webhook_races_and_crash")["b3 delivered notes"] == ["carrera A", "carrera B"]
    receiver = subscribed(shop, "order.updated")
    number = shop.desk.place()
    shop.deliver()
    receiver.clear()
    notes = iter(["carrera B"])

    def meanwhile() -> None:
        for note in notes:
            shop.desk.edit(number, note=note)

    receiver.on_request = meanwhile
    shop.desk.edit(number, note="carrera A")
    shop.deliver()
    assert [got.json()["customer_note"] for got in receiver.deliveries] == ["carrera A", "carrera B"]


def test_behaviour_03_the_seventh_failure_in_a_row_disables(shop: Shop, recorded: Recorded) -> None:
    told = [re.search(r"status=(\w+) failure_count=(\d)", line) for line in recorded("webhooks_failures/TRACE")]
    trace = [(found[1], int(found[2])) for found in told if found]
    receiver = Receiver(answers={"/fail": 500})
    shop.dispatcher.send = receiver
    webhook = shop.subscribe("order.updated", f"{HUB}/fail", secret=SECRET)
    number = shop.desk.place()
    shop.dispatcher.queue.clear()

    def happen(note: str) -> tuple[str, int]:
        shop.desk.edit(number, note=note)
        shop.deliver()
        return webhook.status, webhook.failures

    def put(**change: str) -> tuple[str, int]:
        assert shop.request("PUT", f"webhooks/{webhook.id}", body=change).status == 200
        return webhook.status, webhook.failures

    seen = [(webhook.status, webhook.failures), *(happen(str(at)) for at in range(9))]
    seen += [
        put(status="active"),
        happen("still bad"),
        put(status="active", delivery_url=f"{HUB}/good"),
        happen("good"),
    ]
    put(delivery_url=f"{HUB}/x/fail")
    seen += [happen("a"), happen("b"), happen("c"), put(delivery_url=f"{HUB}/x/good"), happen("reset")]
    assert seen == trace[: len(seen)]
    shape = shop.get(f"webhooks/{webhook.id}")
    assert "secret" not in shape
    assert not any("fail" in name for name in shape)
    missing = shop.request("GET", f"webhooks/{webhook.id}/deliveries")
    assert missing.status == 404
    assert missing.json() == recorded("webhooks_api/deliveries_endpoint")["body"]


def test_behaviour_03_nothing_is_kept_while_disabled_or_paused(shop: Shop) -> None:
    receiver = subscribed(shop, "order.updated")
    (webhook,) = shop.world.webhooks.values()
    for status in ("disabled", "paused"):
        shop.request("PUT", f"webhooks/{webhook.id}", body={"status": status})
        shop.desk.place()
        assert shop.dispatcher.queue == []
    shop.request("PUT", f"webhooks/{webhook.id}", body={"status": "active"})
    assert shop.deliver() == []
    assert receiver.got == []


@pytest.mark.parametrize(
    ("status", "step"), [(200, ""), (201, "S48"), (301, "S46"), (302, ""), (410, "S47"), (500, "")]
)
def test_behaviour_04_redirections_count_as_delivered(shop: Shop, status: int, step: str, recorded: Recorded) -> None:
    receiver = subscribed(shop, "order.updated")
    (webhook,) = shop.world.webhooks.values()
    webhook.failures = 3
    receiver.answers["order.updated"] = status
    shop.desk.place()
    shop.deliver()
    assert len(receiver.deliveries) == 1  # not followed
    assert webhook.failures == (4 if status >= 400 else 0)
    if step:
        told = next(line for line in recorded("webhooks_failures/TRACE") if line.startswith(step))
        assert ("failure_count=0" in told) == (status < 400)


def test_behaviour_05_one_delivery_carries_the_last_of_many_states(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop)
    number = shop.desk.place([(sellable(shop), 1)], customer_id=0, paid=True)
    shop.deliver()
    receiver.clear()
    for status in ("on-hold", "processing", "on-hold", "processing", "completed"):
        shop.desk.set_status(number, status)
    shop.deliver()
    step = next(it for it in recorded("webhooks/STEPS") if it["step"].startswith("S16"))
    assert receiver.topics() == [it["topic"] for it in step["deliveries"]]
    assert receiver.deliveries[0].json()["status"] == step["deliveries"][0]["status"] == "completed"


def test_behaviour_05_the_newest_webhook_is_served_first(shop: Shop, recorded: Recorded) -> None:
    step = next(it for it in recorded("webhooks/STEPS") if it["step"].startswith("S57"))
    assert [it["path"] for it in step["deliveries"]] == ["/slow/4", "/ok/primero"]
    receiver = subscribed(shop)
    for webhook in shop.world.webhooks.values():
        webhook.status = "paused"
    for name in ("primero", "segundo"):
        shop.subscribe("order.updated", f"{HUB}/{name}", secret=SECRET)
    receiver.clear()
    shop.desk.place()
    shop.deliver()
    assert [got.url for got in receiver.deliveries] == [f"{HUB}/segundo", f"{HUB}/primero"]
    receiver.on_request = lambda: shop.clock.advance(4)  # a slow receiver keeps the next one waiting
    shop.desk.place()
    first, second = shop.deliver()
    assert second.at - first.at == 4


def test_behaviour_06_created_comes_with_updated_of_the_same_body(shop: Shop, recorded: Recorded) -> None:
    steps = {it["step"].split()[0]: it for it in recorded("webhooks/STEPS")}
    receiver = subscribed(shop)
    number = shop.desk.place([(sellable(shop), 2)], via="rest-api")
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in steps["S03"]["deliveries"]] == ["order.created", "order.updated"]
    assert receiver.deliveries[0].body == receiver.deliveries[1].body
    receiver.clear()
    shop.desk.set_status(number, "processing")
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in steps["S04"]["deliveries"]]
    receiver.clear()
    variation = next(p for p in shop.world.products.values() if p.parent and p.manage_stock)
    shop.desk.place([(sellable(shop), 1), (variation.id, 2)], via="rest-api", paid=True)
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in steps["S15"]["deliveries"]]
    products = [got.json() for got in receiver.deliveries if got.topic == "product.updated"]
    assert [product["type"] for product in products] == ["simple", "variation"]
    receiver.clear()
    customer = next(user for user in shop.world.users.values() if user.role == "customer" and not user.paying)
    shop.desk.place([(sellable(shop), 1)], via="rest-api", customer_id=customer.id, status="completed")
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in steps["S24"]["deliveries"]]


def test_behaviour_06_the_block_checkout_updates_before_it_creates(shop: Shop, recorded: Recorded) -> None:
    steps = {it["step"].split()[0]: it for it in recorded("webhooks/STEPS")}
    receiver = subscribed(shop)
    number = shop.desk.open_checkout()
    shop.world.orders[number].lines[1:] = []
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in steps["S33"]["deliveries"]] == ["order.updated"]
    draft = receiver.deliveries[0].json()
    assert (draft["status"], draft["billing"]["email"], draft["created_via"]) == ("checkout-draft", "", "store-api")
    receiver.clear()
    shop.desk.finish_checkout(number)
    shop.deliver()
    assert receiver.topics()[:3] == [it["topic"] for it in steps["S34"]["deliveries"]][:3]
    assert set(receiver.topics()[3:]) <= {"product.updated"}
    assert receiver.deliveries[0].body == receiver.deliveries[1].body
    receiver.clear()
    shop.desk.open_checkout()  # and nobody buys
    shop.deliver()
    assert receiver.topics() == [it["topic"] for it in steps["S35"]["deliveries"]]


def test_behaviour_07_an_error_may_be_signed(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop, "order.created", "order.updated")
    shop.desk.erase(shop.desk.place())
    shop.deliver()
    expected = recorded("webhooks/S19__01_order_created")["request"]["body_raw"].encode()
    assert [got.body for got in receiver.deliveries] == [expected, expected]
    assert receiver.topics() == ["order.created", "order.updated"]
    receiver.clear()
    shop.demote(shop.admin)
    shop.desk.place()
    shop.deliver()
    forbidden = recorded("webhooks/S56__01_order_updated")["request"]["body_raw"].encode()
    assert [got.body for got in receiver.deliveries] == [forbidden, forbidden]


def test_behaviour_08_only_the_trash_announces_a_deletion(shop: Shop, recorded: Recorded) -> None:
    receiver = subscribed(shop)
    number, other, third = shop.desk.place(), shop.desk.place(), shop.desk.place()
    shop.deliver()
    receiver.clear()
    assert shop.request("DELETE", f"orders/{number}").status == 200
    shop.deliver()
    assert receiver.topics() == ["order.deleted"]
    assert receiver.deliveries[0].body == b'{"id":%d}' % number
    recorded_body = recorded("webhooks/S10__01_order_deleted")["request"]["body_raw"]
    assert re.fullmatch(r'\{"id":\d+\}', recorded_body)
    receiver.clear()
    shop.request("DELETE", f"orders/{other}", params={"force": "true"})
    shop.request("POST", "orders/batch", body={"delete": [third]})
    shop.desk.erase(number)
    shop.deliver()
    assert receiver.topics() == []
    product = sellable(shop)
    shop.request("DELETE", f"products/{product}")
    shop.deliver()
    assert [(got.topic, got.body) for got in receiver.deliveries] == [("product.deleted", b'{"id":%d}' % product)]
    receiver.clear()
    shop.request("DELETE", f"products/{product}", params={"force": "true"})
    shop.deliver()
    assert receiver.topics() == []
