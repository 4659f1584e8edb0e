"""Orders, refunds and parcels as webhooks tell them."""

from __future__ import annotations

from typing import Any

from cuadra_simulators.shopify.bodies import Body, Json
from cuadra_simulators.shopify.model import (
    Discount,
    Fulfillment,
    Line,
    Order,
    Refund,
    ShippingLine,
    Tax,
)  # fmt: skip
from cuadra_simulators.shopify.money import Deal, full
from cuadra_simulators.shopify.world import Fired, gid

_FULFILLMENT = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}


class OrderBody:
    """One order for one app."""

    def __init__(self, body: Body, order: Order) -> None:
        self.body = body
        self.order = order
        self.deal: Deal = order.deal

    def _set(self, name: str, units: int) -> Json:
        """An amount as text and in both currencies."""
        return {name: full(units, self.deal.decimals), f"{name}_set": self.body.bag(units, self.deal)}

    def tax(self, it: Tax) -> Json:
        """A tax."""
        return {"channel_liable": False, **self._set("price", it.amount), "rate": float(it.rate), "title": it.title}

    def _allocation(self, index: int, units: int) -> Json:
        return {**self._set("amount", units), "discount_application_index": index}

    def line(self, it: Line) -> Json:
        """A line."""
        sent = None if not it.fulfilled else "partial" if it.open else "fulfilled"
        exists = it.product_id in self.body.world.products
        return {
            "id": it.id, "admin_graphql_api_id": gid("LineItem", it.id), "attributed_staffs": [],
            "current_quantity": it.current, "fulfillable_quantity": it.open, "fulfillment_service": "manual",
            "fulfillment_status": sent, "gift_card": it.gift_card, "grams": it.grams, "name": it.name,
            **self._set("price", it.price), "product_exists": exists, "product_id": it.product_id if exists else None,
            "properties": [{"name": key, "value": value} for key, value in it.attributes], "quantity": it.quantity,
            "requires_shipping": it.shipped, "sales_line_item_group_id": it.group[0] if it.group else None,
            "sku": it.sku, "taxable": it.taxable, "title": it.title, **self._set("total_discount", 0),
            "variant_id": it.variant_id if it.variant_id in self.body.world.variants else None,
            "variant_inventory_management": "shopify" if it.variant_id else None, "variant_title": it.variant_title,
            "vendor": it.vendor, "tax_lines": [self.tax(one) for one in it.taxes], "duties": [],
            "discount_allocations": [self._allocation(index, units) for index, units in it.discounts],
        }  # fmt: skip

    def shipping(self, it: ShippingLine) -> Json:
        """A way of sending."""
        current = 0 if it.removed else it.net - it.refunded
        return {
            "id": it.id, "carrier_identifier": None, "code": it.code,
            "current_discounted_price_set": self.body.bag(current, self.deal), **self._set("discounted_price", it.net),
            "is_removed": it.removed, "phone": None, **self._set("price", it.price),
            "requested_fulfillment_service_id": None, "source": it.source, "title": it.title,
            "tax_lines": [self.tax(one) for one in it.taxes],
            "discount_allocations": [self._allocation(it.discount_index, it.discount)] if it.discount else [],
        }  # fmt: skip

    def discount(self, it: Discount) -> Json:
        """A discount of the whole order."""
        value = str(it.percent) if it.percent is not None else full(it.amount, self.deal.decimals)
        return {
            "target_type": "shipping_line" if it.shipping else "line_item",
            "type": {"code": "discount_code"}.get(it.kind, it.kind), "value": value,
            "value_type": "percentage" if it.percent is not None else "fixed_amount",
            "allocation_method": "across" if it.across else "each", "target_selection": "all",
            **({"code": it.title} if it.kind == "code" else {"title": it.title}),
        }  # fmt: skip

    def refund(self, it: Refund) -> Json:
        """A refund."""
        return {
            "id": it.id, "admin_graphql_api_id": gid("Refund", it.id), "order_id": self.order.id,
            "created_at": self.body.local(it.created), "processed_at": self.body.local(it.created), "note": it.note,
            "user_id": None, "restock": any(one.restock != "NO_RESTOCK" for one in it.lines), "duties": [],
            "total_duties_set": self.body.bag(0, self.deal), "return": None, "additional_fees": [],
            "refund_line_items": [
                {"id": one.id, "line_item_id": one.line.id, "quantity": one.quantity, "location_id": None,
                 "restock_type": one.restock.lower(), **self._number("subtotal", one.subtotal),
                 **self._number("total_tax", one.tax), "line_item": self.line(one.line)} for one in it.lines
            ],
            "transactions": [self.body.transaction(one, self.order.id, self.deal) for one in it.transactions],
            "order_adjustments": [
                {"id": one.id, "order_id": self.order.id, "refund_id": it.id, "kind": "refund_discrepancy",
                 "reason": "Refund discrepancy", **self._set("amount", one.amount), **self._set("tax_amount", one.tax)}
                for one in it.adjustments
            ],
            "refund_shipping_lines": [
                {"id": number, "shipping_line": self.shipping(way), "subtotal_amount_set": self.body.bag(units, self.deal)}
                for number, way, units in it.shipping
            ],
        }  # fmt: skip

    def _number(self, name: str, units: int) -> Json:
        """An amount as a number, as refund lines have it."""
        return {name: units / 10**self.deal.decimals, f"{name}_set": self.body.bag(units, self.deal)}

    def parcel(self, it: Fulfillment) -> Json:
        """A parcel."""
        return {
            "id": it.id, "admin_graphql_api_id": gid("Fulfillment", it.id), "order_id": self.order.id, "name": it.name,
            "status": it.status.lower(), "created_at": self.body.local(it.created),
            "updated_at": self.body.local(it.updated), "service": "manual", "location_id": 72345678901, "receipt": {},
            "shipment_status": {"DELIVERED": "delivered", "IN_TRANSIT": "in_transit"}.get(it.display),
            "tracking_company": it.tracking[0][0] if it.tracking else None,
            "tracking_number": it.tracking[0][1] if it.tracking else None,
            "tracking_numbers": [number for _, number, _ in it.tracking],
            "tracking_url": it.tracking[0][2] if it.tracking else None,
            "tracking_urls": [url for _, _, url in it.tracking], "origin_address": {}, "email": self.order.email,
            "line_items": [{**self.line(line), "quantity": units} for _, line, units in it.lines],
        }  # fmt: skip

    def edit(self, told: dict[str, Any]) -> Json:
        """What an edit changed."""
        return {
            "order_edit": {
                "id": told["at"], "app_id": None, "created_at": self.body.local(told["at"]), "notify_customer": False,
                "order_id": told["order_id"], "staff_note": "", "user_id": None, "shipping_lines": {"additions": [], "removals": []},
                "line_items": {
                    "additions": [{"id": number, "delta": units} for number, units in told["additions"]],
                    "removals": [{"id": number, "delta": units} for number, units in told["removals"]],
                },
                "discounts": {"line_item": {"additions": [], "removals": []}},
            }
        }  # fmt: skip

    def _sums(self) -> Json:
        t = self.order.totals
        lines = sum(it.gross for it in self.order.lines)
        return {
            "current_shipping_price_set": self.body.bag(t.current_shipping, self.deal),
            **self._set("current_subtotal_price", t.current_subtotal), "current_total_additional_fees_set": None,
            **self._set("current_total_discounts", t.current_discounts), "current_total_duties_set": None,
            **self._set("current_total_price", t.current_total), **self._set("current_total_tax", t.current_tax),
            "original_total_additional_fees_set": None, "original_total_duties_set": None,
            **self._set("subtotal_price", t.subtotal), **self._set("total_discounts", t.discounts),
            "total_cash_rounding_payment_adjustment_set": self.body.bag(0, self.deal),
            "total_cash_rounding_refund_adjustment_set": self.body.bag(0, self.deal),
            **self._set("total_line_items_price", lines), "total_outstanding": full(t.outstanding, self.deal.decimals),
            **self._set("total_price", t.total), "total_shipping_price_set": self.body.bag(t.shipping, self.deal),
            **self._set("total_tax", t.tax), "total_tip_received": full(0, self.deal.decimals),
        }  # fmt: skip

    def _taxes(self) -> list[Json]:
        found: dict[str, Tax] = {}
        lines = [tax for it in self.order.lines for tax in it.taxes]
        for tax in [*lines, *(tax for it in self.order.shipping for tax in it.taxes)]:
            found.setdefault(tax.title, Tax(tax.title, tax.rate, 0)).amount += tax.amount
        return [self.tax(it) for it in found.values()]

    def _people(self) -> Json:
        order, body = self.order, self.body
        who = body.world.customers.get(order.customer_id or 0)
        wants = bool(who and who.email_consent.state == "SUBSCRIBED")
        agent = {
            "accept_language": order.locale, "browser_height": None, "browser_ip": order.ip, "browser_width": None,
            "session_hash": None, "user_agent": "Mozilla/5.0" if order.ip else None,
        }  # fmt: skip
        page = f"https://{body.world.settings.domain}/61234567/orders/{order.token}/authenticate?key={order.token[:12]}"
        return {
            "browser_ip": order.ip, "buyer_accepts_marketing": wants, "client_details": agent if order.ip else None,
            "contact_email": body.shown("email", order.email), "email": body.shown("email", order.email),
            "phone": body.shown("phone", order.phone), "order_status_url": body.shown("name", page),
            "customer_locale": order.locale, "billing_address": body.address(order.billing),
            "shipping_address": body.address(order.shipping_address), "customer": body.customer(who),
        }  # fmt: skip

    def whole(self) -> Json:
        """The order."""
        order, body = self.order, self.body
        status = order.totals.financial.lower()
        return {
            "id": order.id, "admin_graphql_api_id": gid("Order", order.id), "app_id": order.app_id,
            "cancel_reason": order.cancel_reason.lower() if order.cancel_reason else None,
            "cancelled_at": body.local(order.cancelled), "cart_token": None, "checkout_token": order.token[::-1],
            "closed_at": body.local(order.closed), "confirmation_number": order.confirmation, "confirmed": True,
            "created_at": body.local(order.created), "currency": self.deal.currency, "device_id": None,
            "discount_codes": [
                {"code": it.title, "amount": full(order.totals.discounts, self.deal.decimals),
                 "type": "shipping" if it.shipping else "percentage"} for it in order.discounts if it.kind == "code"
            ],
            "duties_included": False, "estimated_taxes": False, "financial_status": status,
            "fulfillment_status": _FULFILLMENT.get(order.totals.fulfillment), "landing_site": None,
            "landing_site_ref": None, "location_id": None, "merchant_business_entity_id": "MTYxMjM0NTY3",
            "merchant_of_record_app_id": None, "name": order.name, "note": order.note,
            "note_attributes": [{"name": key, "value": value} for key, value in order.attributes],
            "number": order.number, "order_number": order.number + 1000,
            "payment_gateway_names": list(dict.fromkeys(it.gateway for it in order.transactions if it.kind != "REFUND")),
            "po_number": order.po_number, "presentment_currency": self.deal.presentment,
            "processed_at": body.local(order.processed), "reference": None, "referring_site": None,
            "source_identifier": order.source_id, "source_name": order.source, "source_url": None,
            "tags": ", ".join(order.tags), "tax_exempt": False, "tax_lines": self._taxes(),
            "taxes_included": order.taxes_included, "test": order.test, "token": order.token,
            "total_weight": sum(it.grams * it.quantity for it in order.lines), "updated_at": body.local(order.updated),
            "user_id": None, **self._sums(), **self._people(),
            "discount_applications": [self.discount(it) for it in order.discounts],
            "fulfillments": [self.parcel(it) for it in order.fulfillments],
            "line_items": [self.line(it) for it in order.lines], "payment_terms": None,
            "refunds": [self.refund(it) for it in order.refunds],
            "shipping_lines": [self.shipping(it) for it in order.shipping], "returns": [], "line_item_groups": [],
        }  # fmt: skip


def body_of(fired: Fired, body: Body) -> Json:
    """What a delivery about something fired says."""
    it, told = fired.about, fired.told
    if fired.subject == "Order":
        maker = OrderBody(body, it)
        if fired.topic == "orders/edited":
            return maker.edit(told)
        return maker.whole() if told is None else dict(told)
    if fired.subject in ("Refund", "Fulfillment", "OrderTransaction"):
        order = body.world.orders.get(told) or body.world.erased[told]
        maker = OrderBody(body, order)
        if fired.subject == "Refund":
            return maker.refund(it)
        return maker.parcel(it) if fired.subject == "Fulfillment" else body.transaction(it, told, order.deal)
    if told is not None:
        return dict(told)
    if fired.subject == "Customer":
        return body.whole_customer(it)
    if fired.subject == "Product":
        return body.product(it)
    return body.collection(it) if fired.subject == "Collection" else body.shop()
