"""The fields of products, variants, collections and the taxonomy."""

from __future__ import annotations

from collections import Counter

from cuadra_simulators.shopify.graph.registry import (
    CONNECTIONS,
    FIELDS,
    Args,
    Context,
    Item,
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
from cuadra_simulators.shopify.model import Collection, Product, Variant
from cuadra_simulators.shopify.money import Money, full
from cuadra_simulators.shopify.products import TAXONOMY, ancestors


def node(name: str) -> str:
    """The global id of a node of the taxonomy."""
    return f"gid://shopify/TaxonomyCategory/{name}"


def shelves(product: Product, context: Context) -> list[Collection]:
    """The collections of a product."""
    return [it for number in product.collections if (it := context.world.collections.get(number)) is not None]


def members(collection: Collection, context: Context) -> list[Product]:
    """The products of a collection."""
    return [it for it in context.world.products.values() if collection.id in it.collections]


def _price(name: str) -> Resolver:
    def read(it: Variant, context: Context, args: Args) -> str | None:
        units = getattr(it, name)
        return None if units is None else full(units, context.world.settings.decimals)

    return read


def _cost(item: Item, context: Context, args: Args) -> Money | None:
    deal = context.world.deal
    return None if item.variant.cost is None else Money(item.variant.cost, deal.decimals, deal.currency)


def _twins(item: Item, context: Context, args: Args) -> int:
    skus = Counter(it.sku for it in context.world.variants.values() if it.sku)
    return max(0, skus[item.variant.sku] - 1)


def _options(product: Product, context: Context, args: Args) -> list[tuple[int, str, int, list[str]]]:
    names = [name for name, _ in product.variants[0].options] if product.variants else []
    return [
        (product.option_id + at, name, at + 1, list(dict.fromkeys(it.options[at][1] for it in product.variants)))
        for at, name in enumerate(names)
    ]


def _title(it: Variant, context: Context, args: Args) -> str:
    product = context.world.products[it.product_id]
    return product.title if it.title == "Default Title" else f"{product.title} - {it.title}"


def _has(collection: Collection, context: Context, args: Args) -> bool:
    return any(args["id"] == f"gid://shopify/Product/{it.id}" for it in members(collection, context))


def _variants(product: Product, context: Context, args: Args) -> Listing:
    found = sorted(product.variants, key=lambda it: it.position, reverse=bool(args.get("reverse")))
    return Listing(found, lambda it: it.position, lambda it: int(it.id), bool(args.get("reverse")))


FIELDS["Product"] = {
    "id": gids("Product"), "legacyResourceId": lambda it, c, a: str(it.id), "title": attr("title"),
    "handle": attr("handle"), "status": attr("status"), "vendor": attr("vendor"), "productType": attr("product_type"),
    "tags": attr("tags"), "descriptionHtml": attr("html"), "createdAt": when("created"), "updatedAt": when("updated"),
    "publishedAt": when("published"), "isGiftCard": attr("gift_card"), "hasOnlyDefaultVariant": attr("only_default"),
    "description": lambda it, c, a: it.html.replace("<p>", "").replace("</p>", "")[: a.get("truncateAt")],
    "tracksInventory": lambda it, c, a: not it.gift_card,
    "totalInventory": lambda it, c, a: sum(one.stock for one in it.variants), "category": attr("category"),
    "options": _options, "variantsCount": lambda it, c, a: (len(it.variants), "EXACT"), "metafield": metafield_of,
}  # fmt: skip
FIELDS["ProductOption"] = {
    "id": lambda it, c, a: f"gid://shopify/ProductOption/{it[0]}", "name": lambda it, c, a: it[1],
    "position": lambda it, c, a: it[2], "values": lambda it, c, a: it[3],
}  # fmt: skip
FIELDS["TaxonomyCategory"] = {
    "id": lambda n, c, a: node(n), "name": lambda n, c, a: TAXONOMY[n][0],
    "fullName": lambda n, c, a: " > ".join(TAXONOMY[it][0] for it in [*reversed(ancestors(n)), n]),
    "level": lambda n, c, a: len(ancestors(n)) + 1,
    "isLeaf": lambda n, c, a: not any(above == n for _, above in TAXONOMY.values()),
    "isRoot": lambda n, c, a: not TAXONOMY[n][1], "isArchived": constant(False),
    "parentId": lambda n, c, a: node(TAXONOMY[n][1]) if TAXONOMY[n][1] else None,
    "ancestorIds": lambda n, c, a: [node(it) for it in ancestors(n)],
    "childrenIds": lambda n, c, a: [node(it) for it, (_, above) in TAXONOMY.items() if above == n],
}  # fmt: skip
FIELDS["ProductVariant"] = {
    "id": gids("ProductVariant"), "legacyResourceId": lambda it, c, a: str(it.id), "title": attr("title"),
    "displayName": _title, "sku": attr("sku"), "barcode": attr("barcode"), "position": attr("position"),
    "price": _price("price"), "compareAtPrice": _price("compare_at"), "taxable": attr("taxable"),
    "inventoryPolicy": lambda it, c, a: "CONTINUE" if it.stock < 0 else "DENY", "inventoryQuantity": attr("stock"),
    "sellableOnlineQuantity": attr("stock"), "availableForSale": lambda it, c, a: it.stock > 0,
    "createdAt": when("created"), "updatedAt": when("updated"),
    "selectedOptions": lambda it, c, a: it.options, "product": lambda it, c, a: c.world.products[it.product_id],
    "inventoryItem": lambda it, c, a: Item(it), "metafield": metafield_of,
}  # fmt: skip
FIELDS["SelectedOption"] = {"name": lambda it, c, a: it[0], "value": lambda it, c, a: it[1]}
FIELDS["InventoryItem"] = {
    "id": lambda it, c, a: f"gid://shopify/InventoryItem/{it.variant.item_id}",
    "legacyResourceId": lambda it, c, a: str(it.variant.item_id), "sku": lambda it, c, a: it.variant.sku,
    "tracked": constant(True), "requiresShipping": lambda it, c, a: it.variant.shipped, "unitCost": _cost,
    "createdAt": lambda it, c, a: stamp(it.variant.created), "updatedAt": lambda it, c, a: stamp(it.variant.updated),
    "duplicateSkuCount": _twins,
}  # fmt: skip
FIELDS["Collection"] = {
    "id": gids("Collection"), "legacyResourceId": lambda it, c, a: str(it.id), "title": attr("title"),
    "handle": attr("handle"), "updatedAt": when("updated"), "description": constant(""), "descriptionHtml": constant(""),
    "sortOrder": constant("MANUAL"), "ruleSet": attr("rule"), "hasProduct": _has,
    "productsCount": lambda it, c, a: (len(members(it, c)), "EXACT"), "metafield": metafield_of,
}  # fmt: skip
FIELDS["CollectionRuleSet"] = {"appliedDisjunctively": constant(False), "rules": lambda it, c, a: [it]}
FIELDS["CollectionRule"] = {
    "column": lambda it, c, a: it[0], "relation": lambda it, c, a: it[1], "condition": lambda it, c, a: it[2],
}  # fmt: skip
CONNECTIONS["Product", "variants"] = _variants
CONNECTIONS["Product", "collections"] = lambda it, c, a: listed(shelves(it, c), lambda one: int(one.id))
CONNECTIONS["Collection", "products"] = lambda it, c, a: listed(members(it, c), lambda one: int(one.id))
for _kind in ("Product", "ProductVariant", "Collection", "Shop", "AppInstallation"):
    CONNECTIONS[_kind, "metafields"] = metafields_of
CONNECTIONS["Product", "events"] = lambda it, c, a: listed([], lambda one: int(one.id))
