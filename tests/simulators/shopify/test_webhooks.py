"""Webhooks: what is told, signed how, tried how often, and what goes missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.shopify import Shop, orders, signature
from cuadra_simulators.shopify.webhooks import GAPS
from tests.simulators.shopify.queries import HOOK, HOOKS
from tests.simulators.shopify.receiver import HUB, Receiver, subscribed
from tests.simulators.shopify.test_schema import agree, outline

ORDER_TOPICS = ("orders/create", "orders/updated", "orders/paid", "orders/fulfilled", "orders/partially_fulfilled",
                "orders/cancelled", "orders/edited", "orders/delete", "refunds/create", "order_transactions/create",
                "fulfillments/create", "fulfillments/update")  # fmt: skip
OTHER = ("customers/create", "customers/update", "customers/merge", "products/create", "products/update",
         "products/delete", "collections/update")  # fmt: skip


def placed(shop: Shop, **wanted: Any) -> None:
    shop.live(1, act="place")


def test_the_signature_is_the_documented_one() -> None:
    assert signature("demo-client-secret", b'{"id":6123456780042}') == "yApiimmGn/UP2cGba6kCRHCF63fSELcIVjVBf57Nvmc="


def test_what_a_delivery_says_of_itself(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", "orders/updated", name="cuadra")
    placed(shop)
    shop.deliver()
    create, update = heard.got[:2]
    for got in (create, update):
        assert got.headers["X-Shopify-Hmac-Sha256"] == signature(shop.app.client_secret, got.body)
        assert got.headers["X-Shopify-Shop-Domain"] == shop.domain
        assert got.headers["X-Shopify-API-Version"] == "2026-04"
        assert got.headers["X-Shopify-Name"] == "cuadra"
        assert datetime.fromisoformat(got.headers["X-Shopify-Triggered-At"]).tzinfo == UTC
    assert create.topic == "orders/create"
    assert create.headers["X-Shopify-Event-Id"] == update.headers["X-Shopify-Event-Id"]
    assert create.headers["X-Shopify-Webhook-Id"] != update.headers["X-Shopify-Webhook-Id"]
    assert heard.timeout == 5.0


def test_two_subscriptions_are_two_deliveries_of_one_event(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", "orders/create")
    shop.life.step("place")
    shop.deliver()
    first, second = (it.headers for it in heard.got)
    assert first["X-Shopify-Event-Id"] == second["X-Shopify-Event-Id"]
    assert first["X-Shopify-Webhook-Id"] != second["X-Shopify-Webhook-Id"]
    assert heard.got[0].body == heard.got[1].body


@pytest.mark.parametrize(("act", "topics"), [
    ("fulfil", {"fulfillments/create", "orders/fulfilled", "orders/updated"}), ("track", {"fulfillments/update", "orders/updated"}),
    ("deliver", {"fulfillments/update"}), ("hold", set()), ("note_refund", set()), ("edit", {"orders/edited", "orders/updated"}),
    ("refund_amount", {"refunds/create", "order_transactions/create", "orders/updated"}), ("close", {"orders/updated"}),
    ("erase", {"orders/delete"}), ("customer", {"customers/update"}), ("merge", {"customers/merge"}),
    ("product", {"products/update"}), ("new_product", {"products/create"}), ("erase_product", {"products/delete"}),
    ("collection", {"collections/update"}), ("move", {"orders/updated"}),
])  # fmt: skip
def test_what_each_act_tells(act: str, topics: set[str]) -> None:
    shop = Shop(7, orders=120)
    heard = subscribed(shop, *ORDER_TOPICS, *OTHER)
    shop.life.step(act)
    shop.deliver()
    assert set(heard.topics()) == topics
    assert len(heard.topics()) == len(topics)


def test_a_paid_order_tells_of_itself_its_money_and_its_customer(shop: Shop) -> None:
    heard = subscribed(shop, *ORDER_TOPICS, *OTHER)
    made = shop.buying.order(shop.clock.now, source="web", buyer=next(iter(shop.world.customers.values())))
    made.transactions.clear()
    shop.buying.charge(made, "SALE", "SUCCESS", "shopify_payments", made.totals.total, shop.clock.now)
    with shop.world.action():
        orders.place(shop.world, made, shop.clock.now)
    shop.deliver()
    assert set(heard.topics()) == {"orders/create", "orders/updated", "orders/paid", "order_transactions/create",
                                   "customers/update"}  # fmt: skip


def test_cancelling_a_paid_order_gives_back_and_says_so(shop: Shop) -> None:
    heard = subscribed(shop, *ORDER_TOPICS)
    paid = next(
        it
        for it in shop.world.orders.values()
        if it.totals.financial == "PAID" and not it.fulfillments and it.totals.total
    )
    with shop.world.action():
        orders.cancel(shop.world, paid, shop.clock.now, "CUSTOMER")
    shop.deliver()
    assert set(heard.topics()) == {"orders/cancelled", "refunds/create", "order_transactions/create", "orders/updated"}
    refund = next(it.json() for it in heard.got if it.topic == "refunds/create")
    assert refund["order_id"] == paid.id
    assert refund["admin_graphql_api_id"].startswith("gid://shopify/Refund/")
    assert {it["restock_type"] for it in refund["refund_line_items"]} == {"cancel"}


@pytest.mark.shared
def test_an_order_looks_like_the_sample(shop: Shop, shared: Path) -> None:
    path = shared / "platforms" / "samples" / "shopify" / "webhook_orders_create.json"
    sample = json.loads(path.read_text(encoding="utf-8"))
    heard = subscribed(shop, "orders/create")
    shop.live(20, act="place")
    shop.deliver()
    for got in heard.got:
        body = got.json()
        assert set(body) == set(sample)
        for name in ("line_items", "shipping_lines", "tax_lines"):
            for mine in body[name]:
                assert set(mine) == set(sample[name][0]), name
        if body["customer"] and body["shipping_address"]:
            assert set(body["customer"]) >= set(sample["customer"]) - {"default_address"}
            assert set(body["shipping_address"]) == set(sample["shipping_address"])
        agree(
            outline(dict(sorted(body["total_price_set"].items()))),
            outline(dict(sorted(sample["total_price_set"].items()))),
        )
        for name in (
            "id",
            "admin_graphql_api_id",
            "total_price",
            "created_at",
            "tags",
            "taxes_included",
            "order_number",
        ):
            assert type(body[name]) is type(sample[name]), name


def test_bodies_are_in_the_shops_own_time(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create")
    placed(shop)
    shop.deliver()
    body = heard.got[0].json()
    assert body["created_at"].endswith("-06:00")
    assert datetime.fromisoformat(body["updated_at"]).timestamp() == shop.truth.order(body["id"]).updated
    assert body["admin_graphql_api_id"] == f"gid://shopify/Order/{body['id']}"
    assert body["name"] == f"#{body['order_number']}"


def test_a_failed_delivery_comes_eight_times_more_with_its_first_body_then_the_subscription_goes(shop: Shop) -> None:
    heard = subscribed(shop, "orders/updated")
    heard.status = 503
    event = shop.life.step("place")
    first = shop.clock.now
    shop.deliver()
    shop.clock.advance(5)
    shop.graphql('mutation($i: ID!) { tagsAdd(id: $i, tags: ["x"]) { node { id } } }',
                 {"i": f"gid://shopify/Order/{event.order_id}"})  # fmt: skip
    made = shop.advance(4 * 3_600)
    tries = [it for it in shop.deliveries if it.webhook_id == heard.got[0].headers["X-Shopify-Webhook-Id"]]
    assert len(tries) == 9
    assert len({it.body for it in tries}) == 1
    assert tries[-1].at - first == sum(GAPS) == 4 * 3_600
    assert made
    assert shop.hooks.subscriptions == {}
    assert shop.graphql(HOOKS, {"first": 10})["data"]["webhookSubscriptions"]["nodes"] == []


def test_a_subscription_of_the_app_itself_survives(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", specific=True)
    heard.error = "nobody there"
    placed(shop)
    shop.advance(5 * 3_600)
    assert {it.status for it in shop.deliveries} == {0}
    assert len(shop.hooks.subscriptions) == 1
    assert shop.graphql(HOOKS, {"first": 10})["data"]["webhookSubscriptions"]["nodes"] == []


@pytest.mark.parametrize("status", [301, 404, 500])
def test_only_2xx_is_taken(shop: Shop, status: int) -> None:
    heard = subscribed(shop, "orders/create")
    heard.status = status
    shop.life.step("place")
    shop.deliver()
    assert [it.ok for it in shop.deliveries] == [False]
    heard.status = 204
    shop.advance(GAPS[0])
    assert [it.ok for it in shop.deliveries] == [False, True]
    assert shop.truth.order(heard.got[0].json()["id"]).announced == 1
    shop.advance(4 * 3_600)
    assert len(shop.deliveries) == 2


def test_webhooks_go_wrong_on_command(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", "orders/updated")
    shop.faults.add("webhook_drop", path="orders/create", times=1)
    shop.life.step("place")
    shop.deliver()
    assert heard.topics() == ["orders/updated"]
    heard.got.clear()
    shop.faults.add("webhook_duplicate", path="orders/create", times=1)
    shop.life.step("place")
    shop.deliver()
    assert heard.topics() == ["orders/create", "orders/create", "orders/updated"]
    assert heard.got[0] == heard.got[1]
    heard.got.clear()
    shop.faults.add("webhook_delay", path="orders/create", times=1, seconds=600)
    shop.life.step("place")
    shop.deliver()
    assert heard.topics() == ["orders/updated"]
    shop.advance(600)
    assert heard.topics() == ["orders/updated", "orders/create"]


def test_an_older_body_comes_after_the_newer_one(shop: Shop) -> None:
    heard = subscribed(shop, "orders/updated")
    event = shop.life.step("place")
    tag = 'mutation($i: ID!) { tagsAdd(id: $i, tags: ["x"]) { node { id } } }'
    shop.clock.advance(60)
    shop.faults.add("webhook_stale", times=1)
    shop.graphql(tag, {"i": f"gid://shopify/Order/{event.order_id}"})
    shop.deliver()
    stamps = [it.json()["updated_at"] for it in heard.got]
    assert stamps[0] == stamps[2] < stamps[1]


def test_deliveries_come_in_another_order(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", "orders/updated")
    shop.faults.add("webhook_reorder")
    shop.live(8, act="place", deliver=False)
    shop.deliver()
    triggered = [it.headers["X-Shopify-Triggered-At"] for it in heard.got]
    assert triggered != sorted(triggered)
    assert len(triggered) == 16


def test_subscriptions_are_made_changed_and_removed(shop: Shop) -> None:
    shop.hooks.send = heard = Receiver()
    made = shop.graphql(HOOK, {"topic": "ORDERS_CREATE", "sub": {"uri": f"{HUB}/in", "format": "JSON"}})
    said = made["data"]["webhookSubscriptionCreate"]
    assert said["userErrors"] == []
    assert said["webhookSubscription"] == {
        "id": said["webhookSubscription"]["id"], "topic": "ORDERS_CREATE", "uri": f"{HUB}/in", "format": "JSON",
        "apiVersion": {"handle": "2026-04"}, "includeFields": [], "filter": None,
    }  # fmt: skip
    again = shop.graphql(HOOK, {"topic": "ORDERS_CREATE", "sub": {"uri": f"{HUB}/in"}})["data"]
    assert (
        again["webhookSubscriptionCreate"]["userErrors"][0]["message"]
        == "Address for this topic has already been taken"
    )
    gid = said["webhookSubscription"]["id"]
    shop.graphql("mutation($i: ID!, $u: String) { webhookSubscriptionUpdate(id: $i, webhookSubscription: {uri: $u}) "
                 "{ webhookSubscription { uri } } }", {"i": gid, "u": f"{HUB}/new"})  # fmt: skip
    placed(shop)
    shop.deliver()
    assert [it.url for it in heard.got] == [f"{HUB}/new"]
    other = shop.tokens.permanent(shop.install())
    assert shop.graphql(HOOKS, {"first": 9}, token=other)["data"]["webhookSubscriptions"]["nodes"] == []
    listed = shop.graphql("{ webhookSubscriptions(first: 9, topics: [ORDERS_CREATE]) { nodes { id } } }")["data"]
    assert listed["webhookSubscriptions"]["nodes"] == [{"id": gid}]
    shop.graphql("mutation($i: ID!) { webhookSubscriptionDelete(id: $i) { deletedWebhookSubscriptionId } }", {"i": gid})
    placed(shop)
    shop.deliver()
    assert len(heard.got) == 1


@pytest.mark.parametrize("uri", ["http://hub.example/in", "nonsense", ""])
def test_addresses_must_be_https(shop: Shop, uri: str) -> None:
    said = shop.graphql(HOOK, {"topic": "ORDERS_CREATE", "sub": {"uri": uri}})["data"]["webhookSubscriptionCreate"]
    assert said["webhookSubscription"] is None
    assert said["userErrors"]


@pytest.mark.parametrize(("text", "some"), [
    ("source_name:web", True), ("source_name:WEB", False), ("wealth:1", False), ("NOT wealth:1", False),
    ("wealth:1 OR source_name:web", False), ("total_price:>0", True), ("line_items.quantity:>=1", True),
    ("customer.state:disabled", True),
])  # fmt: skip
def test_a_mistaken_filter_lets_nothing_pass(shop: Shop, text: str, some: bool) -> None:
    heard = subscribed(shop, "orders/create", filter=text)
    shop.live(15, act="place")
    shop.deliver()
    assert bool(heard.got) is some


def test_a_filter_over_fields_that_are_not_included_lets_nothing_pass(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create", filter="source_name:web", includeFields=["id", "name"])
    shop.live(10, act="place")
    assert heard.got == []


def test_the_same_body_soon_again_is_dropped_where_fields_are_chosen(shop: Shop) -> None:
    heard = subscribed(shop, "orders/updated", includeFields=["id", "name"])
    event = shop.life.step("place")
    gid = {"i": f"gid://shopify/Order/{event.order_id}"}
    tag = 'mutation($i: ID!) { tagsAdd(id: $i, tags: ["%s"]) { node { id } } }'
    shop.graphql(tag % "x", gid)
    shop.deliver()
    assert [set(it.json()) for it in heard.got] == [{"id", "name"}]
    shop.clock.advance(60)
    shop.graphql(tag % "y", gid)
    shop.deliver()
    assert len(heard.got) == 2


def test_a_new_secret_signs_after_an_hour(shop: Shop) -> None:
    heard = subscribed(shop, "orders/create")
    old = shop.app.client_secret
    new = shop.rotate_secret()
    placed(shop)
    shop.deliver()
    shop.advance(3_600)
    placed(shop)
    shop.deliver()
    signed = [it.headers["X-Shopify-Hmac-Sha256"] for it in heard.got]
    assert signed == [signature(old, heard.got[0].body), signature(new, heard.got[1].body)]


def test_an_app_that_is_thrown_out_is_told_and_hears_no_more(shop: Shop) -> None:
    heard = subscribed(shop, "app/uninstalled", "orders/create")
    shop.uninstall()
    placed(shop)
    shop.deliver()
    assert heard.topics() == ["app/uninstalled"]
    assert heard.got[0].json()["myshopify_domain"] == shop.domain


def test_requests_about_personal_data(shop: Shop) -> None:
    heard = subscribed(shop, "customers/data_request", "customers/redact", "shop/redact")
    who = next(it for it in shop.world.customers.values() if it.orders)
    shop.ask_privacy("customers/data_request", who)
    shop.ask_privacy("customers/redact", who)
    shop.uninstall()
    shop.ask_privacy("shop/redact")
    shop.deliver()
    assert heard.topics() == ["customers/data_request", "customers/redact", "shop/redact"]
    bodies = [it.json() for it in heard.got]
    assert bodies[0]["customer"]["id"] == who.id
    assert bodies[0]["orders_requested"] == bodies[1]["orders_to_redact"] == who.orders
    assert bodies[2] == {"shop_id": 61234567, "shop_domain": shop.domain}


def test_products_and_deletions(shop: Shop) -> None:
    heard = subscribed(shop, "products/create", "products/delete", "orders/delete", "customers/update", "orders/edited")
    for act in ("new_product", "erase_product", "erase", "customer", "edit"):
        shop.life.step(act)
    shop.deliver()
    bodies = {it.topic: it.json() for it in heard.got}
    assert bodies["products/create"]["variants"][0]["product_id"] == bodies["products/create"]["id"]
    assert bodies["products/create"]["status"] == "active"
    assert set(bodies["products/delete"]) == set(bodies["orders/delete"]) == {"id"}
    assert "tags" not in bodies["customers/update"]
    assert set(bodies["orders/edited"]) == {"order_edit"}
