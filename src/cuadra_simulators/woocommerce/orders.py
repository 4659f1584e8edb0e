"""What can happen to an order, with the hooks that WooCommerce fires for it and, as telling, those that it does not."""

from __future__ import annotations

import string
from decimal import Decimal

from cuadra_simulators.woocommerce import products
from cuadra_simulators.woocommerce.model import Charge, Coupon, Line, Meta, Note, Order, Product, UsedCoupon
from cuadra_simulators.woocommerce.totals import apply_coupons, calculate, rate_of, without_tax
from cuadra_simulators.woocommerce.world import World

PAID = ("processing", "completed")
UNPAID = ("on-hold", "pending", "failed", "cancelled")
DAY = 86_400


def blank(world: World, *, via: str = "rest-api", currency: str = "") -> Order:
    """An order with nothing in it, not yet in the world."""
    return Order(
        id=world.take("post"), status="pending", currency=currency or world.settings.currency,
        key=f"wc_order_{world.token(13, string.ascii_letters + string.digits)}", created=world.now, modified=world.now,
        created_via=via,
    )  # fmt: skip


def add_line(world: World, order: Order, product: Product | None, quantity: int) -> Line:
    """A line at today's price; without a product, an empty one."""
    line = Line(world.take("item"), "", 0, 0, quantity, Decimal(0), Decimal(0))
    if product:
        put_product(world, line, product)
        price = Decimal(products.price_of(product) or 0)
        line.subtotal = line.total = without_tax(price, quantity, rate_of(line, world.settings), world.settings)
    order.lines.append(line)
    return line


def put_product(world: World, line: Line, product: Product) -> None:
    """Name the product on a line; a variation leaves its options there as custom fields."""
    line.name, line.tax_class, line.taxable = product.name, product.tax_class, product.taxable
    line.product_id, line.variation_id = (product.parent, product.id) if product.parent else (product.id, 0)
    for attribute in product.attributes if product.parent else []:
        if attribute.options:
            option = products.slugify(attribute.options[0])
            line.meta.append(Meta(world.take("item_meta"), attribute.slug, option))
    if product.backorders == "notify" and (product.stock or 0) < line.quantity:
        line.meta.append(Meta(world.take("item_meta"), "Backordered", str(line.quantity)))


def add_shipping(world: World, order: Order, title: str, total: Decimal, method: str, instance: str = "") -> Charge:
    """A way of shipping and its price without tax."""
    order.shipping_lines.append(Charge(world.take("item"), title, total, method, instance))
    return order.shipping_lines[-1]


def add_fee(world: World, order: Order, title: str, total: Decimal, *, taxable: bool = False) -> Charge:
    """A surcharge, or a reduction when negative."""
    fee = Charge(world.take("item"), title, total, tax_status="taxable" if taxable else "none")
    order.fees.append(fee)
    return fee


def add_coupon(world: World, order: Order, coupon: Coupon) -> None:
    """Use a coupon; `create` or `recalculate` takes its discount off."""
    order.coupons.append(
        UsedCoupon(world.take("item"), coupon.code, coupon.id, coupon.type, coupon.amount, coupon.free_shipping,
                   world.take("item_meta"))
    )  # fmt: skip
    coupon.used_by.append(str(order.customer_id) if order.customer_id else order.billing.email)
    apply_coupons(order, world.settings)


def recalculate(world: World, order: Order) -> None:
    """Taxes and totals anew."""
    calculate(order, world.settings, lambda: world.take("item"))


def create(world: World, order: Order, *, status: str = "pending", paid: bool = False) -> Order:
    """Put a new order into the shop. Always saved twice, so an `updated` comes with every `created`."""
    recalculate(world, order)
    world.orders[order.id] = order
    world.index(order)
    world.fire("woocommerce_new_order", order.id)
    world.fire("woocommerce_update_order", order.id)
    if status != "pending":
        set_status(world, order, status)
    if paid:
        complete_payment(world, order)
    return order


def open_checkout(world: World, order: Order) -> Order:
    """The block checkout was opened: a draft that is announced as an update, minutes before any purchase."""
    order.status, order.created_via = "checkout-draft", "store-api"
    for key in ("_shipping_hash", "_coupons_hash", "_fees_hash", "_taxes_hash"):
        order.meta.append(Meta(world.take("meta"), key, world.token(32)))
    order.meta.append(Meta(world.take("meta"), "is_vat_exempt", "no"))
    packed = ", ".join(f"{line.name} &times; {line.quantity}" for line in order.lines)
    for charge in order.shipping_lines:
        charge.meta.append(Meta(world.take("item_meta"), "Items", packed))
    recalculate(world, order)
    world.orders[order.id] = order
    world.index(order)
    world.fire("woocommerce_update_order", order.id)
    return order


def finish_checkout(world: World, order: Order, status: str) -> None:
    """The draft is bought. Here `updated` comes before `created`, and the stock last."""
    order.status, order.modified = status, world.now
    if status in PAID and order.payment_method != "cod":
        order.paid = world.now
    world.index(order)
    for hook in ("woocommerce_update_order", "woocommerce_new_order", "woocommerce_order_status_changed"):
        world.fire(hook, order.id)
    _move_stock(world, order)


def save(world: World, order: Order) -> None:
    """Stamp an order, changed or not, and say so; an order in the trash stays mute."""
    order.modified = world.now
    world.index(order)
    if order.status != "trash":
        world.fire("woocommerce_update_order", order.id)


def set_status(world: World, order: Order, status: str) -> None:
    """Move an order on. A status nobody registered becomes «pending», as WooCommerce has it."""
    before, order.status = order.status, status if status in world.statuses else "pending"
    if before == order.status:
        save(world, order)
        return
    if order.status in PAID and order.paid is None:
        order.paid = world.now
    if order.status == "completed":
        order.completed = world.now
    order.modified = world.now
    world.index(order)
    if before != "trash" or not world.settings.hpos:  # with its own tables, WooCommerce tells nobody of a way back
        world.fire("woocommerce_update_order", order.id)
    customer = world.users.get(order.customer_id)
    if order.status == "completed" and customer and not customer.paying:
        customer.paying, customer.modified = True, world.now
        world.fire("woocommerce_update_customer", customer.id)
    _move_stock(world, order)
    add_note(world, order, f"Order status changed from {_name(world, before)} to {_name(world, order.status)}.")
    world.fire("woocommerce_order_status_changed", order.id)


def complete_payment(world: World, order: Order, transaction: str = "") -> None:
    """The gateway says that it was paid."""
    if order.status not in UNPAID:
        return
    order.transaction_id = transaction or order.transaction_id
    order.paid = world.now
    set_status(world, order, "processing" if needs_processing(world, order) else "completed")


def needs_processing(world: World, order: Order) -> bool:
    """Whether anything sold must be packed: some product that is not both virtual and downloadable."""
    sold = (products.product_of(world, line) for line in order.lines)
    return any(product and not (product.virtual and product.downloadable) for product in sold)


def trash(world: World, order: Order) -> None:
    """Into the trash: the one deletion of an order that sends something."""
    order.meta.append(Meta(world.take("meta"), "_wp_trash_meta_status", f"wc-{order.status}"))
    order.meta.append(Meta(world.take("meta"), "_wp_trash_meta_time", str(world.now)))
    order.status, order.modified = "trash", world.now
    world.index(order)
    world.fire("woocommerce_trash_order", order.id)


def restore(world: World, order: Order) -> None:
    """Out of the trash as the admin screen does it."""
    statuses = [str(meta.value) for meta in order.meta if meta.key == "_wp_trash_meta_status"]
    order.meta = [meta for meta in order.meta if not meta.key.startswith("_wp_trash_meta_")]
    order.status, order.modified = statuses[-1].removeprefix("wc-") if statuses else "pending", world.now
    world.index(order)
    world.fire("woocommerce_untrash_order", order.id)


def erase(world: World, order: Order) -> None:
    """Delete for good, refunds included. Nothing is sent."""
    world.erased[order.id] = world.orders.pop(order.id)


def add_note(world: World, order: Order, text: str, *, author: str = "WooCommerce", to_customer: bool = False) -> Note:
    """Comment on an order: neither a hook nor a stamp."""
    note = Note(world.take("comment"), author, world.now, text, to_customer)
    order.notes.append(note)
    return note


def clean_drafts(world: World) -> None:
    """The shop's own housekeeping: drafts older than a day go, without a word."""
    for order in [o for o in world.orders.values() if o.status == "checkout-draft" and o.modified < world.now - DAY]:
        erase(world, order)


def cancel_unpaid(world: World) -> None:
    """The shop's own housekeeping: checkout orders that were not paid in time are cancelled."""
    limit = world.now - world.settings.hold_stock_minutes * 60
    for order in list(world.orders.values()):
        if order.status == "pending" and order.created_via in ("checkout", "store-api") and order.modified < limit:
            set_status(world, order, "cancelled")
            add_note(world, order, "Unpaid order cancelled - time limit reached.")


def _move_stock(world: World, order: Order) -> None:
    told = ""
    if order.status in products.TAKES_STOCK:
        told = products.take_stock(world, order)
        if not order.counted:
            order.counted = True
            products.count_sales(world, order)
    elif order.status in products.GIVES_STOCK_BACK:
        told = products.give_stock_back(world, order)
    if told:
        add_note(world, order, told)


def _name(world: World, status: str) -> str:
    return world.statuses.get(status, status.capitalize())
