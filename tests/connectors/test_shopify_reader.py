"""A Shopify order in both of its shapes: what each of them says, and that both say the same."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from msgspec import UNSET

from cuadra.connectors.base import Raw, Read
from cuadra.connectors.shopify import queries
from cuadra.connectors.shopify.client import VERSION
from cuadra.connectors.shopify.reader import read
from cuadra.model import Entity, OrderRead, ProductRead
from cuadra.pipeline import versions
from cuadra.pipeline.admit import totals_problem
from cuadra_simulators.shopify.graph.execution import the_schema


@pytest.fixture(scope="module")
def samples(shared: Path) -> Path:
    return shared / "platforms" / "samples" / "shopify"


def sample(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def reading(body: Any, kind: Entity = Entity.ORDER) -> Read:
    return read(Raw(kind, json.dumps(body).encode(), 1))


def order(body: Any) -> OrderRead:
    found = reading(body).value
    assert isinstance(found, OrderRead)
    return found


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "MXN"}}


def node(**changes: Any) -> dict[str, Any]:
    """A small order as GraphQL shows one: two cups at 320.0 and shipping at 99.0."""
    return {
        "id": "gid://shopify/Order/6123456780042", "legacyResourceId": "6123456780042", "name": "#1042",
        "confirmationNumber": "K7P2M9QXR", "createdAt": "2026-11-20T18:41:57Z", "updatedAt": "2026-11-20T18:42:10Z",
        "cancelledAt": None, "closedAt": None, "test": False, "sourceName": "web", "currencyCode": "MXN",
        "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED", "email": "ximena@example.com",
        "phone": None, "note": None, "tags": ["regalo"], "discountCodes": [], "customAttributes": [],
        "customer": {"id": "gid://shopify/Customer/81", "legacyResourceId": "81", "firstName": "Ximena", "lastName": "Robles",
                     "defaultEmailAddress": {"emailAddress": "ximena@example.com"}, "defaultPhoneNumber": None},
        "billingAddress": None, "shippingAddress": None,
        "totalPriceSet": money("739.0"), "taxesIncluded": True,
        "totalTaxSet": money("0.0"), "totalDiscountsSet": money("0.0"), "totalTipReceivedSet": money("0.0"),
        "lineItems": {"nodes": [{
            "id": "gid://shopify/LineItem/151", "title": "Taza", "variantTitle": "Azul", "sku": "TAZ-AZ", "quantity": 2,
            "currentQuantity": 2, "product": {"legacyResourceId": "71"}, "variant": {"legacyResourceId": "46"},
            "originalUnitPriceSet": money("320.0"), "discountAllocations": [], "taxLines": [],
        }]},
        "shippingLines": {"nodes": [{"id": "gid://shopify/ShippingLine/9", "title": "Estafeta", "code": "E", "isRemoved": False,
                                     "discountedPriceSet": money("99.0")}]},
        "transactions": [{"id": "gid://shopify/OrderTransaction/7001", "kind": "SALE", "status": "SUCCESS", "test": False,
                          "gateway": "mp", "formattedGateway": "Mercado Pago", "amountSet": money("739.0"),
                          "createdAt": "2026-11-20T18:41:58Z", "processedAt": "2026-11-20T18:41:58Z", "paymentId": "c-77.1"}],
        "refunds": [], "fulfillments": [], **changes,
    }  # fmt: skip


def notice(**changes: Any) -> dict[str, Any]:
    """The same order as a notice carries it."""
    return {
        "id": 6123456780042, "admin_graphql_api_id": "gid://shopify/Order/6123456780042", "name": "#1042",
        "confirmation_number": "K7P2M9QXR", "created_at": "2026-11-20T12:41:57-06:00", "updated_at": "2026-11-20T12:42:10-06:00",
        "cancelled_at": None, "closed_at": None, "test": False, "source_name": "web", "currency": "MXN",
        "financial_status": "paid", "fulfillment_status": None, "email": "ximena@example.com", "phone": None, "note": None,
        "tags": "regalo", "discount_codes": [], "note_attributes": [],
        "customer": {"id": 81, "first_name": "Ximena", "last_name": "Robles", "email": "ximena@example.com", "phone": None},
        "billing_address": None, "shipping_address": None, "total_price": "739.00", "taxes_included": True,
        "total_tax": "0.00", "total_discounts": "0.00", "total_tip_received": "0.00",
        "line_items": [{"id": 151, "title": "Taza", "variant_title": "Azul", "sku": "TAZ-AZ", "quantity": 2,
                        "current_quantity": 2, "product_id": 71, "variant_id": 46, "price": "320.00",
                        "discount_allocations": [], "tax_lines": []}],
        "shipping_lines": [{"id": 9, "title": "Estafeta", "price": "99.00", "discounted_price": "99.00"}],
        "refunds": [], "fulfillments": [], **changes,
    }  # fmt: skip


def test_a_notice_and_graphql_say_the_same_of_an_order() -> None:
    shown, noted = order(node()), order(notice())
    assert not versions.contradict(shown, noted)
    assert shown.updated_at == noted.updated_at == datetime(2026, 11, 20, 18, 42, 10, tzinfo=UTC)
    assert shown.lines == noted.lines
    assert str(shown.total) == str(noted.total) == "739.00"
    assert (shown.state, shown.payment_state, shown.fulfilment_state) == ("paid/unfulfilled", "paid", "unfulfilled")
    assert noted.payments is UNSET, "a notice knows of no payments: unknown, and not none"
    assert [one.id for one in shown.payments or ()] == ["c-77.1"]


def test_what_was_given_back_was_sold_and_what_an_edit_took_out_was_not() -> None:
    """Five cups: one was taken out before it was sent, one came back."""
    line = deepcopy(node()["lineItems"]["nodes"][0]) | {"quantity": 5, "currentQuantity": 3}
    refund = {"id": "gid://shopify/Refund/5", "legacyResourceId": "5", "createdAt": "2026-11-21T10:00:00Z", "note": "rota",
              "totalRefundedSet": money("320.0"),
              "refundLineItems": {"nodes": [{"quantity": 1, "lineItem": {"id": line["id"]}}]}}  # fmt: skip
    shown = order(node(lineItems={"nodes": [line]}, refunds=[refund], totalPriceSet=money("1699.0")))  # fmt: skip
    noted = order(notice(
        line_items=[notice()["line_items"][0] | {"quantity": 5, "current_quantity": 3}], total_price="1699.00",
        refunds=[{"id": 5, "created_at": "2026-11-21T04:00:00-06:00", "note": "rota",
                  "refund_line_items": [{"line_item_id": 151, "quantity": 1}],
                  "transactions": [{"kind": "refund", "status": "success", "amount": "320.00"},
                                   {"kind": "refund", "status": "failure", "amount": "320.00"}]}],
    ))  # fmt: skip
    for found in (shown, noted):
        (only,) = found.lines or ()
        assert only.quantity == 4
        assert found.total == Decimal("1379.00"), "four cups and the shipping"
        assert [(one.id, one.amount) for one in found.refunds or ()] == [("5", Decimal("320.00"))]
    assert not versions.contradict(shown, noted)


def test_what_was_taken_off_the_way_is_in_its_price_and_the_order_adds_up() -> None:
    """A code made shipping free (99), another took 64 off the cups: the shop's sum of discounts is 163."""
    line = node()["lineItems"]["nodes"][0] | {"discountAllocations": [{"allocatedAmountSet": money("64.0")}]}
    way = node()["shippingLines"]["nodes"][0] | {"discountedPriceSet": money("0.0")}
    shown = order(node(
        lineItems={"nodes": [line]}, shippingLines={"nodes": [way]}, discountCodes=["ENVIO", "VERANO"],
        totalPriceSet=money("576.0"), totalDiscountsSet=money("163.0"),
    ))  # fmt: skip
    noted = order(notice(
        line_items=[notice()["line_items"][0] | {"discount_allocations": [{"amount": "64.00"}]}],
        shipping_lines=[notice()["shipping_lines"][0] | {"discounted_price": "0.00"}], total_price="576.00",
        total_discounts="163.00", discount_codes=[{"code": "ENVIO"}, {"code": "VERANO"}],
    ))  # fmt: skip
    for found in (shown, noted):
        assert (str(found.discount), found.shipping) == ("64.00", 0)
        assert totals_problem(found) is None
    assert not versions.contradict(shown, noted)
    free = order(node(shippingLines={"nodes": [way]}, totalPriceSet=money("640.0"), totalDiscountsSet=money("99.0")))
    assert str(free.discount) == "0.00"
    assert totals_problem(free) is None


def test_a_line_that_was_taken_out_whole_is_none() -> None:
    gone = deepcopy(node()["lineItems"]["nodes"][0]) | {
        "id": "gid://shopify/LineItem/152",
        "quantity": 1,
        "currentQuantity": 0,
    }
    found = order(node(lineItems={"nodes": [*node()["lineItems"]["nodes"], gone]}))
    assert [one.id for one in found.lines or ()] == ["151"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cancelledAt": "2026-11-21T00:00:00Z"}, ("cancelled", "cancelled", "paid")),
        ({"test": True}, ("test", "test", "paid")),
        ({"closedAt": "2026-11-21T00:00:00Z", "displayFulfillmentStatus": "FULFILLED"}, ("paid/fulfilled", "completed", "paid")),
        ({"displayFinancialStatus": "EXPIRED"}, ("voided/unfulfilled", "open", "voided")),
        ({"displayFulfillmentStatus": "ON_HOLD"}, ("paid/unfulfilled", "open", "paid")),
        ({"displayFinancialStatus": None}, ("unpaid/unfulfilled", "open", None)),
        ({"displayFinancialStatus": "PAID_BY_MAGIC"}, ("paid_by_magic/unfulfilled", "open", "paid_by_magic")),
    ],
)  # fmt: skip
def test_its_four_states(changes: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    found = order(node(**changes))
    assert (found.state, found.lifecycle, found.payment_state) == expected


def test_a_cancelled_order_keeps_its_total_and_its_lines() -> None:
    gone = node()["lineItems"]["nodes"][0] | {"currentQuantity": 0}
    found = order(node(cancelledAt="2026-11-21T00:00:00Z", lineItems={"nodes": [gone]}))
    assert found.total == Decimal("739.00")
    assert [one.quantity for one in found.lines or ()] == [2]


def test_each_parcel_has_its_tracking_number() -> None:
    sent = {"id": "gid://shopify/Fulfillment/8", "legacyResourceId": "8", "name": "#1042-F1", "status": "SUCCESS",
            "createdAt": "2026-11-21T10:00:00Z",
            "trackingInfo": [{"company": "Estafeta", "number": "EA1"}, {"company": "Estafeta", "number": "EA2"}]}  # fmt: skip
    shown = order(node(fulfillments=[sent]))
    noted = order(notice(fulfillments=[{"id": 8, "status": "success", "created_at": "2026-11-21T04:00:00-06:00",
                                        "tracking_company": "Estafeta", "tracking_numbers": ["EA1", "EA2"]}]))  # fmt: skip
    assert [(one.id, one.tracking) for one in shown.shipments or ()] == [("9", None), ("8", "EA1"), ("8-2", "EA2")]
    assert not versions.contradict(shown, noted)


def test_what_the_plan_hides_is_unknown_and_said() -> None:
    hidden = node(email=None, customer={"id": "gid://shopify/Customer/81", "legacyResourceId": "81", "firstName": None,
                                        "lastName": None, "defaultEmailAddress": None, "defaultPhoneNumber": None},
                  cuadra={"denied": ["customer.defaultEmailAddress", "customer.firstName", "customer.lastName", "email",
                                     "phone"], "plan": "Basic"})  # fmt: skip
    found = reading(hidden)
    assert isinstance(found.value, OrderRead)
    customer = found.value.customer
    assert customer
    assert (customer.id, customer.email, customer.first_name, customer.phone) == ("81", UNSET, UNSET, UNSET)
    assert found.warnings["customer_data_hidden_by_plan"]["plan"] == "Basic"
    whole = versions.merge(order(node()), found.value)
    assert whole.customer
    assert whole.customer.email == "ximena@example.com", "what was known before stays known"


@pytest.mark.parametrize(
    "body", [{"id": 6123456780042}, {"id": 99, "order_id": 6123456780042, "transactions": []},
             notice(email=None, customer={"id": 81, "email": None, "phone": None}),
             {"id": 8, "order_id": 6123456780042, "status": "success", "email": "ana@example.com", "line_items": [{"id": 1}],
              "destination": {"phone": "+525555010142"}, "tracking_numbers": ["EA1"], "name": "#1042.1"},
             notice(refunds=[{"id": 5, "transactions": [{"kind": "refund", "status": "success", "amount": "50.00",
                                                         "currency": "USD"}]}])],
)  # fmt: skip
def test_a_notice_that_only_names_an_order_or_nobody_asks_for_it(body: dict[str, Any]) -> None:
    found = reading(body)
    assert found.value is None
    assert found.hint
    assert found.identifier == "6123456780042"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"id": true}', b'{"id": -1, "line_items": []}', b'{"name": "#1"}']
)
def test_what_is_no_order_is_refused(body: bytes) -> None:
    found = read(Raw(Entity.ORDER, body, 1))
    assert found.value is None
    assert found.refused


@pytest.mark.parametrize("field", ["line_items", "refunds", "fulfillments", "shipping_lines"])
@pytest.mark.parametrize("wrong", ["text", [1], [{"id": None}], {"a": 1}])
def test_a_field_of_another_shape_is_refused_or_read_and_never_raises(field: str, wrong: Any) -> None:
    found = reading(notice(**{field: wrong}))
    assert found.identifier == "6123456780042"
    assert found.refused or found.value


def test_an_answer_that_it_does_not_exist() -> None:
    found = read(
        Raw(Entity.ORDER, b'{"data":{"nodes":[null]}}', 1_700_000_000_000_000, asked={"id": "7", "status": 404})
    )
    assert found.absent
    assert found.identifier == "7"


@pytest.mark.parametrize(
    ("by", "expected"),
    [("type", [["Tazas"]]), ("taxonomy", [["Home & Garden", "Kitchen", "Mugs"]]), ("collections", UNSET)],
)
def test_a_products_category_is_what_the_setting_says(by: str, expected: Any) -> None:
    body = {"id": "gid://shopify/Product/71", "legacyResourceId": "71", "title": "Taza", "status": "ACTIVE", "vendor": "Sierra",
            "productType": "Tazas", "category": {"id": "x", "fullName": "Home & Garden > Kitchen > Mugs"},
            "collections": {"nodes": [{"legacyResourceId": "5", "title": "Regalos"}]}, "cuadra": {"categories": by}}  # fmt: skip
    found = reading(body, Entity.PRODUCT).value
    assert isinstance(found, ProductRead)
    assert found.categories == expected
    assert found.category_ids == (["5"] if by == "collections" else UNSET)


# ---------------------------------------------------------------- against what is published


def test_the_samples_are_read(samples: Path) -> None:
    single = sample(samples, "order_single")["data"]["order"]
    noted = sample(samples, "webhook_orders_create")
    for body in (single, noted, *sample(samples, "orders_page")["data"]["orders"]["nodes"]):
        found = reading(body)
        assert found.refused is None, found.refused
        assert found.value or found.hint
    assert order(noted).number == "#1042"
    assert order(single).lines
    product = reading(sample(samples, "product")["data"]["product"], Entity.PRODUCT)
    assert product.refused is None
    assert reading(sample(samples, "customer")["data"]["customer"], Entity.CUSTOMER).refused is None


def refused(schema: GraphQLSchema) -> dict[str, list[str]]:
    """What a schema has against our queries, by their names."""
    documents = {**queries.READING, "BULK": queries.BULK % "\"created_at:>='2026-01-01T00:00:00Z'\""}
    assert len(documents) > 20
    wrong = {name: [one.message for one in validate(schema, parse(found))] for name, found in documents.items()}
    return {name: found for name, found in wrong.items() if found}


def test_every_query_is_one_that_the_simulated_shop_takes() -> None:
    assert refused(the_schema()) == {}


def test_every_query_is_one_of_the_published_schema(shared: Path) -> None:
    text = (shared / "platforms" / "schema" / "shopify-admin.graphql").read_text("utf-8")
    assert refused(build_schema(text, assume_valid=True)) == {}
    assert VERSION in (shared / "platforms" / "schema" / "shopify-admin.protected-fields.json").read_text("utf-8")
