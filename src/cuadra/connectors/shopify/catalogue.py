"""Products, variants, collections and customers of a Shopify shop, as GraphQL shows them, in our model. Pure.

What is sold is a variant, even where there is only one; it has its product's category, and the product's name before its
own. A product has three things that may be its category: the merchant's own type, the node of the platform's taxonomy, the
collections that it is in. Which of them counts is a setting, and stands in the body beside what the shop said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from cuadra.connectors.shopify import facts
from cuadra.connectors.shopify.facts import text
from cuadra.connectors.shopify.orders import OURS, PLACE
from cuadra.model import CategoryRead, ConsentRead, CustomerRead, ProductRead

LONGEST = 20_000
TYPE, TAXONOMY, COLLECTIONS = "type", "taxonomy", "collections"
CATEGORIES = (TYPE, TAXONOMY, COLLECTIONS)
_CONSENTS = {"SUBSCRIBED": "allowed", "UNSUBSCRIBED": "refused", "REDACTED": "refused", "INVALID": "blocked"}


def product_of(node: Mapping[str, Any]) -> ProductRead:
    """A product, or one of its variants."""
    if str(node.get("id", "")).startswith("gid://shopify/ProductVariant/"):
        return _variant(node)
    where = _categories(node)
    return ProductRead(
        id=str(node["legacyResourceId"]), name=text(node.get("title")), brand=text(node.get("vendor")),
        description=(text(node.get("descriptionHtml")) or "")[:LONGEST] or None,
        active=str(node.get("status") or "ACTIVE") == "ACTIVE", **where,
    )  # fmt: skip


def _variant(node: Mapping[str, Any]) -> ProductRead:
    product = node.get("product") or {}
    title = text(node.get("title"))
    return ProductRead(
        id=str(node["legacyResourceId"]), sku=text(node.get("sku")),
        name=text(product.get("title")) if title in (None, "Default Title") else title,
        brand=text(product.get("vendor")), active=str(product.get("status") or "ACTIVE") == "ACTIVE",
        parent=str(product["legacyResourceId"]) if product.get("legacyResourceId") else None,
    )  # fmt: skip


def _categories(node: Mapping[str, Any]) -> dict[str, Any]:
    """Where it belongs, by whichever of the three is meant."""
    by = (node.get(OURS) or {}).get("categories", TYPE)
    if by == COLLECTIONS:
        listed = node.get("collections")
        found: list[str] | UnsetType = UNSET
        if isinstance(listed, Mapping):
            found = [str(one["legacyResourceId"]) for one in listed.get("nodes") or ()]
        return {"category_ids": found}
    if by == TAXONOMY:
        if "category" not in node:
            return {}
        name = text((node.get("category") or {}).get("fullName"))
        return {"categories": [[part.strip() for part in name.split(">")]] if name else []}
    if "productType" not in node:
        return {}
    kind = text(node.get("productType"))
    return {"categories": [[kind]] if kind else []}


def category_of(node: Mapping[str, Any]) -> CategoryRead:
    """A collection: they have no parents."""
    return CategoryRead(id=str(node["legacyResourceId"]), name=text(node.get("title")))


def customer_of(node: Mapping[str, Any]) -> CustomerRead:
    """A customer, with what he has said of being written to."""
    email, phone, place = (
        node.get(name) or {} for name in ("defaultEmailAddress", "defaultPhoneNumber", "defaultAddress")
    )
    consents = [
        ConsentRead(channel=channel, state=_CONSENTS[state], at=facts.moment(of.get("marketingUpdatedAt")))
        for channel, of in (("email", email), ("sms", phone)) if (state := str(of.get("marketingState"))) in _CONSENTS
    ]  # fmt: skip
    return CustomerRead(
        id=str(node["legacyResourceId"]), first_name=text(node.get("firstName")), last_name=text(node.get("lastName")),
        email=text(email.get("emailAddress")), phone=text(phone.get("phoneNumber")) or text(place.get("phone")),
        address=facts.address(place, PLACE), consents=consents or UNSET,
    )  # fmt: skip
