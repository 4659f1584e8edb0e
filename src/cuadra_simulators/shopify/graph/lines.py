"""The fields of what orders are made of: lines, taxes, discounts, shipping, transactions, refunds, parcels."""

from __future__ import annotations

from typing import Any

from cuadra_simulators.shopify.graph.registry import (
    CONNECTIONS,
    FIELDS,
    Args,
    Context,
    Listing,
    Part,
    Resolver,
    attributes,
    bag,
    constant,
    first,
    listed,
    parts,
    stamp,
)
from cuadra_simulators.shopify.model import Line, Product, Variant
from cuadra_simulators.shopify.money import Bag, share, short
from cuadra_simulators.shopify.orders import GATEWAYS


def of(name: str) -> Resolver:
    """An attribute of the thing."""
    return lambda part, context, args: getattr(part.it, name)


def at(name: str) -> Resolver:
    """A stamp of the thing."""
    return lambda part, context, args: stamp(getattr(part.it, name))


def amount(name: str) -> Resolver:
    """An amount of the thing."""
    return lambda part, context, args: Bag(getattr(part.it, name), part.order.deal)


def numbered(kind: str) -> Resolver:
    """Its global id."""
    return lambda part, context, args: f"gid://shopify/{kind}/{part.it.id}"


def _variant(part: Part, context: Context, args: Args) -> Variant | None:
    found: Variant | None = context.world.variants.get(part.it.variant_id)
    return found


def _product(part: Part, context: Context, args: Args) -> Product | None:
    found: Product | None = context.world.products.get(part.it.product_id)
    return found


def _taxes(part: Part, context: Context, args: Args) -> list[Part]:
    return parts(part.order, list(first(part.it.taxes, args)))


def _codes(part: Part) -> int:
    """What codes and whole-order discounts take off a line: left out of the discounted total unless asked for."""
    kinds = {it.index for it in part.order.discounts if it.kind == "code"}
    return sum(value for index, value in part.it.discounts if index in kinds)


def _discounted(part: Part, context: Context, args: Args) -> Bag:
    less = 0 if args.get("withCodeDiscounts") else _codes(part)
    return bag(part.order, part.it.net + less)


def _unit(part: Part, *, codes: bool) -> Bag:
    line: Line = part.it
    return bag(part.order, share(line.net + (0 if codes else _codes(part)), 1, line.quantity))


def _allocations(part: Part, context: Context, args: Args) -> list[Part]:
    return [Part(part.order, pair) for pair in part.it.discounts]


FIELDS["MoneyBag"] = {"shopMoney": lambda b, c, a: b.shop, "presentmentMoney": lambda b, c, a: b.presentment}
FIELDS["MoneyV2"] = {"amount": lambda m, c, a: short(m.units, m.decimals), "currencyCode": lambda m, c, a: m.currency}
FIELDS["Attribute"] = {"key": lambda it, c, a: it["key"], "value": lambda it, c, a: it["value"]}
FIELDS["LineItem"] = {
    "id": numbered("LineItem"), "title": of("title"), "name": of("name"), "variantTitle": of("variant_title"),
    "sku": of("sku"), "vendor": of("vendor"), "quantity": of("quantity"), "currentQuantity": of("current"),
    "refundableQuantity": of("current"), "unfulfilledQuantity": of("open"),
    "nonFulfillableQuantity": lambda p, c, a: p.it.removed + p.it.refunded, "requiresShipping": of("shipped"),
    "isGiftCard": of("gift_card"), "taxable": of("taxable"), "restockable": lambda p, c, a: p.it.variant_id is not None,
    "product": _product, "variant": _variant, "originalUnitPriceSet": amount("price"), "originalTotalSet": amount("gross"),
    "discountedUnitPriceSet": lambda p, c, a: _unit(p, codes=False),
    "discountedUnitPriceAfterAllDiscountsSet": lambda p, c, a: _unit(p, codes=True),
    "discountedTotalSet": _discounted, "totalDiscountSet": amount("discount"), "taxLines": _taxes,
    "customAttributes": lambda p, c, a: attributes(p.it.attributes),
    "lineItemGroup": lambda p, c, a: p.it.group, "discountAllocations": _allocations,
    "unfulfilledOriginalTotalSet": lambda p, c, a: bag(p.order, p.it.price * p.it.open),
    "unfulfilledDiscountedTotalSet": lambda p, c, a: bag(p.order, share(p.it.net, p.it.open, p.it.quantity)),
}  # fmt: skip
FIELDS["LineItemGroup"] = {
    "id": lambda g, c, a: f"gid://shopify/LineItemGroup/{g[0]}", "title": lambda g, c, a: g[1],
    "quantity": lambda g, c, a: g[2],
}  # fmt: skip
FIELDS["TaxLine"] = {
    "title": of("title"), "rate": lambda p, c, a: float(p.it.rate), "ratePercentage": lambda p, c, a: float(p.it.rate * 100),
    "priceSet": amount("amount"), "channelLiable": constant(False), "source": constant(None),
}  # fmt: skip
FIELDS["DiscountAllocation"] = {
    "allocatedAmountSet": lambda p, c, a: bag(p.order, p.it[1]),
    "discountApplication": lambda p, c, a: Part(p.order, p.order.discounts[p.it[0]]),
}  # fmt: skip
_APPLICATION: dict[str, Resolver] = {
    "allocationMethod": lambda p, c, a: "ACROSS" if p.it.across else "EACH", "index": of("index"),
    "targetSelection": constant("ALL"), "targetType": lambda p, c, a: "SHIPPING_LINE" if p.it.shipping else "LINE_ITEM",
    "value": lambda p, c, a: p.it.percent if p.it.percent is not None else bag(p.order, p.it.amount).shop,
}  # fmt: skip
FIELDS["DiscountCodeApplication"] = {**_APPLICATION, "code": of("title")}
FIELDS["ManualDiscountApplication"] = {**_APPLICATION, "title": of("title"), "description": constant(None)}
FIELDS["AutomaticDiscountApplication"] = {**_APPLICATION, "title": of("title")}
FIELDS["PricingPercentageValue"] = {"percentage": lambda it, c, a: float(it)}
FIELDS["ShippingLine"] = {
    "id": numbered("ShippingLine"), "title": of("title"), "code": of("code"), "source": of("source"),
    "carrierIdentifier": constant(None), "custom": constant(False), "deliveryCategory": constant(None),
    "phone": constant(None), "isRemoved": of("removed"), "originalPriceSet": amount("price"),
    "discountedPriceSet": amount("net"),
    "currentDiscountedPriceSet": lambda p, c, a: bag(p.order, 0 if p.it.removed else p.it.net - p.it.refunded),
    "discountAllocations": lambda p, c, a: (
        [Part(p.order, (p.it.discount_index, p.it.discount))] if p.it.discount else []
    ),
    "taxLines": _taxes,
}  # fmt: skip
FIELDS["OrderTransaction"] = {
    "id": numbered("OrderTransaction"), "kind": of("kind"), "status": of("status"), "gateway": of("gateway"),
    "formattedGateway": lambda p, c, a: GATEWAYS.get(p.it.gateway, p.it.gateway), "amountSet": amount("amount"),
    "createdAt": at("created"), "processedAt": at("created"), "errorCode": of("error"), "paymentId": of("payment"),
    "parentTransaction": lambda p, c, a: next(
        (Part(p.order, it) for it in p.order.transactions if it.id == p.it.parent), None
    ),
    "manualPaymentGateway": of("manual"), "test": of("test"), "order": lambda p, c, a: p.order,
}  # fmt: skip
FIELDS["Refund"] = {
    "id": numbered("Refund"), "legacyResourceId": lambda p, c, a: str(p.it.id), "createdAt": at("created"),
    "processedAt": at("created"), "updatedAt": at("updated"), "note": of("note"), "totalRefundedSet": amount("amount"),
    "order": lambda p, c, a: p.order,
}  # fmt: skip
FIELDS["RefundLineItem"] = {
    "id": numbered("RefundLineItem"), "quantity": of("quantity"), "restockType": of("restock"),
    "restocked": lambda p, c, a: p.it.restock != "NO_RESTOCK", "subtotalSet": amount("subtotal"),
    "totalTaxSet": amount("tax"), "lineItem": lambda p, c, a: Part(p.order, p.it.line),
    "priceSet": lambda p, c, a: bag(p.order, p.it.line.price),
}  # fmt: skip
FIELDS["OrderAdjustment"] = {
    "id": numbered("OrderAdjustment"), "amountSet": amount("amount"), "taxAmountSet": amount("tax"),
    "reason": of("reason"),
}  # fmt: skip
FIELDS["RefundShippingLine"] = {
    "id": lambda p, c, a: f"gid://shopify/RefundShippingLine/{p.it[0]}",
    "shippingLine": lambda p, c, a: Part(p.order, p.it[1]), "subtotalAmountSet": lambda p, c, a: bag(p.order, p.it[2]),
    "taxAmountSet": lambda p, c, a: bag(p.order, share(p.it[1].tax, p.it[2], p.it[1].net)),
}  # fmt: skip
FIELDS["Fulfillment"] = {
    "id": numbered("Fulfillment"), "legacyResourceId": lambda p, c, a: str(p.it.id), "name": of("name"),
    "status": of("status"), "displayStatus": of("display"), "createdAt": at("created"), "updatedAt": at("updated"),
    "inTransitAt": at("in_transit"), "deliveredAt": at("delivered"), "estimatedDeliveryAt": constant(None),
    "totalQuantity": lambda p, c, a: sum(units for _, _, units in p.it.lines),
    "requiresShipping": lambda p, c, a: any(line.shipped for _, line, _ in p.it.lines),
    "trackingInfo": lambda p, c, a: first(p.it.tracking, a), "order": lambda p, c, a: p.order,
}  # fmt: skip
FIELDS["FulfillmentTrackingInfo"] = {
    "company": lambda t, c, a: t[0], "number": lambda t, c, a: t[1], "url": lambda t, c, a: t[2],
}  # fmt: skip
FIELDS["FulfillmentLineItem"] = {
    "id": lambda p, c, a: f"gid://shopify/FulfillmentLineItem/{p.it[0]}",
    "lineItem": lambda p, c, a: Part(p.order, p.it[1]), "quantity": lambda p, c, a: p.it[2],
    "originalTotalSet": lambda p, c, a: bag(p.order, p.it[1].price * p.it[2]),
    "discountedTotalSet": lambda p, c, a: bag(p.order, share(p.it[1].net, p.it[2], p.it[1].quantity)),
}  # fmt: skip


def _nested(found: Any, order: Any) -> Listing:
    return listed(parts(order, found), lambda part: int(part.it[0] if isinstance(part.it, tuple) else part.it.id))


CONNECTIONS["Refund", "refundLineItems"] = lambda p, c, a: _nested(p.it.lines, p.order)
CONNECTIONS["Refund", "transactions"] = lambda p, c, a: _nested(p.it.transactions, p.order)
CONNECTIONS["Refund", "orderAdjustments"] = lambda p, c, a: _nested(p.it.adjustments, p.order)
CONNECTIONS["Refund", "refundShippingLines"] = lambda p, c, a: _nested(p.it.shipping, p.order)
CONNECTIONS["Fulfillment", "fulfillmentLineItems"] = lambda p, c, a: _nested(p.it.lines, p.order)
