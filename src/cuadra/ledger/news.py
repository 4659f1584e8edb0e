"""What a batch of orders changes of the facts that another one who decides keeps too."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from cuadra.pipeline.working import CustomerState, ProductState, WorkingSet


class News(Struct):
    """The batch of that number, as far as it matters to the batches behind it. Orders alone: what changes customers or
    products by a record of their own is not told in this way."""

    sequence: int
    orders: list[str]
    """Source's numbers of the orders that it brings or changes."""
    customers: list[CustomerState]
    """Those who are known by more keys or contacts than before, and new ones, as they are now."""
    customer_keys: list[tuple[str, str, int]]
    products: list[ProductState]
    product_keys: list[tuple[str, int, str, int]]
    apart: list[tuple[int, int]]
    """Pairs of these customers, and others, that a person has decided to be two people."""


def tell(ws: WorkingSet, orders: Collection[str], sequence: int) -> News:
    """What has come of a batch that has just been decided on this working set."""
    people = ws.touched
    made = {product_id for *_, product_id in ws.new_product_keys}
    return News(
        sequence, list(orders),
        [ws.customers[one] for one in people], list(ws.new_customer_keys),
        [ws.products[one] for one in made], list(ws.new_product_keys),
        [pair for pair in ws.decided_apart if not people.isdisjoint(pair)],
    )  # fmt: skip


def learn(ws: WorkingSet, news: News) -> None:
    """Put into a working set what a batch has changed that somebody else decided. A customer's key has one owner, so what
    is told of it is all; what is told of a product's key comes to what the database knows."""
    ws.customers.update((one.customer_id, one) for one in news.customers)
    for kind, value, customer_id in news.customer_keys:
        ws.customer_keys[kind, value] = customer_id
        ws.asked_customers.add((kind, value))
    ws.products.update((one.product_id, one) for one in news.products)
    for kind, scope, value, product_id in news.product_keys:
        ws.add_product_key((kind, scope, value), product_id)
    ws.decided_apart.update(news.apart)
