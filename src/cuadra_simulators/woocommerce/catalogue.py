"""What the shop sells when it opens: a category tree, simple and variable products, and one of each oddity."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from cuadra_simulators import shop_words as words
from cuadra_simulators.woocommerce.model import ZERO, Attribute, Category, Coupon, Meta, Product
from cuadra_simulators.woocommerce.products import slugify
from cuadra_simulators.woocommerce.world import World

SIZES = ("S", "M", "L")
COLOURS = ("Negro", "Azul Rey")
SIZE, COLOUR = "pa_talla", "pa_color"
NAMES = {SIZE: "Talla", COLOUR: "Color"}
FASHION = "2"
"""Categories of this branch of the word list sell variable products."""


class Catalogue:
    """Fills an empty world with products. What is odd about some of them is their name in `odd`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.odd: dict[str, int] = {}
        self._by_node: dict[str, int] = {}

    def fill(self) -> None:
        """Everything, in the order of its ids."""
        self._categories()
        kinds = words.catalogue()
        for at in range(0, len(kinds), 3):
            shades = kinds[at : at + 3]
            if shades[0].categories.startswith(FASHION):
                self._variable(shades[0], on_parent=at % 4 == 0)
            else:
                for shade in shades:
                    self._simple(shade)
        self._oddities()
        self._coupons()

    def _categories(self) -> None:
        self._category("Uncategorized", 0)
        known = [node for node in words.CATEGORIES if not node[0].startswith(("8", "9"))]
        for node, name, parent in known:
            self._by_node[node] = self._category(name, self._by_node.get(parent, 0)).id
        beauty = self._category(escape("Belleza & Cuidado", quote=False), 0)
        self._by_node["70"] = beauty.id
        self.world.tags[self.world.take("term")] = "Nuevo"
        self._category('Capilar "pro"', beauty.id).description = "Todo para el <b>pelo</b>."

    def _category(self, name: str, parent: int) -> Category:
        world = self.world
        above = world.categories.get(parent)
        slug = slugify(name)
        if any(category.slug == slug for category in world.categories.values()):
            slug = f"{slug}-{above.slug if above else len(world.categories)}"
        category = Category(world.take("term"), name, slug, parent)
        world.categories[category.id] = category
        return category

    def _simple(self, kind: words.Product) -> None:
        product = self._add(kind.name, "simple", kind.sku, self._price(kind.price))
        product.categories = [self._by_node[node] for node in kind.categories.split("|")]
        product.manage_stock, product.stock = True, self.world.rng.randrange(200, 900)
        product.description = f"<p>{kind.name}, de {kind.brand}.</p>"
        product.weight = str(Decimal(self.world.rng.randrange(1, 30)) / 10)

    def _variable(self, kind: words.Product, *, on_parent: bool) -> None:
        name = kind.name.rpartition(" ")[0]
        code = "V" + "".join(word[0] for word in slugify(name).upper().split("-")) + kind.id[-2:]
        parent = self._add(name, "variable", code, "")
        parent.categories = [self._by_node[node] for node in kind.categories.split("|")]
        parent.attributes = [
            Attribute(1, NAMES[SIZE], SIZE, sorted(SIZES)), Attribute(2, NAMES[COLOUR], COLOUR, sorted(COLOURS)),
            Attribute(0, "Material", "Material", ["Algodón", "Lino"]),
        ]  # fmt: skip
        parent.manage_stock, parent.stock = on_parent, 400 if on_parent else None
        for at, (size, colour) in enumerate(zip(SIZES, (*COLOURS, ""), strict=True)):
            options = [size, *([colour] if colour else [])]
            child = self._add(
                f"{name} - {', '.join(options)}", "variation", f"{code}-{size}-{slugify(colour) or 'ANY'}",
                self._price(kind.price + at * 100_000),
            )  # fmt: skip
            child.parent, child.manage_stock = parent.id, not on_parent
            child.stock = None if on_parent else self.world.rng.randrange(100, 300)
            child.attributes = [Attribute(1, NAMES[SIZE], SIZE, [size])]
            child.attributes += [Attribute(2, NAMES[COLOUR], COLOUR, [colour])] if colour else []

    def _price(self, cents: int) -> str:
        price = Decimal(cents) / 100 * self.world.settings.price_factor
        if self.world.settings.price_factor == 1:
            return str(int(price))
        return str(price.quantize(Decimal("0.01")))

    def _add(self, name: str, kind: str, sku: str, price: str) -> Product:
        world = self.world
        product = Product(world.take("post"), name, slugify(name), kind, world.now, world.now, sku=sku)
        product.regular_price = price
        product.categories = [] if kind == "variation" else [min(world.categories)]
        world.products[product.id] = product
        return product

    def _oddity(self, odd: str, name: str, *, kind: str = "simple", sku: str = "", pesos: int = 0) -> Product:
        product = self._add(name, kind, sku, self._price(pesos * 100) if pesos else "")
        self.odd[odd] = product.id
        return product

    def _oddities(self) -> None:
        self._oddity("no_sku", "Tarjeta de regalo", pesos=30_000).taxable = False
        self._oddity("twin", "Taza esmaltada azul", sku="TAZ-BIS", pesos=9_900)
        self._oddity("ampersand", "Molino manual & cepillo", sku="CAF-M&C", pesos=145_000)
        self._oddity("decimals", "Filtros de papel x100", sku="CAF-F100").regular_price = "12500.50"
        self._oddity("no_price", "Sin precio", sku="NOPRICE")
        self._oddity("draft", "Borrador", pesos=1_000).status = "draft"
        self.world.products[self.odd["draft"]].slug = ""
        self._oddity("private", "Privado", sku="PRIV-1", pesos=1_000).status = "private"
        self._oddity("external", "Producto externo", kind="external", pesos=77_000)
        self._oddity("reduced", "Libro de recetas", sku="LIB-1", pesos=65_000).tax_class = "reduced-rate"
        course = self._oddity("download", "Curso de barismo", sku="CUR-1", pesos=190_000)
        course.virtual = course.downloadable = True
        service = self._oddity("virtual", "Servicio de instalación", sku="SRV-1", pesos=80_000)
        service.virtual, service.categories = True, [self._by_node["1"]]
        service.meta = [Meta(self.world.take("post_meta"), "_proveedor", {"nombre": "Técnicos", "nit": "900123456-1"})]
        self._oddity("gtin", "Vajilla de 16 piezas", sku="VAJ-16", pesos=289_000).gtin = "7701234567897"
        self.world.products[self.odd["gtin"]].tags = list(self.world.tags)
        sale = self._oddity("sale", "Jean clásico", sku="PAN-011", pesos=139_900)
        sale.sale_price = self._price(9_990_000)
        sale.sale_from, sale.sale_to = self.world.now - 40 * 86_400, self.world.now + 400 * 86_400
        back = self._oddity("backorder", "Prensa francesa 600 ml", sku="CAF-PF", pesos=98_000)
        back.manage_stock, back.stock, back.backorders, back.stock_status = True, 0, "notify", "onbackorder"
        out = self._oddity("out_of_stock", "Cafetera italiana", sku="CAF-6", pesos=159_000)
        out.manage_stock, out.stock, out.stock_status = True, 0, "outofstock"
        self._oddity("beauty", "Champú sólido", sku="BEL-01", pesos=28_500).categories = [self._by_node["70"]]
        kit = self._oddity("grouped", "Kit barista", kind="grouped")
        kit.grouped = [self.odd["decimals"], self.odd["out_of_stock"]]

    def _coupons(self) -> None:
        for code, kind, amount in (("bienvenido10", "percent", Decimal(10)), ("envio-gratis", "fixed_cart", ZERO),
                                   ("menos20mil", "fixed_cart", Decimal(self._price(2_000_000))),
                                   ("café5", "fixed_product", Decimal(self._price(500_000)))):  # fmt: skip
            coupon = Coupon(self.world.take("post"), code, kind, amount, self.world.now, code == "envio-gratis")
            self.world.coupons[coupon.id] = coupon
