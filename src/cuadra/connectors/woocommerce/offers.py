"""What a WooCommerce shop has for us to take: its catalogue, its first orders, and what has changed since the last look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cuadra.connectors.base import Progress
from cuadra.connectors.listing import Found, Listing
from cuadra.connectors.woocommerce.client import Client
from cuadra.connectors.woocommerce.reader import read
from cuadra.model import Axis, Covered, Entity

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: `any` leaves out the trash, and lists drafts
STATUSES = ("any", "trash")
CATALOGUE, CUSTOMERS = "catalogue", "customers"
"""Listings that say nothing of orders: kept as filtered ones, so that each knows where it stopped."""


Pages = Callable[[], Iterator[tuple[Entity, list[bytes]]]]


def _listing(name: str, arrival: str, pages: Pages, covers: Sequence[Covered], now: Callable[[], datetime]) -> Listing:
    def found(_progress: Progress) -> Iterator[Found]:
        asked = now()
        for kind, items in pages():
            yield kind, items, asked
            asked = now()

    return Listing(name, arrival, read, found, covers)


def catalogue(client: Client, now: Callable[[], datetime], since: datetime) -> Listing:
    """Categories, products and variations changed at `since` or later; categories have no time and always come whole."""

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for items in client.numbered("products/categories", {}):
            yield Entity.CATEGORY, items
        for items in client.walk("products", Axis.UPDATED, since, {"status": "any"}):
            yield Entity.PRODUCT, items
            for number in client.variable(items):
                for variations in client.numbered(f"products/{number}/variations", {}):
                    yield Entity.PRODUCT, variations

    began = now()
    covers = (Covered(Axis.UPDATED, since, began, began, CATALOGUE),)
    return _listing("catalogue", "backfill" if since <= BEGINNING else "poll", pages, covers, now)


def customers(client: Client, now: Callable[[], datetime]) -> Listing:
    """Every registered customer, whatever his role. No list tells of changes: later ones come with their orders."""

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for items in client.numbered("customers", {"role": "all"}):
            yield Entity.CUSTOMER, items

    began = now()
    return _listing("customers", "backfill", pages, (Covered(Axis.UPDATED, BEGINNING, began, began, CUSTOMERS),), now)


def earlier(client: Client, now: Callable[[], datetime], start: datetime, end: datetime) -> Listing:
    """Orders created before what has been read so far: a range that is imported later."""

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for status in STATUSES:
            within = {"status": status, "before": client.text(end)}
            for items in client.walk("orders", Axis.CREATED, start, within):
                yield Entity.ORDER, items

    return _listing("earlier", "backfill", pages, (Covered(Axis.CREATED, start, end, now()),), now)


def first(client: Client, now: Callable[[], datetime], horizon: datetime) -> Listing:
    """Orders created from `horizon` on, whatever their state, in the order of their changes."""
    began = now()

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for status in STATUSES:
            created = {"status": status, "after": client.text(horizon - timedelta(seconds=1))}
            for items in client.walk("orders", Axis.UPDATED, BEGINNING, created):
                yield Entity.ORDER, items

    covers: Sequence[Covered] = (
        Covered(Axis.CREATED, horizon, began, began), Covered(Axis.UPDATED, horizon, began, began, reach=horizon),
    )  # fmt: skip
    if horizon >= began:  # a first day that has not come yet
        covers = ()
    return _listing("orders", "backfill", pages, covers, now)


def changes(client: Client, now: Callable[[], datetime], since: datetime, reach: datetime | None) -> Listing:
    """Orders changed at `since` or later."""
    began = now()

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for status in STATUSES:
            for items in client.walk("orders", Axis.UPDATED, since, {"status": status}):
                yield Entity.ORDER, items

    return _listing("changes", "poll", pages, (Covered(Axis.UPDATED, since, began, began, reach=reach),), now)
