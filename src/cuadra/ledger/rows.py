"""From the working set to rows: one tuple per row, in the order of the staging tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from cuadra.connectors.base import Evidence
from cuadra.model import LineRead, Outcome
from cuadra.money import LIMIT, to_minor
from cuadra.pipeline.admit import known
from cuadra.pipeline.match_products import unit_of
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.versions import encode_content
from cuadra.pipeline.working import CustomerState, Item, LineState, OrderState, ProductState

Row = tuple[Any, ...]
_json = msgspec.json.Encoder().encode

ORDER_TYPES = (
    "bool", "int8", "text", "int8", "text", "timestamptz", "text", "text", "text", "text", "int8", "text", "text",
    "date", "int8", "text", "text", "text", "text", "text", "text[]", "text", "bool", "timestamptz", "int8", "bytea",
    "int4", "int8", "int4", "timestamptz", "timestamptz", "text",
)  # fmt: skip
LINE_TYPES = ("int8", "int4", "text", "int8", "text", "text", "text", "text", "text", "text", "text", "text", "text",
              "int8", "text", "text", "text")  # fmt: skip
PAYMENT_TYPES = ("int8", "int4", "text", "text", "text", "text", "int8", "timestamptz")
REFUND_TYPES = ("int8", "int4", "text", "text", "int8", "timestamptz", "text")
SHIPMENT_TYPES = ("int8", "int4", "text", "text", "text", "text", "text", "timestamptz")
DISCOUNT_TYPES = ("int8", "int4", "text", "text", "text", "int8")
IDENTIFIER_TYPES = ("text", "text", "int8", "text")
VERSION_TYPES = ("int8", "int4", "timestamptz", "int8", "bytea", "int8", "text")
ATTEMPT_TYPES = ("int8", "int8", "int8", "text", "text", "text", "text", "text", "text[]", "text", "text", "int4")
CUSTOMER_TYPES = ("bool", "int8", "text", "text", "int8")
CUSTOMER_KEY_TYPES = ("text", "text", "int8")

MOST_PRODUCTS_SHOWN = 3


def text(amount: Decimal | None) -> str | None:
    """A decimal as PostgreSQL reads it."""
    return None if amount is None else str(amount)


def minor(amount: Any, currency: str | None) -> int | None:
    """Minor units, or None where there is no amount, or one that no shop has (a product of two broken fields)."""
    return to_minor(amount, currency) if isinstance(amount, Decimal) and abs(amount) < LIMIT else None


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
    total = known(read.total)
    return (
        state.is_new, state.order_id, state.source_id, state.integration_id, known(read.number),
        known(read.created_at), known(read.state), known(read.payment_state), currency, text(total),
        minor(total, currency), text(state.converted), text(state.rate), state.rate_day, state.customer_id, name,
        (customer.email or None) if customer else None, products(read.lines or ()), state.standing.value, state.reason,
        state.warnings or None, proof(state.evidence), state.incomplete, state.version.stamp, state.version.sequence,
        state.version.digest, state.number, state.receipt_id, state.rule_version, state.recheck_at, state.first_seen,
        content(state),
    )  # fmt: skip


def products(lines: Iterable[LineRead]) -> str | None:
    """The order's products in a few words: «2 × Zapatilla urbana, Remera, +3»."""
    shown: list[str] = []
    more = 0
    for line in lines:
        if len(shown) == MOST_PRODUCTS_SHOWN:
            more += 1
            continue
        label = (line.name or line.sku or line.product_id or "?")[:60]
        shown.append(label if line.quantity == 1 else f"{line.quantity.normalize():f} × {label}")
    if not shown:
        return None
    return ", ".join(shown) + (f", +{more}" if more else "")


_UNMATCHED = LineState()


def lines(state: OrderState, rules: Rules) -> list[Row]:
    """The rows of an order's lines; one that a rule excludes is kept out of the sums by its reason."""
    read = state.read()
    currency = known(read.currency)
    found = []
    for at, line in enumerate(read.lines or ()):
        recorded = state.lines[at] if at < len(state.lines) else _UNMATCHED
        unit = recorded.unit if recorded is not _UNMATCHED else unit_of(line.unit, rules)
        total = line.total
        if total is None and line.unit_price is not None:
            total = line.unit_price * line.quantity - (line.discount or 0)
        found.append((
            state.order_id, at + 1, line.id, recorded.product_id, line.sku, line.name, str(line.quantity), unit,
            line.unit, text(line.unit_price), text(line.discount), text(line.tax), text(total), minor(total, currency),
            line.seller, recorded.reason, None if recorded.evidence is None else proof(recorded.evidence),
        ))  # fmt: skip
    return found


def payments(state: OrderState) -> list[Row]:
    """The rows of an order's payments."""
    read = state.read()
    currency = known(read.currency)
    return [
        (
            state.order_id,
            at + 1,
            one.id,
            one.method,
            one.state,
            text(one.amount),
            minor(one.amount, currency),
            one.paid_at,
        )
        for at, one in enumerate(read.payments or ())
    ]


def refunds(state: OrderState) -> list[Row]:
    """The rows of an order's refunds."""
    read = state.read()
    currency = known(read.currency)
    return [
        (state.order_id, at + 1, one.id, text(one.amount), minor(one.amount, currency), one.refunded_at, one.note)
        for at, one in enumerate(read.refunds or ())
    ]


def shipments(state: OrderState) -> list[Row]:
    """The rows of an order's shipments."""
    return [
        (state.order_id, at + 1, one.id, one.carrier, one.tracking, text(one.cost), one.state, one.shipped_at)
        for at, one in enumerate(state.read().shipments or ())
    ]


def discounts(state: OrderState) -> list[Row]:
    """The rows of an order's discounts."""
    read = state.read()
    currency = known(read.currency)
    return [
        (state.order_id, at + 1, one.code, one.title, text(one.amount), minor(one.amount, currency))
        for at, one in enumerate(read.discounts or ())
    ]


def attempt(item: Item, attempt_id: int) -> Row:
    """The row of one passage of a receipt through the pipeline."""
    state = item.state
    warnings = [code for code in item.evidence if code != item.reason]
    judged = item.outcome in (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED)
    standing = state.standing.value if state is not None and judged else None
    return (
        attempt_id, item.receipt_id, state.order_id if state is not None else None, item.read.entity.value,
        item.read.identifier, item.outcome.value, standing, item.reason, warnings or None, "".join(item.steps),
        proof(item.evidence), 0,
    )  # fmt: skip


def customer(state: CustomerState) -> Row:
    """The row of a customer."""
    return (state.is_new, state.customer_id, state.name, _json(state.details).decode(), state.sequence)


def product(account_id: int, state: ProductState, now: Any) -> Row:
    """The row of a product."""
    return (
        account_id, state.product_id, state.name, state.sku, state.code, state.description, state.brand, state.unit,
        state.source_unit, state.category_id, state.active, state.inactive_at, state.origin,
        sorted(state.evidence) or None, proof(state.evidence), now,
    )  # fmt: skip


def content(state: OrderState) -> str:
    """The order as JSON text; encoded here only where nobody has done it before."""
    known_json = state.content_json
    if known_json is None:
        known_json = encode_content(state.read())
    return known_json if isinstance(known_json, str) else known_json.decode()
