"""From the working set to rows: one tuple per row, in the order of the staging tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from cuadra.connectors.base import Evidence
from cuadra.model import LineRead
from cuadra.money import text_and_minor
from cuadra.pipeline.admit import known
from cuadra.pipeline.match_products import unit_of
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.telling import JUDGED
from cuadra.pipeline.versions import encode_content
from cuadra.pipeline.working import CustomerState, Item, LineState, OrderState, ProductState

Row = tuple[Any, ...]
_json = msgspec.json.Encoder().encode

#: types of the columns of each staging table, as their values are written: JSON that is at hand as bytes is sent as such
TYPES: dict[str, tuple[str, ...]] = {
    "staged_order": (
        "bool", "int8", "text", "int8", "text", "timestamptz", "text", "text", "text", "text", "int8", "text", "text",
        "date", "int8", "text", "text", "text", "text", "text", "text[]", "text", "bool", "timestamptz", "int8",
        "bytea", "int4", "int8", "int4", "timestamptz", "text", "timestamptz", "timestamptz", "bytea",
    ),
    "staged_line": ("int8", "int4", "text", "int8", "text", "text", "text", "text", "text", "text", "text", "text",
                    "text", "int8", "text", "text", "text"),
    "staged_payment": ("int8", "int4", "text", "text", "text", "text", "int8", "timestamptz"),
    "staged_refund": ("int8", "int4", "text", "text", "int8", "timestamptz", "text"),
    "staged_shipment": ("int8", "int4", "text", "text", "text", "text", "text", "timestamptz"),
    "staged_discount": ("int8", "int4", "text", "text", "text", "int8"),
    "staged_identifier": ("bool", "text", "text", "int8", "text"),
    "staged_version": ("int8", "int4", "timestamptz", "int8", "bytea", "int8", "text"),
    "staged_attempt": ("int8", "int8", "int8", "text", "text", "text", "text", "text", "text[]", "text", "text", "int4"),
    "staged_customer": ("bool", "int8", "text", "bytea", "int8"),
    "staged_customer_key": ("text", "text", "int8"),
    "staged_product": ("int8", "text", "text", "text", "text", "text", "text", "text", "int8", "bool", "timestamptz",
                       "text", "text[]", "text"),
    "staged_product_key": ("text", "int8", "text", "int8"),
}  # fmt: skip

MOST_PRODUCTS_SHOWN = 3


def text(amount: Decimal | None) -> str | None:
    """A decimal as PostgreSQL reads it."""
    return None if amount is None else str(amount)


def money(amount: Any, currency: str | None) -> tuple[str | None, int | None]:
    """(digits, minor units) of an amount; (None, None) where there is none."""
    return text_and_minor(amount, currency) if isinstance(amount, Decimal) else (None, None)


def proof(evidence: dict[str, Evidence]) -> str | None:
    """Evidence as JSON text; NULL where there is none."""
    return _json(evidence).decode().replace("\\u0000", "\\ufffd") if evidence else None


def order(state: OrderState) -> Row:
    """The row of an order."""
    read = state.read()
    currency = known(read.currency)
    customer = read.customer or None
    place = read.billing or read.delivery or None
    name = (customer.full_name() if customer else None) or (place.name if place else None)
    total, minor = money(read.total, currency)
    version = state.version
    return (
        state.is_new, state.order_id, state.source_id, state.integration_id, known(read.number),
        known(read.created_at), known(read.state), known(read.payment_state), currency, total, minor,
        text(state.converted), text(state.rate), state.rate_day, state.customer_id, name,
        (customer.email or None) if customer else None, products(read.lines or ()), state.standing, state.reason,
        state.warnings or None, proof(state.evidence), state.incomplete, version.stamp, version.sequence,
        version.digest, state.number, state.receipt_id, state.rule_version, state.recheck_at, state.own_state,
        state.present_at, state.first_seen, content(state),
    )  # fmt: skip


def products(lines: Sequence[LineRead]) -> str | None:
    """The order's products in a few words: «2 × Zapatilla urbana, Remera, +3»."""
    shown = []
    for line in lines[:MOST_PRODUCTS_SHOWN]:
        label = (line.name or line.sku or line.product_id or "?")[:60]
        shown.append(label if line.quantity == 1 else f"{line.quantity.normalize():f} × {label}")
    if len(lines) > MOST_PRODUCTS_SHOWN:
        shown.append(f"+{len(lines) - MOST_PRODUCTS_SHOWN}")
    return ", ".join(shown) or None


_UNMATCHED = LineState()


def lines(state: OrderState, rules: Rules) -> list[Row]:
    """The rows of an order's lines; one that a rule excludes is kept out of the sums by its reason."""
    read = state.read()
    currency, order_id = known(read.currency), state.order_id
    found = []
    for at, line in enumerate(read.lines or ()):
        recorded = state.lines[at] if at < len(state.lines) else _UNMATCHED
        unit = recorded.unit if recorded is not _UNMATCHED else unit_of(line.unit, rules)
        price, discount, tax, amount = line.unit_price, line.discount, line.tax, line.total
        if amount is None and price is not None:
            amount = price * line.quantity - (discount or 0)
        total, minor = money(amount, currency)
        found.append((
            order_id, at + 1, line.id, recorded.product_id, line.sku, line.name, str(line.quantity), unit, line.unit,
            None if price is None else str(price), None if discount is None else str(discount),
            None if tax is None else str(tax), total, minor, line.seller, recorded.reason,
            None if recorded.evidence is None else proof(recorded.evidence),
        ))  # fmt: skip
    return found


def payments(state: OrderState) -> list[Row]:
    """The rows of an order's payments."""
    read = state.read()
    currency = known(read.currency)
    return [
        (state.order_id, at + 1, one.id, one.method, one.state, *money(one.amount, currency), one.paid_at)
        for at, one in enumerate(read.payments or ())
    ]


def refunds(state: OrderState) -> list[Row]:
    """The rows of an order's refunds."""
    read = state.read()
    if not read.refunds:
        return []
    currency = known(read.currency)
    return [
        (state.order_id, at + 1, one.id, *money(one.amount, currency), one.refunded_at, one.note)
        for at, one in enumerate(read.refunds)
    ]


def shipments(state: OrderState) -> list[Row]:
    """The rows of an order's shipments."""
    read = state.read()
    if not read.shipments:
        return []
    return [
        (state.order_id, at + 1, one.id, one.carrier, one.tracking, text(one.cost), one.state, one.shipped_at)
        for at, one in enumerate(read.shipments)
    ]


def discounts(state: OrderState) -> list[Row]:
    """The rows of an order's discounts."""
    read = state.read()
    if not read.discounts:
        return []
    currency = known(read.currency)
    return [
        (state.order_id, at + 1, one.code, one.title, *money(one.amount, currency))
        for at, one in enumerate(read.discounts)
    ]


def attempt(item: Item, attempt_id: int) -> Row:
    """The row of one passage of a receipt through the pipeline."""
    state = item.state
    outcome, evidence = item.outcome, item.evidence
    warnings = [code for code in evidence if code != item.reason] if evidence else None
    standing = state.standing if state is not None and outcome in JUDGED else None
    return (
        attempt_id, item.receipt_id, None if state is None else state.order_id, item.read.entity,
        item.read.identifier, outcome, standing, item.reason, warnings or None, "".join(item.steps),
        proof(evidence) if evidence else None, 0,
    )  # fmt: skip


def customer(state: CustomerState) -> Row:
    """The row of a customer."""
    return (state.is_new, state.customer_id, state.name, _bytes(state.details), state.sequence)


def product(state: ProductState) -> Row:
    """The row of a product."""
    return (
        state.product_id, state.name, state.sku, state.code, state.description, state.brand, state.unit,
        state.source_unit, state.category_id, state.active, state.inactive_at, state.origin,
        sorted(state.evidence) or None, proof(state.evidence),
    )  # fmt: skip


def content(state: OrderState) -> bytes:
    """The order as JSON, in the very bytes of the text; encoded here only where nobody has done it before."""
    known_json = state.content_json
    return encode_content(state.read()) if known_json is None else _bytes(known_json)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
