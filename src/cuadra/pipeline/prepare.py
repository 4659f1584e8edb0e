"""From a raw receipt to an item, before any lock is taken: decode, digest, normalise. Pure."""

from __future__ import annotations

from msgspec import UNSET

from cuadra.connectors.base import Raw, Reader
from cuadra.model import CustomerRead, Entity, OrderRead, ProductRead, normal
from cuadra.pipeline import contacts
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.versions import Version, digest, encode_content
from cuadra.pipeline.working import IdentifierKey, Item


def prepare(raw: Raw, receipt_id: int, reader: Reader, rules: Rules, country: str) -> Item:
    """Read one receipt and work out everything that needs no facts."""
    read = reader(raw)
    item = Item(raw, receipt_id, read, evidence=read.warnings.copy())
    if read.absent is not None and read.entity is Entity.ORDER and read.identifier is not None:
        read.value = OrderRead(id=read.identifier, lifecycle="deleted")
    elif read.absent is not None and read.entity is Entity.PRODUCT:
        read.value = ProductRead(id=read.identifier)
    value = read.value
    extra = frozenset(rules.customers.placeholders)
    region = rules.customers.region or country
    if isinstance(value, OrderRead):
        stamp = value.updated_at if value.updated_at is not UNSET else None
        item.content = encode_content(value)
        item.version = Version(stamp, raw.sequence, digest(item.content))
        contact_keys(item, value, region, extra)
        item.identifiers = identifiers(value)
    elif isinstance(value, CustomerRead):
        item.email = contacts.email(value.email or None, extra)
        item.phone = contacts.phone(value.phone or None, region, extra)
    elif read.entity is Entity.ORDER and read.identifier is not None:
        item.version = Version(None, raw.sequence, b"")
        item.identifiers = {("order", normal(read.identifier)): read.identifier}
    return item


def contact_keys(item: Item, order: OrderRead, region: str, extra: frozenset[str]) -> None:
    """The contacts of an order: the phone may stand in its delivery or payment data."""
    customer = order.customer or None
    email = (customer.email or None) if customer else None
    phone = (customer.phone or None) if customer else None
    for address in () if phone else (order.billing, order.delivery, (customer.address if customer else None)):
        if address and address.phone:
            phone = address.phone
            break
    if email is not None:
        item.email = contacts.email(email, extra)
    if phone is not None:
        if not phone.startswith("+"):  # without a prefix it is a number of the country it is delivered in
            countries = (address.country for address in (order.billing, order.delivery) if address and address.country)
            region = next((name.upper() for name in countries if len(name) == 2), region)
        item.phone = contacts.phone(phone, region, extra)


def recall(item: Item, order: OrderRead, rules: Rules, country: str) -> None:
    """A receipt that says nothing of the buyer: the contacts are those of the order as it is known."""
    contact_keys(item, order, rules.customers.region or country, frozenset(rules.customers.placeholders))
    item.keys = None


def identifiers(order: OrderRead) -> dict[IdentifierKey, str]:
    """Every number the order is known by; one that reads the same as its own number is not repeated."""
    own = normal(order.id)
    found = {("order", own): order.id}
    if order.number and (form := normal(order.number)) != own:
        found["number", form] = order.number
    if order.invoice_number:
        found["invoice", normal(order.invoice_number)] = order.invoice_number
    if order.cart_id:
        found["cart", normal(order.cart_id)] = order.cart_id
    for payment in order.payments or ():
        if payment.id and len(payment.id) > 3:  # «1», «2» number the payments of an order; they name none
            found["payment", normal(payment.id)] = payment.id
    for shipment in order.shipments or ():
        if shipment.tracking:
            found["tracking", normal(shipment.tracking)] = shipment.tracking
        if shipment.id and len(shipment.id) > 3:
            found["shipment", normal(shipment.id)] = shipment.id
    return found
