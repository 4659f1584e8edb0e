"""What webhooks tell: objects in the shape of the old REST API, in the shop's own time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cuadra_simulators.shopify.graph.access import Access
from cuadra_simulators.shopify.graph.people import spent
from cuadra_simulators.shopify.model import Address, Collection, Customer, Product, Transaction, Variant
from cuadra_simulators.shopify.money import Deal, exchanged, full
from cuadra_simulators.shopify.products import TAXONOMY, ancestors
from cuadra_simulators.shopify.world import World, gid

Json = dict[str, Any]


class Body:
    """Makes bodies for one app: what it may not see of customers is null."""

    def __init__(self, world: World, access: Access) -> None:
        self.world = world
        self.groups = access.groups()
        self._tz = world.settings.tz

    def may(self, group: str) -> bool:
        """Whether the app reads a group of customer data."""
        return group in (self.groups or ())

    def shown(self, group: str, value: Any) -> Any:
        """The value, or null."""
        return value if self.may(group) else None

    def local(self, moment: int | None) -> str | None:
        """A stamp in the shop's time, with its offset."""
        return None if moment is None else datetime.fromtimestamp(moment, self._tz).isoformat()

    def bag(self, units: int, deal: Deal) -> Json:
        """An amount in both currencies."""
        there = exchanged(units, deal) if deal.abroad else units
        return {
            "shop_money": {"amount": full(units, deal.decimals), "currency_code": deal.currency},
            "presentment_money": {
                "amount": full(there, deal.presentment_decimals), "currency_code": deal.presentment,
            },
        }  # fmt: skip

    def address(self, it: Address | None) -> Json | None:
        """The address of an order."""
        if it is None:
            return None
        return {
            "first_name": self.shown("name", it.first_name), "address1": self.shown("address", it.address1),
            "phone": self.shown("phone", it.phone), "city": it.city, "zip": self.shown("address", it.zip),
            "province": it.province, "country": it.country, "last_name": self.shown("name", it.last_name),
            "address2": self.shown("address", it.address2), "company": it.company,
            "latitude": self.shown("address", it.latitude), "longitude": self.shown("address", it.longitude),
            "name": self.shown("name", it.name), "country_code": it.country_code, "province_code": it.province_code,
        }  # fmt: skip

    def _home(self, who: Customer, it: Address, *, default: bool) -> Json:
        return {
            "id": it.id, "customer_id": who.id, "first_name": self.shown("name", it.first_name),
            "last_name": self.shown("name", it.last_name), "company": it.company,
            "address1": self.shown("address", it.address1), "address2": self.shown("address", it.address2),
            "city": it.city, "province": it.province, "country": it.country, "zip": self.shown("address", it.zip),
            "phone": self.shown("phone", it.phone), "name": self.shown("name", it.name),
            "province_code": it.province_code, "country_code": it.country_code, "country_name": it.country,
            "default": default,
        }  # fmt: skip

    def customer(self, who: Customer | None) -> Json | None:
        """A customer inside an order: without tags, consent and figures."""
        if who is None or self.groups is None:
            return None
        said: Json = {
            "id": who.id, "created_at": self.local(who.created), "updated_at": self.local(who.updated),
            "first_name": self.shown("name", who.first_name), "last_name": self.shown("name", who.last_name),
            "state": who.state.lower(), "note": who.note, "verified_email": who.verified, "multipass_identifier": None,
            "tax_exempt": who.tax_exempt, "email": self.shown("email", who.email),
            "phone": self.shown("phone", who.phone), "currency": self.world.settings.currency, "tax_exemptions": [],
            "admin_graphql_api_id": gid("Customer", who.id),
        }  # fmt: skip
        if who.addresses:
            said["default_address"] = self._home(who, who.addresses[0], default=True)
        return said

    def whole_customer(self, who: Customer) -> Json:
        """A customer of his own."""
        said = self.customer(who) or {"id": who.id, "admin_graphql_api_id": gid("Customer", who.id)}
        said["addresses"] = [self._home(who, it, default=not at) for at, it in enumerate(who.addresses)]
        return said

    def transaction(self, it: Transaction, order_id: int, deal: Deal) -> Json:
        """Money that moved."""
        return {
            "id": it.id, "admin_graphql_api_id": gid("OrderTransaction", it.id), "order_id": order_id,
            "amount": full(it.amount, deal.decimals), "currency": deal.currency, "kind": it.kind.lower(),
            "status": it.status.lower(), "gateway": it.gateway, "created_at": self.local(it.created),
            "processed_at": self.local(it.created), "parent_id": it.parent, "payment_id": it.payment, "test": it.test,
            "error_code": it.error.lower() if it.error else None, "message": None, "authorization": None,
            "location_id": None, "user_id": None, "device_id": None, "receipt": {},
            "source_name": "web", "amount_rounding": None, "manual_payment_gateway": it.manual,
        }  # fmt: skip

    def variant(self, it: Variant) -> Json:
        """A variant of a product."""
        decimals = self.world.settings.decimals
        values = [value for _, value in it.options]
        return {
            "id": it.id, "admin_graphql_api_id": gid("ProductVariant", it.id), "product_id": it.product_id,
            "title": it.title, "sku": it.sku, "barcode": it.barcode, "price": full(it.price, decimals),
            "compare_at_price": None if it.compare_at is None else full(it.compare_at, decimals),
            "position": it.position, "inventory_item_id": it.item_id, "inventory_quantity": it.stock,
            "old_inventory_quantity": it.stock, "inventory_policy": "deny", "taxable": it.taxable,
            "option1": values[0] if values else None, "option2": values[1] if len(values) > 1 else None,
            "option3": values[2] if len(values) > 2 else None, "image_id": None,
            "created_at": self.local(it.created), "updated_at": self.local(it.updated),
        }  # fmt: skip

    def product(self, it: Product) -> Json:
        """A product with its variants."""
        node = it.category
        return {
            "id": it.id, "admin_graphql_api_id": gid("Product", it.id), "title": it.title, "handle": it.handle,
            "body_html": it.html, "vendor": it.vendor, "product_type": it.product_type, "status": it.status.lower(),
            "tags": ", ".join(it.tags), "created_at": self.local(it.created), "updated_at": self.local(it.updated),
            "published_at": self.local(it.published), "published_scope": "global", "template_suffix": None,
            "variants": [self.variant(one) for one in it.variants],
            "options": [
                {"id": it.option_id + at, "product_id": it.id, "name": name, "position": at + 1,
                 "values": list(dict.fromkeys(one.options[at][1] for one in it.variants))}
                for at, (name, _) in enumerate(it.variants[0].options if it.variants else [])
            ],
            "images": [], "image": None, "media": [], "has_variants_that_requires_components": False,
            "variant_gids": [
                {"admin_graphql_api_id": gid("ProductVariant", one.id), "updated_at": self.local(one.updated)}
                for one in it.variants
            ],
            "category": None if node is None else {
                "admin_graphql_api_id": gid("TaxonomyCategory", node), "name": TAXONOMY[node][0],
                "full_name": " > ".join(TAXONOMY[one][0] for one in [*reversed(ancestors(node)), node]),
            },
        }  # fmt: skip

    def collection(self, it: Collection) -> Json:
        """A collection."""
        return {
            "id": it.id, "admin_graphql_api_id": gid("Collection", it.id), "title": it.title, "handle": it.handle,
            "updated_at": self.local(it.updated), "published_at": self.local(it.updated), "body_html": None,
            "sort_order": "manual", "template_suffix": None, "published_scope": "global",
            **({"rules": [dict(zip(("column", "relation", "condition"), map(str.lower, it.rule), strict=True))],
                "disjunctive": False} if it.rule else {}),
        }  # fmt: skip

    def summary(self, who: Customer) -> Json:
        """What a customer has bought, of which a topic of its own tells."""
        deal = self.world.deal
        return {
            "customer_id": who.id, "admin_graphql_api_customer_id": gid("Customer", who.id),
            "number_of_orders": len(who.orders),
            "amount_spent": {"amount": full(spent(who, self.world), deal.decimals), "currency_code": deal.currency},
        }  # fmt: skip

    def shop(self) -> Json:
        """The shop itself."""
        settings = self.world.settings
        return {
            "id": 61234567, "name": settings.name, "email": f"hola@{settings.domain}", "domain": settings.domain,
            "myshopify_domain": settings.domain, "country": settings.country, "country_code": settings.country,
            "currency": settings.currency, "iana_timezone": settings.zone, "plan_name": self.world.plan,
            "primary_locale": settings.locale[:2], "taxes_included": settings.taxes_included,
        }  # fmt: skip
