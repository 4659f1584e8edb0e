"""What goes on in a shop while somebody watches: orders placed, paid, edited, refunded, trashed, deleted, by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from cuadra_simulators.woocommerce import customers, orders, products, refunds
from cuadra_simulators.woocommerce.buying import Buying
from cuadra_simulators.woocommerce.model import Order
from cuadra_simulators.woocommerce.people import pick
from cuadra_simulators.woocommerce.settings import STATUSES
from cuadra_simulators.woocommerce.world import World


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `order_id` is 0 when it happened to a product or a customer."""

    at: int
    act: str
    order_id: int = 0


ACTS: dict[str, int] = {
    "place": 30, "pay": 18, "fail": 2, "complete": 10, "edit": 8, "edit_twice": 4, "touch": 2, "note": 2, "cancel": 4,
    "refund": 5, "refund_line": 3, "refund_all": 2, "delete_refund": 2, "trash": 3, "restore": 2, "untrash": 1,
    "erase": 2, "open_checkout": 3, "finish_checkout": 3, "price": 2, "delete_customer": 1, "trash_product": 1,
    "delete_product": 1,
}  # fmt: skip
"""What may happen, as often as these weights say. Each is the method of `Life` of its name."""
LIVE = ("pending", "processing", "on-hold", "completed", "failed")


class Life:
    """Random events from one seed. Each is one request of its own; the clock is moved by whoever calls."""

    def __init__(self, world: World, buying: Buying, rng: random.Random) -> None:
        self.world = world
        self.buying = buying
        self.rng = rng
        self.weights = dict(ACTS)
        self.between: Callable[[], object] = lambda: None
        """Happens between two edits of one second: a run of the delivery queue, for instance."""

    def step(self, act: str = "") -> Event:
        """One event: this one, or any. What finds nothing to happen to becomes a new order."""
        chosen = act or self.rng.choices(list(self.weights), list(self.weights.values()))[0]
        happen: Callable[[], int | None] = getattr(self, f"_{chosen}")
        if chosen == "edit_twice":  # two requests, with a moment between them
            at = happen()
        else:
            with self.world.request():
                at = happen()
        if at is None:
            chosen = "place"
            with self.world.request():
                at = self._place()
        return Event(self.world.now, chosen, at)

    def pause(self) -> int:
        """Seconds until the next event; often none."""
        return 0 if self.rng.random() < 0.2 else int(self.rng.expovariate(1 / 90))

    def _any(self, statuses: Iterable[str], fits: Callable[[Order], bool] = lambda order: True) -> Order | None:
        wanted = set(statuses)
        found = [order for order in self.world.orders.values() if order.status in wanted and fits(order)]
        return pick(self.rng, found[-60:]) if found else None

    def _place(self) -> int:
        return orders.create(self.world, self.buying.order()).id

    def _move(self, froms: Iterable[str], status: str) -> int | None:
        order = self._any(froms)
        if order:
            orders.set_status(self.world, order, status)
        return order.id if order else None

    def _pay(self) -> int | None:
        order = self._any(("pending", "on-hold", "failed"))
        if order:
            orders.complete_payment(self.world, order, f"TX{self.rng.randrange(10**7, 10**8)}")
        return order.id if order else None

    def _fail(self) -> int | None:
        return self._move(("pending",), "failed")

    def _complete(self) -> int | None:
        return self._move(("processing", *self._plugin_statuses()), "completed")

    def _cancel(self) -> int | None:
        return self._move(("pending", "processing", "on-hold"), "cancelled")

    def _plugin_statuses(self) -> list[str]:
        return [status for status in self.world.statuses if status not in STATUSES]

    def _edit(self) -> int | None:
        order = self._any(LIVE)
        if order:
            self._change(order)
        return order.id if order else None

    def _edit_twice(self) -> int | None:
        """Twice within one second, with whatever comes in between: one stamp, two contents."""
        with self.world.request():
            order = self._any(LIVE)
            if not order:
                return None
            self._change(order)
        self.between()
        with self.world.request():
            order.note = f"{order.note} (corregido)".strip()
            orders.save(self.world, order)
        return order.id

    def _change(self, order: Order) -> None:
        how = self.rng.random()
        extra = self._plugin_statuses()
        if extra and order.status == "processing" and how < 0.3:
            orders.set_status(self.world, order, pick(self.rng, extra))
            return
        if how < 0.4 and order.lines:
            line = pick(self.rng, order.lines)
            total = line.total * (line.quantity + 1) / line.quantity
            line.quantity += 1
            line.subtotal = line.total = total.quantize(Decimal("0.000001"))
            orders.recalculate(self.world, order)
        elif how < 0.7:
            order.billing.address_1 = f"{order.billing.address_1} bis"
        else:
            order.note = f"Cambio {self.rng.randrange(1000)}"
        orders.save(self.world, order)

    def _touch(self) -> int | None:
        """Saved without any change: new stamp, same content."""
        order = self._any(LIVE)
        if order:
            orders.save(self.world, order)
        return order.id if order else None

    def _note(self) -> int | None:
        order = self._any(LIVE)
        if order:
            orders.add_note(self.world, order, "Nota privada de bodega", author="admin")
        return order.id if order else None

    def _refundable(self) -> Order | None:
        return self._any(("processing", "completed"), lambda order: order.total - order.refunded > 0)

    def _refund(self) -> int | None:
        order = self._refundable()
        if order:
            refunds.create(self.world, order, (order.total - order.refunded) / 5, pick(self.rng, ("", "Compensación")))
        return order.id if order else None

    def _refund_all(self) -> int | None:
        order = self._refundable()
        if order:
            refunds.create(self.world, order, order.total - order.refunded, "Devolución total")
        return order.id if order else None

    def _refund_line(self) -> int | None:
        order = self._refundable()
        if not order or not order.lines:
            return None
        given, amount = refunds.whole_line(self.world, pick(self.rng, order.lines), 1)
        if not 0 < amount <= order.total - order.refunded:
            return None
        refunds.create(self.world, order, amount, "Talla equivocada", lines=(given,))
        return order.id

    def _delete_refund(self) -> int | None:
        order = self._any(("processing", "completed", "refunded"), lambda order: bool(order.refunds))
        if order:
            refunds.delete(order, order.refunds[-1])
        return order.id if order else None

    def _trash(self) -> int | None:
        order = self._any((*LIVE, "cancelled"))
        if order:
            orders.trash(self.world, order)
        return order.id if order else None

    def _restore(self) -> int | None:
        order = self._any(("trash",))
        if order:
            orders.restore(self.world, order)
        return order.id if order else None

    def _untrash(self) -> int | None:
        """Out of the trash by a new status, of which no webhook tells."""
        return self._move(("trash",), "processing")

    def _erase(self) -> int | None:
        order = self._any((*LIVE, "trash", "cancelled"))
        if order:
            orders.erase(self.world, order)
        return order.id if order else None

    def _open_checkout(self) -> int:
        order = self.buying.order(via="store-api")
        order.payment_method = order.payment_title = order.note = order.billing.email = ""
        return orders.open_checkout(self.world, order).id

    def _finish_checkout(self) -> int | None:
        order = self._any(("checkout-draft",))
        if order:
            order.payment_method, order.payment_title = "cod", "Pago contra entrega"
            order.billing.email = order.billing.email or f"comprador{order.id}@correo.example"
            orders.finish_checkout(self.world, order, "processing")
        return order.id if order else None

    def _price(self) -> int:
        product = pick(self.rng, self.buying.sellable())
        product.regular_price = str(Decimal(product.regular_price) + 100)
        products.save(self.world, product)
        return 0

    def _delete_customer(self) -> int | None:
        buyers = [user for user in self.world.users.values() if user.role == "customer"]
        if len(buyers) < 3:
            return None
        customers.delete(self.world, pick(self.rng, buyers[1:]))
        return 0

    def _trash_product(self) -> int | None:
        return self._lose_product(for_good=False)

    def _delete_product(self) -> int | None:
        return self._lose_product(for_good=True)

    def _lose_product(self, *, for_good: bool) -> int | None:
        simple = [p for p in self.world.products.values() if p.type == "simple" and p.status == "publish"]
        if len(simple) < 10:
            return None
        (products.erase if for_good else products.trash)(self.world, pick(self.rng, simple))
        return 0
