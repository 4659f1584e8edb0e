"""What goes on in a shop while somebody watches: orders placed, paid, sent, edited, refunded, deleted, by chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cuadra_simulators.shopify import customers, orders, products
from cuadra_simulators.shopify.buying import Buying
from cuadra_simulators.shopify.history import History
from cuadra_simulators.shopify.model import Order
from cuadra_simulators.shopify.world import World


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `order_id` is 0 when it happened to a product or a customer."""

    at: int
    act: str
    order_id: int = 0


ACTS: dict[str, int] = {
    "place": 30, "place_test": 1, "pay": 14, "fail": 1, "void": 1, "fulfil": 14, "fulfil_part": 3, "track": 8,
    "deliver": 6, "hold": 2, "edit": 6, "edit_add": 3, "touch": 2, "touch_twice": 2, "refund": 4, "refund_amount": 2, "refund_all": 2,
    "note_refund": 1, "cancel": 4, "close": 5, "reopen": 1, "move": 2, "erase": 2, "customer": 2, "merge": 1,
    "product": 2, "new_product": 1, "erase_product": 1, "collection": 1,
}  # fmt: skip
"""What may happen, as often as these weights say. Each is the method of `Life` of its name."""
RECENT = 60
Fits = Callable[[Order], bool]


class Life:
    """Random events from one seed. Each is one action of its own; the clock is moved by whoever calls."""

    def __init__(self, world: World, buying: Buying, rng: random.Random) -> None:
        self.world = world
        self.buying = buying
        self.rng = rng
        self.weights = dict(ACTS)
        self.between: Callable[[], object] = lambda: None
        """Happens between two changes of one second: deliveries, for instance."""
        self._past = History(world, buying, rng)

    def step(self, act: str = "") -> Event:
        """One event: this one, or any. What finds nothing to happen to becomes a new order."""
        chosen = act or self.rng.choices(list(self.weights), list(self.weights.values()))[0]
        if chosen == "touch_twice":
            return self._twice()
        happen: Callable[[], int | None] = getattr(self, f"_{chosen}")
        with self.world.lock, self.world.clock.still():
            with self.world.action():
                at = happen()
            if at is None:
                chosen = "place"
                with self.world.action():
                    at = self._place()
            return Event(self.world.now, chosen, at)

    def _twice(self) -> Event:
        """An order changes twice within one second: one stamp, two contents."""
        with self.world.clock.still():
            first = self.step("touch")
            self.between()
            order = self.world.orders.get(first.order_id)
            if order is not None:
                with self.world.action():
                    note = f"{order.note or ''} (corregido)".strip()
                    orders.change(self.world, order, self.world.now, note=note)
        return Event(first.at, "touch_twice" if first.act == "touch" else first.act, first.order_id)

    def pause(self) -> int:
        """Seconds until the next event; often none."""
        return 0 if self.rng.random() < 0.2 else int(self.rng.expovariate(1 / 90))

    def _any(self, fits: Fits) -> Order | None:
        recent = list(self.world.orders.values())[-RECENT:]
        found = [order for order in recent if fits(order)]
        return self.rng.choice(found) if found else None

    def _some(self, fits: Fits, act: Callable[[Order, int], object]) -> int | None:
        order = self._any(fits)
        if order:
            act(order, self.world.now)
        return order.id if order else None

    def _place(self) -> int:
        return orders.place(self.world, self.buying.order(self.world.now), self.world.now).id

    def _place_test(self) -> int:
        return orders.place(self.world, self.buying.order(self.world.now, test=True), self.world.now).id

    def _pay(self) -> int | None:
        return self._some(_unpaid, lambda order, at: orders.pay(self.world, order, at))

    def _fail(self) -> int | None:
        return self._some(
            _unpaid, lambda order, at: orders.pay(self.world, order, at, status="FAILURE", error="CARD_DECLINED")
        )

    def _void(self) -> int | None:
        return self._some(
            lambda it: _alive(it) and it.totals.financial == "AUTHORIZED",
            lambda order, at: orders.void(self.world, order, at),
        )

    def _fulfil(self) -> int | None:
        return self._some(_sendable, lambda order, at: orders.fulfill(self.world, order, at))

    def _fulfil_part(self) -> int | None:
        def part(order: Order, at: int) -> None:
            orders.fulfill(self.world, order, at, [(next(it for it in order.lines if it.open), 1)])

        return self._some(lambda it: _sendable(it) and sum(line.open for line in it.lines) > 1, part)

    def _track(self) -> int | None:
        return self._some(
            lambda it: any(not parcel.tracking for parcel in it.fulfillments),
            lambda order, at: self._past.track(order, next(it for it in order.fulfillments if not it.tracking), at),
        )

    def _deliver(self) -> int | None:
        def arrive(order: Order, at: int) -> None:
            orders.deliver(self.world, order, next(it for it in order.fulfillments if not it.delivered), at)

        return self._some(lambda it: any(not parcel.delivered for parcel in it.fulfillments), arrive)

    def _hold(self) -> int | None:
        return self._some(
            lambda it: _sendable(it) and not it.held,
            lambda order, at: orders.hold(order, self.rng.choice(("ON_HOLD", "IN_PROGRESS"))),
        )

    def _edit(self) -> int | None:
        def less(order: Order, at: int) -> None:
            line = next(it for it in order.lines if it.open)
            orders.edit(self.world, order, at, remove=[(line, 1)])

        return self._some(_sendable, less)

    def _edit_add(self) -> int | None:
        def more(order: Order, at: int) -> None:
            orders.edit(self.world, order, at, add=[self.buying.taxed(self.buying.line())])

        return self._some(_sendable, more)

    def _touch(self) -> int | None:
        return self._some(
            _alive, lambda order, at: orders.change(self.world, order, at, note=f"Cambio {self.rng.randrange(1000)}")
        )

    def _refund(self) -> int | None:
        def give(order: Order, at: int) -> None:
            line = next(it for it in order.lines if it.current)
            orders.refund(self.world, order, at, [(line, 1, self.rng.choice(("RETURN", "NO_RESTOCK")))])

        return self._some(lambda it: _paid(it) and any(line.current for line in it.lines), give)

    def _refund_amount(self) -> int | None:
        def give(order: Order, at: int) -> None:
            left = order.totals.received - order.totals.refunded
            orders.refund(self.world, order, at, amount=max(1, left // 5), note="Compensación")

        return self._some(_paid, give)

    def _refund_all(self) -> int | None:
        def give(order: Order, at: int) -> None:
            left = order.totals.received - order.totals.refunded
            lines = [(it, it.current, "RETURN") for it in order.lines]
            orders.refund(self.world, order, at, lines, shipping=order.totals.shipping, amount=left)

        return self._some(_paid, give)

    def _note_refund(self) -> int | None:
        return self._some(
            lambda it: bool(it.refunds),
            lambda order, at: orders.note_refund(order, order.refunds[-1], "Revisado", at),
        )

    def _cancel(self) -> int | None:
        def stop(order: Order, at: int) -> None:
            reason = self.rng.choice(("CUSTOMER", "INVENTORY", "FRAUD", "OTHER"))
            orders.cancel(self.world, order, at, reason, give_back=self.rng.random() < 0.9)

        return self._some(lambda it: _alive(it) and not it.fulfillments, stop)

    def _close(self) -> int | None:
        return self._some(
            lambda it: it.closed is None and it.totals.fulfillment == "FULFILLED",
            lambda order, at: orders.close(self.world, order, at),
        )

    def _reopen(self) -> int | None:
        return self._some(
            lambda it: it.closed is not None and it.cancelled is None,
            lambda order, at: orders.close(self.world, order, at, reopen=True),
        )

    def _move(self) -> int | None:
        def elsewhere(order: Order, at: int) -> None:
            old = order.shipping_address
            assert old is not None
            there = customers.address(self.world, self.rng, old.first_name, old.last_name, old.phone)
            orders.move(self.world, order, there, at)

        return self._some(lambda it: _sendable(it) and it.shipping_address is not None, elsewhere)

    def _erase(self) -> int | None:
        return self._some(orders.deletable, lambda order, at: orders.erase(self.world, order, at))

    def _customer(self) -> int:
        chosen = self.rng.choice(list(self.world.customers.values()))
        chosen.tags = sorted({*chosen.tags, self.rng.choice(("vip", "mayoreo", "revisar"))})
        customers.save(self.world, chosen, self.world.now)
        return 0

    def _merge(self) -> int | None:
        if len(self.world.customers) < 3:
            return None
        kept, gone = self.rng.sample(list(self.world.customers.values()), 2)
        customers.merge(self.world, kept, gone, self.world.now)
        return 0

    def _product(self) -> int:
        chosen = self.rng.choice(list(self.world.products.values()))
        chosen.variants[0].price += 10**self.world.settings.decimals
        products.save(self.world, chosen, self.world.now)
        return 0

    def _new_product(self) -> int:
        mark = self.rng.randrange(10**6)
        units = self.rng.randrange(50, 900) * 10**self.world.settings.decimals
        products.add(
            self.world, f"Novedad {mark}", self.world.now, sku=self.rng.choice((None, f"NOV-{mark}")), units=units
        )
        return 0

    def _erase_product(self) -> int | None:
        if len(self.world.products) < 20:
            return None
        products.erase(self.world, self.rng.choice(list(self.world.products.values())), self.world.now)
        return 0

    def _collection(self) -> int:
        chosen = self.rng.choice(list(self.world.collections.values()))
        products.save_collection(self.world, chosen, self.world.now)
        return 0


def _alive(order: Order) -> bool:
    return order.cancelled is None and order.closed is None


def _unpaid(order: Order) -> bool:
    return _alive(order) and order.totals.financial in ("AUTHORIZED", "PENDING") and order.totals.outstanding > 0


def _sendable(order: Order) -> bool:
    return _alive(order) and any(line.open for line in order.lines)


def _paid(order: Order) -> bool:
    return order.totals.received > order.totals.refunded
