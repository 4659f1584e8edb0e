"""The orders a shop already has when it opens: some months of sales, and one of each order that surprises."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count

from cuadra_simulators.woocommerce import orders, refunds
from cuadra_simulators.woocommerce.buying import Buying
from cuadra_simulators.woocommerce.catalogue import Catalogue
from cuadra_simulators.woocommerce.model import Address, Line, Meta, Order
from cuadra_simulators.woocommerce.people import pick
from cuadra_simulators.woocommerce.world import World

DAY, MINUTE = 86_400, 60
ODD = (
    "meta_zoo", "weird_text", "negative_fee", "only_fee", "foreign_currency", "no_items", "no_contact", "custom_line",
    "zero_total", "many_lines", "other_day_paid",
)  # fmt: skip
"""Orders of which every shop has one; made once there is room for them."""
Act = Callable[[], None]


class History:
    """Lives through the past in the order in which it happened. `odd` names the orders that surprise."""

    def __init__(self, world: World, buying: Buying, rng: random.Random) -> None:
        self.world = world
        self.buying = buying
        self.rng = rng
        self.odd: dict[str, int] = {}
        self._agenda: list[tuple[int, int, Act]] = []
        self._turn = count()
        self._until = world.now

    def live(self, many: int, days: int) -> None:
        """So many orders within the days before now; the clock ends where it stood."""
        begin = self._until - days * DAY
        moments = sorted(self.rng.randrange(begin, self._until - 2 * MINUTE) for _ in range(many))
        odd = dict(zip(sorted(self.rng.sample(range(many), len(ODD))), ODD, strict=True)) if many >= 40 else {}
        for at, moment in enumerate(moments):
            self._plan(moment, partial(self._place, odd.get(at, "")))
        while self._agenda:
            moment, _, act = heapq.heappop(self._agenda)
            self._set(moment)
            with self.world.request():
                act()
        self._set(self._until)

    def _set(self, moment: int) -> None:
        self.world.clock.set(datetime.fromtimestamp(moment - self.world.clock.skew, UTC))

    def _plan(self, moment: int, act: Act) -> None:
        if moment <= self._until:
            heapq.heappush(self._agenda, (moment, next(self._turn), act))

    def _later(self, least: int, most: int, act: Act) -> None:
        self._plan(self.world.now + self.rng.randrange(least, most), act)

    def _place(self, odd: str) -> None:
        order = self.buying.order()
        if odd:
            self.odd[odd] = order.id
            _ODDITIES[odd](self.world, order)
        orders.create(self.world, order)
        chance = 0.2 if odd else self.rng.random()
        if odd == "no_items":
            return
        if chance < 0.72:
            self._later(1, 40 * MINUTE, lambda: self._pay(order, odd))
        elif chance < 0.78:
            self._later(1, 10 * MINUTE, lambda: self._to(order, "failed"))
        elif chance < 0.86:
            self._later(MINUTE, 2 * DAY, lambda: self._to(order, "cancelled"))
        elif chance < 0.94:
            self._later(1, 10 * MINUTE, lambda: self._to(order, "on-hold"))
        else:
            order.created_via = "admin"  # nobody cancels these for not being paid
        if not odd and self.rng.random() < 0.03:
            self._later(2 * DAY, 9 * DAY, lambda: orders.trash(self.world, order))

    def _pay(self, order: Order, odd: str) -> None:
        if order.status != "pending":
            return
        orders.complete_payment(self.world, order, f"TX{self.rng.randrange(10**7, 10**8)}")
        if odd == "other_day_paid":
            order.paid = order.created - DAY
        if odd:
            return
        if self.rng.random() < 0.75:
            self._later(DAY // 2, 5 * DAY, lambda: self._to(order, "completed"))
        chance = self.rng.random()
        if chance < 0.04:
            self._later(DAY, 9 * DAY, lambda: self._refund(order, order.total, "Devolución total"))
        elif chance < 0.07:
            self._later(DAY, 9 * DAY, lambda: self._refund(order, order.total / 10, ""))
        elif chance < 0.1:
            self._later(DAY, 9 * DAY, lambda: self._refund_line(order))
        if self.rng.random() < 0.1:
            text = f"Su pedido va en camino. Guía {order.id + 12_000}"
            self._later(DAY, 2 * DAY, lambda: _note(self.world, order, text))

    def _to(self, order: Order, status: str) -> None:
        if order.status not in ("trash", "refunded"):
            orders.set_status(self.world, order, status)

    def _refund(self, order: Order, amount: Decimal, reason: str) -> None:
        if order.status != "trash" and amount <= order.total - order.refunded:
            refunds.create(self.world, order, amount, reason)

    def _refund_line(self, order: Order) -> None:
        if order.status == "trash" or not order.lines:
            return
        given, amount = refunds.whole_line(self.world, pick(self.rng, order.lines), 1)
        if 0 < amount <= order.total - order.refunded:
            refunds.create(self.world, order, amount, "Talla equivocada", lines=(given,))


def fill(world: World, rng: random.Random, *, many: int, days: int, registered: int) -> tuple[Buying, dict[str, int]]:
    """A whole shop: catalogue, accounts, past orders. Returns its buyers, and its oddities by name."""
    catalogue = Catalogue(world)
    world.clock.advance(-(days + 1) * DAY)
    with world.request():
        catalogue.fill()
        buying = Buying(world, rng, registered)
    world.clock.advance((days + 1) * DAY)
    history = History(world, buying, rng)
    history.live(many, days)
    return buying, {**{f"product_{name}": at for name, at in catalogue.odd.items()}, **history.odd}


def _note(world: World, order: Order, text: str) -> None:
    orders.add_note(world, order, text, author="admin", to_customer=True)


def _meta_zoo(world: World, order: Order) -> None:
    for key, value in (
        ("_arr", {"a": 1, "b": {"c": None, "d": True}}), ("lista", [1, 2, 3]), ("json_text", '{"k":"v"}'),
        ("vacio", ""), ("numero", "12.5"), ("booleano", "1"), ("repetido", "uno"), ("repetido", "dos"),
        ("_wc_order_attribution_source_type", "utm"), ("_wc_order_attribution_utm_source", "instagram"),
    ):  # fmt: skip
        order.meta.append(Meta(world.take("meta"), key, value))


def _weird_text(_: World, order: Order) -> None:
    order.billing.first_name = 'María "Mary" O\'Brien & Cía <script>'
    order.billing.last_name = "José 😀 Ñandú"
    order.note = "Línea1\r\nLínea2\t<b>x</b> &amp; \"comillas\" 'simple' \u200b fin"


def _negative_fee(world: World, order: Order) -> None:
    orders.add_fee(world, order, "Descuento comercial", Decimal(-5))


def _only_fee(world: World, order: Order) -> None:
    order.lines, order.shipping_lines, order.coupons = [], [], []
    orders.add_fee(world, order, "Recargo contra entrega", Decimal(3500))


def _foreign_currency(_: World, order: Order) -> None:
    order.currency = "USD"


def _no_items(_: World, order: Order) -> None:
    order.lines, order.shipping_lines, order.fees, order.coupons = [], [], [], []
    order.created_via, order.payment_method, order.payment_title = "admin", "", ""


def _no_contact(_: World, order: Order) -> None:
    order.customer_id, order.billing = 0, Address(order.billing.first_name, order.billing.last_name)


def _custom_line(world: World, order: Order) -> None:
    meta = Meta(world.take("item_meta"), "Grabado", '"Para Ñoño" & <b>Ana</b>')
    amount = Decimal(60000)
    order.lines = [Line(world.take("item"), "Arreglo a medida", 0, 0, 1, amount, amount, meta=[meta])]
    order.shipping_lines, order.fees, order.coupons = [], [], []


def _zero_total(_: World, order: Order) -> None:
    for line in order.lines:
        line.subtotal = line.total = Decimal(0)
    order.shipping_lines, order.fees, order.coupons = [], [], []


def _many_lines(world: World, order: Order) -> None:
    for product in [p for p in world.products.values() if p.type == "simple" and p.status == "publish"][:25]:
        orders.add_line(world, order, product, 2)


def _as_it_is(_: World, __: Order) -> None:
    """Nothing: what is odd about it happens later."""


_ODDITIES: dict[str, Callable[[World, Order], None]] = {
    "meta_zoo": _meta_zoo, "weird_text": _weird_text, "negative_fee": _negative_fee, "only_fee": _only_fee,
    "foreign_currency": _foreign_currency, "no_items": _no_items, "no_contact": _no_contact,
    "custom_line": _custom_line, "zero_total": _zero_total, "many_lines": _many_lines, "other_day_paid": _as_it_is,
}  # fmt: skip
