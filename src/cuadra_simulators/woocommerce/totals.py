"""An order's arithmetic: prices without tax to six decimals, taxes rounded by line, totals to the shop's decimals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

from cuadra_simulators.woocommerce.model import ZERO, Charge, Line, Order, TaxLine, UsedCoupon
from cuadra_simulators.woocommerce.settings import ShopSettings, TaxRate

_SIX = Decimal("0.000001")
_HUNDRED = Decimal(100)


def rounded(amount: Decimal, decimals: int) -> Decimal:
    """To so many decimals, halves upwards."""
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def rounded_tax(amount: Decimal, settings: ShopSettings) -> Decimal:
    """A tax to the shop's decimals. Halves go down where prices include tax: the price is what is right."""
    how = ROUND_HALF_DOWN if settings.prices_include_tax else ROUND_HALF_UP
    return amount.quantize(Decimal(1).scaleb(-settings.decimals), how)


def rate_of(line: Line, settings: ShopSettings) -> TaxRate | None:
    """The rate that a line is taxed at, if at any."""
    return settings.rate(line.tax_class) if line.taxable else None


def without_tax(price: Decimal, quantity: int, rate: TaxRate | None, settings: ShopSettings) -> Decimal:
    """What so many pieces cost before tax."""
    gross = price * quantity
    if settings.prices_include_tax and rate:
        gross = gross * _HUNDRED / (_HUNDRED + rate.percent)
    return gross.quantize(_SIX, ROUND_HALF_UP)


def taxes_of(amount: Decimal, rate: TaxRate | None) -> dict[int, Decimal]:
    """The taxes of an amount without tax, by rate."""
    return {rate.id: (amount * rate.percent / _HUNDRED).quantize(_SIX, ROUND_HALF_UP)} if rate else {}


def apply_coupons(order: Order, settings: ShopSettings) -> None:
    """Take the order's coupons off its lines, from their subtotals, one after the other."""
    for line in order.lines:
        line.total = line.subtotal
    for coupon in order.coupons:
        coupon.discount = coupon.discount_tax = ZERO
        for line, off in _shares(coupon, order.lines, settings):
            rate = rate_of(line, settings)
            if settings.prices_include_tax and rate:
                tax = off * rate.percent / (_HUNDRED + rate.percent)
                line.total -= off - tax.quantize(_SIX, ROUND_HALF_UP)
            else:
                tax = off * rate.percent / _HUNDRED if rate else ZERO
                line.total -= off
            tax = rounded_tax(tax, settings)
            coupon.discount_tax += tax
            coupon.discount += off - tax if settings.prices_include_tax else off


def _shares(coupon: UsedCoupon, lines: list[Line], settings: ShopSettings) -> Iterable[tuple[Line, Decimal]]:
    """What the coupon takes off each line, in the prices that customers see."""
    prices = [_as_shown(line, settings) for line in lines]
    if coupon.discount_type == "percent":
        offs = [price * coupon.nominal / _HUNDRED for price in prices]
    elif coupon.discount_type == "fixed_product":
        offs = [coupon.nominal * line.quantity for line in lines]
    else:
        pieces = sum(line.quantity for line in lines)
        offs = [coupon.nominal * line.quantity / pieces for line in lines] if pieces else []
    for line, price, off in zip(lines, prices, offs, strict=True):
        yield line, min(price, off.quantize(Decimal(1).scaleb(-settings.decimals), ROUND_HALF_DOWN))


def _as_shown(line: Line, settings: ShopSettings) -> Decimal:
    rate = rate_of(line, settings)
    if not settings.prices_include_tax or not rate:
        return line.total
    return rounded(line.total * (_HUNDRED + rate.percent) / _HUNDRED, settings.decimals + 2)


def calculate(order: Order, settings: ShopSettings, next_id: Callable[[], int]) -> None:
    """Taxes of every part, tax lines, and the order's totals. Tax lines keep their ids; new ones take the next."""
    for line in order.lines:
        rate = rate_of(line, settings)
        line.taxes, line.subtotal_taxes = taxes_of(line.total, rate), taxes_of(line.subtotal, rate)
    for charge in order.shipping_lines:
        charge.taxes = taxes_of(charge.total, _shipping_rate(order, settings))
    for fee in order.fees:
        taxed = fee.tax_status == "taxable" and fee.total > 0
        fee.taxes = taxes_of(fee.total, settings.rate(fee.tax_class)) if taxed else {}
    _sum_up(order, settings)
    _tax_lines(order, settings, next_id)


def _shipping_rate(order: Order, settings: ShopSettings) -> TaxRate | None:
    """Shipping is taxed as the goods are: at the standard rate if any of them is, and not by rates that spare it."""
    classes = {line.tax_class for line in order.lines if line.taxable}
    rate = next((rate for rate in settings.tax_rates if rate.klass in classes), None)
    return rate if rate and rate.shipping else None


def _sum_up(order: Order, settings: ShopSettings) -> None:
    def whole(amount: Decimal) -> Decimal:
        return rounded(amount, settings.decimals)

    def tax(parts: Iterable[Line | Charge]) -> Decimal:
        return sum((rounded_tax(value, settings) for part in parts for value in part.taxes.values()), ZERO)

    goods = sum((whole(line.total) for line in order.lines), ZERO)
    full_tax = sum((value for line in order.lines for value in line.subtotal_taxes.values()), ZERO)
    paid_tax = sum((value for line in order.lines for value in line.taxes.values()), ZERO)
    order.discount_total = sum((whole(line.subtotal) for line in order.lines), ZERO) - goods
    order.discount_tax = rounded_tax(full_tax - paid_tax, settings)
    order.shipping_total = whole(sum((charge.total for charge in order.shipping_lines), ZERO))
    order.shipping_tax = tax(order.shipping_lines)
    order.cart_tax = tax(order.lines) + tax(order.fees)
    fees = sum((fee.total for fee in order.fees), ZERO)
    order.total = whole(goods + fees + order.shipping_total + order.cart_tax + order.shipping_tax)


def _tax_lines(order: Order, settings: ShopSettings, next_id: Callable[[], int]) -> None:
    def by_rate(rate: TaxRate, parts: Iterable[Line | Charge]) -> Decimal:
        return sum((rounded_tax(part.taxes.get(rate.id, ZERO), settings) for part in parts), ZERO)

    known = {line.rate_id: line.id for line in order.tax_lines}
    cart: list[Line | Charge] = [*order.lines, *order.fees]
    met = dict.fromkeys(rate_id for part in [*cart, *order.shipping_lines] for rate_id in part.taxes)
    rates = {rate.id: rate for rate in settings.tax_rates}
    order.tax_lines = [
        TaxLine(known.get(rate_id) or next_id(), rate_id, by_rate(rates[rate_id], cart),
                by_rate(rates[rate_id], order.shipping_lines))
        for rate_id in met
    ]  # fmt: skip
