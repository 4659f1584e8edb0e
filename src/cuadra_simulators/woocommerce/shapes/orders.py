"""Orders, their lines, refunds and notes in JSON."""

from __future__ import annotations

from decimal import Decimal

from cuadra_simulators.woocommerce import orders, products
from cuadra_simulators.woocommerce.catalogue import COLOURS, NAMES, SIZES
from cuadra_simulators.woocommerce.model import ZERO, Charge, Line, Meta, Note, Order, Refund, TaxLine, UsedCoupon
from cuadra_simulators.woocommerce.products import slugify
from cuadra_simulators.woocommerce.settings import WC_VERSION
from cuadra_simulators.woocommerce.shapes.common import Json, View, exact, gmt, metas, number, order_address, shown
from cuadra_simulators.woocommerce.totals import rounded_tax

SYMBOLS = {"USD": "$", "EUR": "€"}
_OPTIONS = {slugify(option): option for option in (*SIZES, *COLOURS)}


def order(view: View, it: Order) -> Json:
    """An order, as lists, single reads and webhooks all show it."""
    money = view.money
    return {
        "id": it.id, "parent_id": 0, "status": it.status, "currency": it.currency, "version": WC_VERSION,
        "prices_include_tax": view.world.settings.prices_include_tax, "date_created": view.local(it.created),
        "date_modified": view.local(it.modified), "discount_total": money(it.discount_total),
        "discount_tax": money(it.discount_tax), "shipping_total": money(it.shipping_total),
        "shipping_tax": money(it.shipping_tax), "cart_tax": money(it.cart_tax), "total": money(it.total),
        "total_tax": money(it.cart_tax + it.shipping_tax), "customer_id": it.customer_id, "order_key": it.key,
        "billing": order_address(it.billing, email=True), "shipping": order_address(it.shipping, email=False),
        "payment_method": it.payment_method, "payment_method_title": it.payment_title,
        "transaction_id": it.transaction_id, "customer_ip_address": it.ip, "customer_user_agent": it.agent,
        "created_via": it.created_via, "customer_note": it.note, "date_completed": view.local(it.completed),
        "date_paid": view.local(it.paid), "cart_hash": it.cart_hash, "number": str(it.id),
        "meta_data": metas(it.meta, many=view.many), "line_items": [line(view, part) for part in it.lines],
        "tax_lines": [tax_line(view, part) for part in it.tax_lines],
        "shipping_lines": [shipping_line(view, part) for part in it.shipping_lines],
        "fee_lines": [fee_line(view, part) for part in it.fees],
        "coupon_lines": [coupon_line(view, part) for part in it.coupons],
        "refunds": [
            {"id": part.id, "reason": part.reason, "total": money(-part.amount)}
            for part in sorted(it.refunds, key=lambda part: (-part.created, part.id))
        ],
        "payment_url": f"{view.site}/checkout/order-pay/{it.id}/?pay_for_order=true&key={it.key}",
        "is_editable": it.status in ("pending", "on-hold", "auto-draft"),
        "needs_payment": it.status in ("pending", "failed", "checkout-draft") and it.total > 0,
        "needs_processing": orders.needs_processing(view.world, it), "date_created_gmt": gmt(it.created),
        "date_modified_gmt": gmt(it.modified), "date_completed_gmt": gmt(it.completed), "date_paid_gmt": gmt(it.paid),
        "currency_symbol": _symbol(view, it.currency), "_links": _links(view, it),
    }  # fmt: skip


def line(view: View, it: Line) -> Json:
    """A product line. The SKU is the product's of today; a product that is gone leaves 0 and null."""
    product = products.product_of(view.world, it)
    parent = view.world.products.get(product.parent) if product else None
    return {
        "id": it.id, "name": it.name, "product_id": it.product_id if product else 0,
        "variation_id": it.variation_id if product else 0, "quantity": it.quantity, "tax_class": it.tax_class,
        "subtotal": view.money(it.subtotal), "subtotal_tax": _tax(view, it.subtotal_taxes),
        "total": view.money(it.total), "total_tax": _tax(view, it.taxes),
        "taxes": [
            {"id": rate, "total": exact(tax), "subtotal": exact(it.subtotal_taxes.get(rate, ZERO))}
            for rate, tax in it.taxes.items()
        ],
        "meta_data": [_line_meta(meta) for meta in it.meta], "sku": product.sku if product else None,
        "price": number(abs(it.total), it.quantity), "image": {"id": "" if product and not parent else 0, "src": ""},
        "parent_name": parent.name if parent else None,
    }  # fmt: skip


def tax_line(view: View, it: TaxLine) -> Json:
    """A rate's sums."""
    settings = view.world.settings
    rate = next(rate for rate in settings.tax_rates if rate.id == it.rate_id)
    return {
        "id": it.id, "rate_code": f"{settings.country}-{rate.label.upper()}-1", "rate_id": rate.id,
        "label": rate.label, "compound": False, "tax_total": view.money(it.total),
        "shipping_tax_total": view.money(it.shipping_total), "rate_percent": number(rate.percent), "meta_data": [],
    }  # fmt: skip


def shipping_line(view: View, it: Charge) -> Json:
    """A way of shipping."""
    return {
        "id": it.id, "method_title": it.title, "method_id": it.method_id, "instance_id": it.instance_id,
        "total": view.money(it.total), "total_tax": _tax(view, it.taxes), "taxes": _charge_taxes(it),
        "meta_data": [_line_meta(meta) for meta in it.meta],
    }  # fmt: skip


def fee_line(view: View, it: Charge) -> Json:
    """A surcharge or reduction."""
    return {
        "id": it.id, "name": it.title, "tax_class": it.tax_class, "tax_status": it.tax_status, "amount": "",
        "total": view.money(it.total), "total_tax": _tax(view, it.taxes), "taxes": _charge_taxes(it),
        "meta_data": [_line_meta(meta) for meta in it.meta],
    }  # fmt: skip


def coupon_line(view: View, it: UsedCoupon) -> Json:
    """A coupon that was used; what it was worth is a number."""
    kind = "null" if it.discount_type == "fixed_cart" else f'"{it.discount_type}"'
    code = it.code.encode("ascii", "backslashreplace").decode().replace("\\x", "\\u00")
    info = f'[{it.coupon_id},"{code}",{kind},{number(it.nominal)}]'
    return {
        "id": it.id, "code": it.code, "discount": view.money(it.discount), "discount_tax": view.money(it.discount_tax),
        "meta_data": [_line_meta(Meta(it.meta_id, "coupon_info", info))], "discount_type": it.discount_type,
        "nominal_amount": number(it.nominal), "free_shipping": it.free_shipping,
    }  # fmt: skip


def refund(view: View, it: Refund, of: Order, *, with_parent: bool = False) -> Json:
    """A refund as a thing of its own: here its amount is positive, its lines are negative."""
    path = f"orders/{of.id}/refunds/{it.id}"
    return {
        "id": it.id, **({"parent_id": of.id} if with_parent else {}), "date_created": view.local(it.created),
        "date_created_gmt": gmt(it.created), "amount": view.money(it.amount), "reason": it.reason,
        "refunded_by": it.by, "refunded_payment": it.payment, "meta_data": metas(it.meta),
        "line_items": [line(view, part) for part in it.lines], "shipping_lines": [],
        "tax_lines": [tax_line(view, part) for part in it.tax_lines], "fee_lines": [],
        "_links": view.links(path, parent=f"orders/{of.id}"),
    }  # fmt: skip


def note(view: View, it: Note, of: Order) -> Json:
    """A comment on an order."""
    return {
        "id": it.id, "author": it.author, "date_created": view.local(it.created), "date_created_gmt": gmt(it.created),
        "note": it.text, "customer_note": it.to_customer,
        "_links": view.links(f"orders/{of.id}/notes/{it.id}", parent=f"orders/{of.id}"),
    }  # fmt: skip


def _links(view: View, it: Order) -> Json:
    customer = {"customer": f"customers/{it.customer_id}"} if it.customer_id else {}
    return view.links(f"orders/{it.id}", **customer)


def _symbol(view: View, currency: str) -> str:
    settings = view.world.settings
    return settings.symbol if currency == settings.currency else SYMBOLS.get(currency, currency)


def _tax(view: View, taxes: dict[int, Decimal]) -> str:
    return view.money(sum((rounded_tax(tax, view.world.settings) for tax in taxes.values()), ZERO))


def _charge_taxes(it: Charge) -> list[Json]:
    return [{"id": rate, "total": exact(tax), "subtotal": ""} for rate, tax in it.taxes.items()]


def _line_meta(it: Meta) -> Json:
    attribute = NAMES.get(it.key)
    return {
        "id": it.id, "key": it.key, "value": it.value, "display_key": attribute or it.key,
        "display_value": _OPTIONS.get(it.value, it.value) if attribute else shown(it.value),
    }  # fmt: skip
