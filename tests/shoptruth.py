"""Compares the ledger with the truth of a simulated WooCommerce shop, order by order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from cuadra.model import OrderRead
from cuadra_simulators.woocommerce import TrueOrder

UNPAID_DAYS = timedelta(days=30)


def expected(order: TrueOrder, currency: str, now: datetime) -> tuple[str, str | None]:
    """(standing, reason) by the default rules, worked out from the truth alone."""
    if not order.exists:
        return "skipped", "deleted_at_source"
    if order.status in ("trash", "failed"):
        return "skipped", "failed_or_trashed_at_source"
    if order.status == "cancelled":
        return "skipped", "cancelled_at_source"
    if order.status == "checkout-draft":
        return "skipped", "test_or_draft_order"
    if order.status in ("pending", "on-hold"):
        old = now - datetime.fromtimestamp(order.created, UTC) >= UNPAID_DAYS
        return ("skipped", "never_paid") if old else ("waiting", "payment_not_verified")
    if order.status not in ("processing", "completed", "refunded"):
        return "held", "status_not_mapped"
    if not order.lines:
        return "held", "order_without_products"
    if order.currency != currency:
        return "held", "currency_mismatch"
    if not order.email.strip() and not order.phone.strip() and not order.customer_id:  # accounts have an email
        return "held", "customer_without_contact"
    return "present", None


def compare(rows: Callable[..., list[tuple[Any, ...]]], truth: dict[int, TrueOrder], *,
            currency: str = "ARS") -> tuple[int, Counter[str], list[str]]:  # fmt: skip
    """(orders compared, differences by kind, in words). `rows` asks the ledger."""
    found = rows(
        "SELECT o.source_id, o.standing, o.reason, o.content::text, o.state, o.total, i.found, k.found, r.found, o.warnings"
        " FROM orders o JOIN store s USING (store_id)"
        " LEFT JOIN (SELECT order_id, array_agg(kind || ':' || value) AS found FROM identifier GROUP BY 1) i USING (order_id)"
        " LEFT JOIN (SELECT customer_id, array_agg(value) AS found FROM customer_key GROUP BY 1) k USING (customer_id)"
        " LEFT JOIN (SELECT order_id, jsonb_object_agg(source_id, amount::text) AS found FROM refund GROUP BY 1) r USING (order_id)"
        " WHERE starts_with(s.platform, 'woocommerce')"
    )
    ours = {row[0]: row[1:] for row in found}
    wrong: Counter[str] = Counter()
    said: list[str] = []

    def note(kind: str, order: TrueOrder, what: Any) -> None:
        wrong[kind] += 1
        said.append(f"{order.id} ({order.status}, exists={order.exists}): {kind}: {what}")

    for number, order in truth.items():
        if str(number) not in ours:
            if order.exists:
                note("missing", order, "")
            continue
        standing, reason, content, state, total, identifiers, keys, refunds, warnings = ours[str(number)]
        if not order.exists and (standing, reason) == ("failed", "not_found_at_source"):
            continue  # heard of only when it was gone
        wanted = expected(order, currency, datetime.now(UTC))
        if wanted[1] == "customer_without_contact" and standing == "present" and keys:
            wanted = "present", None  # the shop has deleted the buyer's account since; we know whose it was
        if (standing, reason) != wanted:
            note("standing", order, f"{standing} {reason}, not {wanted}")
        if not order.exists:
            continue
        read = msgspec.json.decode(content, type=OrderRead)
        for kind, mine, theirs in _facts(
            order, read, state, total, identifiers or [], keys, refunds or {}, standing, warnings or []
        ):
            if mine != theirs:
                note(kind, order, f"{mine}, not {theirs}; {warnings}")
    for number in ours.keys() - {str(one) for one in truth}:
        wrong["invented"] += 1
        said.append(f"{number}: invented")
    return len(truth), wrong, said


def _facts(order: TrueOrder, read: OrderRead, state: str, total: Decimal, identifiers: list[str],
           keys: list[str] | None, refunds: dict[str, str], standing: str, warnings: list[str]) -> list[tuple[str, Any, Any]]:  # fmt: skip
    payments = read.payments or []
    found: list[tuple[str, Any, Any]] = [
        ("state", state, order.status),
        ("total", total, order.total),
        ("refunds", {one: Decimal(amount) for one, amount in refunds.items()},
         {str(one.id): one.amount for one in order.refunds}),
        ("lines", [(one.id, one.name, one.quantity, one.total) for one in read.lines or []],
         [(str(one.id), one.name.strip() or None, Decimal(one.quantity), one.total) for one in order.lines]),
        # of a product that was deleted since, the shop no longer knows the SKU it was sold with; we do
        ("skus", [mine.sku for mine, theirs in zip(read.lines or [], order.lines, strict=False) if theirs.sku],
         [one.sku.strip() for one in order.lines if one.sku]),
        ("payment", [one.id for one in payments if one.id], [order.transaction_id] if order.transaction_id else []),
        ("paid", any(one.paid_at for one in payments), order.paid is not None),
        ("order number", f"order:{order.id}" in identifiers, True),
    ]  # fmt: skip
    if order.transaction_id:
        found.append(("payment number", f"payment:{order.transaction_id}" in identifiers, True))
    if standing == "present" and order.email.strip():
        # an email that somebody else had before leads to him, and the order says so
        conflict = "customer_identity_conflict" in warnings
        found.append(("customer", conflict or order.email.strip().casefold() in (keys or []), True))
    if standing == "present" and order.customer_id:
        found.append(("customer record", any(one.endswith(f":{order.customer_id}") for one in keys or []), True))
    return found
