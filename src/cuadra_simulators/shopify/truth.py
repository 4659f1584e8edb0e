"""What a shop really holds, for tests to compare with what somebody believes it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from cuadra_simulators.shopify.graph.people import spent
from cuadra_simulators.shopify.model import Customer, Fulfillment, Line, Order, Product, Refund
from cuadra_simulators.shopify.money import exact
from cuadra_simulators.shopify.webhooks import Hooks
from cuadra_simulators.shopify.world import World, gid


@dataclass(frozen=True, slots=True)
class TrueLine:
    """A line. `quantity` holds what was removed or given back; `current` does not; `total` is after discounts."""

    id: int
    title: str
    sku: str | None
    variant: int | None
    product: int | None
    quantity: int
    current: int
    price: Decimal
    total: Decimal
    discount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class TrueRefund:
    """Money or goods given back. `lines`: (line, units, restock type)."""

    id: int
    amount: Decimal
    note: str | None
    created: int
    updated: int
    lines: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class TrueTransaction:
    """Money that moved, or did not."""

    id: int
    kind: str
    status: str
    gateway: str
    amount: Decimal
    created: int


@dataclass(frozen=True, slots=True)
class TrueFulfillment:
    """A parcel. `tracking`: (company, number, address); `lines`: (line, units)."""

    id: int
    name: str
    status: str
    display: str
    tracking: tuple[tuple[str, str, str], ...]
    lines: tuple[tuple[int, int], ...]
    delivered: int | None


@dataclass(frozen=True, slots=True)
class TrueOrder:
    """An order as it is now; one that was deleted, as it last was. Amounts are in the shop's currency."""

    gid: str
    id: int
    name: str
    number: int
    exists: bool
    test: bool
    cancelled: int | None
    cancel_reason: str | None
    closed: int | None
    edited: bool
    financial: str
    fulfillment: str
    currency: str
    presentment: str
    total: Decimal
    current_total: Decimal
    original_total: Decimal
    subtotal: Decimal
    tax: Decimal
    shipping: Decimal
    discount: Decimal
    received: Decimal
    refunded: Decimal
    outstanding: Decimal
    lines: tuple[TrueLine, ...]
    refunds: tuple[TrueRefund, ...]
    transactions: tuple[TrueTransaction, ...]
    fulfillments: tuple[TrueFulfillment, ...]
    customer_id: int | None
    email: str | None
    phone: str | None
    tags: tuple[str, ...]
    note: str | None
    created: int
    processed: int
    updated: int
    source_name: str
    announced: int
    """Deliveries with its body that a receiver took."""
    deletion_announced: bool

    @property
    def net(self) -> Decimal:
        """Money that the shop has of it."""
        return self.received - self.refunded

    @property
    def counted(self) -> bool:
        """Whether it is a sale: there, no test, not cancelled."""
        return self.exists and not self.test and self.cancelled is None


@dataclass(frozen=True, slots=True)
class TrueCustomer:
    """A customer."""

    gid: str
    id: int
    name: str
    email: str | None
    phone: str | None
    tags: tuple[str, ...]
    orders: tuple[int, ...]
    spent: Decimal
    updated: int


@dataclass(frozen=True, slots=True)
class TrueProduct:
    """A product. `variants`: (number, SKU, price)."""

    gid: str
    id: int
    title: str
    status: str
    product_type: str
    category: str | None
    collections: tuple[int, ...]
    variants: tuple[tuple[int, str | None, Decimal], ...]
    updated: int


class Truth:
    """Read what is true now. Seconds since 1970."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world = world
        self._hooks = hooks

    def order(self, number: int) -> TrueOrder:
        """One order by its number (the one in its id), deleted ones included. KeyError when there never was one."""
        with self._world.lock:
            order = self._world.orders.get(number) or self._world.erased[number]
            return self._read(order, self._told())

    def orders(self, *, erased: bool = True) -> dict[int, TrueOrder]:
        """All orders by number."""
        with self._world.lock:
            told = self._told()
            found = [*self._world.orders.values(), *(self._world.erased.values() if erased else ())]
            return {order.id: self._read(order, told) for order in sorted(found, key=lambda order: order.id)}

    def customers(self) -> dict[int, TrueCustomer]:
        """All customers by number."""
        with self._world.lock:
            return {it.id: self._customer(it) for it in self._world.customers.values()}

    def products(self) -> dict[int, TrueProduct]:
        """All products by number."""
        with self._world.lock:
            return {it.id: self._product(it) for it in self._world.products.values()}

    def sum(self) -> Decimal:
        """What the orders that count come to now, in the shop's currency."""
        return sum((it.current_total for it in self.orders(erased=False).values() if it.counted), Decimal(0))

    def _exact(self, units: int) -> Decimal:
        return exact(units, self._world.settings.decimals)

    def _told(self) -> Counter[tuple[int, bool]]:
        """(order, whether it was its deletion) → deliveries that a receiver took."""
        return Counter(
            (delivery.subject, delivery.topic == "orders/delete")
            for delivery in list(self._hooks.sent)
            if delivery.ok and delivery.topic.startswith("orders/") and delivery.topic != "orders/edited"
        )

    def _read(self, order: Order, told: Counter[tuple[int, bool]]) -> TrueOrder:
        sums, units = order.totals, self._exact
        return TrueOrder(
            gid=gid("Order", order.id), id=order.id, name=order.name, number=order.number,
            exists=order.id in self._world.orders, test=order.test, cancelled=order.cancelled,
            cancel_reason=order.cancel_reason, closed=order.closed, edited=order.edited, financial=sums.financial,
            fulfillment=sums.fulfillment, currency=order.deal.currency, presentment=order.deal.presentment,
            total=units(sums.total), current_total=units(sums.current_total), subtotal=units(sums.subtotal),
            original_total=units(order.original_total), tax=units(sums.tax), shipping=units(sums.shipping),
            discount=units(sums.discounts), received=units(sums.received), refunded=units(sums.refunded),
            outstanding=units(sums.outstanding), lines=tuple(self._line(it) for it in order.lines),
            refunds=tuple(self._refund(it) for it in order.refunds),
            transactions=tuple(
                TrueTransaction(it.id, it.kind, it.status, it.gateway, units(it.amount), it.created)
                for it in order.transactions
            ),
            fulfillments=tuple(_parcel(it) for it in order.fulfillments), customer_id=order.customer_id,
            email=order.email, phone=order.phone, tags=tuple(order.tags), note=order.note, created=order.created,
            processed=order.processed, updated=order.updated, source_name=order.source,
            announced=told[order.id, False], deletion_announced=told[order.id, True] > 0,
        )  # fmt: skip

    def _line(self, it: Line) -> TrueLine:
        units = self._exact
        return TrueLine(
            it.id, it.title, it.sku, it.variant_id if it.variant_id in self._world.variants else None,
            it.product_id if it.product_id in self._world.products else None, it.quantity, it.current, units(it.price),
            units(it.net), units(it.discount), units(it.tax),
        )  # fmt: skip

    def _refund(self, it: Refund) -> TrueRefund:
        lines = tuple((one.line.id, one.quantity, one.restock) for one in it.lines)
        return TrueRefund(it.id, self._exact(it.amount), it.note, it.created, it.updated, lines)

    def _customer(self, it: Customer) -> TrueCustomer:
        return TrueCustomer(gid("Customer", it.id), it.id, it.display_name, it.email, it.phone, tuple(it.tags),
                            tuple(it.orders), self._exact(spent(it, self._world)), it.updated)  # fmt: skip

    def _product(self, it: Product) -> TrueProduct:
        variants = tuple((one.id, one.sku, self._exact(one.price)) for one in it.variants)
        return TrueProduct(gid("Product", it.id), it.id, it.title, it.status, it.product_type, it.category,
                           tuple(it.collections), variants, it.updated)  # fmt: skip


def _parcel(it: Fulfillment) -> TrueFulfillment:
    lines = tuple((line.id, units) for _, line, units in it.lines)
    return TrueFulfillment(it.id, it.name, it.status, it.display, tuple(it.tracking), lines, it.delivered)
