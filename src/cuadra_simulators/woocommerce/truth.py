"""What a shop really holds, for tests to compare with what somebody believes it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from cuadra_simulators.woocommerce.model import Order
from cuadra_simulators.woocommerce.products import product_of
from cuadra_simulators.woocommerce.totals import rounded
from cuadra_simulators.woocommerce.webhooks import Dispatcher
from cuadra_simulators.woocommerce.world import World


@dataclass(frozen=True, slots=True)
class TrueLine:
    """A line: amounts without tax, and the product as it can still be found."""

    id: int
    name: str
    product_id: int
    variation_id: int
    sku: str | None
    quantity: int
    total: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class TrueRefund:
    """Money given back."""

    id: int
    amount: Decimal
    reason: str
    created: int


@dataclass(frozen=True, slots=True)
class TrueOrder:
    """An order as it is now; one that was erased, as it last was."""

    id: int
    status: str
    exists: bool
    """False once it was deleted for good."""
    listed: bool
    """Whether `status=any` shows it: neither erased nor in the trash."""
    currency: str
    total: Decimal
    tax: Decimal
    shipping: Decimal
    discount: Decimal
    refunded: Decimal
    lines: tuple[TrueLine, ...]
    refunds: tuple[TrueRefund, ...]
    payment_method: str
    transaction_id: str
    paid: int | None
    customer_id: int
    email: str
    name: str
    phone: str
    created: int
    modified: int
    announced: int
    """Deliveries with its body that a receiver took."""
    deletion_announced: bool

    @property
    def net(self) -> Decimal:
        """What the shop kept."""
        return self.total - self.refunded

    @property
    def deleted(self) -> bool:
        """In the trash or gone."""
        return not self.exists or self.status == "trash"


class Truth:
    """Read what is true now. Seconds since 1970; amounts with the shop's decimals."""

    def __init__(self, world: World, dispatcher: Dispatcher) -> None:
        self._world = world
        self._dispatcher = dispatcher

    def order(self, number: int) -> TrueOrder:
        """One order, erased ones included. KeyError when there never was one."""
        with self._world.lock:
            order = self._world.orders.get(number) or self._world.erased[number]
            return self._read(order, self._told())

    def orders(self, *, erased: bool = True) -> dict[int, TrueOrder]:
        """All orders by number."""
        with self._world.lock:
            told = self._told()
            found = [*self._world.orders.values(), *(self._world.erased.values() if erased else ())]
            return {order.id: self._read(order, told) for order in sorted(found, key=lambda order: order.id)}

    def _told(self) -> Counter[tuple[int, bool]]:
        """(order, whether it was its deletion) → deliveries that a receiver took."""
        return Counter(
            (delivery.argument, delivery.topic == "order.deleted")
            for delivery in list(self._dispatcher.sent)
            if delivery.ok and delivery.topic.startswith("order.") and not delivery.body.startswith(b'{"code":')
        )

    def sum(self, *, currency: str = "") -> Decimal:
        """What the listed orders come to, refunds not subtracted."""
        wanted = currency or self._world.settings.currency
        found = self.orders(erased=False).values()
        return sum((order.total for order in found if order.listed and order.currency == wanted), Decimal(0))

    def _read(self, order: Order, told: Counter[tuple[int, bool]]) -> TrueOrder:
        exists = order.id in self._world.orders
        name = f"{order.billing.first_name} {order.billing.last_name}".strip()
        return TrueOrder(
            id=order.id, status=order.status, exists=exists, listed=exists and order.status != "trash",
            currency=order.currency, total=order.total, tax=order.cart_tax + order.shipping_tax,
            shipping=order.shipping_total, discount=order.discount_total, refunded=order.refunded,
            lines=tuple(self._lines(order)), payment_method=order.payment_method, transaction_id=order.transaction_id,
            refunds=tuple(TrueRefund(it.id, it.amount, it.reason, it.created) for it in order.refunds),
            paid=order.paid, customer_id=order.customer_id, email=order.billing.email, name=name,
            phone=order.billing.phone, created=order.created, modified=order.modified,
            announced=told[order.id, False], deletion_announced=told[order.id, True] > 0,
        )  # fmt: skip

    def _lines(self, order: Order) -> list[TrueLine]:
        decimals = self._world.settings.decimals
        found = []
        for line in order.lines:
            product = product_of(self._world, line)
            numbers = (line.product_id, line.variation_id) if product else (0, 0)
            total = rounded(line.total, decimals)
            tax = rounded(sum(line.taxes.values(), Decimal(0)), decimals)
            sku = product.sku if product else None
            found.append(TrueLine(line.id, line.name, *numbers, sku, line.quantity, total, tax))
        return found
