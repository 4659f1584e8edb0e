"""An order as GraphQL shows it, in our model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from cuadra.connectors.base import Evidence
from cuadra.connectors.shopify import facts
from cuadra.connectors.shopify.facts import Money, Sold, text
from cuadra.model import AddressRead, CustomerRead, OrderRead, PaymentRead, RefundRead, ShipmentRead
from cuadra.money import ZERO

OURS = "cuadra"
"""A field of our own beside those of the shop: what it did not show (`denied`), on which `plan`."""
PLACE = {
    "company": "company", "street": "address1", "street2": "address2", "city": "city", "region": "province",
    "postcode": "zip", "country": "countryCodeV2", "phone": "phone",
}  # fmt: skip
PAID = ("sale", "capture")
NOTHING: frozenset[str] = frozenset()


def order_of(node: Mapping[str, Any]) -> OrderRead:
    """A whole order. A field that it was not asked for is unknown."""
    currency = text(node.get("currencyCode"))
    money = Money(currency)
    denied = denied_of(node)
    found = facts.states(
        node.get("displayFinancialStatus"), node.get("displayFulfillmentStatus"), cancelled=bool(node.get("cancelledAt")),
        closed=bool(node.get("closedAt")), test=bool(node.get("test")),
    )  # fmt: skip
    sold = facts.as_sold(_lines(node, money) if "lineItems" in node else (), cancelled=found.lifecycle == "cancelled")
    ways, off = list(_ways(node, money)), money.bag(node.get("totalDiscountsSet"))
    customer, (billing, delivery) = _customer(node, denied), _places(node)
    return OrderRead(
        id=str(node["legacyResourceId"]),
        number=text(node.get("name")),
        created_at=facts.moment(node.get("createdAt")),
        updated_at=facts.moment(node.get("updatedAt")),
        state=found.raw,
        lifecycle=found.lifecycle,
        payment_state=found.payment,
        fulfilment_state=found.fulfilment,
        currency=currency,
        total=facts.total(money.bag(node.get("totalPriceSet")), sold, money, taxes_included=bool(node.get("taxesIncluded"))),
        discount=facts.discount(off, sold, money) if "lineItems" in node else off,
        shipping=sum((way.cost or ZERO for way in ways), ZERO) if "shippingLines" in node else UNSET,
        tax=money.bag(node.get("totalTaxSet")),
        fees=money.bag(node.get("totalTipReceivedSet")) or ZERO,
        customer=customer,
        billing=billing,
        delivery=delivery,
        lines=facts.lines(sold, money) if "lineItems" in node else UNSET,
        payments=list(_payments(node, money)) if "transactions" in node else UNSET,
        refunds=[_refund(one, money) for one in node["refunds"]] if isinstance(node.get("refunds"), list) else UNSET,
        shipments=_shipments(node, ways),
        discounts=facts.codes(node.get("discountCodes") or ()),
        sales_channel=text(node.get("sourceName")),
        note=text(node.get("note")),
        custom=facts.custom(
            ((one.get("key"), one.get("value")) for one in node.get("customAttributes") or ()), node.get("tags") or (),
            node.get("confirmationNumber"),
        ),
    )  # fmt: skip


def denied_of(node: Mapping[str, Any]) -> frozenset[str]:
    """The fields of a person that this shop keeps to itself: `customer.email`, `email`."""
    ours = node.get(OURS)
    if ours is None:
        return NOTHING
    return frozenset(map(str, ours.get("denied", ()))) if isinstance(ours, Mapping) else NOTHING


def hidden(node: Mapping[str, Any]) -> Evidence | None:
    """The proof that a person's data was kept back; None if it was not."""
    denied = denied_of(node)
    return {"fields": sorted(denied), "plan": node[OURS].get("plan")} if denied else None


def _customer(node: Mapping[str, Any], denied: frozenset[str]) -> CustomerRead | UnsetType | None:
    """The buyer. What may not be seen is unknown, and not empty."""
    there = node.get("customer")
    if there is None and "customer" in denied:
        there = {}
    contact = there or {}
    places = [place for name in ("billingAddress", "shippingAddress") if (place := node.get(name))]

    def shown(value: str | None, *fields: str) -> str | UnsetType | None:
        return UNSET if value is None and any(one in denied for one in (*fields, "customer")) else value

    email = text(node.get("email")) or text((contact.get("defaultEmailAddress") or {}).get("emailAddress"))
    phone = text(node.get("phone")) or text((contact.get("defaultPhoneNumber") or {}).get("phoneNumber"))
    phone = phone or next((text(place.get("phone")) for place in places if text(place.get("phone"))), None)
    first = text(contact.get("firstName")) or next(
        (text(p.get("firstName")) for p in places if text(p.get("firstName"))), None
    )
    last = text(contact.get("lastName")) or next(
        (text(p.get("lastName")) for p in places if text(p.get("lastName"))), None
    )
    identifier = str(contact["legacyResourceId"]) if contact.get("legacyResourceId") else None
    if there is None and not any((email, phone, first, last)) and not denied:
        return None
    return CustomerRead(
        id=identifier if identifier or "customer" not in denied else UNSET,
        first_name=shown(first, "customer.firstName", "billingAddress.firstName"),
        last_name=shown(last, "customer.lastName", "billingAddress.lastName"),
        email=shown(email, "email", "customer.defaultEmailAddress.emailAddress", "customer.defaultEmailAddress"),
        phone=shown(phone, "phone", "customer.defaultPhoneNumber.phoneNumber", "customer.defaultPhoneNumber"),
    )  # fmt: skip


def _places(node: Mapping[str, Any]) -> tuple[AddressRead | UnsetType | None, AddressRead | UnsetType | None]:
    """Where the bill and where the goods go to: mostly the same place."""
    billing = _address(node, "billingAddress")
    if isinstance(billing, AddressRead) and node["billingAddress"] == node.get("shippingAddress"):
        return billing, replace(billing)
    return billing, _address(node, "shippingAddress")


def _address(node: Mapping[str, Any], name: str) -> AddressRead | UnsetType | None:
    if name not in node:
        return UNSET
    return facts.address(node[name], PLACE)


def _lines(node: Mapping[str, Any], money: Money) -> Iterator[Sold]:
    returned: dict[str, Decimal] = {}
    for refund in node.get("refunds") or ():
        for item in (refund.get("refundLineItems") or {}).get("nodes") or ():
            key = (item.get("lineItem") or {}).get("id")
            if key:
                returned[key] = returned.get(key, ZERO) + Decimal(item["quantity"])
    for one in node["lineItems"]["nodes"]:
        yield Sold(
            id=facts.number(one["id"]) or str(one["id"]),
            quantity=Decimal(one["quantity"]), current=Decimal(one["currentQuantity"]),
            returned=returned.get(one["id"], ZERO),
            price=money.bag(one.get("originalUnitPriceSet")),
            discounts=money.sum(one.get("discountAllocations"), "allocatedAmountSet"),
            tax=money.sum(one.get("taxLines"), "priceSet"),
            product=_number(one.get("product")), variant=_number(one.get("variant")),
            sku=text(one.get("sku")), name=facts.name_of(text(one.get("title")), text(one.get("variantTitle"))),
        )  # fmt: skip


def _number(thing: Mapping[str, Any] | None) -> str | None:
    """The number of what a line was sold from; None where that has gone."""
    return str(thing.get("legacyResourceId") or "") or None if thing else None


def _payments(node: Mapping[str, Any], money: Money) -> Iterator[PaymentRead]:
    """Money that came in, or is to come: what was given back is a refund."""
    for one in node["transactions"] or ():
        kind, state = str(one.get("kind")).lower(), str(one.get("status")).lower()
        if one.get("test") or kind not in (*PAID, "authorization"):
            continue
        good = state == "success" and kind in PAID
        yield PaymentRead(
            id=text(one.get("paymentId")) or facts.number(one.get("id")),
            method=text(one.get("formattedGateway")) or text(one.get("gateway")),
            state="paid" if good else "authorized" if state == "success" else state,
            amount=money.bag(one.get("amountSet")), paid_at=facts.moment(one.get("processedAt")) if good else None,
        )  # fmt: skip


def _refund(one: Mapping[str, Any], money: Money) -> RefundRead:
    return RefundRead(
        id=str(one["legacyResourceId"]), amount=money.bag(one.get("totalRefundedSet")),
        refunded_at=facts.moment(one.get("createdAt")), note=text(one.get("note")),
    )  # fmt: skip


def _ways(node: Mapping[str, Any], money: Money) -> Iterator[ShipmentRead]:
    for one in (node.get("shippingLines") or {}).get("nodes") or ():
        if not one.get("isRemoved"):
            yield ShipmentRead(id=facts.number(one.get("id")), carrier=text(one.get("title")),
                               cost=money.bag(one.get("discountedPriceSet")))  # fmt: skip


def _shipments(node: Mapping[str, Any], ways: list[ShipmentRead]) -> list[ShipmentRead] | UnsetType:
    if "fulfillments" not in node and "shippingLines" not in node:
        return UNSET
    return facts.shipments((
        (str(one["legacyResourceId"]), _word(one.get("status")), facts.moment(one.get("createdAt")),
         [(text(track.get("company")), text(track.get("number"))) for track in one.get("trackingInfo") or ()])
        for one in node.get("fulfillments") or ()
    ), ways)  # fmt: skip


def _word(value: Any) -> str | None:
    found = text(value)
    return found.lower() if found else None
