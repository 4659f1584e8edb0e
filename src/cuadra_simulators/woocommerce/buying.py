"""Orders as people make them: baskets, addresses, payment and shipping, from one seeded chance."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from cuadra_simulators import shop_words as words
from cuadra_simulators.woocommerce import customers, orders
from cuadra_simulators.woocommerce.model import Address, Order, Product
from cuadra_simulators.woocommerce.people import Person, delivery, person, pick
from cuadra_simulators.woocommerce.products import price_of
from cuadra_simulators.woocommerce.world import World

GATEWAYS = {
    "bacs": "Transferencia bancaria", "cod": "Pago contra entrega", "ppcp-gateway": "PayPal",
    "payulatam": "PayU Latam", "woo-mercado-pago-basic": "Mercado Pago", "wompi": "Wompi",
}  # fmt: skip
AGENT = "Mozilla/5.0 (Linux; Android 14)"


class Buying:
    """The people of a shop and what they order."""

    def __init__(self, world: World, rng: random.Random, registered: int) -> None:
        self.world = world
        self.rng = rng
        self.people: list[Person] = []
        for at in range(registered):
            self._register(at)

    def _register(self, at: int) -> None:
        buyer = person(self.rng, len(self.people), self.world.settings)
        billing = Address() if at % 13 == 7 else buyer.billing
        user = customers.add(
            self.world, buyer.billing.email, login=f"cliente{at}", first_name=buyer.billing.first_name,
            last_name=buyer.billing.last_name, billing=replace(billing),
        )  # fmt: skip
        if at % 7 == 3:
            self.world.set_meta(user.meta, "billing_cedula", buyer.document, sequence="user_meta")
        buyer.user_id = user.id
        self.people.append(buyer)

    def buyer(self) -> Person:
        """Somebody who buys now: a customer with an account, one who came before, or a new guest."""
        if self.rng.random() < 0.35 or not self.people:
            self.people.append(person(self.rng, len(self.people), self.world.settings))
            return self.people[-1]
        return pick(self.rng, self.people)

    def sellable(self) -> list[Product]:
        """What can be put into a basket."""
        return [
            p for p in self.world.products.values()
            if p.status == "publish" and p.type in ("simple", "variation") and price_of(p)
        ]  # fmt: skip

    def order(self, *, via: str = "", buyer: Person | None = None) -> Order:
        """An order that is made up but not placed: `orders.create` or `orders.open_checkout` does that."""
        world, rng = self.world, self.rng
        buyer = buyer or self.buyer()
        order = orders.blank(world, via=via or pick(rng, ("checkout",) * 8 + ("admin", "rest-api")))
        order.customer_id = buyer.user_id if buyer.user_id in world.users else 0
        order.billing = replace(buyer.billing)
        order.shipping = delivery(rng, buyer.billing)
        sellable = self.sellable()
        for product in rng.sample(sellable, min(pick(rng, (1, 1, 1, 2, 2, 3, 4)), len(sellable))):
            orders.add_line(world, order, product, pick(rng, (1, 1, 1, 2, 2, 3)))
        self._ship(order)
        order.payment_method, order.payment_title = pick(rng, list(GATEWAYS.items()))
        if order.created_via == "checkout":
            order.ip, order.agent = f"190.24.{rng.randrange(256)}.{rng.randrange(1, 255)}", AGENT
            order.cart_hash = f"{rng.getrandbits(128):032x}"
        if rng.random() < 0.09:
            orders.add_coupon(world, order, pick(rng, list(world.coupons.values())))
        if order.payment_method == "cod":
            orders.add_fee(world, order, "Recargo contra entrega", self._pesos(3_500))
        if rng.random() < 0.07:
            order.note = pick(rng, words.NOTES)
        if rng.random() < 0.3:
            world.set_meta(order.meta, "_billing_cedula", buyer.document)
        if rng.random() < 0.15:
            world.set_meta(order.meta, "billing_document_type", "CC")
        return order

    def _ship(self, order: Order) -> None:
        if self.rng.random() < 0.2:
            orders.add_shipping(self.world, order, "Envío gratis", Decimal(0), "free_shipping", "2")
        elif self.rng.random() < 0.85:
            orders.add_shipping(self.world, order, "Envío nacional", self._pesos(12_000), "flat_rate", "1")

    def _pesos(self, amount: int) -> Decimal:
        return (Decimal(amount) * self.world.settings.price_factor).quantize(Decimal("0.01")).normalize() + 0
