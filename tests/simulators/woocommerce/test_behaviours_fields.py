"""Behaviours 22 to 27 of the recordings: what the fields hold."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from cuadra_simulators.woocommerce import COLOMBIA, Shop
from cuadra_simulators.woocommerce.products import by_sku
from tests.simulators.woocommerce.conftest import Recorded


def decimals_price(shop: Shop) -> int:
    return shop.odd["product_decimals"]


def test_behaviour_22_amounts_are_texts_of_the_shops_decimals(big_shop: Shop, recorded: Recorded) -> None:
    theirs = recorded("orders_single/usd")["body"]
    foreign = big_shop.get(f"orders/{big_shop.odd['foreign_currency']}")
    for order in (foreign, theirs):
        assert order["currency"] == "USD"
        for name in ("total", "total_tax", "shipping_total", "discount_total", "cart_tax"):
            assert re.fullmatch(r"-?\d+", order[name])
    two = big_shop.get(f"orders/{foreign['id']}", dp=2)
    assert two["total"] == f"{foreign['total']}.00"
    assert recorded("orders_list/dp_2")["body"][0]["total"].endswith(".00")
    (line,) = big_shop.request("POST", "orders", body={
        "line_items": [{"product_id": decimals_price(big_shop), "quantity": 3}],
        "shipping_lines": [{"method_id": "x", "method_title": "Mensajero", "total": "8000.75"}],
        "fee_lines": [{"name": "Propina", "total": "1000.49"}],
    }).json()["line_items"]  # fmt: skip
    assert line["price"] == recorded("writes/order_281_dp2")["body"]["line_items"][0]["price"] == 10504.621848666668
    assert line["taxes"][0]["total"] == "5987.634454"


def test_behaviour_22_a_written_order_is_the_recorded_one(shop: Shop, recorded: Recorded) -> None:
    """The same product, shipping and fee give the same amounts, with two decimals and with none."""
    for name, dp in (("order_number_and_shipping_lines", None), ("order_281_dp2", 2)):
        theirs = recorded(f"writes/{name}")["body"]
        body = dict(recorded("writes/order_number_and_shipping_lines")["request"]["body"])
        customer = next(user for user in shop.world.users.values() if user.role == "customer")
        body |= {"customer_id": customer.id, "line_items": [{"product_id": decimals_price(shop), "quantity": 3}]}
        made = shop.request("POST", "orders", body=body).json()
        ours = shop.get(f"orders/{made['id']}", **({"dp": dp} if dp else {}))
        assert list(ours) == list(theirs)
        for field in ("total", "total_tax", "cart_tax", "shipping_total", "shipping_tax", "discount_total", "status"):
            assert ours[field] == theirs[field], field
        for part in ("line_items", "shipping_lines", "fee_lines", "tax_lines"):
            for mine, real in zip(ours[part], theirs[part], strict=True):
                same = set(mine) - {"id", "product_id", "sku", "name"}
                assert {key: mine[key] for key in same} == {key: real[key] for key in same}
        assert ours["billing"]["email"] == customer.email  # taken from the account


def test_behaviour_22_numbers_where_one_expects_texts(big_shop: Shop, recorded: Recorded) -> None:
    orders = big_shop.get("orders", per_page=100)
    lines = [line for order in orders for line in order["line_items"]]
    assert {type(line["price"]) for line in lines} <= {int, float}
    assert {str(line["image"]["id"]) for line in lines} == {"", "0"}
    assert {type(tax["rate_percent"]) for order in orders for tax in order["tax_lines"]} <= {int, float}
    coupons = [coupon for order in orders for coupon in order["coupon_lines"]]
    assert coupons
    assert {type(coupon["nominal_amount"]) for coupon in coupons} <= {int, float}
    assert big_shop.get(f"products/{decimals_price(big_shop)}")["price"] == "12500.50"
    assert recorded("products/single_decimal_price")["body"]["price"] == "12500.50"


def test_behaviour_23_the_total_never_shrinks(shop: Shop, recorded: Recorded) -> None:
    theirs = recorded("orders_single/kind_refunded-full")["body"]
    assert Decimal(theirs["refunds"][0]["total"]) == -Decimal(theirs["total"])
    number = shop.desk.place(paid=True)
    before = shop.get(f"orders/{number}")
    refund = shop.desk.refund(number, reason="Devolución total")
    after = shop.get(f"orders/{number}")
    assert (after["total"], after["status"]) == (before["total"], "refunded")
    assert after["refunds"] == [{"id": refund.id, "reason": "Devolución total", "total": f"-{before['total']}"}]
    alone = shop.get(f"orders/{number}/refunds/{refund.id}")
    assert (alone["amount"], alone["line_items"]) == (before["total"], [])
    truth = shop.truth.order(number)
    assert (truth.refunded, truth.net) == (truth.total, 0)


def test_behaviour_23_lines_of_refunds_are_negative(shop: Shop, recorded: Recorded) -> None:
    theirs = next(it for it in recorded("refunds/global_refunds_endpoint")["body"] if it["line_items"])
    number = shop.desk.place(paid=True)
    refund = shop.desk.refund(number, reason="Talla equivocada", pieces=1)
    ours = shop.get(f"orders/{number}/refunds/{refund.id}")
    line = ours["line_items"][0]
    assert line["quantity"] == theirs["line_items"][0]["quantity"] == -1
    for found in (line, theirs["line_items"][0]):
        assert Decimal(found["total"]) < 0 < found["price"]
    assert [meta["key"] for meta in line["meta_data"]] == ["_refunded_item_id"]
    assert Decimal(ours["amount"]) == -(Decimal(line["total"]) + Decimal(line["total_tax"]))


def test_behaviour_23_a_refund_without_amount_is_one_of_nothing(shop: Shop, recorded: Recorded) -> None:
    theirs = recorded("errors/refund_no_amount")
    number = shop.desk.place(paid=True)
    reply = shop.request("POST", f"orders/{number}/refunds", body={"api_refund": False})
    assert (reply.status, reply.json()["amount"]) == (theirs["status"], "0") == (201, "0")
    assert "(?P<order_id>" in reply.header("Location")
    assert "(?P<order_id>" in dict(theirs["headers"])["Location"]


def test_behaviour_24_a_deleted_product_leaves_its_lines(shop: Shop, recorded: Recorded) -> None:
    gone = recorded("orders_single/deleted_product")["body"]["line_items"][0]
    trashed = recorded("orders_single/trashed_product")["body"]["line_items"][0]
    product = next(p for p in shop.world.products.values() if p.type == "simple" and p.sku and (p.stock or 0) > 20)
    number = shop.desk.place([(product.id, 1)])
    stamp = shop.get(f"orders/{number}")["date_modified_gmt"]
    shop.clock.advance(60)
    shop.desk.delete_product(product.id, trash=True)
    line = shop.get(f"orders/{number}")["line_items"][0]
    assert (line["product_id"], line["sku"]) == (product.id, product.sku)
    assert trashed["product_id"] > 0
    assert trashed["sku"]
    shop.desk.delete_product(product.id)
    order = shop.get(f"orders/{number}")
    line = order["line_items"][0]
    assert [line[name] for name in ("product_id", "sku", "image")] == [
        gone[name] for name in ("product_id", "sku", "image")
    ]
    assert line["name"] == product.name
    assert order["date_modified_gmt"] == stamp
    unknown = shop.request("POST", "orders", body={"line_items": [{"product_id": 999_999, "quantity": 1}]})
    theirs = recorded("errors/line_unknown_product")
    assert unknown.status == theirs["status"] == 201
    same = {name: value for name, value in theirs["body"]["line_items"][0].items() if name != "id"}
    assert {name: value for name, value in unknown.json()["line_items"][0].items() if name != "id"} == same


def test_behaviour_25_what_is_escaped_and_what_is_not(shop: Shop, recorded: Recorded) -> None:
    names = [category["name"] for category in shop.get("products/categories", per_page=100)]
    assert "Belleza &amp; Cuidado" in names
    assert 'Capilar "pro"' in names
    twice = [name for name in set(names) if names.count(name) > 1]
    assert twice
    theirs = [category["name"] for category in recorded("catalog/categories_p1")["body"]]
    assert theirs.count("Ropa") == 2
    assert shop.get(f"products/{shop.odd['product_ampersand']}")["name"] == "Molino manual & cepillo"
    weird, real = shop.get(f"orders/{shop.odd['weird_text']}"), recorded("orders_single/weird_text")["body"]
    for order in (weird, real):
        assert "&" in order["billing"]["first_name"]
        assert "<script>" in order["billing"]["first_name"]
        assert "\r\n" in order["customer_note"]
    products = shop.get("products", per_page=100, search="Taza esmaltada azul")
    assert len(products) == 2


def test_behaviour_25_contacts_stay_as_typed(shop: Shop, recorded: Recorded) -> None:
    request = recorded("writes/create_order_set_paid")
    body = {
        **request["request"]["body"],
        "line_items": [{"product_id": decimals_price(shop), "quantity": 1}, {"sku": by_sku_of_variation(shop).lower()}],
    }
    made = shop.request("POST", "orders", body=body).json()
    assert made["billing"] == request["body"]["billing"]
    assert made["coupon_lines"][0]["code"] == request["body"]["coupon_lines"][0]["code"] == "bienvenido10"
    assert (made["status"], made["transaction_id"]) == ("processing", "TX-1")
    assert made["date_paid_gmt"] == made["date_created_gmt"]
    assert made["line_items"][1]["sku"] == by_sku_of_variation(shop)
    found = shop.get("coupons", code="BIENVENIDO10", _fields="id,code")
    assert [coupon["code"] for coupon in found] == ["bienvenido10"]


def by_sku_of_variation(shop: Shop) -> str:
    return next(p.sku for p in shop.world.products.values() if p.parent and "-S-" in p.sku)


def test_behaviour_26_stamps_have_no_zone(shop: Shop, recorded: Recorded) -> None:
    for order in (shop.get("orders")[0], recorded("orders_list/default_per_page")["body"][0]):
        local, gmt = (datetime.fromisoformat(order[name]) for name in ("date_created", "date_created_gmt"))
        assert local.tzinfo is gmt.tzinfo is None
        assert (local - gmt).total_seconds() == -5 * 3600
        assert order["number"] == str(order["id"])
        assert isinstance(order["id"], int)


def test_behaviour_26_custom_fields_of_every_kind(shop: Shop, recorded: Recorded) -> None:
    theirs = recorded("orders_single/meta_zoo")["body"]["meta_data"]
    ours = shop.get(f"orders/{shop.odd['meta_zoo']}")["meta_data"]
    mine = [
        (meta["key"], meta["value"]) for meta in ours if "cedula" not in meta["key"] and "document" not in meta["key"]
    ]
    assert mine == [(meta["key"], meta["value"]) for meta in theirs if meta["key"] != "objeto"]
    number = shop.desk.place()
    given = [
        {"key": "nulo", "value": None}, {"key": "si", "value": True}, {"key": "cuanto", "value": 12.5},
        {"key": "lista", "value": [1, 2]}, {"key": "_oculto", "value": "x"},
    ]  # fmt: skip
    order = shop.request("PUT", f"orders/{number}", body={"meta_data": given}).json()
    found = {meta["key"]: meta["value"] for meta in order["meta_data"]}
    assert "nulo" not in found
    assert (found["si"], found["cuanto"], found["lista"], found["_oculto"]) == ("1", "12.5", [1, 2], "x")
    paid = shop.desk.place([(shop.odd["product_backorder"], 2)], paid=True)
    keys = [meta["key"] for meta in shop.get(f"orders/{paid}")["line_items"][0]["meta_data"]]
    assert keys == ["Backordered", "_reduced_stock"]


def test_behaviour_27_variations_have_two_names(shop: Shop, recorded: Recorded) -> None:
    child = by_sku(shop.world, by_sku_of_variation(shop))
    assert child
    below = shop.get(f"products/{child.parent}/variations/{child.id}")
    alone = shop.get(f"products/{child.id}")
    assert recorded("products/variation_single")["body"]["name"] == "S, Negro"
    assert recorded("products/variation_via_products_endpoint")["body"]["name"] == "Camiseta estampada - S, Negro"
    assert below["name"] == "S, Negro"
    assert alone["name"].endswith(" - S, Negro")
    assert alone["total_sales"] == recorded("products/variation_via_products_endpoint")["body"]["total_sales"] == "0"
    assert child.id not in [
        product["id"] for page in (1, 2) for product in shop.get("products", per_page=100, page=page)
    ]
    assert [product["id"] for product in shop.get("products", sku=child.sku.upper())] == [child.id]
    refused = recorded("products/type_variation")
    reply = shop.request("GET", "products", params={"type": "variation"})
    assert (reply.status, reply.json()) == (refused["status"], refused["body"])
    on_parent = next(p for p in shop.world.products.values() if p.type == "variable" and p.manage_stock)
    kinds = {child["manage_stock"] for child in shop.get(f"products/{on_parent.id}/variations")}
    assert (
        kinds
        == {child["manage_stock"] for child in recorded("products/variations_stock_on_parent")["body"]}
        == {"parent"}
    )


def test_categories_count_their_children_only_in_lists(shop: Shop, recorded: Recorded) -> None:
    theirs = {category["id"]: category for category in recorded("catalog/categories_p1")["body"]}
    alone = recorded("catalog/category_single_entity")["body"]
    assert theirs[alone["id"]]["count"] > alone["count"]
    root: Any = max(
        (category for category in shop.get("products/categories", per_page=100) if not category["parent"]),
        key=lambda category: category["count"],
    )
    assert shop.get(f"products/categories/{root['id']}")["count"] < root["count"]
    below = shop.get("products", category=root["id"], per_page=100)
    assert len(below) == sum(1 for _ in below) > 0


def test_the_shop_may_have_any_currency_and_zone() -> None:
    shop = Shop(1, orders=5, settings=COLOMBIA)
    assert shop.get("data/currencies/current")["code"] == "COP"
    index = shop.request("GET", "/wp-json/", params={"_fields": "timezone_string,gmt_offset"}).json()
    assert index == {"gmt_offset": -5, "timezone_string": "America/Bogota"}
    assert shop.get("system_status")["settings"]["number_of_decimals"] == 0
