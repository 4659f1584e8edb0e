"""Does this order count as a sale, and may it come in? Pure: the order, the rules, the time; out comes a verdict.

The ladder asks in the order of the diagnosis: does it exist, does its state count, is it paid, do the filters let it
in, does it have lines, is its currency ours. The first «no» is the order's reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct

from cuadra.connectors.base import Evidence
from cuadra.model import OrderRead, Standing
from cuadra.money import ZERO
from cuadra.pipeline.rules import FilterRules
from cuadra.pipeline.rules import Verdict as Meaning
from cuadra.pipeline.working import OrderState, WorkingSet

RECHECK = timedelta(hours=1)
FOREVER = datetime.max.replace(tzinfo=UTC)


class Verdict(Struct):
    """The standing an order deserves, with its proof; `present` means that it may go on to the next step."""

    standing: Standing
    reason: str | None = None
    evidence: Evidence | None = None
    recheck_at: datetime | None = None


PRESENT = Verdict(Standing.PRESENT)
NO_FILTERS = FilterRules()


def admit(order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict:
    """The verdict over an order as merged."""
    return (
        _first(order, state, ws)
        or _state(order, state, ws)
        or _filters(order, ws)
        or _lines(order, ws)
        or _currency(order, state, ws)
        or PRESENT
    )


def known(value: Any) -> Any:
    """The value, or None where the source does not say."""
    return None if value is UNSET else value


def _first(order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict | None:
    """Is it within what was to be imported of a live source? What was present once is past this question."""
    if not ws.account.live or state.present_at is not None:
        return None
    rules = ws.rules.first
    created = known(order.created_at)
    day = rules.day()
    if day is not None and created is not None and ws.account.day(created) < day:
        proof: Evidence = {"ordered_at": created.isoformat(), "coverage": rules.since}
        return Verdict(Standing.SKIPPED, "date_outside_coverage", proof)
    began = ws.account.began
    if rules.leaves_out(known(order.state)) and began is not None and (created is None or created < began):
        proof = {"state": order.state, "excluded_states": rules.without, "import_definition": "first.without",
                 "import_began": began.isoformat()}  # fmt: skip
        return Verdict(Standing.SKIPPED, "excluded_from_initial_import", proof)
    return None


def _meaning(order: OrderRead, ws: WorkingSet) -> Meaning | None:
    """What the rules say of an order's states; a shop has a handful of them, and a batch has thousands of orders."""
    said = (order.state, order.lifecycle, order.fulfilment_state, order.payment_state)
    try:
        return ws.verdicts[said]
    except KeyError:
        raw, lifecycle, fulfilment, payment = map(known, said)
        meaning = ws.verdicts[said] = ws.rules.verdict(raw, (lifecycle, fulfilment, payment))
        return meaning


def _state(order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict | None:
    verdict = _meaning(order, ws)
    if verdict == "sale":
        return None
    raw = known(order.state)
    if verdict is None:
        known_states = sorted(ws.rules.states.raw) + ws.rules.sale_states()
        return Verdict(Standing.HELD, "status_not_mapped", {"state": raw, "known_states": known_states})
    if verdict == "unpaid":
        return _unpaid(order, state, ws)
    if verdict == "not_sale":
        proof = {"state": raw, "rule_version": ws.rule_version, "sale_states": ws.rules.sale_states()}
        return Verdict(Standing.SKIPPED, "state_not_eligible", proof)
    if verdict == "returned":
        # a return after the import is a fact of a present order, not a reason to take it away
        if state.standing is Standing.PRESENT and not state.is_new:
            return None
        return Verdict(Standing.SKIPPED, "returned_or_refunded", {"state": raw})
    if verdict == "deleted":
        proof = state.evidence.get("deleted_at_source") or {"deleted_at": _moment(order, ws), "state": raw}
        return Verdict(Standing.SKIPPED, "deleted_at_source", proof)
    code = {
        "cancelled": "cancelled_at_source", "failed": "failed_or_trashed_at_source", "test": "test_or_draft_order",
    }[verdict]  # fmt: skip
    return Verdict(Standing.SKIPPED, code, {"state": raw if raw is not None else known(order.lifecycle)})


def _moment(order: OrderRead, ws: WorkingSet) -> str:
    stamp = known(order.updated_at)
    return (stamp or ws.now).isoformat()


def _unpaid(order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict:
    """It waits, by its own date; judged again on every change and hourly until the time is over."""
    since = known(order.created_at) or state.first_seen
    until = since + timedelta(days=ws.rules.unpaid_days)
    payment = known(order.payment_state) or known(order.state)
    if ws.now >= until:
        proof = {"payment_state": payment, "ordered_at": since.isoformat(), "days": ws.rules.unpaid_days}
        return Verdict(Standing.SKIPPED, "never_paid", proof)
    return Verdict(
        Standing.WAITING, "payment_not_verified", {"payment_state": payment, "until": until.isoformat()},
        min(ws.now + RECHECK, until),
    )  # fmt: skip


def _filters(order: OrderRead, ws: WorkingSet) -> Verdict | None:
    rules = ws.rules.filters
    if rules == NO_FILTERS:
        return None
    store, channel, seller = known(order.store), known(order.sales_channel), known(order.seller)
    for name, value, wanted in (
        ("only_stores", store, rules.only_stores),
        ("only_sales_channels", channel, rules.only_sales_channels),
    ):
        if wanted and value not in wanted:
            return _filtered(name, value, ws)
    for name, value, unwanted in (
        ("without_stores", store, rules.without_stores),
        ("without_sales_channels", channel, rules.without_sales_channels),
    ):
        if value is not None and value in unwanted:
            return _filtered(name, value, ws)
    if rules.only_sellers:
        sellers = {seller} | {line.seller for line in order.lines or ()}
        if not sellers & set(rules.only_sellers):
            named = ", ".join(sorted(one for one in sellers if one))
            proof = {"seller": named or None, "allowed": rules.only_sellers, "rule_version": ws.rule_version}
            return Verdict(Standing.SKIPPED, "filtered_by_seller", proof)
    return None


def _filtered(rule: str, value: str | None, ws: WorkingSet) -> Verdict:
    proof = {"filter": f"filters.{rule}", "value": value, "rule_version": ws.rule_version}
    return Verdict(Standing.SKIPPED, "filtered_by_store_or_channel", proof)


def _lines(order: OrderRead, ws: WorkingSet) -> Verdict | None:
    if ws.rules.lines_required and not order.lines:
        return Verdict(Standing.HELD, "order_without_products", {"lines": 0 if order.lines == [] else None})
    return None


def _currency(order: OrderRead, state: OrderState, ws: WorkingSet) -> Verdict | None:
    ours, theirs = ws.account.currency, known(order.currency)
    state.converted = state.rate = state.rate_day = None
    if theirs is None or theirs == ours or ws.rules.currency == "keep":
        return None
    both = {"order_currency": theirs, "account_currency": ours}
    if ws.rules.currency == "hold":
        return Verdict(Standing.HELD, "currency_mismatch", both)
    day = ws.account.day(known(order.created_at) or state.first_seen)
    rate = ws.rates.get((theirs, ours, day))
    if rate is None:
        return Verdict(Standing.HELD, "conversion_rate_missing", both | {"date": day.isoformat()})
    state.rate, state.rate_day = rate, day
    if isinstance(order.total, Decimal):
        state.converted = order.total * rate
    return None


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount), ZERO)


def totals_problem(order: OrderRead) -> Evidence | None:
    """The sum of the parts, step by step, where it is not the order's total; None where it adds up or cannot be known.

    Sources differ in whether prices contain tax and whether the order's discount repeats those of its lines: an order
    adds up if one of these readings gives its total exactly.
    """
    if not isinstance(order.total, Decimal) or not order.lines:
        return None
    lines = ZERO
    for line in order.lines:
        if line.total is not None:
            lines += line.total
        elif line.unit_price is not None:
            lines += line.unit_price * line.quantity - (line.discount or ZERO)
        else:
            return None
    shipping, tax = known(order.shipping), known(order.tax)
    if shipping is None:
        shipping = _sum(line.shipping for line in order.lines)
    if tax is None:
        tax = _sum(line.tax for line in order.lines)
    fees, discount = order.fees or ZERO, order.discount or ZERO
    base = lines + shipping + fees
    total = order.total
    summed = base + tax - discount
    if total == summed or total == base - discount:
        return None
    if _sum(line.discount for line in order.lines) and total in (base + tax, base):
        return None
    return {
        "lines": str(lines), "discount": str(discount), "shipping": str(shipping), "tax": str(tax), "fees": str(fees),
        "sum": str(summed), "total": str(total), "difference": str(total - summed),
    }  # fmt: skip
