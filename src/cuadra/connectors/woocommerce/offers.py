"""What a WooCommerce shop has for us to take: its catalogue, its first orders, and what has changed since the last look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cuadra.connectors.base import Chunk, Evidence, OfferProblem, Progress, Raw, Reader, Source
from cuadra.connectors.http import Trouble
from cuadra.connectors.woocommerce.client import Client
from cuadra.connectors.woocommerce.reader import read
from cuadra.model import Axis, Covered, Entity

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
#: `any` leaves out the trash, and lists drafts
STATUSES = ("any", "trash")
CHUNK = 1000
CATALOGUE, CUSTOMERS = "catalogue", "customers"
"""Listings that say nothing of orders: kept as filtered ones, so that each knows where it stopped."""


class Listing:
    """One walk over the shop; an offer and its own source. See `connectors.base.Offer`."""

    is_set = False
    digest = b""
    problem: tuple[str, Evidence] | None = None
    corrections: Sequence[Any] = ()

    def __init__(self, name: str, arrival: str, pages: Callable[[], Iterator[tuple[Entity, list[bytes]]]],
                 covers: Sequence[Covered], now: Callable[[], datetime]) -> None:  # fmt: skip
        self.name, self.arrival, self._pages, self._now = name, arrival, pages, now
        self.covers: Sequence[Covered] = covers
        self.sequence = 0
        self.description: dict[str, Any] = {}
        self.source_count: int | None = None
        self.notes: dict[str, Any] = {}

    def open(self, progress: Progress) -> Source:
        """Nothing to make ready."""
        return self

    def reader(self) -> Reader:
        """The reader of everything that a shop sends."""
        return read

    def receive(self, cursor: dict[str, Any], progress: Progress) -> Iterator[Chunk]:
        """Walk from the beginning: the bound of a walk is a time, not a place in a list, and what comes again is known.

        The sequence of a receipt is when its page was asked for, so that of two versions with one stamp the one read
        later counts.
        """
        raws: list[Raw] = []
        done = 0
        try:
            asked = self._now()
            for kind, items in self._pages():
                sequence = int(asked.timestamp() * 1_000_000)
                raws += [Raw(kind, item, sequence) for item in items]
                done += len(items)
                progress(done, None, self.name)
                if len(raws) >= CHUNK:
                    yield Chunk(raws, {})
                    raws = []
                asked = self._now()
        except Trouble as trouble:
            if raws:
                yield Chunk(raws, {})
            raise OfferProblem(trouble.reason, trouble.evidence) from trouble
        if raws:
            yield Chunk(raws, {})


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
    return Listing("catalogue", "backfill" if since <= BEGINNING else "poll", pages, covers, now)


def customers(client: Client, now: Callable[[], datetime]) -> Listing:
    """Every registered customer, whatever his role. No list tells of changes: later ones come with their orders."""

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for items in client.numbered("customers", {"role": "all"}):
            yield Entity.CUSTOMER, items

    began = now()
    return Listing("customers", "backfill", pages, (Covered(Axis.UPDATED, BEGINNING, began, began, CUSTOMERS),), now)


def earlier(client: Client, now: Callable[[], datetime], start: datetime, end: datetime) -> Listing:
    """Orders created before what has been read so far: a range that is imported later."""

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for status in STATUSES:
            within = {"status": status, "before": client.text(end)}
            for items in client.walk("orders", Axis.CREATED, start, within):
                yield Entity.ORDER, items

    return Listing("earlier", "backfill", pages, (Covered(Axis.CREATED, start, end, now()),), now)


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
    return Listing("orders", "backfill", pages, covers, now)


def changes(client: Client, now: Callable[[], datetime], since: datetime, reach: datetime | None) -> Listing:
    """Orders changed at `since` or later."""
    began = now()

    def pages() -> Iterator[tuple[Entity, list[bytes]]]:
        for status in STATUSES:
            for items in client.walk("orders", Axis.UPDATED, since, {"status": status}):
                yield Entity.ORDER, items

    return Listing("changes", "poll", pages, (Covered(Axis.UPDATED, since, began, began, reach=reach),), now)
