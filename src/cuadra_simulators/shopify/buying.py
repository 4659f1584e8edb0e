"""Orders as people make them: who buys, what, how it is paid and where it goes, from one seeded chance."""

from __future__ import annotations

import random
from decimal import Decimal

from cuadra_simulators import shop_words as words
from cuadra_simulators.shopify import customers, orders
from cuadra_simulators.shopify.model import Customer, Discount, Line, Order, ShippingLine, Tax, Transaction, Variant
from cuadra_simulators.shopify.money import Deal, rounded, share
from cuadra_simulators.shopify.totals import recalculate
from cuadra_simulators.shopify.world import World

SOURCES = (*(("web", 580_111, "Online Store"),) * 16, *(("pos", 129_785, "Point of Sale"),) * 2,
           ("shopify_draft_order", 1_354_745, "Draft Orders"), ("mobile_app", 6_121_332, "Tienda móvil"))  # fmt: skip
CODES = ("BIENVENIDA10", "ENVIO", "TEMPORADA")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Buying:
    """The people of a shop and what they order."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.people: list[Customer] = []
        self._sellable: list[Variant] = []
        self._known = -1

    def register(self, at: int) -> Customer:
        """One more customer of the shop."""
        made = customers.add(self.world, customers.person(self.world, self.rng, at))
        self.people.append(made)
        return made

    def buyer(self, at: int) -> Customer:
        """Somebody who buys now: one who is known, or somebody new."""
        if not self.people or self.rng.random() < 0.3:
            return self.register(at)
        found = self.rng.choice(self.people)
        return found if found.id in self.world.customers else self.register(at)

    def variants(self) -> list[Variant]:
        """What can be put into a basket."""
        if self._known != self.world.range:
            products = self.world.products
            self._sellable = [it for it in self.world.variants.values() if products[it.product_id].status == "ACTIVE"]
            self._known = self.world.range
        return self._sellable

    def order(self, at: int, *, lines: int = 0, source: str = "", test: bool = False, buyer: Customer | None = None,
              anonymous: bool | None = None) -> Order:  # fmt: skip
        """An order that is made up and paid, or not; `orders.place` puts it into the shop."""
        rng, world = self.rng, self.world
        origin = next((it for it in SOURCES if it[0] == source), None) or rng.choice(SOURCES)
        nobody = origin[0] == "pos" and rng.random() < 0.6 if anonymous is None else anonymous
        who = None if nobody else buyer or self.buyer(at)
        if rng.random() < 0.01:
            world.skip("number", rng.randrange(1, 4))
        number = world.take("number")
        settings = world.settings
        made = Order(
            world.take("Order"), number - 1000, f"{settings.prefix}{number}{settings.suffix}", self._deal(), at, at, at,
            "".join(rng.choices(LETTERS, k=9)), f"{rng.getrandbits(128):032x}", settings.taxes_included,
            source=origin[0], app_id=origin[1], app_name=origin[2], test=test,
        )  # fmt: skip
        self._details(made, who, at)
        for _ in range(lines or rng.choice((1, 1, 1, 2, 2, 3, 4, 5))):
            made.lines.append(self.line())
        if rng.random() < 0.03:
            made.lines.append(self.custom_line())
        if origin[0] != "pos" and any(it.shipped for it in made.lines):
            made.shipping.append(self._shipping())
        if rng.random() < 0.2:
            self._discount(made)
        self.tax(made)
        self._payment(made, at)
        return made

    def _deal(self) -> Deal:
        abroad = self.world.settings.abroad
        if abroad is None or self.rng.random() > 0.08:
            return self.world.deal
        return Deal(self.world.deal.currency, self.world.deal.decimals, abroad.currency, abroad.decimals, abroad.rate)

    def _details(self, made: Order, who: Customer | None, at: int) -> None:
        rng = self.rng
        if who is not None:
            made.customer_id, made.email, made.phone = who.id, who.email, who.phone
            home = who.addresses[0]
            made.billing = home.copied("Address")
            if made.source != "pos":
                there = rng.choice(who.addresses)
                made.shipping_address = there.copied("Address")
        made.locale = self.world.settings.locale if made.source == "web" else None
        made.ip = f"203.0.113.{rng.randrange(1, 255)}" if made.source == "web" else None
        if made.source == "pos" and rng.random() < 0.3:
            made.processed = at - rng.randrange(60, 7200)  # rung up offline and sent later
            made.source_id = f"62-{rng.randrange(1, 9)}-{rng.randrange(1000, 9999)}"
        chance = rng.random()
        if chance < 0.1:
            made.tags = ["regalo"]
        elif chance < 0.15:
            made.tags = ["mayoreo", "urgente"]
        if chance > 0.9:
            made.note = rng.choice(words.NOTES)
        if chance > 0.93:
            made.attributes = [("RFC", f"XAXX{rng.randrange(10**8):08}"), ("Factura", "sí")]
        if chance > 0.98:
            made.po_number = f"OC-{rng.randrange(1000, 9999)}"

    def line(self, variant: Variant | None = None, units: int = 0) -> Line:
        """A line of something that the shop sells."""
        it = variant or self.rng.choice(self.variants())
        product = self.world.products[it.product_id]
        return Line(
            self.world.take("LineItem"), product.title, None if it.title == "Default Title" else it.title, it.sku,
            product.vendor, it.id, product.id, units or self.rng.choice((1, 1, 1, 2, 3)), it.price, taxable=it.taxable,
            shipped=it.shipped, gift_card=product.gift_card, grams=it.grams,
        )  # fmt: skip

    def custom_line(self, title: str = "Envoltura especial", price: int = 0) -> Line:
        """A line of nothing in the catalogue."""
        step = 10**self.world.settings.decimals
        return Line(self.world.take("LineItem"), title, None, None, None, None, None, 1,
                    price or self.rng.randrange(10, 200) * step, taxable=False)  # fmt: skip

    def taxed(self, line: Line) -> Line:
        """The line with its taxes."""
        settings = self.world.settings
        if line.taxable and not line.gift_card:
            amount = tax_of(line.net, settings.tax_rate, included=settings.taxes_included)
            line.taxes = [Tax(settings.tax_title, settings.tax_rate, amount)]
        return line

    def _shipping(self) -> ShippingLine:
        step = 10**self.world.settings.decimals
        price = self.rng.choice((0, 49, 99, 149)) * step
        return orders.add_shipping(self.world, "Envío nacional" if price else "Envío gratis", price)

    def _discount(self, made: Order) -> None:
        rng = self.rng
        kind = rng.choice(("code", "code", "manual", "automatic"))
        title = rng.choice(CODES) if kind == "code" else "Cortesía" if kind == "manual" else "Segunda unidad"
        if title == "ENVIO" and made.shipping and made.shipping[0].price:
            way = made.shipping[0]
            made.discounts.append(Discount(0, kind, title, percent=Decimal(100), shipping=True, across=False))
            way.discount = way.price
            return
        percent = Decimal(rng.choice((5, 10, 15)))
        made.discounts.append(Discount(0, kind, title, percent=percent))
        for line in made.lines:
            line.discounts = [(0, rounded(line.gross * percent / 100))]

    def tax(self, made: Order) -> None:
        """Put the shop's tax on every line."""
        settings = self.world.settings
        for line in made.lines:
            self.taxed(line)
        for way in made.shipping:
            if way.net:
                amount = tax_of(way.net, settings.tax_rate, included=settings.taxes_included)
                way.taxes = [Tax(settings.tax_title, settings.tax_rate, amount)]

    def _payment(self, made: Order, at: int) -> None:
        """Mostly paid at once; some are only authorized, some promised, some refused first."""
        recalculate(made)
        total, rng = made.totals.total, self.rng
        if not total:
            return
        chance = rng.random()
        gateway = "bogus" if made.test else rng.choice(("shopify_payments", "mercado_pago", "paypal"))
        if made.source == "pos":
            gateway = rng.choice(("cash", "shopify_payments"))
        if chance < 0.05:
            self.charge(made, "SALE", "FAILURE", gateway, total, at, "CARD_DECLINED")
        if chance < 0.72:
            self.charge(made, "SALE", "SUCCESS", gateway, total, at)
        elif chance < 0.88:
            self.charge(made, "AUTHORIZATION", "SUCCESS", gateway, total, at)
        else:
            self.charge(made, "SALE", "PENDING", "Bank Deposit", total, at)
        recalculate(made)

    def charge(self, made: Order, kind: str, status: str, gateway: str, amount: int, at: int,
                error: str | None = None) -> None:  # fmt: skip
        """A transaction of an order that is being made."""
        number = self.world.take("OrderTransaction")
        made.transactions.append(
            Transaction(number, kind, status, gateway, amount, at, None, f"{made.name}.{len(made.transactions) + 1}",
                        error, made.test, gateway in orders.MANUAL)
        )  # fmt: skip


def tax_of(net: int, rate: Decimal, *, included: bool) -> int:
    """The tax inside an amount, or on top of it."""
    parts = int(rate * 10_000)
    return share(net, parts, 10_000 + parts) if included else share(net, parts, 10_000)
