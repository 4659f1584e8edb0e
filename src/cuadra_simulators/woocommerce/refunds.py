"""Money given back: making a refund moves the order's stamp, deleting one leaves no trace at all."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cuadra_simulators.woocommerce import orders, products
from cuadra_simulators.woocommerce.model import Line, Meta, Order, Refund, TaxLine
from cuadra_simulators.woocommerce.totals import rounded, rounded_tax
from cuadra_simulators.woocommerce.world import World


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """How much of a line goes back. Amounts are without tax; taxes by rate."""

    line_id: int
    quantity: int = 0
    total: Decimal = Decimal(0)
    taxes: tuple[tuple[int, Decimal], ...] = ()


class RefundRefused(Exception):
    """WooCommerce will not make this refund; the text is its own."""


def create(world: World, order: Order, amount: Decimal, reason: str = "", *, by: int = 1,
           lines: tuple[RefundedLine, ...] = (), restock: bool = True) -> Refund:  # fmt: skip
    """Refund an amount, with or without lines. An amount of nothing is made too; one beyond the rest is refused."""
    amount = rounded(amount, world.settings.decimals)
    if amount < 0 or amount > order.total - order.refunded:
        raise RefundRefused("Invalid refund amount.")
    refund = Refund(world.take("post"), world.now, amount, reason, by)
    for given in lines:
        sold = next((line for line in order.lines if line.id == given.line_id), None)
        if sold and (given.quantity or given.total):
            refund.lines.append(_line(world, sold, given))
            _restock(world, order, sold, given.quantity if restock else 0)
    for rate in world.settings.tax_rates:
        taxed = [line.taxes[rate.id] for line in refund.lines if rate.id in line.taxes]
        if taxed:
            total = sum((rounded_tax(tax, world.settings) for tax in taxed), Decimal(0))
            refund.tax_lines.append(TaxLine(world.take("item"), rate.id, total, Decimal(0)))
    order.refunds.append(refund)
    orders.save(world, order)
    world.fire("woocommerce_order_refunded", order.id)
    if amount and order.refunded == order.total and order.status != "refunded":
        orders.set_status(world, order, "refunded")
    return refund


def delete(order: Order, refund: Refund) -> None:
    """Take a refund back: no hook, no stamp."""
    order.refunds.remove(refund)


def whole_line(world: World, line: Line, quantity: int) -> tuple[RefundedLine, Decimal]:
    """Some pieces of a line with their tax, and what they come to."""
    share = Decimal(quantity) / line.quantity
    total = (line.total * share).quantize(Decimal("0.000001"))
    taxes = tuple((rate, (tax * share).quantize(Decimal("0.000001"))) for rate, tax in line.taxes.items())
    amount = rounded(total + sum(tax for _, tax in taxes), world.settings.decimals)
    return RefundedLine(line.id, quantity, total, taxes), amount


def _line(world: World, sold: Line, given: RefundedLine) -> Line:
    taxes = {rate: -tax for rate, tax in given.taxes}
    return Line(
        world.take("item"), sold.name, sold.product_id, sold.variation_id, -given.quantity, -given.total, -given.total,
        sold.tax_class, sold.taxable, subtotal_taxes=dict(taxes), taxes=taxes,
        meta=[Meta(world.take("item_meta"), "_refunded_item_id", str(sold.id))],
    )  # fmt: skip


def _restock(world: World, order: Order, sold: Line, quantity: int) -> None:
    product = products.product_of(world, sold)
    holder = products.stock_holder(world, product) if product else None
    quantity = min(quantity, sold.reduced)
    if holder and quantity:
        before, after = products.move_stock(world, holder, quantity)
        sold.reduced -= quantity
        world.set_meta(sold.meta, "_reduced_stock", str(sold.reduced), sequence="item_meta")
        world.set_meta(sold.meta, "_restock_refunded_items", str(quantity), sequence="item_meta")
        orders.add_note(world, order, f"Item #{holder.id} stock increased from {before} to {after}.")
