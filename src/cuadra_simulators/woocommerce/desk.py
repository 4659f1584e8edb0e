"""What the merchant and his customers do by hand: for tests that tell a story. Every act is a request of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from cuadra_simulators.woocommerce import customers, orders, products, refunds
from cuadra_simulators.woocommerce.buying import Buying
from cuadra_simulators.woocommerce.model import Address, Order, Refund, User
from cuadra_simulators.woocommerce.world import World


class Desk:
    """Acts on one shop. Orders, customers and products are named by their numbers; a new one's number is returned."""

    def __init__(self, world: World, buying: Buying) -> None:
        self._world = world
        self._buying = buying

    @contextmanager
    def _order(self, number: int) -> Iterator[Order]:
        with self._world.request():
            yield self._world.orders[number]

    def place(
        self, lines: Sequence[tuple[int, int]] | None = None, *, status: str = "pending",
        customer_id: int | None = None, via: str = "checkout", coupon: str = "", paid: bool = False,
    ) -> int:  # fmt: skip
        """A new order of (product or variation, quantity); without lines, whatever somebody fancies. 0 is a guest."""
        with self._world.request():
            order = self._buying.order(via=via)
            if lines is not None:
                order.lines, order.coupons = [], []
                for product, quantity in lines:
                    orders.add_line(self._world, order, self._world.products[product], quantity)
            if customer_id is not None:
                order.customer_id = customer_id
            if customer_id:
                order.billing.email = self._world.users[customer_id].email
            if coupon:
                found = next(it for it in self._world.coupons.values() if it.code == coupon)
                orders.add_coupon(self._world, order, found)
            return orders.create(self._world, order, status=status, paid=paid).id

    def pay(self, number: int, transaction: str = "TX1") -> None:
        """The gateway reports the payment."""
        with self._order(number) as order:
            orders.complete_payment(self._world, order, transaction)

    def set_status(self, number: int, status: str) -> None:
        """Move an order on."""
        with self._order(number) as order:
            orders.set_status(self._world, order, status)

    def cancel(self, number: int) -> None:
        """Cancel an order."""
        self.set_status(number, "cancelled")

    def edit(self, number: int, *, note: str = "", quantity: int = 0) -> None:
        """Change the customer's note, or the quantity of the first line with its amount."""
        with self._order(number) as order:
            if note:
                order.note = note
            if quantity:
                line = order.lines[0]
                line.total = (line.total * quantity / line.quantity).quantize(Decimal("0.000001"))
                line.subtotal, line.quantity = line.total, quantity
                orders.recalculate(self._world, order)
            orders.save(self._world, order)

    def refund(self, number: int, amount: Decimal | int | None = None, reason: str = "", *, pieces: int = 0) -> Refund:
        """Give back an amount, so many pieces of the first line, or all that is left."""
        with self._order(number) as order:
            if pieces:
                given, due = refunds.whole_line(self._world, order.lines[0], pieces)
                return refunds.create(self._world, order, due, reason, lines=(given,))
            left = order.total - order.refunded
            return refunds.create(self._world, order, left if amount is None else Decimal(amount), reason)

    def delete_refund(self, number: int, refund_id: int) -> None:
        """Take a refund back; nothing will tell."""
        with self._order(number) as order:
            refunds.delete(order, next(refund for refund in order.refunds if refund.id == refund_id))

    def note(self, number: int, text: str, *, to_customer: bool = False) -> None:
        """Comment on an order."""
        with self._order(number) as order:
            orders.add_note(self._world, order, text, author="admin", to_customer=to_customer)

    def trash(self, number: int) -> None:
        """To the trash."""
        with self._order(number) as order:
            orders.trash(self._world, order)

    def restore(self, number: int) -> None:
        """Out of the trash, as the admin screen does it."""
        with self._order(number) as order:
            orders.restore(self._world, order)

    def erase(self, number: int) -> None:
        """Delete for good."""
        with self._order(number) as order:
            orders.erase(self._world, order)

    def open_checkout(self) -> int:
        """Somebody opens the block checkout: a draft without a name."""
        with self._world.request():
            order = self._buying.order(via="store-api")
            order.billing = Address(country=order.billing.country, state=order.billing.state)
            order.customer_id, order.payment_method, order.payment_title, order.note = 0, "", "", ""
            return orders.open_checkout(self._world, order).id

    def finish_checkout(self, number: int, email: str = "compradora@correo.example", *, method: str = "cod") -> None:
        """He buys."""
        with self._order(number) as order:
            order.billing.first_name, order.billing.last_name, order.billing.email = "Compradora", "Real", email
            order.payment_method, order.payment_title = method, "Pago contra entrega"
            orders.finish_checkout(self._world, order, "processing")

    def add_customer(self, email: str, first_name: str = "") -> User:
        """A new account."""
        with self._world.request():
            return customers.add(self._world, email, first_name=first_name)

    def delete_customer(self, number: int) -> None:
        """Delete an account."""
        with self._world.request():
            customers.delete(self._world, self._world.users[number])

    def set_price(self, number: int, price: str) -> None:
        """A new price of a product or variation."""
        with self._world.request():
            product = self._world.products[number]
            product.regular_price = price
            products.save(self._world, product)

    def delete_product(self, number: int, *, trash: bool = False) -> None:
        """Delete a product for good, or put it into the trash."""
        with self._world.request():
            (products.trash if trash else products.erase)(self._world, self._world.products[number])

    def write_behind(self, number: int, **fields: object) -> None:
        """Change fields of an order in the database, past WooCommerce: no stamp, no hook."""
        with self._world.lock:
            for name, value in fields.items():
                setattr(self._world.orders[number], name, value)
            self._world.revision += 1
