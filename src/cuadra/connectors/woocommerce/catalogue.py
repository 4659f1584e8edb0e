"""Products, variations, categories and customers of a WooCommerce shop in our model. Pure.

Names of categories come HTML-escaped, those of products do not. A variation says its attributes in its own listing and
its whole name where it is fetched by number. `manage_stock` and the like are not read: stock is none of our business.
"""

from __future__ import annotations

import html

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cuadra.connectors.woocommerce.orders import Meta, Place, address, document, text
from cuadra.model import CategoryRead, CustomerRead, ProductRead

LONGEST = 20_000
"""Of a description this much is kept: some shops have whole pages in it."""


class Tag(Struct):
    id: int


class Product(Struct):
    """The fields of a product or variation that are used."""

    id: int
    name: str | None = None
    type: str | None = None
    status: str | None = None
    sku: str | None = None
    description: str | None = None
    short_description: str | None = None
    parent_id: int = 0
    categories: list[Tag] | UnsetType = UNSET
    brands: list[dict[str, object]] | UnsetType = UNSET


class Category(Struct):
    """A node of the tree; `parent` 0 stands at the root."""

    id: int
    name: str | None = None
    parent: int = 0


class Customer(Struct):
    """A registered customer. Guests are in no listing."""

    id: int
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    billing: Place | UnsetType = UNSET
    meta_data: list[Meta] | UnsetType = UNSET


decode_product = msgspec.json.Decoder(Product, strict=False).decode
decode_category = msgspec.json.Decoder(Category, strict=False).decode
decode_customer = msgspec.json.Decoder(Customer, strict=False).decode


def product_of(product: Product) -> ProductRead:
    """A product; a variation has no categories of its own."""
    brand = product.brands[0].get("name") if product.brands is not UNSET and product.brands else None
    return ProductRead(
        id=str(product.id),
        sku=text(product.sku),
        name=text(product.name),
        description=(text(product.description) or text(product.short_description) or "")[:LONGEST] or None,
        brand=brand if isinstance(brand, str) else None,
        active=product.status in (None, "publish", "private"),
        parent=str(product.parent_id) if product.parent_id else None,
        category_ids=[str(one.id) for one in product.categories] if product.categories is not UNSET else UNSET,
    )


def category_of(category: Category) -> CategoryRead:
    """A node with its own name and its parent's number."""
    name = html.unescape(category.name) if category.name is not None else None
    return CategoryRead(id=str(category.id), name=name, parent=str(category.parent) if category.parent else None)


def customer_of(customer: Customer) -> CustomerRead:
    """A registered customer: the account's own email, the phone of the billing address."""
    place = customer.billing if customer.billing is not UNSET else Place()
    return CustomerRead(
        id=str(customer.id),
        first_name=text(customer.first_name) or text(place.first_name),
        last_name=text(customer.last_name) or text(place.last_name),
        email=text(customer.email) or text(place.email),
        phone=text(place.phone),
        document=document(customer.meta_data),
        address=address(customer.billing),
    )
