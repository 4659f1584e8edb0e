"""Field by field, the simulated shop's JSON has the outline of the recorded one: names, order, types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.woocommerce import Shop
from tests.simulators.woocommerce.conftest import Recorded
from tests.simulators.woocommerce.outline import missing, strange
from tests.simulators.woocommerce.receiver import subscribed


def bodies(recorded: Recorded, *names: str) -> list[Any]:
    """The things in recordings, lists spread out."""
    found: list[Any] = []
    for name in names:
        body = recorded(name)["body"]
        found += body if isinstance(body, list) else [body]
    return found


def pages(shop: Shop, path: str, **params: Any) -> list[Any]:
    """All pages of a list."""
    found: list[Any] = []
    for page in range(1, 50):
        more = shop.get(path, per_page=100, page=page, **params)
        found += more
        if len(more) < 100:
            break
    return found


ORDERS = (
    "orders_list/p1_per_page100", "orders_list/p2_per_page100", "orders_list/status_trash",
    "orders_single/checkout_real_store_api", "orders_single/meta_zoo", "writes/create_order_set_paid",
)  # fmt: skip
LISTS = {
    "orders": ORDERS,
    "refunds": ("refunds/global_refunds_endpoint",),
    "products/categories": ("catalog/categories_p1",),
    "customers": ("customers/role_all",),
    "coupons": ("catalog/coupons",),
    "taxes": ("catalog/taxes",),
    "payment_gateways": ("catalog/payment_gateways",),
    "settings/general": ("catalog/settings_general",),
    "reports/orders/totals": ("catalog/reports_orders_totals",),
    "reports/customers/totals": ("catalog/reports_customers_totals",),
    "taxes/classes": ("catalog/tax_classes",),
    "shipping/zones": ("catalog/shipping_zones",),
    "products/attributes": ("catalog/attributes",),
    "products/attributes/2/terms": ("catalog/attribute_terms",),
    "products/tags": ("catalog/tags",),
}
UNPAGED = ("settings/general", "payment_gateways", "reports/orders/totals", "reports/customers/totals", "taxes/classes",
           "shipping/zones", "products/attributes")  # fmt: skip
UNUSED = {
    "payment_gateways": {".settings.enable_for_methods", ".settings.enable_for_virtual"},
    "settings/general": {".options"},
}
"""Places of the recordings that the simulated shop has no use for."""


@pytest.mark.parametrize("path", LISTS)
def test_lists_have_the_recorded_outline(big_shop: Shop, recorded: Recorded, path: str) -> None:
    ours = (
        big_shop.get(path)
        if path in UNPAGED
        else pages(big_shop, path, **({"role": "all"} if path == "customers" else {}))
    )
    if path == "orders":
        ours += big_shop.get("orders", status="trash")
        ours.append(big_shop.get(f"orders/{big_shop.odd['meta_zoo']}"))
    theirs = bodies(recorded, *LISTS[path])
    assert ours
    assert strange(ours, theirs) == {}
    left = {place for place in missing(ours, theirs) if not any(place.startswith(u) for u in UNUSED.get(path, set()))}
    assert left == set()


def test_products_and_variations_have_the_recorded_outline(big_shop: Shop, recorded: Recorded) -> None:
    variable = [p.id for p in big_shop.world.products.values() if p.type == "variable"]
    child = next(p.id for p in big_shop.world.products.values() if p.parent)
    ours = [*pages(big_shop, "products"), big_shop.get(f"products/{child}")]
    theirs = bodies(recorded, "products/p1_per_page100", "products/variation_via_products_endpoint")
    assert strange(ours, theirs) == {}
    assert missing(ours, theirs) == set()
    ours = [one for parent in variable for one in big_shop.get(f"products/{parent}/variations")]
    theirs = bodies(recorded, "products/variations_of_variable", "products/variations_stock_on_parent")
    assert strange(ours, theirs) == {}
    assert missing(ours, theirs) == set()


def test_single_things_have_the_recorded_outline(big_shop: Shop, recorded: Recorded) -> None:
    with_refund = next(order for order in big_shop.world.orders.values() if order.refunds)
    path = f"orders/{with_refund.id}"
    names = ("refunds/single_of_kind_completed-partial", "refunds/single_of_kind_refunded-full")
    lines = [{**it, "_links": None} for it in bodies(recorded, "refunds/global_refunds_endpoint")]
    for it in lines:
        it.pop("parent_id")
        it.pop("_links")
    ours = [{k: v for k, v in big_shop.get(f"{path}/refunds/{with_refund.refunds[0].id}").items() if k != "_links"}]
    assert strange(ours, lines) == {}
    assert list(big_shop.get(f"{path}/refunds")[0]) == list(bodies(recorded, names[0])[0])
    noted = next(order.id for order in big_shop.world.orders.values() if len(order.notes) > 2)
    ours, theirs = big_shop.get(f"orders/{noted}/notes"), bodies(recorded, "notes/with_both_kinds")
    assert strange(ours, theirs) == {}
    assert missing(ours, theirs) == set()
    for path, name in (("data/currencies/current", "currency_current"), ("system_status", "system_status")):
        ours, theirs = [big_shop.get(path)], bodies(recorded, f"catalog/{name}")
        if name == "currency_current":
            assert strange(ours, theirs) == {}
            assert missing(ours, theirs) == set()
        else:
            for part in ("environment", "settings", "theme", "logging", "security"):
                assert list(ours[0][part]) == list(theirs[0][part])
            assert list(ours[0]) == list(theirs[0])


def test_answers_to_writes_have_the_recorded_outline(shop: Shop, recorded: Recorded) -> None:
    product = next(p.id for p in shop.world.products.values() if p.type == "simple" and (p.stock or 0) > 20)
    (theirs,) = bodies(recorded, "writes/products_batch")
    ours = shop.request("POST", "products/batch", body={"update": [{"id": product, "stock_quantity": 77}]}).json()
    assert strange(ours["update"], [it for it in theirs["update"] + theirs["create"] if "error" not in it]) == {}
    webhook = shop.request("POST", "webhooks", body={
        "name": "n", "topic": "order.created", "delivery_url": "http://127.0.0.1:9/x", "secret": "s",
    })  # fmt: skip
    recordings = ("webhooks_api/list", "webhooks_api/create_ok")
    assert strange([webhook.json(), *shop.get("webhooks")], bodies(recorded, *recordings)) == {}
    assert webhook.header("Location").endswith(f"/webhooks/{webhook.json()['id']}")


def test_deliveries_have_the_recorded_outline(shop: Shop, recorded: Recorded, captures: Path) -> None:
    receiver = subscribed(shop)
    shop.live(150, deliver=False)
    for _ in range(3):
        shop.live(50, deliver=False)
        shop.deliver()
    theirs: dict[str, list[Any]] = {}
    for path in sorted((captures / "webhooks").glob("S[0-9]*.json")):
        request = json.loads(path.read_text(encoding="utf-8"))["request"]
        topic = dict(request["headers"]).get("X-WC-Webhook-Topic")
        if topic:
            theirs.setdefault(topic, []).append(json.loads(request["body_raw"]))
    orders, gone = bodies(recorded, *ORDERS), bodies(recorded, "customers/deleted")
    for topic in {got.topic for got in receiver.deliveries}:
        real = [*theirs.get(topic, []), *(theirs["order.updated"] + orders if topic.startswith("order.") else [])]
        if topic.startswith("product."):
            real += bodies(recorded, "products/p1_per_page100")
        if topic.startswith("customer."):
            real += bodies(recorded, "customers/p1_per_page100") + gone  # of somebody deleted meanwhile
        ours = [got.json() for got in receiver.deliveries if got.topic == topic]
        assert strange(ours, real) == {}, topic
    assert {"order.created", "order.updated", "order.deleted", "product.updated"} <= {
        got.topic for got in receiver.deliveries
    }


def anonymous(body: str) -> str:
    """A body without what differs from shop to shop and from moment to moment: numbers, keys, stamps, addresses."""
    body = re.sub(r"https?:\\/\\/[\w.:]+", "SITE", body)
    body = re.sub(r"wc_order_\w+", "KEY", body)
    body = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "STAMP", body)
    body = re.sub(r'"(id|product_id)":\d+', r'"\1":N', body)
    return re.sub(r'(order-pay\\/|orders\\/|"number":")\d+', r"\1N", body)


def test_a_recorded_order_is_sent_again_byte_for_byte(shop: Shop, recorded: Recorded) -> None:
    """The order of the recorded delivery S03, placed anew, and then paid: the same bytes but for numbers and time."""
    first = recorded("webhooks/S03__01_order_created")["request"]["body_raw"]
    second = recorded("webhooks/S04__01_order_updated")["request"]["body_raw"]
    receiver = subscribed(shop, "order.created", "order.updated")
    theirs = json.loads(first)
    product = {"name": "Camiseta básica blanca", "sku": "CAM-001", "regular_price": "39900", "manage_stock": True}
    number = shop.request("POST", "products", body={**product, "stock_quantity": 489}).json()["id"]
    placed = shop.request("POST", "orders", body={
        "payment_method": theirs["payment_method"], "payment_method_title": theirs["payment_method_title"],
        "billing": theirs["billing"], "line_items": [{"product_id": number, "quantity": 2}],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Envío nacional", "total": "12000"}],
    }).json()  # fmt: skip
    shop.deliver()
    assert [anonymous(got.body.decode()) for got in receiver.deliveries] == [anonymous(first)] * 2
    receiver.clear()
    shop.request("PUT", f"orders/{placed['id']}", body={"status": "processing"})
    shop.deliver()
    assert [anonymous(got.body.decode()) for got in receiver.deliveries] == [anonymous(second)]


def test_a_recorded_order_with_coupon_and_variation_too(shop: Shop, recorded: Recorded) -> None:
    """The order of the recorded delivery S15: a coupon, a variation, paid at once."""
    recorded_body = recorded("webhooks/S15__01_order_created")["request"]["body_raw"]
    receiver = subscribed(shop, "order.created")
    simple, parent, child = (p for p in list(shop.world.products.values()) if p.id in _some_products(shop))
    for product, name, sku, price in (
        (simple, "Camiseta básica negra", "CAM-002", "39900"), (parent, "Camiseta estampada", "VCE", ""),
        (child, "Camiseta estampada - S, Negro", "VCE-S-negro", "49900"),
    ):  # fmt: skip
        product.name, product.sku, product.regular_price = name, sku, price
    body = recorded("writes/create_order_set_paid")["request"]["body"]
    body["line_items"][0]["product_id"] = simple.id
    assert shop.request("POST", "orders", body=body).status == 201
    shop.deliver()
    (got,) = receiver.deliveries
    ours, theirs = (anonymous(re.sub(r"\[\d+,", "[N,", text)) for text in (got.body.decode(), recorded_body))
    ours, theirs = (re.sub(r'"variation_id":\d+', '"variation_id":N', text) for text in (ours, theirs))
    assert ours == theirs


def _some_products(shop: Shop) -> set[int]:
    """A simple product, a variable one and its variation «S, Negro»."""
    child = next(p for p in shop.world.products.values() if p.parent and p.manage_stock and p.name.endswith("S, Negro"))
    simple = next(p for p in shop.world.products.values() if p.type == "simple" and (p.stock or 0) > 20)
    return {simple.id, child.parent, child.id}
