"""What a notice of a Shopify shop carries, in our model: the shapes of the older REST API. Pure.

A notice knows less than GraphQL does: it has no payments. What it lacks is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import UNSET

from cuadra.connectors.shopify import facts
from cuadra.connectors.shopify.facts import Money, Sold, text
from cuadra.model import CustomerRead, OrderRead, ProductRead, RefundRead, ShipmentRead
from cuadra.money import ZERO

PLACE = {
    "company": "company", "street": "address1", "street2": "address2", "city": "city", "region": "province",
    "postcode": "zip", "country": "country_code", "phone": "phone",
}  # fmt: skip


def order_of(body: Mapping[str, Any]) -> OrderRead:
    """A whole order."""
    currency = text(body.get("currency"))
    money = Money(currency)
    found = facts.states(body.get("financial_status"), body.get("fulfillment_status"), cancelled=bool(body.get("cancelled_at")),
                         closed=bool(body.get("closed_at")), test=bool(body.get("test")))  # fmt: skip
    refunds = [_refund(one, money) for one in body.get("refunds") or ()]
    listed = isinstance(body.get("line_items"), list)
    sold = facts.as_sold(_lines(body, money) if listed else (), cancelled=found.lifecycle == "cancelled")
    ways = [
        ShipmentRead(id=str(one["id"]), carrier=text(one.get("title")),
                     cost=money.of(one["discounted_price"] if "discounted_price" in one else one.get("price")))
        for one in body.get("shipping_lines") or () if not one.get("is_removed")
    ]  # fmt: skip
    off = money.of(body.get("total_discounts"))
    return OrderRead(
        id=str(body["id"]),
        number=text(body.get("name")),
        created_at=facts.moment(body.get("created_at")),
        updated_at=facts.moment(body.get("updated_at")),
        state=found.raw,
        lifecycle=found.lifecycle,
        payment_state=found.payment,
        fulfilment_state=found.fulfilment,
        currency=currency,
        total=facts.total(money.of(body.get("total_price")), sold, money, taxes_included=bool(body.get("taxes_included"))),
        discount=facts.discount(off, sold, money) if listed else off,
        shipping=sum((way.cost or ZERO for way in ways), ZERO),
        tax=money.of(body.get("total_tax")),
        fees=money.of(body.get("total_tip_received")) or ZERO,
        customer=_customer(body),
        billing=facts.address(body.get("billing_address"), PLACE),
        delivery=facts.address(body.get("shipping_address"), PLACE),
        lines=facts.lines(sold, money) if listed else UNSET,
        refunds=refunds,
        shipments=facts.shipments(_parcels(body), ways),
        discounts=facts.codes(one.get("code") for one in body.get("discount_codes") or ()),
        sales_channel=text(body.get("source_name")),
        note=text(body.get("note")),
        custom=facts.custom(
            ((one.get("name"), one.get("value")) for one in body.get("note_attributes") or ()),
            str(body.get("tags") or "").split(","), body.get("confirmation_number"),
        ),
    )  # fmt: skip


def anonymous(body: Mapping[str, Any]) -> bool:
    """Whether nothing of a buyer can be seen: there is none, or the shop may not show him. The order itself will say."""
    people = [body, body.get("customer") or {}, body.get("billing_address") or {}, body.get("shipping_address") or {}]
    return not any(text(one.get(name)) for one in people for name in ("email", "phone", "contact_email"))


def refunded_elsewhere(body: Mapping[str, Any]) -> bool:
    """Whether money was given back in another currency than the shop's: what that comes to here, a notice does not say."""
    refunds = body.get("refunds")
    found = [it for it in refunds if isinstance(it, Mapping)] if isinstance(refunds, list) else []
    paid = [one for it in found for one in it.get("transactions") or ()]
    return any(isinstance(one, Mapping) and one.get("currency") not in (None, body.get("currency")) for one in paid)


def _customer(body: Mapping[str, Any]) -> CustomerRead | None:
    there = body.get("customer") or {}
    places = [place for name in ("billing_address", "shipping_address") if (place := body.get(name))]
    email = text(body.get("email")) or text(body.get("contact_email")) or text(there.get("email"))
    phone = text(body.get("phone")) or text(there.get("phone"))
    phone = phone or next((text(place.get("phone")) for place in places if text(place.get("phone"))), None)
    first = text(there.get("first_name")) or next(
        (text(p.get("first_name")) for p in places if text(p.get("first_name"))), None
    )
    last = text(there.get("last_name")) or next(
        (text(p.get("last_name")) for p in places if text(p.get("last_name"))), None
    )
    if not there and not any((email, phone, first, last)):
        return None
    return CustomerRead(id=str(there["id"]) if there.get("id") else None, first_name=first, last_name=last, email=email,
                        phone=phone)  # fmt: skip


def _lines(body: Mapping[str, Any], money: Money) -> Iterator[Sold]:
    returned: dict[int, Decimal] = {}
    for refund in body.get("refunds") or ():
        for item in refund.get("refund_line_items") or ():
            key = item.get("line_item_id")
            returned[key] = returned.get(key, ZERO) + Decimal(item["quantity"])
    for one in body["line_items"]:
        yield Sold(
            id=str(one["id"]), quantity=Decimal(one["quantity"]),
            current=Decimal(one["current_quantity"] if "current_quantity" in one else one["quantity"]),
            returned=returned.get(one["id"], ZERO), price=money.of(one.get("price")),
            discounts=sum((money.of(d.get("amount")) or ZERO for d in one.get("discount_allocations") or ()), ZERO),
            tax=sum((money.of(t.get("price")) or ZERO for t in one.get("tax_lines") or ()), ZERO),
            product=str(one["product_id"]) if one.get("product_id") else None,
            variant=str(one["variant_id"]) if one.get("variant_id") else None,
            sku=text(one.get("sku")), name=facts.name_of(text(one.get("title")), text(one.get("variant_title"))),
        )  # fmt: skip


def _refund(one: Mapping[str, Any], money: Money) -> RefundRead:
    given = [money.of(paid.get("amount")) or ZERO for paid in one.get("transactions") or ()
             if paid.get("kind") == "refund" and paid.get("status") == "success"]  # fmt: skip
    return RefundRead(id=str(one["id"]), amount=sum(given, ZERO), refunded_at=facts.moment(one.get("created_at")),
                      note=text(one.get("note")))  # fmt: skip


def _parcels(body: Mapping[str, Any]) -> Iterator[Any]:
    for one in body.get("fulfillments") or ():
        numbers = one.get("tracking_numbers") or ([one["tracking_number"]] if one.get("tracking_number") else [])
        yield (str(one["id"]), text(one.get("status")), facts.moment(one.get("created_at")),
               [(text(one.get("tracking_company")), text(number)) for number in numbers])  # fmt: skip


# ---------------------------------------------------------------- catalogue and people


def products_of(body: Mapping[str, Any]) -> ProductRead:
    """A product itself: its variants have notices of none of their own, and are fetched. Where it belongs is not said in
    the way that the integration wants it."""
    return ProductRead(
        id=str(body["id"]), name=text(body.get("title")), description=(text(body.get("body_html")) or "")[:20_000] or None,
        brand=text(body.get("vendor")), active=str(body.get("status") or "active").lower() == "active",
    )  # fmt: skip


def customer_of(body: Mapping[str, Any]) -> CustomerRead:
    """A customer."""
    place = body.get("default_address") or {}
    return CustomerRead(
        id=str(body["id"]), first_name=text(body.get("first_name")), last_name=text(body.get("last_name")),
        email=text(body.get("email")), phone=text(body.get("phone")) or text(place.get("phone")),
        address=facts.address(place, PLACE),
    )  # fmt: skip
