"""The catalogue: how it is made, and what happens to it."""

from __future__ import annotations

import random
from decimal import Decimal

from cuadra_simulators import shop_words as words
from cuadra_simulators.shop_words import slugify
from cuadra_simulators.shopify.model import Collection, Product, Variant
from cuadra_simulators.shopify.money import rounded
from cuadra_simulators.shopify.world import World

TAXONOMY: dict[str, tuple[str, str]] = {
    "hg": ("Home & Garden", ""), "hg-11": ("Kitchen & Dining", "hg"), "hg-11-10": ("Tableware", "hg-11"),
    "hg-11-8": ("Kitchen Tools & Utensils", "hg-11"), "hg-15": ("Linens & Bedding", "hg"),
    "hg-13": ("Lighting", "hg"), "hg-12": ("Lawn & Garden", "hg"), "aa": ("Apparel & Accessories", ""),
    "aa-1": ("Clothing", "aa"), "aa-8": ("Shoes", "aa"), "tg": ("Toys & Games", ""), "na": ("Uncategorized", ""),
}  # fmt: skip
"""Id in the taxonomy → (name, parent). The numbers are invented where the published ones were not at hand."""
_NODES = {"11": "hg-11-10", "12": "hg-15", "13": "hg-15", "14": "hg-13", "15": "hg-15", "21": "aa-1", "22": "aa-1",
          "23": "aa-8", "31": "hg-12", "32": "hg-12", "41": "tg", "42": "aa-1"}  # fmt: skip


class Catalogue:
    """Fills a shop with products and collections. `odd`: numbers of the products that surprise, by what they are."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.odd: dict[str, int] = {}
        self._names = {node: name for node, name, _ in words.CATEGORIES}

    def fill(self) -> None:
        """Everything that the shop sells."""
        for node, name, parent in words.CATEGORIES:
            if not node.startswith(("8", "9")):
                rule = ("TYPE", "EQUALS", name) if parent else None
                self._collection(name, node, rule)
        kinds: dict[str, list[words.Product]] = {}
        for item in words.catalogue():
            kinds.setdefault(item.id[:3], []).append(item)
        for shades in kinds.values():
            self._product(shades)
        self._oddities()

    def _collection(self, name: str, node: str, rule: tuple[str, str, str] | None) -> Collection:
        made = Collection(self.world.take("Collection"), name, f"{slugify(name)}-{node}", self.world.now, rule)
        self.world.collections[made.id] = made
        return made

    def _product(self, shades: list[words.Product]) -> Product:
        first = shades[0]
        title = first.name.rpartition(" ")[0]
        made = self._empty(title, first.brand, first.categories.partition("|")[0])
        for item in shades:
            colour = item.name.rpartition(" ")[2].capitalize()
            self._variant(made, colour, item.sku, item.price, [("Color", colour)])
        return made

    def _empty(self, title: str, vendor: str, node: str) -> Product:
        world, now = self.world, self.world.now
        kind = self._names.get(node, "")
        made = Product(
            world.take("Product"), title, f"{slugify(title)}-{world.take('handle')}", vendor, kind, now, now,
            option_id=world.take("ProductOption"), category=_NODES.get(node[:2]), html=f"<p>{title}.</p>", published=now,
        )  # fmt: skip
        made.collections = [it.id for it in world.collections.values() if it.rule and it.rule[2] == kind]
        world.products[made.id] = made
        return made

    def _variant(self, product: Product, title: str, sku: str | None, cents: int, options: list[tuple[str, str]],
                 ) -> Variant:  # fmt: skip
        world, now = self.world, self.world.now
        price = rounded(Decimal(cents) * world.settings.price_factor * 10**world.settings.decimals / 100)
        step = 5 * 10**world.settings.decimals
        price = max(step, price // step * step)
        made = Variant(
            world.take("ProductVariant"), product.id, title, sku, price, len(product.variants) + 1,
            world.take("InventoryItem"), now, now, options, stock=self.rng.randrange(-3, 900),
            grams=self.rng.randrange(1, 30) * 50, cost=price * 3 // 5 if self.rng.random() < 0.7 else None,
        )  # fmt: skip
        if sku and sku.isdigit():
            made.barcode = sku
        product.variants.append(made)
        world.variants[made.id] = made
        return made

    def _single(self, odd: str, title: str, sku: str | None, pesos: int, **values: object) -> Product:
        made = self._empty(title, "Barro Sur", "6")
        self._variant(made, "Default Title", sku, pesos * 100, [("Title", "Default Title")])
        for name, value in values.items():
            setattr(made, name, value)
        self.odd[odd] = made.id
        return made

    def _oddities(self) -> None:
        card = self._single("gift_card", "Tarjeta de regalo", None, 30_000, gift_card=True, product_type="")
        card.variants[0].shipped = card.variants[0].taxable = False
        self._single("no_sku", "Bolsa de tela", None, 3_900)
        self._single("empty_sku", "Funda de libro", "", 4_900)
        self._single("twin", "Pava silbadora roja", "PAV-0500-RO", 48_900)
        self._single("twin_too", "Pava silbadora roja 2 l", "PAV-0500-RO", 52_900)
        self._single("draft", "Borrador de temporada", "BOR-1", 9_900, status="DRAFT", published=None)
        self._single("archived", "Biombo plegable", "BIO-0410-NE", 154_900, status="ARCHIVED")
        self._single("unlisted", "Edición privada", "PRI-1", 99_900, status="UNLISTED")
        self._single("uncategorized", "Percha de alambre", "VAR-0002-GR", 1_900, category="na")
        self._single("many_collections", "Caja sorpresa", "CAJ-1", 29_900, collections=list(self.world.collections))
        self._single("doomed", "Manteca de cacao", "MAN-CAC-1", 12_900)
        self._single("doomed_too", "Vela perfumada", "VEL-PER-1", 15_900)


def save(world: World, product: Product, at: int, topic: str = "products/update") -> None:
    """Stamp a changed product and say so."""
    product.updated = at
    world.range += 1
    for variant in product.variants:
        variant.updated = at
    world.fire(topic, product, "Product")


def add(world: World, title: str, at: int, *, sku: str | None = None, units: int = 10_000) -> Product:
    """A new product with nothing to choose."""
    made = Product(
        world.take("Product"), title, f"{slugify(title)}-{world.take('handle')}", world.settings.name, "", at, at,
        option_id=world.take("ProductOption"), published=at,
    )  # fmt: skip
    made.variants.append(
        Variant(world.take("ProductVariant"), made.id, "Default Title", sku, units, 1, world.take("InventoryItem"), at,
                at, [("Title", "Default Title")])
    )  # fmt: skip
    world.products[made.id] = made
    world.variants[made.variants[0].id] = made.variants[0]
    world.range += 1
    world.fire("products/create", made, "Product")
    return made


def erase(world: World, product: Product, at: int) -> None:
    """Delete a product. Lines that name it stay, without it."""
    del world.products[product.id]
    world.range += 1
    for variant in product.variants:
        world.variants.pop(variant.id, None)
    world.deleted("PRODUCT", product.id, at)
    world.fire("products/delete", product, "Product", {"id": product.id})


def save_collection(world: World, collection: Collection, at: int) -> None:
    """Stamp a changed collection and say so."""
    collection.updated = at
    world.fire("collections/update", collection, "Collection")


def ancestors(node: str) -> list[str]:
    """The nodes above one of the taxonomy, the nearest first."""
    above = TAXONOMY[node][1]
    return [above, *ancestors(above)] if above else []
