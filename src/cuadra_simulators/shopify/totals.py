"""What an order comes to, and the states that follow from it."""

from __future__ import annotations

from cuadra_simulators.shopify.model import Order, Totals
from cuadra_simulators.shopify.money import share


def recalculate(order: Order) -> None:
    """Bring the totals up to date with lines, refunds, parcels and transactions."""
    totals = Totals()
    for line in order.lines:
        discount, tax, current, whole = line.discount, line.tax, line.current, line.quantity
        net = line.price * whole - discount
        totals.subtotal += net
        totals.discounts += discount
        totals.tax += tax
        if current:
            totals.current_subtotal += share(net, current, whole)
            totals.current_discounts += share(discount, current, whole)
            totals.current_tax += share(tax, current, whole)
    for way in order.shipping:
        totals.shipping += way.net
        totals.discounts += way.discount
        totals.tax += way.tax
        if not way.removed:
            left = way.net - way.refunded
            totals.current_shipping += left
            totals.current_discounts += way.discount
            totals.current_tax += share(way.tax, left, way.net) if way.net else 0
        totals.refunded_shipping += way.refunded
    on_top = not order.taxes_included
    totals.total = totals.subtotal + totals.shipping + (totals.tax if on_top else 0)
    totals.current_total = totals.current_subtotal + totals.current_shipping + (totals.current_tax if on_top else 0)
    _payments(order, totals)
    totals.fulfillment = _fulfillment(order)
    order.totals = totals


def _payments(order: Order, totals: Totals) -> None:
    authorized = captured = voided = 0
    for it in order.transactions:
        if it.status != "SUCCESS":
            continue
        if it.kind == "AUTHORIZATION":
            authorized += it.amount
        elif it.kind == "CAPTURE":
            captured += it.amount
        elif it.kind == "SALE":
            totals.received += it.amount
        elif it.kind == "VOID":
            voided += 1
        elif it.kind == "REFUND":
            totals.refunded += it.amount
    totals.received += captured
    totals.capturable = 0 if voided else max(0, authorized - captured)
    totals.outstanding = totals.current_total - totals.received + totals.refunded
    totals.financial = _financial(order, totals, authorized=bool(authorized), voided=bool(voided))


def _financial(order: Order, totals: Totals, *, authorized: bool, voided: bool) -> str:
    if not totals.received:
        if voided:
            return "VOIDED"
        if authorized:
            return "AUTHORIZED"
        if order.cancelled is not None and totals.total:
            return "VOIDED"
        return "PENDING" if totals.total else "PAID"
    if totals.refunded >= totals.received:
        return "REFUNDED"
    if totals.refunded:
        return "PARTIALLY_REFUNDED"
    return "PARTIALLY_PAID" if totals.outstanding > 0 else "PAID"


def _fulfillment(order: Order) -> str:
    sent = any(line.fulfilled for line in order.lines)
    if sent:
        return "PARTIALLY_FULFILLED" if any(line.open for line in order.lines) else "FULFILLED"
    if not any(line.open for line in order.lines):
        back = any(it.restock != "NO_RESTOCK" for refund in order.refunds for it in refund.lines)
        return "RESTOCKED" if back else "UNFULFILLED"
    return order.held or "UNFULFILLED"
