"""The fields of orders."""

from __future__ import annotations

from collections.abc import Callable

from cuadra_simulators.shopify.graph.registry import (
    CONNECTIONS,
    FIELDS,
    Args,
    Context,
    Listing,
    Part,
    Resolver,
    attr,
    attributes,
    bag,
    constant,
    first,
    gids,
    listed,
    metafield_of,
    metafields_of,
    parts,
    when,
)
from cuadra_simulators.shopify.model import Customer, Deletion, Order, Tax, Totals
from cuadra_simulators.shopify.money import share


def sums(pick: Callable[[Totals], int]) -> Resolver:
    """An amount of the order's totals."""
    return lambda order, context, args: bag(order, pick(order.totals))


def _customer(order: Order, context: Context, args: Args) -> Customer | None:
    found: Customer | None = context.world.customers.get(order.customer_id)
    return found


def _taxes(order: Order, *, current: bool = False) -> list[Part]:
    found: dict[str, Tax] = {}
    for line in order.lines:
        for tax in line.taxes:
            one = found.setdefault(tax.title, Tax(tax.title, tax.rate, 0))
            one.amount += share(tax.amount, line.current, line.quantity) if current else tax.amount
    for way in order.shipping:
        for tax in way.taxes:
            one = found.setdefault(tax.title, Tax(tax.title, tax.rate, 0))
            kept = 0 if way.removed else share(tax.amount, way.net - way.refunded, way.net)
            one.amount += kept if current else tax.amount
    return parts(order, list(found.values()))


def _gateways(order: Order) -> list[str]:
    return list(dict.fromkeys(it.gateway for it in order.transactions if it.kind != "REFUND"))


def _status_page(order: Order, context: Context, args: Args) -> str:
    return f"https://{context.world.settings.domain}/61234567/orders/{order.token}/authenticate?key={order.token[:12]}"


def _channel(order: Order, context: Context, args: Args) -> Part | None:
    return Part(order, "channel") if order.source in ("web", "pos", "mobile_app") else None


def _events(order: Order, context: Context, args: Args) -> Listing:
    placed = Deletion(order.id, "ORDER", order.id, order.created, order.app_name, "placed")
    return listed([placed], lambda event: int(event.id))


def _shipping(order: Order, context: Context, args: Args) -> Listing:
    found = [it for it in order.shipping if args.get("includeRemovals") or not it.removed]
    return listed(parts(order, found), lambda part: int(part.it.id))


def _return_status(order: Order, context: Context, args: Args) -> str:
    return "RETURNED" if any(it.restock == "RETURN" for made in order.refunds for it in made.lines) else "NO_RETURN"


FIELDS["Order"] = {
    "id": gids("Order"), "legacyResourceId": lambda o, c, a: str(o.id), "name": attr("name"), "number": lambda o, c, a: o.number + 1000,
    "confirmationNumber": attr("confirmation"), "createdAt": when("created"), "processedAt": when("processed"),
    "updatedAt": when("updated"), "closed": lambda o, c, a: o.closed is not None, "closedAt": when("closed"),
    "cancelledAt": when("cancelled"), "cancelReason": attr("cancel_reason"), "confirmed": constant(True),
    "test": attr("test"), "edited": attr("edited"), "tags": attr("tags"), "note": attr("note"),
    "customAttributes": lambda o, c, a: attributes(o.attributes), "poNumber": attr("po_number"),
    "email": attr("email"), "phone": attr("phone"), "clientIp": attr("ip"), "customerLocale": attr("locale"),
    "statusPageUrl": _status_page, "sourceName": attr("source"), "sourceIdentifier": attr("source_id"),
    "registeredSourceUrl": constant(None), "app": lambda o, c, a: o, "channelInformation": _channel,
    "displayFinancialStatus": lambda o, c, a: o.totals.financial,
    "displayFulfillmentStatus": lambda o, c, a: o.totals.fulfillment, "returnStatus": _return_status,
    "currencyCode": lambda o, c, a: o.deal.currency, "presentmentCurrencyCode": lambda o, c, a: o.deal.presentment,
    "taxesIncluded": attr("taxes_included"), "taxExempt": constant(False), "estimatedTaxes": constant(False),
    "dutiesIncluded": constant(False), "taxLines": lambda o, c, a: _taxes(o),
    "currentTaxLines": lambda o, c, a: _taxes(o, current=True),
    "subtotalPriceSet": sums(lambda t: t.subtotal), "totalDiscountsSet": sums(lambda t: t.discounts),
    "totalShippingPriceSet": sums(lambda t: t.shipping), "totalTaxSet": sums(lambda t: t.tax),
    "totalPriceSet": sums(lambda t: t.total), "currentSubtotalPriceSet": sums(lambda t: t.current_subtotal),
    "currentTotalDiscountsSet": sums(lambda t: t.current_discounts),
    "currentShippingPriceSet": sums(lambda t: t.current_shipping), "currentTotalTaxSet": sums(lambda t: t.current_tax),
    "currentTotalPriceSet": sums(lambda t: t.current_total),
    "originalTotalPriceSet": lambda o, c, a: bag(o, o.original_total),
    "totalReceivedSet": sums(lambda t: t.received), "totalRefundedSet": sums(lambda t: t.refunded),
    "netPaymentSet": sums(lambda t: t.received - t.refunded), "totalOutstandingSet": sums(lambda t: t.outstanding),
    "totalRefundedShippingSet": sums(lambda t: t.refunded_shipping), "totalCapturableSet": sums(lambda t: t.capturable),
    "totalTipReceivedSet": sums(lambda t: 0),
    "totalWeight": lambda o, c, a: str(sum(line.grams * line.quantity for line in o.lines)),
    "subtotalLineItemsQuantity": lambda o, c, a: sum(line.quantity for line in o.lines),
    "currentSubtotalLineItemsQuantity": lambda o, c, a: sum(line.current for line in o.lines),
    "discountCode": lambda o, c, a: next((it.title for it in o.discounts if it.kind == "code"), None),
    "discountCodes": lambda o, c, a: [it.title for it in o.discounts if it.kind == "code"],
    "paymentGatewayNames": lambda o, c, a: _gateways(o), "customer": _customer,
    "customerAcceptsMarketing": lambda o, c, a: bool(
        (who := c.world.customers.get(o.customer_id)) and who.email_consent.state == "SUBSCRIBED"
    ),
    "billingAddress": attr("billing"), "shippingAddress": attr("shipping_address"),
    "shippingLine": lambda o, c, a: next((Part(o, it) for it in o.shipping if not it.removed), None),
    "transactions": lambda o, c, a: first(parts(o, o.transactions), a),
    "transactionsCount": lambda o, c, a: (len(o.transactions), "EXACT"),
    "refunds": lambda o, c, a: first(parts(o, o.refunds), a),
    "fulfillments": lambda o, c, a: first(parts(o, o.fulfillments), a),
    "fulfillmentsCount": lambda o, c, a: (len(o.fulfillments), "EXACT"),
    "fulfillable": lambda o, c, a: o.cancelled is None and any(line.open for line in o.lines),
    "requiresShipping": lambda o, c, a: any(line.shipped for line in o.lines),
    "refundable": lambda o, c, a: o.totals.received > o.totals.refunded,
    "fullyPaid": lambda o, c, a: o.totals.outstanding <= 0, "unpaid": lambda o, c, a: o.totals.received == 0,
    "canMarkAsPaid": lambda o, c, a: o.cancelled is None and o.totals.outstanding > 0, "metafield": metafield_of,
}  # fmt: skip
FIELDS["OrderApp"] = {
    "id": lambda o, c, a: f"gid://shopify/App/{o.app_id}", "name": attr("app_name"),
}  # fmt: skip
FIELDS["ChannelInformation"] = {
    "id": lambda p, c, a: f"gid://shopify/ChannelInformation/{p.order.id}",
    "channelId": lambda p, c, a: f"gid://shopify/Channel/{p.order.app_id}", "displayName": lambda p, c, a: p.order.app_name,
    "channelDefinition": lambda p, c, a: p, "app": lambda p, c, a: p.order,
}  # fmt: skip
FIELDS["ChannelDefinition"] = {
    "id": lambda p, c, a: f"gid://shopify/ChannelDefinition/{p.order.source}", "handle": lambda p, c, a: p.order.source,
    "channelName": lambda p, c, a: p.order.app_name, "subChannelName": lambda p, c, a: p.order.app_name,
    "isMarketplace": constant(False),
}  # fmt: skip
FIELDS["App"] = {
    "id": lambda o, c, a: f"gid://shopify/App/{o.app_id}", "title": attr("app_name"), "apiKey": constant(""),
    "handle": lambda o, c, a: o.app_name.lower().replace(" ", "-"), "developerName": constant("Shopify"),
    "embedded": constant(True),
}  # fmt: skip
FIELDS["Count"] = {"count": lambda n, c, a: n[0], "precision": lambda n, c, a: n[1]}
CONNECTIONS["Order", "lineItems"] = lambda o, c, a: listed(parts(o, o.lines), lambda part: int(part.it.id))
CONNECTIONS["Order", "shippingLines"] = _shipping
CONNECTIONS["Order", "events"] = _events
CONNECTIONS["Order", "metafields"] = metafields_of
CONNECTIONS["Order", "discountApplications"] = lambda o, c, a: listed(
    parts(o, o.discounts), lambda part: int(part.it.index)
)
