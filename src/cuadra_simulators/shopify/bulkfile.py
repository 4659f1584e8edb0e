"""The file of a bulk operation over very many orders, without a shop that holds them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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
    shop.world.quiet = True
    plans = projector(shop.bulks.context(shop.access()), query)
    with path.open("wb") as file, unswept():
        return write(file, plans, _made(shop, orders, days), grouped=grouped, lock=threading.Lock())


def _made(shop: Shop, orders: int, days: int) -> Iterator[Order]:
    """The orders one after the other, each forgotten some time after it was made."""
    world, people = shop.world, shop.buying.people
    for moment in shop.past.moments(orders, days):
        with world.action():
            made = shop.past.order(moment)
        yield made
        world.orders.clear()  # what is being written is held by who writes it
        world.erased.clear()
        if len(people) > 2 * PEOPLE:
            for gone in people[:PEOPLE]:
                world.customers.pop(gone.id, None)
            del people[:PEOPLE]
