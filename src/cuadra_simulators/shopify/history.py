"""The orders that a shop already has when it opens: some months of sales, and one of each order that surprises."""

from __future__ import annotations

import random
from collections.abc import Iterator

from cuadra_simulators import shop_words as words
from cuadra_simulators.shopify import orders, products
from cuadra_simulators.shopify.buying import Buying
from cuadra_simulators.shopify.model import Fulfillment, Order
from cuadra_simulators.shopify.settings import DAY
from cuadra_simulators.shopify.world import World

HOUR = 3600
LONG = {"lines_21": 21, "lines_60": 60, "lines_260": 260}
"""Orders that do not fit into a nested page of 20, of 50 or of 250."""
ODD = (*LONG, "custom_only", "no_customer", "free", "doomed_products", "edited", "part_refunded", "amount_refunded",
       "refunded", "cancelled_unpaid", "cancelled_paid", "voided", "test", "two_parcels", "delivered", "on_hold",
       "other_currency", "gift_card", "draft_order", "pos", "old")  # fmt: skip


class History:
    """Lives through the past, order by order. `odd`: numbers of the orders that surprise, by what they are."""

    def __init__(self, world: World, buying: Buying, rng: random.Random) -> None:
        self.world = world
        self.buying = buying
        self.rng = rng
        self.odd: dict[str, int] = {}
        self.until = world.now
        self.units_back = True
        """Whether buyers send things back; else they are given some money only, unless the order was edited."""

    def live(self, many: int, days: int, known: int, *, odd: bool = True) -> None:
        """So many orders within the days before now, from so many customers to begin with."""
        with self.world.action():
            for _ in range(known):
                self.buying.register(self.until - days * DAY)
        kinds = list(ODD) if odd and many >= 2 * len(ODD) else []
        at_which = dict(zip(sorted(self.rng.sample(range(many), len(kinds))), kinds, strict=True))
        for at, moment in enumerate(self.moments(many, days)):
            with self.world.action():
                if kind := at_which.get(at):
                    self._surprise(kind, moment)
                else:
                    self.order(moment)
        with self.world.action():
            self._lose_products()

    def moments(self, many: int, days: int) -> Iterator[int]:
        """Growing stamps, evenly spread with some chance."""
        begin = self.until - days * DAY
        span = days * DAY - 600
        for at in range(many):
            yield begin + int((at + self.rng.random()) * span / many)

    def order(self, at: int) -> Order:
        """An order and what became of it until now."""
        made = orders.place(self.world, self.buying.order(at), at)
        self._grow_old(made, at)
        return made

    def _later(self, at: int, hours: float) -> int:
        return at + int(self.rng.expovariate(1 / hours) * HOUR) + 60

    def _grow_old(self, made: Order, at: int) -> None:
        chance = self.rng.random
        moment = at
        if made.totals.financial in ("AUTHORIZED", "PENDING"):
            moment = self._later(moment, 8)
            if moment > self.until:
                return
            if chance() < 0.2:
                orders.cancel(self.world, made, moment, "DECLINED" if chance() < 0.3 else "CUSTOMER")
                return
            orders.pay(self.world, made, moment)
        if chance() < 0.06 and (moment := self._later(moment, 2)) < self.until:
            self._edit(made, moment)
        if made.source == "pos":
            orders.fulfill(self.world, made, moment)
        elif chance() < 0.93 and (moment := self._later(moment, 30)) < self.until:
            moment = self._send(made, moment)
        else:
            return
        if chance() < 0.07 and (moment := self._later(moment, 90)) < self.until:
            self._give_back(made, moment)
        if chance() < 0.6 and (moment := self._later(moment, 40)) < self.until:
            orders.close(self.world, made, moment)

    def _send(self, made: Order, at: int) -> int:
        parcel = orders.fulfill(self.world, made, at)
        if self.rng.random() < 0.8 and (moment := self._later(at, 3)) < self.until:
            self.track(made, parcel, moment)
            if self.rng.random() < 0.8 and (arrival := self._later(moment, 60)) < self.until:
                orders.deliver(self.world, made, parcel, arrival)
            return moment
        return at

    def track(self, made: Order, parcel: Fulfillment, at: int) -> None:
        """A carrier has the parcel."""
        number = f"{self.rng.randrange(10**11, 10**12)}"
        carrier = self.rng.choice(words.CARRIERS)
        orders.track(self.world, made, parcel, (carrier, number, f"https://envios.example/{number}"), at)

    def _edit(self, made: Order, at: int) -> None:
        line = self.rng.choice(made.lines)
        if line.open > 1 and self.rng.random() < 0.5:
            orders.edit(self.world, made, at, remove=[(line, 1)])
        else:
            orders.edit(self.world, made, at, add=[self.buying.taxed(self.buying.line(units=1))])

    def _give_back(self, made: Order, at: int) -> None:
        line = self.rng.choice(made.lines)
        if not self.units_back and not made.edited:
            orders.refund(self.world, made, at, amount=made.totals.total // 4, note="Compensación")
        elif self.rng.random() < 0.3 and self.units_back:
            whole = [(it, it.current, "RETURN") for it in made.lines]
            orders.refund(self.world, made, at, whole, shipping=made.totals.shipping, note="Devolución total")
        elif line.current and self.units_back:
            orders.refund(self.world, made, at, [(line, 1, self.rng.choice(("RETURN", "NO_RESTOCK")))])

    def _lose_products(self) -> None:
        """Two products are deleted; the lines that named them stay."""
        for title in ("Manteca de cacao", "Vela perfumada"):
            gone = next(it for it in self.world.products.values() if it.title == title)
            products.erase(self.world, gone, self.until - HOUR)

    def _surprise(self, kind: str, at: int) -> None:
        made = self._strange(kind, at)
        self.odd[kind] = made.id

    def _strange(self, kind: str, at: int) -> Order:
        buying, world = self.buying, self.world
        if kind == "old":
            at = self.until - 75 * DAY
        source = {"pos": "pos", "no_customer": "pos", "draft_order": "shopify_draft_order"}.get(kind, "web")
        made = buying.order(at, lines=LONG.get(kind, 2), source=source, test=kind == "test",
                            anonymous=kind == "no_customer")  # fmt: skip
        if kind == "custom_only":
            made.lines = [buying.custom_line("Clase de cerámica")]
        if kind == "free":
            for line in made.lines:
                line.price = 0
            made.shipping = []
        if kind in ("doomed_products", "gift_card"):
            titles = ("Manteca de cacao", "Vela perfumada") if kind == "doomed_products" else ("Tarjeta de regalo",)
            wanted = [it for it in buying.variants() if world.products[it.product_id].title in titles]
            made.lines = [buying.line(it, 1) for it in wanted]
        if kind == "other_currency" and world.settings.abroad:
            abroad = world.settings.abroad
            made.deal = world.deal._replace(presentment=abroad.currency, presentment_decimals=abroad.decimals,
                                            rate=abroad.rate)  # fmt: skip
        made.discounts, made.transactions = [], []
        for line in made.lines:
            line.discounts, line.taxes = [], []
        for way in made.shipping:
            way.discount, way.taxes = 0, []
        buying.tax(made)
        orders.place(world, made, at)
        self._fate(kind, made, at)
        return made

    def _fate(self, kind: str, made: Order, at: int) -> None:
        world = self.world
        gateway = "bogus" if made.test else "shopify_payments"
        if kind == "voided":
            authorize(self.buying, made, at)
            orders.cancel(world, made, at + 60, "FRAUD")
        elif kind == "cancelled_unpaid":
            orders.cancel(world, made, at + 60, "CUSTOMER")
        elif made.totals.total:
            orders.pay(world, made, at, gateway=gateway)
        line = made.lines[0]
        if kind == "cancelled_paid":
            orders.cancel(world, made, at + 60, "INVENTORY")
        elif kind == "edited":
            extra = self.buying.taxed(self.buying.line(units=2))
            orders.edit(world, made, at + 60, remove=[(line, line.quantity)], add=[extra])
        elif kind == "part_refunded":
            orders.refund(world, made, at + 60, [(line, 1, "NO_RESTOCK")], note="Llegó roto")
        elif kind == "amount_refunded":
            orders.refund(world, made, at + 60, amount=made.totals.total // 4, note="Compensación")
        elif kind == "refunded":
            orders.refund(world, made, at + 60, [(it, it.quantity, "RETURN") for it in made.lines],
                          shipping=made.totals.shipping)  # fmt: skip
        elif kind == "two_parcels":
            orders.fulfill(world, made, at + 60, [(line, 1)])
            orders.fulfill(world, made, at + 120)
        elif kind == "delivered":
            parcel = orders.fulfill(world, made, at + 60)
            self.track(made, parcel, at + 120)
            orders.deliver(world, made, parcel, at + 180)
        elif kind == "on_hold":
            orders.hold(made)


def authorize(buying: Buying, made: Order, at: int) -> None:
    """Authorize what the order comes to."""
    buying.charge(made, "AUTHORIZATION", "SUCCESS", "shopify_payments", made.totals.total, at)
    orders.touch(buying.world, made, at)
