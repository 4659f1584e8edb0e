"""Compares the ledger with the truth of a simulated Shopify shop, order by order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from cuadra.model import OrderRead
from cuadra_simulators.shopify import TrueOrder

UNPAID = ("PENDING", "AUTHORIZED", "PARTIALLY_PAID")
UNPAID_DAYS = timedelta(days=30)


def expected(order: TrueOrder, now: datetime) -> list[tuple[str, str | None]]:
    """(standing, reason) by the default rules, worked out from the truth alone; more than one where it depends
    on what it was before, or on what a phone is."""
    if not order.exists:  # perhaps heard of only when it was gone
        return [("skipped", "deleted_at_source"), ("failed", "not_found_at_source")]
    if order.test:
        return [("skipped", "test_or_draft_order")]
    if order.cancelled is not None or order.financial.upper() == "VOIDED":
        return [("skipped", "cancelled_at_source")]
    back = order.fulfillment.upper() == "RESTOCKED"
    if order.financial.upper() in UNPAID and not back:
        old = now - datetime.fromtimestamp(order.created, UTC) >= UNPAID_DAYS
        return [("skipped", "never_paid") if old else ("waiting", "payment_not_verified")]
    # what came back after it was present is a fact of a present order
    found: list[tuple[str, str | None]] = [("skipped", "returned_or_refunded")] if back else []
    if not any(_sold(order).values()):
        return [*found, ("held", "order_without_products")]
    if not order.customer_id and not order.email and not order.phone:
        return [*found, ("held", "order_without_customer")]
    if not order.email:  # a phone that is none is no contact
        found.append(("held", "customer_without_contact"))
    return [*found, ("present", None)]


def compare(rows: Callable[..., list[tuple[Any, ...]]],
            truth: dict[int, TrueOrder]) -> tuple[int, Counter[str], list[str]]:  # fmt: skip
    """(orders compared, differences by kind, in words). `rows` asks the ledger."""
    found = rows(
        "SELECT o.source_id, o.standing, o.reason, o.content::text, o.total, r.found FROM orders o JOIN store s USING (store_id)"
        " LEFT JOIN (SELECT order_id, jsonb_object_agg(source_id, amount::text) AS found FROM refund GROUP BY 1) r USING (order_id)"
        " WHERE starts_with(s.platform, 'shopify')"
    )
    ours = {row[0]: row[1:] for row in found}
    wrong: Counter[str] = Counter()
    said: list[str] = []

    def note(kind: str, order: TrueOrder, what: Any) -> None:
        wrong[kind] += 1
        said.append(
            f"{order.name} {order.id} ({order.financial}, {order.fulfillment}, exists={order.exists}): {kind}: {what}"
        )

    for number, order in truth.items():
        if str(number) not in ours:
            if order.exists:
                note("missing", order, "")
            continue
        standing, reason, content, total, refunds = ours[str(number)]
        wanted = expected(order, datetime.now(UTC))
        if (standing, reason) not in wanted:
            note("standing", order, f"{standing} {reason}, not {wanted}")
        if not order.exists:
            continue
        read = msgspec.json.decode(content, type=OrderRead)
        for kind, mine, theirs in facts(order, read, total, refunds or {}):
            if mine != theirs:
                note(kind, order, f"{mine}, not {theirs}")
    for number in ours.keys() - {str(one) for one in truth}:
        wrong["invented"] += 1
        said.append(f"{number}: invented")
    return len(truth), wrong, said


def facts(order: TrueOrder, read: OrderRead, total: Decimal, refunds: dict[str, str]) -> list[tuple[str, Any, Any]]:
    """(what, ours, theirs)"""
    sold = _sold(order)
    edited = any(sold[str(one.id)] != one.quantity for one in order.lines)
    came_back = order.refunds or order.cancelled is not None
    # of an order that was edited and came back, the shop has no total that would be the same thing: the lines are compared
    shown = order.current_total if not came_back else total if edited else order.total
    parcels = {number for one in order.fulfillments for _, number, _ in one.tracking if number}
    return [
        ("total", total, shown),
        ("currency", read.currency, order.currency),
        ("refunds", {one: Decimal(amount) for one, amount in refunds.items()}, {str(one.id): one.amount for one in order.refunds}),
        ("lines", {one.id: int(one.quantity) for one in read.lines or []}, {one: many for one, many in sold.items() if many}),
        ("skus", {one.id: one.sku for one in read.lines or []},
         {str(one.id): (one.sku or "").strip() or None for one in order.lines if sold[str(one.id)]}),
        ("customer", getattr(read.customer, "id", None) or None, str(order.customer_id) if order.customer_id else None),
        ("email", (getattr(read.customer, "email", None) or None) if order.email else None, order.email or None),
        ("tracking", {one.tracking for one in read.shipments or [] if one.tracking}, parcels),
        ("number", read.number, order.name),
        ("tags", (read.custom or {}).get("tags", []), sorted(order.tags)),
    ]  # fmt: skip


def _sold(order: TrueOrder) -> dict[str, int]:
    """Line → units that were sold: those that an edit has taken out were not, those that came back were."""
    back = Counter(dict.fromkeys((one.id for one in order.lines), 0))
    for refund in order.refunds:
        for line, units, _ in refund.lines:
            back[line] += units
    gone = {
        one.id: 0 if order.cancelled is not None else max(one.quantity - one.current - back[one.id], 0)
        for one in order.lines
    }
    return {str(one.id): one.quantity - gone[one.id] for one in order.lines}
