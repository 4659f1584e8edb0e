"""From the bytes that came from a Shopify shop to a `Read`: what GraphQL shows, and what notices carry. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from cuadra.connectors.base import Evidence, Raw, Read, Value
from cuadra.connectors.shopify import catalogue, facts, notices, orders
from cuadra.connectors.sound import fault
from cuadra.model import Complaint, Entity

_decode = msgspec.json.Decoder().decode
BEYOND = 410
"""The status of an answer of ours: the shop may have it, and would not show it, for it is too old."""

_SHOWN: dict[Entity, Callable[[Mapping[str, Any]], Value]] = {
    Entity.ORDER: orders.order_of, Entity.PRODUCT: catalogue.product_of, Entity.CATEGORY: catalogue.category_of,
    Entity.CUSTOMER: catalogue.customer_of,
}  # fmt: skip
_NOTED: dict[Entity, Callable[[Mapping[str, Any]], Value]] = {
    Entity.ORDER: notices.order_of, Entity.PRODUCT: notices.products_of, Entity.CUSTOMER: notices.customer_of,
}  # fmt: skip


def read(raw: Raw) -> Read:
    """Read one receipt.

    A notice that only names an order (it was deleted, something of it was given back), or that shows nothing of its buyer,
    is a hint: the order itself is asked for.
    """
    if raw.asked is not None and raw.asked["status"] == BEYOND:
        return Read(raw.kind, str(raw.asked["id"]), refused=("history_beyond_platform_window", _decode(raw.body)))
    if raw.asked is not None and raw.asked["status"] == 404:
        asked_at = datetime.fromtimestamp(raw.sequence / 1e6, UTC).isoformat()
        answer = raw.body[:300].decode("utf-8", "replace").replace("\0", "\ufffd")
        return Read(raw.kind, str(raw.asked["id"]), absent={"answer": answer, "status": 404, "asked_at": asked_at})
    try:
        body = _decode(raw.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": str(err)[:300]}))
    if not isinstance(body, dict):
        return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": "one object"}))
    shown = isinstance(body.get("id"), str) and body["id"].startswith("gid://")
    number = _number(body.get("legacyResourceId") if shown else _noted_number(raw.kind, body))
    if number is None:
        field = "legacyResourceId" if shown else "id"
        return Read(raw.kind, refused=("required_field_missing", {"field": field, "rule": "the number of the thing"}))
    if not shown and raw.kind is Entity.ORDER and (hint := _hint(body)) is not None:
        return Read(raw.kind, number, hint=hint)
    return _value(raw, number, body, (_SHOWN if shown else _NOTED)[raw.kind], shown=shown)


def _value(
    raw: Raw, number: str, body: dict[str, Any], make: Callable[[Mapping[str, Any]], Value], *, shown: bool
) -> Read:
    try:
        value = make(body)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as err:
        return _invalid(raw, number, "the shape of the platform", type(err).__name__, str(err)[:200])
    if (wrong := fault(value)) is not None:
        return _invalid(raw, number, *wrong)
    found = Read(raw.kind, number, value)
    if shown and raw.kind is Entity.ORDER and (proof := orders.hidden(body)) is not None:
        found.warnings = {"customer_data_hidden_by_plan": proof}
    return found


def _hint(body: dict[str, Any]) -> Evidence | None:
    if "order_id" in body or "financial_status" not in body:
        return {"fields": sorted(body)[:20]}  # a parcel has lines too, and is no order
    if notices.anonymous(body):
        return {"fields": ["customer"]}
    return {"fields": ["refunds"]} if notices.refunded_elsewhere(body) else None


def _noted_number(kind: Entity, body: dict[str, Any]) -> Any:
    """A notice of a refund, a parcel or a payment speaks of its order, and has a number of its own."""
    return body["order_id"] if kind is Entity.ORDER and "order_id" in body else body.get("id")


def _number(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if 0 < value < 1 << 64 else None
    return facts.number(value)


def _invalid(raw: Raw, number: str, rule: str, field: str = "", value: str = "") -> Read:
    complaint = Complaint(rule, field, value[:200])
    proof: Evidence = {"field": complaint.field, "value": complaint.value, "rule": complaint.rule, "line": None}
    return Read(raw.kind, number, None, ("field_format_invalid", proof), [complaint])
