"""Products, variations and categories in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from urllib.parse import urlencode

from cuadra_simulators.woocommerce import products
from cuadra_simulators.woocommerce.model import Attribute, Category, Product
from cuadra_simulators.woocommerce.shapes.common import Json, View, gmt, metas
from cuadra_simulators.woocommerce.totals import rounded


def product(view: View, it: Product) -> Json:
    """A product; a variation too, where it is asked for as one."""
    holder = products.stock_holder(view.world, it)
    shape = {
        "id": it.id, "name": it.name, "slug": it.slug, "permalink": _permalink(view, it), **_stamps(view, it),
        "type": it.type, "status": it.status, "featured": False, "catalog_visibility": "visible",
        "description": it.description if view.edit else _paragraphs(it.description), "short_description": "",
        "sku": it.sku, **_prices(view, it), "total_sales": "0" if it.parent else it.sold, **_downloads(it),
        "external_url": "https://example.com/x" if it.type == "external" else "", "button_text": "",
        "tax_status": _tax_status(it), "tax_class": it.tax_class, "manage_stock": it.manage_stock, **_stock(it, holder),
        "low_stock_amount": None, "sold_individually": False, "weight": it.weight,
        "dimensions": {"length": "", "width": "", "height": ""}, "shipping_required": not it.virtual,
        "shipping_taxable": not it.virtual, "shipping_class": "", "shipping_class_id": 0,
        "reviews_allowed": not it.parent, "average_rating": "0.00", "rating_count": 0, "upsell_ids": [],
        "cross_sell_ids": [], "parent_id": it.parent, "purchase_note": "",
        "categories": [_category_of(view, at) for at in it.categories],
        "tags": [_tag(view, at) for at in it.tags], "images": [],
        "attributes": [_attribute(part, variation=bool(it.parent)) for part in it.attributes],
        "default_attributes": [], "variations": [part.id for part in products.variations_of(view.world, it)],
        "grouped_products": it.grouped, "menu_order": 0, "price_html": _price_html(view, it),
        "related_ids": _related(view, it), "meta_data": metas(it.meta, many=True), "stock_status": it.stock_status,
        "has_options": it.type == "variable", "post_password": "", "global_unique_id": it.gtin,
    }  # fmt: skip
    if view.edit:
        shape["permalink_template"] = f"{view.site}/product/%pagename%/"
        shape["generated_slug"] = it.slug
    shape["_links"] = view.links(f"products/{it.id}", parent=f"products/{it.parent}" if it.parent else "")
    return shape


def variation(view: View, it: Product) -> Json:
    """A variation below its parent: other fields in another order, and a shorter name."""
    holder = products.stock_holder(view.world, it)
    on_parent = holder is not None and holder is not it
    stock = {"stock_quantity": holder.stock if holder else None, "stock_status": (holder or it).stock_status}
    return {
        "id": it.id, "type": "variation", **_stamps(view, it), "description": it.description,
        "permalink": _permalink(view, it), "sku": it.sku, "global_unique_id": it.gtin,
        **{key: value for key, value in _prices(view, it).items() if key != "purchasable"},
        "status": it.status, "purchasable": _purchasable(it), **_downloads(it), "tax_status": _tax_status(it),
        "tax_class": it.tax_class, "manage_stock": "parent" if on_parent else it.manage_stock, **stock,
        "backorders": it.backorders, "backorders_allowed": it.backorders != "no", "backordered": _backordered(it),
        "low_stock_amount": None, "weight": it.weight, "dimensions": {"length": "", "width": "", "height": ""},
        "shipping_class": "", "shipping_class_id": 0, "image": None,
        "attributes": [_attribute(part, variation=True) for part in it.attributes], "menu_order": 0,
        "meta_data": metas(it.meta, many=True), "name": it.name.rpartition(" - ")[2], "parent_id": it.parent,
        "_links": view.links(f"products/{it.parent}/variations/{it.id}", parent=f"products/{it.parent}"),
    }  # fmt: skip


def category(view: View, it: Category, *, alone: bool) -> Json:
    """A category. Alone it counts its own products; in a list those below it as well."""
    within = {it.id} if alone else products.descendants(view.world, it.id)
    count = sum(1 for p in view.world.products.values() if p.status == "publish" and within & set(p.categories))
    parent = f"products/categories/{it.parent}" if it.parent else ""
    return {
        "id": it.id, "name": it.name, "slug": it.slug, "parent": it.parent, "description": it.description,
        "display": "default", "image": None, "menu_order": 0, "count": count,
        "_links": view.links(f"products/categories/{it.id}", parent=parent),
    }  # fmt: skip


def _tax_status(it: Product) -> str:
    return "taxable" if it.taxable else "none"


def _stamps(view: View, it: Product) -> Json:
    return {
        "date_created": view.local(it.created), "date_created_gmt": gmt(it.created),
        "date_modified": view.local(it.modified), "date_modified_gmt": gmt(it.modified),
    }  # fmt: skip


def _prices(view: View, it: Product) -> Json:
    lowest = products.shown_prices(view.world, it)[:1]
    return {
        "price": lowest[0] if lowest else "", "regular_price": it.regular_price, "sale_price": it.sale_price,
        "date_on_sale_from": view.local(it.sale_from), "date_on_sale_from_gmt": gmt(it.sale_from),
        "date_on_sale_to": view.local(it.sale_to), "date_on_sale_to_gmt": gmt(it.sale_to),
        "on_sale": bool(it.sale_price), "purchasable": _purchasable(it) and bool(lowest),
    }  # fmt: skip


def _purchasable(it: Product) -> bool:
    return it.type not in ("external", "grouped")


def _downloads(it: Product) -> Json:
    return {
        "virtual": it.virtual, "downloadable": it.downloadable, "downloads": [], "download_limit": -1,
        "download_expiry": -1,
    }  # fmt: skip


def _stock(it: Product, holder: Product | None) -> Json:
    return {
        "stock_quantity": holder.stock if holder else None, "backorders": it.backorders,
        "backorders_allowed": it.backorders != "no", "backordered": _backordered(it),
    }  # fmt: skip


def _backordered(it: Product) -> bool:
    return it.backorders != "no" and it.manage_stock and (it.stock or 0) < 0


def _permalink(view: View, it: Product) -> str:
    if it.parent:
        parent = view.world.products[it.parent]
        chosen = [(f"attribute_{part.slug}", products.slugify(part.options[0])) for part in it.attributes]
        return f"{view.site}/product/{parent.slug}/?{urlencode(chosen)}"
    if it.status in ("trash", "draft"):
        return f"{view.site}/?post_type=product&p={it.id}"
    return f"{view.site}/product/{it.slug}/"


def _paragraphs(text: str) -> str:
    """What WordPress makes of a text for readers: every paragraph ends its line."""
    return re.sub(r"</p>$", "</p>\n", text)


def _category_of(view: View, at: int) -> Json:
    found = view.world.categories[at]
    return {"id": found.id, "name": found.name, "slug": found.slug}


def _tag(view: View, at: int) -> Json:
    return {"id": at, "name": view.world.tags[at], "slug": products.slugify(view.world.tags[at])}


def _attribute(it: Attribute, *, variation: bool) -> Json:
    if variation:
        return {"id": it.id, "name": it.name, "slug": it.slug, "option": it.options[0]}
    return {
        "id": it.id, "name": it.name, "slug": it.slug, "position": 0, "visible": True, "variation": it.id > 0,
        "options": it.options,
    }  # fmt: skip


def _price_html(view: View, it: Product) -> str:
    prices = products.shown_prices(view.world, it)
    if not prices:
        return ""
    if it.sale_price:
        old, new = _span(view, it.regular_price), _span(view, it.sale_price)
        return f'<del aria-hidden="true">{old}</del> <ins aria-hidden="true">{new}</ins>'
    ends = dict.fromkeys((prices[0], prices[-1]))
    return " &ndash; ".join(_span(view, price) for price in ends)


def _span(view: View, price: str) -> str:
    settings = view.world.settings
    whole, _, part = f"{rounded(Decimal(price), settings.decimals):,}".partition(".")
    text = whole.replace(",", settings.thousand_separator) + (settings.decimal_separator + part if part else "")
    symbol = f'<span class="woocommerce-Price-currencySymbol">{settings.symbol_entity}</span>'
    return f'<span class="woocommerce-Price-amount amount"><bdi>{symbol}&nbsp;{text}</bdi></span>'


def _related(view: View, it: Product) -> list[int]:
    if it.parent:
        return []
    return _first(p.id for p in view.world.products.values() if _near(p, it))


def _near(other: Product, it: Product) -> bool:
    return other.id != it.id and other.status == "publish" and bool(set(other.categories) & set(it.categories))


def _first(found: Iterable[int], most: int = 5) -> list[int]:
    return [at for at, _ in zip(found, range(most), strict=False)]
