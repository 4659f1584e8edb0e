"""The file of a bulk operation over very many orders, without a shop that holds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cuadra_simulators.shopify.bulk import projector, write
from cuadra_simulators.shopify.model import Order
from cuadra_simulators.shopify.settings import MEXICO, ShopSettings
from cuadra_simulators.shopify.shop import Shop
from cuadra_simulators.shopify.world import unswept

QUERY = """{
  orders {
    edges { node {
      id name createdAt processedAt updatedAt cancelledAt closedAt test sourceName tags displayFinancialStatus
      displayFulfillmentStatus currencyCode presentmentCurrencyCode email phone
      totalPriceSet { shopMoney { amount currencyCode } } currentTotalPriceSet { shopMoney { amount currencyCode } }
      totalRefundedSet { shopMoney { amount currencyCode } } totalTaxSet { shopMoney { amount currencyCode } }
      customer { id firstName lastName defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } }
      transactions { id kind status gateway amountSet { shopMoney { amount currencyCode } } createdAt }
      lineItems { edges { node {
        id title sku quantity currentQuantity variant { id } product { id }
        originalUnitPriceSet { shopMoney { amount currencyCode } } discountedTotalSet { shopMoney { amount currencyCode } }
      } } }
    } }
  }
}"""
PEOPLE = 5_000
"""Customers that are remembered; older ones do not come back."""


def write_orders(path: Path, orders: int, *, seed: int = 1, settings: ShopSettings = MEXICO, days: int = 365,
                 query: str = QUERY, grouped: bool = False) -> tuple[int, int, int]:  # fmt: skip
    """Write so many orders with what is below them to a file, as `query` would get them; (orders, objects, bytes).

    Nothing but a few thousand customers stays in memory, whatever the number of orders.
    """
    shop = Shop(seed, orders=0, settings=settings)
    return write_orders_of(shop, path, orders, days=days, query=query, grouped=grouped, people=PEOPLE)


def write_orders_of(shop: Shop, path: Path, orders: int, *, days: int = 365, query: str = QUERY, grouped: bool = False,
                    people: int | None = None, told: Callable[[Order], None] | None = None) -> tuple[int, int, int]:  # fmt: skip
    """The same of a shop of one's own: it has the catalogue and the customers afterwards (the last `people` of them), and no
    orders. `told` is shown each order."""
    was, shop.world.quiet = shop.world.quiet, True
    plans = projector(shop.bulks.context(shop.access()), query)
    try:
        with path.open("wb") as file, unswept():
            return write(file, plans, _made(shop, orders, days, people, told), grouped=grouped, lock=threading.Lock())
    finally:
        shop.world.quiet = was


def _made(
    shop: Shop, orders: int, days: int, most: int | None, told: Callable[[Order], None] | None
) -> Iterator[Order]:
    """The orders one after the other, each forgotten some time after it was made."""
    world, people = shop.world, shop.buying.people
    for moment in shop.past.moments(orders, days):
        with world.action():
            made = shop.past.order(moment)
        if told is not None:
            told(made)
        yield made
        world.orders.clear()  # what is being written is held by who writes it
        world.erased.clear()
        if most is not None and len(people) > 2 * most:
            for gone in people[:most]:
                world.customers.pop(gone.id, None)
            del people[:most]
