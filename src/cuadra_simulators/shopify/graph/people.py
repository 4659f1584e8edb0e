"""The fields of customers and addresses."""

from __future__ import annotations

from typing import Any

from cuadra_simulators.shopify.graph.registry import (
    CONNECTIONS,
    FIELDS,
    Args,
    Context,
    Listing,
    Resolver,
    attr,
    constant,
    gids,
    listed,
    metafield_of,
    metafields_of,
    stamp,
    when,
)
from cuadra_simulators.shopify.model import Address, Customer, Order
from cuadra_simulators.shopify.money import Money


def _seen(customer: Customer, context: Context) -> list[Order]:
    """The orders of a customer that this app may see, the oldest first."""
    found = (context.world.orders.get(number) for number in customer.orders)
    return [order for order in found if order is not None and context.access.sees(order)]


def _last(found: list[Order]) -> Order | None:
    return found[-1] if found else None


def _orders(customer: Customer, context: Context, args: Args) -> Listing:
    return context.services.lists.orders(context, args, _seen(customer, context))


def spent(customer: Customer, world: Any) -> int:
    """What a customer has paid, refunds taken off, in the smallest unit."""
    found = (world.orders.get(number) for number in customer.orders)
    return sum(it.totals.received - it.totals.refunded for it in found if it is not None and not it.test)


def _spent(customer: Customer, context: Context, args: Args) -> Money:
    deal = context.world.deal
    return Money(spent(customer, context.world), deal.decimals, deal.currency)


def _address_id(address: Address, context: Context, args: Args) -> str:
    return f"gid://shopify/MailingAddress/{address.id}?model_name={address.model}"


def _formatted(address: Address, context: Context, args: Args) -> list[str]:
    rows = [
        address.name if args.get("withName") else "", address.company if args.get("withCompany", True) else "",
        address.address1, address.address2, f"{address.zip} {address.city} {address.province_code}", address.country,
    ]  # fmt: skip
    return [row for row in rows if row]


def _consent(kind: str, name: str) -> Resolver:
    if name == "updated":
        return lambda it, c, a: stamp(getattr(it, kind).updated)
    return lambda it, c, a: getattr(getattr(it, kind), name)


def _by(field: str, kind: str) -> dict[str, Resolver]:
    return {
        field: _consent(kind, "updated"), "marketingOptInLevel": _consent(kind, "level"),
        "marketingState": _consent(kind, "state"),
    }  # fmt: skip


FIELDS["Customer"] = {
    "id": gids("Customer"), "legacyResourceId": lambda it, c, a: str(it.id), "displayName": attr("display_name"),
    "firstName": attr("first_name"), "lastName": attr("last_name"), "email": attr("email"), "phone": attr("phone"),
    "createdAt": when("created"), "updatedAt": when("updated"), "locale": attr("locale"), "note": attr("note"),
    "tags": attr("tags"), "state": attr("state"), "taxExempt": attr("tax_exempt"), "verifiedEmail": attr("verified"),
    "dataSaleOptOut": constant(False), "canDelete": lambda it, c, a: not it.orders,
    "numberOfOrders": lambda it, c, a: str(len(it.orders)), "amountSpent": _spent,
    "lifetimeDuration": constant("about 1 year"),
    "lastOrder": lambda it, c, a: _last(_seen(it, c)),
    "defaultAddress": lambda it, c, a: it.addresses[0] if it.addresses else None,
    "defaultEmailAddress": lambda it, c, a: it if it.email else None,
    "defaultPhoneNumber": lambda it, c, a: it if it.phone else None,
    "emailMarketingConsent": lambda it, c, a: it if it.email else None,
    "smsMarketingConsent": lambda it, c, a: it if it.phone else None, "metafield": metafield_of,
}  # fmt: skip
FIELDS["CustomerEmailAddress"] = {
    **_by("marketingUpdatedAt", "email_consent"), "emailAddress": attr("email"), "validFormat": constant(True),
}  # fmt: skip
FIELDS["CustomerPhoneNumber"] = {
    **_by("marketingUpdatedAt", "sms_consent"), "phoneNumber": attr("phone"), "marketingCollectedFrom": constant(None),
}  # fmt: skip
FIELDS["CustomerEmailMarketingConsentState"] = _by("consentUpdatedAt", "email_consent")
FIELDS["CustomerSmsMarketingConsentState"] = _by("consentUpdatedAt", "sms_consent")
FIELDS["MailingAddress"] = {
    "id": _address_id, "name": attr("name"), "firstName": attr("first_name"), "lastName": attr("last_name"),
    "company": attr("company"), "address1": attr("address1"), "address2": attr("address2"), "city": attr("city"),
    "province": attr("province"), "provinceCode": attr("province_code"), "zip": attr("zip"), "country": attr("country"),
    "countryCodeV2": attr("country_code"), "phone": attr("phone"), "latitude": attr("latitude"),
    "longitude": attr("longitude"), "formatted": _formatted,
}  # fmt: skip
CONNECTIONS["Customer", "addressesV2"] = lambda it, c, a: listed(it.addresses, lambda one: int(one.id))
CONNECTIONS["Customer", "orders"] = _orders
CONNECTIONS["Customer", "metafields"] = metafields_of
CONNECTIONS["Customer", "events"] = lambda it, c, a: listed([], lambda one: int(one.id))
