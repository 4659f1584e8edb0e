"""What a real shop answered and delivered, read into the model. The recordings explain themselves in their README."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cuadra.connectors.base import Raw, Read
from cuadra.connectors.woocommerce.reader import read
from cuadra.model import Entity, OrderRead
from cuadra.pipeline.admit import totals_problem
from cuadra.pipeline.rules import Rules


@pytest.fixture
def recorded(shared: Path) -> Path:
    return shared / "platforms" / "captures" / "woocommerce-9.2.5"


def body(recorded: Path, name: str) -> Any:
    return json.loads((recorded / name).read_text("utf-8"))["body"]


def take(value: Any, kind: Entity = Entity.ORDER) -> Read:
    raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return read(Raw(kind, raw, 1))


def order(recorded: Path, name: str) -> OrderRead:
    found = take(body(recorded, f"orders_single/{name}.json")).value
    assert isinstance(found, OrderRead)
    return found


KINDS = {"line_items": Entity.ORDER, "regular_price": Entity.PRODUCT, "display": Entity.CATEGORY,
         "avatar_url": Entity.CUSTOMER, "code": Entity.ORDER}  # fmt: skip


def things(recorded: Path) -> Iterator[tuple[str, Entity, dict[str, Any]]]:
    """Everything in the answers that is an order, a product, a category, a customer or an error."""
    for path in sorted(recorded.glob("*/*.json")):
        content = json.loads(path.read_text("utf-8"))
        found = content.get("body") if isinstance(content, dict) else None
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict):
                kind = next((kind for key, kind in KINDS.items() if key in one), None)
                if (
                    kind is not None
                    and ("id" in one or "code" in one)
                    and not {"discount_type", "enabled"} & one.keys()
                ):
                    yield f"{path.parent.name}/{path.name}", kind, one


def test_everything_recorded_is_read_or_is_a_hint(recorded: Path) -> None:
    found: Counter[str] = Counter()
    for name, kind, one in things(recorded):
        result = take(one, kind)
        assert result.refused is None, (name, result.refused)
        assert result == take(one, kind)
        found["hint" if result.hint is not None else kind.value] += 1
    assert found["order"] > 600
    assert min(found["product"], found["category"], found["customer"], found["hint"]) > 20


def test_every_delivery_is_read_and_error_bodies_and_notices_are_hints(recorded: Path) -> None:
    found: Counter[tuple[str, bool]] = Counter()
    for line in (recorded / "webhooks" / "ALL_DELIVERIES.jsonl").read_text("utf-8").splitlines():
        delivery = json.loads(line)
        listed = delivery["headers"].items() if isinstance(delivery["headers"], dict) else delivery["headers"]
        topic = {name.lower(): value for name, value in listed}.get("x-wc-webhook-resource")
        if topic in ("order", "product", "customer"):
            result = take(base64.b64decode(delivery["body_b64"]), Entity(topic))
            assert result.refused is None
            found[topic, result.hint is not None] += 1
    assert found["order", False] > 150
    assert found["order", True] == 10
    assert found["product", False] > 10


def test_a_notice_of_deletion_names_the_order_and_applies_nothing() -> None:
    result = take({"id": 263})
    assert (result.identifier, result.value, result.hint) == ("263", None, {"fields": ["id"]})


def test_a_signed_error_names_nobody() -> None:
    result = take({"code": "woocommerce_rest_cannot_view", "message": "No puedes", "data": {"status": 403}})
    assert (result.identifier, result.hint) == (None, {"code": "woocommerce_rest_cannot_view", "status": 403})


def test_times_are_those_in_utc_and_amounts_those_of_the_shop(recorded: Path) -> None:
    raw = body(recorded, "orders_single/kind_processing.json")
    found = order(recorded, "kind_processing")
    assert found.created_at.isoformat() == raw["date_created_gmt"] + "+00:00"  # type: ignore[union-attr]
    assert found.updated_at.isoformat() == raw["date_modified_gmt"] + "+00:00"  # type: ignore[union-attr]
    assert found.total == Decimal(raw["total"])
    assert found.currency == "COP"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("kind_processing", "sale"), ("kind_completed", "sale"), ("kind_completed-partial", "sale"),
        ("kind_pending", "unpaid"), ("kind_on-hold", "unpaid"), ("kind_cancelled", "cancelled"),
        ("kind_failed", "failed"), ("kind_trash", "failed"), ("kind_checkout-draft", "test"),
        ("kind_refunded-full", "sale"),
    ],
)  # fmt: skip
def test_what_a_state_means_without_any_rule(recorded: Path, name: str, verdict: str) -> None:
    found = order(recorded, name)
    axes = (found.lifecycle, found.fulfilment_state or None, found.payment_state)
    assert Rules().verdict(found.state, axes) == verdict  # type: ignore[arg-type]


def test_a_state_that_a_plugin_has_made_is_for_the_rules_to_map(recorded: Path) -> None:
    raw = {**body(recorded, "orders_single/kind_processing.json"), "status": "en-camino"}
    found = take(raw).value
    assert isinstance(found, OrderRead)
    assert (found.state, found.lifecycle) == ("en-camino", None)
    assert Rules().verdict("en-camino", (None, None, found.payment_state)) is None  # type: ignore[arg-type]


def test_refunds_are_positive_and_the_total_stays(recorded: Path) -> None:
    raw = body(recorded, "orders_single/kind_completed-partial.json")
    found = order(recorded, "kind_completed-partial")
    assert found.payment_state == "partially_refunded"
    assert [one.amount for one in found.refunds] == [-Decimal(one["total"]) for one in raw["refunds"]]  # type: ignore[union-attr]
    assert found.total == Decimal(raw["total"])


def test_a_guest_has_no_number_and_a_deleted_product_none_either(recorded: Path) -> None:
    guest = order(recorded, "guest").customer
    assert guest
    assert guest.id is None
    assert guest.email
    lines = order(recorded, "deleted_product").lines
    assert any(line.product_id is None and line.sku is None and line.name for line in lines)  # type: ignore[union-attr]


def test_documents_stand_where_plugins_put_them(recorded: Path) -> None:
    assert order(recorded, "custom_line").customer.document == "391714698"  # type: ignore[union-attr]


def test_names_of_categories_are_unescaped_and_those_of_products_left(recorded: Path) -> None:
    result = take({"id": 28, "name": "Belleza &amp; Cuidado", "parent": 0}, Entity.CATEGORY).value
    assert result.name == "Belleza & Cuidado"  # type: ignore[union-attr]
    product = take({"id": 3, "name": "A & B <script>", "sku": "X"}, Entity.PRODUCT).value
    assert product.name == "A & B <script>"  # type: ignore[union-attr]


def test_totals_of_all_recorded_orders_add_up_but_where_the_shop_rounds(recorded: Path) -> None:
    """The shop rounds to its own decimals, and shows more on request (`dp=2`): only these two differ."""
    wrong = set()
    for name, kind, one in things(recorded):
        found = take(one, kind).value
        if isinstance(found, OrderRead) and totals_problem(found):
            wrong.add(name)
    assert wrong == {"orders_list/dp_2.json", "writes/order_281_dp2.json"}


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (b"{", "payload_unreadable"), (b"[]", "payload_unreadable"), (b"\xff\xfe", "payload_unreadable"),
        ({"status": "processing"}, "required_field_missing"), ({"id": 0, "status": "x"}, "required_field_missing"),
        ({"id": 7, "status": "processing", "total": "much"}, "field_format_invalid"),
        ({"id": 7, "status": "processing", "total": "NaN"}, "field_format_invalid"),
        ({"id": 7, "status": "processing", "total": "1", "line_items": {}}, "field_format_invalid"),
        ({"id": 7, "status": "proc\0essing", "total": "1"}, "field_format_invalid"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(spoiled: Any, reason: str) -> None:
    result = take(spoiled)
    assert result.refused is not None
    assert result.refused[0] == reason
    if reason == "field_format_invalid":
        assert result.identifier == "7"
        assert result.refused[1]["rule"]
