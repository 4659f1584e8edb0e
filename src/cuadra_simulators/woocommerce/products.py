"""The catalogue: prices, stock, variations, and what deleting a product does."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cuadra_simulators.shop_words import slugify as slugify
from cuadra_simulators.woocommerce.model import Line, Order, Product
from cuadra_simulators.woocommerce.world import World

TAKES_STOCK = ("processing", "completed", "on-hold")
GIVES_STOCK_BACK = ("cancelled", "pending")


def price_of(product: Product) -> str:
    """The price that holds now, as text; empty when none was set."""
    return product.sale_price or product.regular_price


def variations_of(world: World, product: Product) -> list[Product]:
    """The variations of a variable product, oldest first."""
    return [child for child in world.products.values() if child.parent == product.id]


def shown_prices(world: World, product: Product) -> list[str]:
    """The lowest price first; a variable or grouped product has those of its parts."""
    if product.type == "variable":
        parts = [child for child in variations_of(world, product) if child.status == "publish"]
    elif product.type == "grouped":
        parts = [world.products[part] for part in product.grouped if part in world.products]
    else:
        parts = [product]
    return sorted((price for part in parts if (price := price_of(part))), key=Decimal)


def by_sku(world: World, sku: str) -> Product | None:
    """The product or variation of that SKU, however it is spelled; nothing in the trash counts."""
    wanted = sku.casefold()
    return next(
        (p for p in world.products.values() if p.sku and p.sku.casefold() == wanted and p.status != "trash"), None
    )


def stock_holder(world: World, product: Product) -> Product | None:
    """Where the stock of a product is counted: on itself, on its parent, or nowhere."""
    if product.manage_stock:
        return product
    parent = world.products.get(product.parent)
    return parent if parent and parent.manage_stock else None


def product_of(world: World, line: Line) -> Product | None:
    """What a line sold, if it still exists. A variation whose parent is gone is gone too."""
    parent = world.products.get(line.product_id)
    return world.products.get(line.variation_id) if parent and line.variation_id else parent


def save(world: World, product: Product) -> None:
    """Stamp a changed product and tell the hooks; a variation speaks for itself, not for its parent."""
    product.modified = world.now
    world.fire("woocommerce_update_product_variation" if product.parent else "woocommerce_update_product", product.id)


def move_stock(world: World, product: Product, by: int) -> tuple[int, int]:
    """Add to what is in stock; returns before and after."""
    before = product.stock or 0
    product.stock = before + by
    if product.stock > 0:
        product.stock_status = "instock"
    else:
        product.stock_status = "outofstock" if product.backorders == "no" else "onbackorder"
    save(world, product)
    return before, product.stock


def take_stock(world: World, order: Order) -> str:
    """Take what the order sells off the stock; returns the note that WooCommerce writes about it."""
    told = []
    for line, product in _sold(world, order):
        if line.reduced:
            continue
        holder = stock_holder(world, product)
        if not holder:
            continue
        before, after = move_stock(world, holder, -line.quantity)
        line.reduced = line.quantity
        world.set_meta(line.meta, "_reduced_stock", str(line.quantity), sequence="item_meta")
        told.append(f"{line.name} ({product.sku or f'#{product.id}'}) {before}&rarr;{after}")
    return "Stock levels reduced: " + ", ".join(told) if told else ""


def give_stock_back(world: World, order: Order) -> str:
    """The way back, when an order is cancelled or falls back to unpaid."""
    told = []
    for line, product in _sold(world, order):
        holder = stock_holder(world, product)
        if not line.reduced or not holder:
            continue
        before, after = move_stock(world, holder, line.reduced)
        line.reduced = 0
        world.set_meta(line.meta, "_reduced_stock", None)
        told.append(f"{line.name} ({product.sku or f'#{product.id}'}) {before}&rarr;{after}")
    return "Stock levels increased: " + ", ".join(told) if told else ""


def count_sales(world: World, order: Order) -> None:
    """Add to the sales of what an order sold, once."""
    for line, product in _sold(world, order):
        (world.products.get(product.parent) or product).sold += line.quantity


def _sold(world: World, order: Order) -> Iterator[tuple[Line, Product]]:
    for line in order.lines:
        product = product_of(world, line)
        if product:
            yield line, product


def trash(world: World, product: Product) -> None:
    """Into the trash: the one deletion of a product that sends something."""
    for key, value in (("status", product.status), ("time", str(world.now))):
        world.set_meta(product.meta, f"_wp_trash_meta_{key}", value, sequence="post_meta")
    world.set_meta(product.meta, "_wp_desired_post_slug", product.slug, sequence="post_meta")
    product.status, product.slug, product.modified = "trash", f"{product.slug}__trashed", world.now
    world.fire("wp_trash_post:product", product.id)


def erase(world: World, product: Product) -> None:
    """Delete for good, with its variations. Old lines silently lose the product; no order is stamped."""
    for child in variations_of(world, product):
        del world.products[child.id]
    del world.products[product.id]


def set_status(world: World, product: Product, status: str) -> None:
    """Publish, hide, or take out of the trash."""
    if product.status == "trash" and status != "trash":
        product.slug = product.slug.removesuffix("__trashed")
        world.set_meta(product.meta, "_wp_desired_post_slug", None)
    product.status = status


def descendants(world: World, category: int) -> set[int]:
    """A category and everything below it."""
    found = {category}
    grew = True
    while grew:
        more = {c.id for c in world.categories.values() if c.parent in found} - found
        found |= more
        grew = bool(more)
    return found
