"""A WooCommerce order in our model. Pure; the same for webhooks, listings and single looks.

Facts come from recordings of a real shop (9.2.5) and the REST reference v3. Only the `_gmt` times are used: the others
are local to the shop and do not say so. A total never subtracts refunds, and the refunds inside an order are negative.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cuadra.model import (
    AddressRead,
    CustomerRead,
    DiscountRead,
    LineRead,
    OrderRead,
    PaymentRead,
    RefundRead,
    ShipmentRead,
)
from cuadra.money import ZERO

#: what the states of the shop itself mean: (lifecycle, payment); one that a plugin has made is for the rules to map
STATES: dict[str, tuple[str, str | None]] = {
    "pending": ("open", "pending"),
    "on-hold": ("open", "pending"),
    "processing": ("open", None),
    "completed": ("completed", None),
    "cancelled": ("cancelled", None),
    "refunded": ("completed", "refunded"),
    "failed": ("failed", None),
    "trash": ("trashed", None),
    "checkout-draft": ("draft", None),
    "auto-draft": ("draft", None),
    "draft": ("draft", None),
}
#: where plugins of Latin American shops keep the buyer's document
DOCUMENT_KEYS = (
    "_billing_cedula", "billing_cedula", "_billing_dni", "billing_dni", "_billing_rut", "billing_rut", "_billing_cpf",
    "billing_cpf", "_billing_cnpj", "billing_cnpj", "_billing_rfc", "billing_rfc", "_billing_nit", "billing_nit",
    "_billing_ruc", "billing_ruc", "_billing_documento", "billing_documento", "_billing_id_number",
)  # fmt: skip


class Place(Struct):
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


class Meta(Struct):
    key: str = ""
    value: Any = None


class _Line(Struct):
    id: int
    name: str | None = None
    product_id: int | None = 0
    variation_id: int | None = 0
    quantity: Decimal = Decimal(1)
    subtotal: Decimal | None = None
    total: Decimal | None = None
    total_tax: Decimal | None = None
    sku: str | None = None


class _Shipping(Struct):
    id: int
    method_title: str | None = None
    total: Decimal | None = None


class _Fee(Struct):
    total: Decimal | None = None


class _Coupon(Struct):
    code: str | None = None
    discount: Decimal | None = None


class _Refund(Struct):
    id: int
    reason: str | None = None
    total: Decimal | None = None


class Order(Struct):
    """The fields of an order that are used. One that a shape lacks is unknown, not empty."""

    id: int
    number: str | int | UnsetType = UNSET
    status: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    date_created_gmt: str | UnsetType | None = UNSET
    date_modified_gmt: str | UnsetType | None = UNSET
    date_paid_gmt: str | UnsetType | None = UNSET
    discount_total: Decimal | UnsetType = UNSET
    shipping_total: Decimal | UnsetType = UNSET
    total_tax: Decimal | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET
    customer_id: int | UnsetType = UNSET
    customer_note: str | UnsetType = UNSET
    created_via: str | UnsetType = UNSET
    billing: Place | UnsetType = UNSET
    shipping: Place | UnsetType = UNSET
    payment_method: str | UnsetType = UNSET
    payment_method_title: str | UnsetType = UNSET
    transaction_id: str | UnsetType | None = UNSET
    line_items: list[_Line] | UnsetType = UNSET
    shipping_lines: list[_Shipping] | UnsetType = UNSET
    fee_lines: list[_Fee] | UnsetType = UNSET
    coupon_lines: list[_Coupon] | UnsetType = UNSET
    refunds: list[_Refund] | UnsetType = UNSET
    meta_data: list[Meta] | UnsetType = UNSET


decode_order = msgspec.json.Decoder(Order, strict=False).decode


def order_of(order: Order) -> OrderRead:
    """A decoded order in our model."""
    status = order.status if order.status is not UNSET else None
    lifecycle, payment = STATES.get(status or "", (None, None))
    paid_at = moment(order.date_paid_gmt)
    refunded = sum((abs(one.total or ZERO) for one in order.refunds), ZERO) if order.refunds is not UNSET else ZERO
    if payment is None and lifecycle is not None:
        payment = _payment(lifecycle, paid_at, refunded, order.total)
    return OrderRead(
        id=str(order.id),
        number=str(order.number) if order.number is not UNSET else UNSET,
        created_at=_known(order.date_created_gmt),
        updated_at=_known(order.date_modified_gmt),
        state=order.status,
        lifecycle=lifecycle,
        payment_state=payment,
        currency=order.currency,
        total=order.total,
        discount=order.discount_total,
        shipping=order.shipping_total,
        tax=order.total_tax,
        fees=sum((fee.total or ZERO for fee in order.fee_lines), ZERO) if order.fee_lines is not UNSET else UNSET,
        customer=_customer(order),
        billing=address(order.billing),
        delivery=address(order.shipping),
        lines=[_line(one) for one in order.line_items] if order.line_items is not UNSET else UNSET,
        payments=_payments(order, paid_at),
        refunds=_refunds(order.refunds),
        shipments=_shipments(order.shipping_lines),
        discounts=_discounts(order.coupon_lines),
        sales_channel=order.created_via if order.created_via is not UNSET else UNSET,
        note=text(order.customer_note) if order.customer_note is not UNSET else UNSET,
    )


def _payment(lifecycle: str, paid_at: datetime | None, refunded: Decimal, total: Decimal | UnsetType) -> str | None:
    if refunded and total is not UNSET:
        return "refunded" if refunded >= total else "partially_refunded"
    return "paid" if paid_at is not None and lifecycle in ("open", "completed") else None


def moment(text: str | UnsetType | None) -> datetime | None:
    """A `_gmt` time: UTC, written without saying so. None where there is none or it cannot be read."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _known(text: str | UnsetType | None) -> datetime | UnsetType | None:
    return UNSET if text is UNSET else moment(text)


def text(value: str | UnsetType | None) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


def address(place: Place | UnsetType) -> AddressRead | UnsetType | None:
    if place is UNSET:
        return UNSET
    name = f"{place.first_name} {place.last_name}".strip()
    found = AddressRead(
        name=name or None, company=text(place.company), street=text(place.address_1),
        street2=text(place.address_2), city=text(place.city), region=text(place.state),
        postcode=text(place.postcode), country=text(place.country), phone=text(place.phone),
    )  # fmt: skip
    return found if found != AddressRead() else None


def _customer(order: Order) -> CustomerRead | UnsetType | None:
    """The buyer: a registered one has a number, a guest only what stands in the billing address."""
    if order.billing is UNSET and order.customer_id is UNSET:
        return UNSET
    place = order.billing if order.billing is not UNSET else Place()
    number = str(order.customer_id) if order.customer_id is not UNSET and order.customer_id > 0 else None
    found = CustomerRead(
        id=number, first_name=text(place.first_name), last_name=text(place.last_name), email=text(place.email),
        phone=text(place.phone), document=document(order.meta_data),
    )  # fmt: skip
    return None if found == CustomerRead(id=None, first_name=None, last_name=None, email=None, phone=None,
                                         document=None) else found  # fmt: skip


def document(meta: list[Meta] | UnsetType) -> str | None:
    if meta is UNSET:
        return None
    values = {one.key: one.value for one in meta if isinstance(one.value, str) and one.value.strip()}
    return next((values[key].strip() for key in DOCUMENT_KEYS if key in values), None)


def _line(line: _Line) -> LineRead:
    discount = line.subtotal - line.total if line.subtotal is not None and line.total is not None else None
    price = line.subtotal / line.quantity if line.subtotal is not None and line.quantity else None
    return LineRead(
        id=str(line.id),
        product_id=str(line.product_id) if line.product_id else None,  # 0: the product has been deleted since
        variant_id=str(line.variation_id) if line.variation_id else None,
        sku=text(line.sku),
        name=text(line.name),
        quantity=line.quantity,
        unit_price=None if price is None else round(price, 6).normalize() + ZERO,
        discount=discount or None,
        tax=line.total_tax,
        total=line.total,
    )


def _payments(order: Order, paid_at: datetime | None) -> list[PaymentRead] | UnsetType:
    if order.payment_method is UNSET and order.payment_method_title is UNSET:
        return UNSET
    method = text(order.payment_method_title) or text(order.payment_method)
    number = text(order.transaction_id)
    if method is None and number is None and paid_at is None:
        return []
    amount = order.total if paid_at is not None and order.total is not UNSET else None
    return [
        PaymentRead(id=number, method=method, state="paid" if paid_at else "pending", amount=amount, paid_at=paid_at)
    ]


def _refunds(refunds: list[_Refund] | UnsetType) -> list[RefundRead] | UnsetType:
    if refunds is UNSET:
        return UNSET
    return [
        RefundRead(id=str(one.id), amount=None if one.total is None else abs(one.total), note=text(one.reason))
        for one in refunds
    ]


def _shipments(lines: list[_Shipping] | UnsetType) -> list[ShipmentRead] | UnsetType:
    if lines is UNSET:
        return UNSET
    return [ShipmentRead(id=str(one.id), carrier=text(one.method_title), cost=one.total) for one in lines]


def _discounts(coupons: list[_Coupon] | UnsetType) -> list[DiscountRead] | UnsetType:
    if coupons is UNSET:
        return UNSET
    return [DiscountRead(code=text(one.code), amount=one.discount) for one in coupons]
