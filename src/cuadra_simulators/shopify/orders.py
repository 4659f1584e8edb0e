"""What happens to orders. Every act moves the stamps that the platform moves, and fires the topics that it fires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cuadra_simulators.shopify.model import (
    Address,
    Adjustment,
    Fulfillment,
    Line,
    Order,
    Refund,
    RefundLine,
    ShippingLine,
    Transaction,
)  # fmt: skip
from cuadra_simulators.shopify.money import share
from cuadra_simulators.shopify.totals import recalculate
from cuadra_simulators.shopify.world import World

GATEWAYS = {
    "shopify_payments": "Shopify Payments", "mercado_pago": "Mercado Pago", "paypal": "PayPal",
    "bogus": "(for testing) Bogus Gateway", "Bank Deposit": "Bank Deposit", "cash": "Cash", "gift_card": "Gift card",
}  # fmt: skip
MANUAL = ("Bank Deposit", "cash")
CHARGES = ("SALE", "CAPTURE")


def place(world: World, order: Order, at: int) -> Order:
    """Put an order that was made up into the shop."""
    recalculate(order)
    order.original_total = order.totals.total
    world.orders[order.id] = order
    order.updated = max(at, order.updated)
    order.stamps = [order.updated]
    world.fire("orders/create", order, "Order")
    if order.customer_id is not None:
        buyer = world.customers[order.customer_id]
        buyer.orders.append(order.id)
        buyer.updated = at
        world.fire("customers/update", buyer, "Customer")
    for it in order.transactions:
        _tell(world, order, it)
    if order.totals.financial == "PAID":
        world.fire("orders/paid", order, "Order")
    world.fire("orders/updated", order, "Order")
    return order


def touch(world: World, order: Order, at: int, *, counted: bool = False) -> None:
    """Stamp a changed order and say so. `counted`: its totals are up to date."""
    if not counted:
        recalculate(order)
    order.updated = at
    order.stamps.append(at)
    world.fire("orders/updated", order, "Order")


def pay(world: World, order: Order, at: int, *, gateway: str = "", amount: int | None = None,
        status: str = "SUCCESS", error: str | None = None) -> Transaction:  # fmt: skip
    """Capture what was authorized, or take the outstanding sum."""
    held = next((it for it in order.transactions if it.kind == "AUTHORIZATION" and it.status == "SUCCESS"), None)
    due = order.totals.capturable if held and order.totals.capturable else order.totals.outstanding
    chosen = gateway or (held.gateway if held else order.transactions[-1].gateway if order.transactions else "cash")
    made = Transaction(
        world.take("OrderTransaction"), "CAPTURE" if held and order.totals.capturable else "SALE", status, chosen,
        due if amount is None else amount, at, held.id if held else None, f"{order.name}.{len(order.transactions)}",
        error, order.test, chosen in MANUAL,
    )  # fmt: skip
    before = order.totals.financial
    order.transactions.append(made)
    recalculate(order)
    _tell(world, order, made)
    if order.totals.financial == "PAID" != before:
        world.fire("orders/paid", order, "Order")
    touch(world, order, at, counted=True)
    return made


def void(world: World, order: Order, at: int) -> None:
    """Let go of what was authorized."""
    held = next(it for it in order.transactions if it.kind == "AUTHORIZATION" and it.status == "SUCCESS")
    made = Transaction(world.take("OrderTransaction"), "VOID", "SUCCESS", held.gateway, held.amount, at, held.id)
    order.transactions.append(made)
    _tell(world, order, made)
    touch(world, order, at)


def refund(world: World, order: Order, at: int, lines: Sequence[tuple[Line, int, str]] = (), *, shipping: int = 0,
           amount: int | None = None, note: str | None = None, restock: bool = True) -> Refund:  # fmt: skip
    """Give back: (line, units, restock type), so much of the shipping, and money: what they come to unless told."""
    made = Refund(world.take("Refund"), at, at, note)
    worth = 0
    for line, units, kind in lines:
        units = min(units, line.current)
        if not units:
            continue
        before, after = line.refunded, line.refunded + units
        subtotal = share(line.net, after, line.quantity) - share(line.net, before, line.quantity)
        tax = share(line.tax, after, line.quantity) - share(line.tax, before, line.quantity)
        line.refunded = after
        kept = kind if restock else "NO_RESTOCK"
        made.lines.append(RefundLine(world.take("RefundLineItem"), line, units, kept, subtotal, tax))
        worth += subtotal + (0 if order.taxes_included else tax)
        if kept != "NO_RESTOCK":
            _restock(world, line, units)
    worth += _refund_shipping(world, order, made, shipping)
    money = min(worth if amount is None else amount, order.totals.received - order.totals.refunded)
    if amount is not None and money != worth:
        made.adjustments.append(Adjustment(world.take("OrderAdjustment"), worth - money, 0))
    if money > 0:
        charge = next(it for it in order.transactions if it.kind in CHARGES and it.status == "SUCCESS")
        back = Transaction(
            world.take("OrderTransaction"), "REFUND", "SUCCESS", charge.gateway, money, at, charge.id,
            f"{order.name}.{len(order.transactions)}", None, order.test, charge.manual,
        )  # fmt: skip
        made.transactions.append(back)
        order.transactions.append(back)
        _tell(world, order, back)
    order.refunds.append(made)
    world.fire("refunds/create", made, "Refund", order.id)
    touch(world, order, at)
    return made


def _refund_shipping(world: World, order: Order, made: Refund, amount: int) -> int:
    given = 0
    for way in order.shipping:
        part = min(amount - given, way.net - way.refunded)
        if part > 0:
            way.refunded += part
            made.shipping.append((world.take("RefundShippingLine"), way, part))
            given += part
    return given


def _restock(world: World, line: Line, units: int) -> None:
    variant = world.variants.get(line.variant_id or 0)
    if variant:
        variant.stock += units


def note_refund(order: Order, made: Refund, note: str, at: int) -> None:
    """Change the note of a refund: its own stamp moves, the order's does not, and nobody is told."""
    made.note, made.updated = note, at
    assert made in order.refunds


def fulfill(world: World, order: Order, at: int, lines: Sequence[tuple[Line, int]] = (), *,
            tracking: tuple[str, str, str] | None = None) -> Fulfillment:  # fmt: skip
    """Send a parcel: everything that waits, unless lines are named."""
    sent = [(line, units) for line, units in (lines or [(it, it.open) for it in order.lines]) if units > 0]
    made = Fulfillment(
        world.take("Fulfillment"), f"{order.name}-F{len(order.fulfillments) + 1}", at, at,
        [(world.take("FulfillmentLineItem"), line, units) for line, units in sent], tracking=[tracking] if tracking else [],
    )  # fmt: skip
    for line, units in sent:
        line.fulfilled += units
    order.fulfillments.append(made)
    order.held = ""
    recalculate(order)
    world.fire("fulfillments/create", made, "Fulfillment", order.id)
    whole = order.totals.fulfillment == "FULFILLED"
    world.fire("orders/fulfilled" if whole else "orders/partially_fulfilled", order, "Order")
    touch(world, order, at, counted=True)
    return made


def track(world: World, order: Order, parcel: Fulfillment, tracking: tuple[str, str, str], at: int) -> None:
    """Say where a parcel can be followed."""
    parcel.tracking.append(tracking)
    parcel.display, parcel.in_transit, parcel.updated = "IN_TRANSIT", at, at
    world.fire("fulfillments/update", parcel, "Fulfillment", order.id)
    touch(world, order, at, counted=True)


def deliver(world: World, order: Order, parcel: Fulfillment, at: int) -> None:
    """The carrier says that a parcel has arrived; the order's own stamp may stay as it is."""
    parcel.display, parcel.delivered, parcel.updated = "DELIVERED", at, at
    world.fire("fulfillments/update", parcel, "Fulfillment", order.id)
    if not world.settings.quiet_deliveries:
        touch(world, order, at)


def hold(order: Order, state: str = "ON_HOLD") -> None:
    """Make its parcels wait, or be worked on. Neither stamp nor topic tells."""
    order.held = state
    recalculate(order)


def edit(world: World, order: Order, at: int, *, remove: Sequence[tuple[Line, int]] = (),
         add: Sequence[Line] = (), more: Sequence[tuple[Line, int]] = ()) -> None:  # fmt: skip
    """Change what was bought: take units away (the line keeps its quantity), add units, or add lines."""
    for line, units in remove:
        line.removed += min(units, line.open)
    for line, units in more:
        _grow(line, units)
    order.lines.extend(add)
    order.edited = True
    told = {
        "additions": [*((it.id, it.quantity) for it in add), *((it.id, units) for it, units in more)],
        "removals": [(line.id, units) for line, units in remove], "order_id": order.id, "at": at,
    }  # fmt: skip
    world.fire("orders/edited", order, "Order", told)
    touch(world, order, at)


def _grow(line: Line, units: int) -> None:
    before = line.quantity
    line.quantity += units
    for tax in line.taxes:
        tax.amount = tax.amount * line.quantity // before
    line.discounts = [(index, amount * line.quantity // before) for index, amount in line.discounts]


def cancel(world: World, order: Order, at: int, reason: str = "CUSTOMER", *, give_back: bool = True,
           restock: bool = True) -> None:  # fmt: skip
    """Cancel: what was not sent is taken off by a refund, with money if there was any and it is wanted."""
    order.cancelled, order.cancel_reason, order.closed = at, reason, at
    if order.totals.capturable:
        void(world, order, at)
    left = [(line, line.open, "CANCEL") for line in order.lines if line.open]
    rest = order.totals.received - order.totals.refunded
    shipping = sum(way.net - way.refunded for way in order.shipping)
    if left or (rest and give_back):
        refund(world, order, at, left, shipping=shipping, amount=None if give_back else 0, restock=restock)
    world.fire("orders/cancelled", order, "Order")
    touch(world, order, at)


def close(world: World, order: Order, at: int, *, reopen: bool = False) -> None:
    """Archive an order, or take it back."""
    order.closed = None if reopen else at
    touch(world, order, at, counted=True)


def deletable(order: Order) -> bool:
    """Only cancelled and test orders can be deleted."""
    return order.test or order.cancelled is not None


def erase(world: World, order: Order, at: int) -> None:
    """Delete an order. ValueError unless it is a cancelled or a test one."""
    if not deletable(order):
        raise ValueError(f"{order.name} is neither cancelled nor a test")
    world.erased[order.id] = world.orders.pop(order.id)
    buyer = world.customers.get(order.customer_id or 0)
    if buyer and order.id in buyer.orders:
        buyer.orders.remove(order.id)
    world.deleted("ORDER", order.id, at)
    world.fire("orders/delete", order, "Order", {"id": order.id})


def move(world: World, order: Order, address: Address, at: int) -> None:
    """Send it elsewhere."""
    order.shipping_address = address.copied("Address")
    touch(world, order, at)


def change(world: World, order: Order, at: int, **values: Any) -> None:
    """Set tags, note, attributes, email, phone or purchase order number."""
    for name, value in values.items():
        setattr(order, name, value)
    touch(world, order, at)


def _tell(world: World, order: Order, it: Transaction) -> None:
    if it.status in ("SUCCESS", "FAILURE", "ERROR"):
        world.fire("order_transactions/create", it, "OrderTransaction", order.id)


def add_shipping(world: World, title: str, price: int) -> ShippingLine:
    """A way of sending that was made up."""
    return ShippingLine(world.take("ShippingLine"), title, title, price)
