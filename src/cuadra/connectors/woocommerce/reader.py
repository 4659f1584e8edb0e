"""From the bytes that a WooCommerce shop sent to a `Read`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Evidence, Raw, Read, Value
from cuadra.connectors.sound import fault
from cuadra.connectors.woocommerce import catalogue, orders
from cuadra.model import Complaint, Entity


class ErrorBody(Struct):
    """What the shop says instead of a thing. Told apart by its code: the message is in the language of the site."""

    code: str
    message: str = ""
    data: Any = None


_decode_error = msgspec.json.Decoder(ErrorBody).decode
_decode_any = msgspec.json.Decoder().decode

_READERS: dict[Entity, Callable[[bytes], Value]] = {
    Entity.ORDER: lambda body: orders.order_of(orders.decode_order(body)),
    Entity.PRODUCT: lambda body: catalogue.product_of(catalogue.decode_product(body)),
    Entity.CATEGORY: lambda body: catalogue.category_of(catalogue.decode_category(body)),
    Entity.CUSTOMER: lambda body: catalogue.customer_of(catalogue.decode_customer(body)),
}


def read(raw: Raw) -> Read:
    """Read one receipt: a delivery, an item of a listing, or the answer to a single look.

    A notice of deletion (`{"id": 263}`) and a signed error object are hints: they say that something happened to an
    order, and not what it is now.
    """
    if raw.asked is not None and raw.asked["status"] == 404:
        asked_at = datetime.fromtimestamp(raw.sequence / 1e6, UTC).isoformat()
        answer = raw.body[:300].decode("utf-8", "replace").replace("\0", "\ufffd")
        return Read(raw.kind, str(raw.asked["id"]), absent={"answer": answer, "status": 404, "asked_at": asked_at})
    try:
        values = _decode_any(raw.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": str(err)[:300]}))
    if not isinstance(values, dict):
        return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": "one object"}))
    number = _number(values)
    if number is None:
        return _without_number(raw)
    if raw.kind is Entity.ORDER and "status" not in values and "total" not in values:
        return Read(raw.kind, number, hint={"fields": sorted(values)})
    try:
        value = _READERS[raw.kind](raw.body)
    except msgspec.ValidationError as err:
        return _invalid(raw, number, str(err))
    if (wrong := fault(value)) is not None:
        return _invalid(raw, number, *wrong)
    return Read(raw.kind, number, value)


def _number(values: dict[str, Any]) -> str | None:
    number = values.get("id")
    known = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 1 << 63
    return str(number) if known else None


def _without_number(raw: Raw) -> Read:
    try:
        error = _decode_error(raw.body)
    except msgspec.ValidationError:
        proof: Evidence = {"field": "id", "rule": "the number of the thing"}
        return Read(raw.kind, refused=("required_field_missing", proof))
    status = error.data.get("status") if isinstance(error.data, dict) else None
    return Read(raw.kind, hint={"code": error.code[:100], "status": status})


def _invalid(raw: Raw, number: str, rule: str, field: str = "", value: str = "") -> Read:
    if " - at `$." in rule:
        rule, _, place = rule.partition(" - at `$.")
        field = place.rstrip("`")
    complaint = Complaint(rule, field, value[:200])
    proof: Evidence = {"field": complaint.field, "value": complaint.value, "rule": complaint.rule, "line": None}
    return Read(raw.kind, number, None, ("field_format_invalid", proof), [complaint])
