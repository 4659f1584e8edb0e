"""What a Shopify shop has for us to take: its catalogue, its first orders, and what has changed since the last look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cuadra.connectors.base import Evidence, Progress
from cuadra.connectors.listing import CHUNK, Found, Listing
from cuadra.connectors.shopify import bulk, queries
from cuadra.connectors.shopify.client import PAGE, WALK, Data
from cuadra.connectors.shopify.reader import read
from cuadra.connectors.shopify.shop import EDGE, ShopifyShop, bodies, slices
from cuadra.model import Axis, Covered, Entity

BEGINNING = datetime(2004, 1, 1, tzinfo=UTC)
"""Before the first shop of the platform."""
EVERY_PRODUCT = "status:active,draft,archived,unlisted"
CATALOGUE, CUSTOMERS = "catalogue", "customers"
AUTO, PAGES, BULK = "auto", "pages", "bulk"
BULK_FROM = 2_500
"""From so many orders on they are asked for in one piece, where nobody has said how: 50 pages, at the usual page."""


def catalogue(shop: ShopifyShop, since: datetime) -> Listing:
    """Collections whole, and products with their variants changed at `since` or later."""
    began = _now(shop)

    def found(_progress: Progress) -> Iterator[Found]:
        if shop.categories == "collections":
            for nodes, data in _all(shop, queries.COLLECTIONS, "collections", "", 250):
                yield Entity.CATEGORY, bodies(nodes), shop.asked(data)
        wanted = f"updated_at:>='{shop.text(since)}' AND {EVERY_PRODUCT}"
        for nodes, data in _all(shop, queries.PRODUCTS, "products", wanted, PAGE):
            yield Entity.PRODUCT, shop.products(nodes), shop.asked(data)

    covers = (Covered(Axis.UPDATED, since, began, began, CATALOGUE),)
    return Listing("catalogue", "backfill" if since <= BEGINNING else "poll", read, found, covers)


def customers(shop: ShopifyShop) -> Listing:
    """Every customer. Changes come with notices: the shop finds changed ones by whole days only."""
    began = _now(shop)

    def found(_progress: Progress) -> Iterator[Found]:
        for nodes, data in _all(shop, queries.CUSTOMERS, "customers", "", 100):
            yield Entity.CUSTOMER, bodies([one for one in nodes if one]), shop.asked(data)

    return Listing("customers", "backfill", read, found, (Covered(Axis.UPDATED, BEGINNING, began, began, CUSTOMERS),))


def _all(
    shop: ShopifyShop, text: str, root: str, search: str, size: int
) -> Iterator[tuple[list[dict[str, Any]], Data]]:
    """A whole list in the order of its ids, of which a walk shows only so much: each begins above the one before."""
    above = 0
    while True:
        wanted = " AND ".join(filter(None, (f"id:>{above}" if above else "", search)))
        walked = 0
        for nodes, data in shop.client.walk(text, root, {"query": wanted or None}, size, resumed=True):
            walked += len(nodes)
            above = max((above, *(int(one["legacyResourceId"]) for one in nodes if one)))
            yield nodes, data
        if walked < WALK:
            return


def first(shop: ShopifyShop, horizon: datetime, wall: datetime | None, history: str, work: Path) -> Listing:
    """Orders created from `horizon` on, whatever their state. `wall`: what was created before it the shop does not show."""
    began = _now(shop)
    start = max(horizon, wall + EDGE) if wall else horizon
    notes: dict[str, Any] = {}
    if wall is not None and horizon < wall:
        proof = {"ordered_at": horizon.isoformat(), "window": 60, "oldest": wall.isoformat()}
        notes = {"reason": "history_beyond_platform_window", "evidence": proof}
    covers: Sequence[Covered] = (
        Covered(Axis.CREATED, start, began, began), Covered(Axis.UPDATED, start, began, began, reach=start),
    )  # fmt: skip
    if start >= began:
        covers = ()
    return Listing("orders", "backfill", read, _created(shop, start, None, history, work), covers, notes,
                   lambda: _version(shop))  # fmt: skip


def earlier(shop: ShopifyShop, start: datetime, end: datetime, history: str, work: Path) -> Listing:
    """Orders created before what has been read so far: a range that is imported later, or that could not be seen before."""
    covers = (Covered(Axis.CREATED, start, end, shop.now()),)
    return Listing("earlier", "backfill", read, _created(shop, start, end, history, work), covers)


def changes(shop: ShopifyShop, since: datetime, reach: datetime | None) -> Listing:
    """Orders changed at `since` or later. One that changes meanwhile goes to the end of the list, and comes again."""
    began = _now(shop)

    def found(_progress: Progress) -> Iterator[Found]:
        for low, high in slices(shop, Axis.UPDATED, since, None):
            yield from _walked(shop, Axis.UPDATED, low, high)

    covers = (Covered(Axis.UPDATED, since, began, began, reach=reach),)
    return Listing("changes", "poll", read, found, covers, remark=lambda: _version(shop))


def from_file(shop: ShopifyShop, path: Path, work: Path) -> Listing:
    """A bulk file that somebody has downloaded. What it was asked for is not known, so it covers nothing."""
    return Listing("file", "backfill", read, lambda progress: _assembled(shop, path, work, _made_at(path), progress))


def _version(shop: ShopifyShop) -> dict[str, Any]:
    """A remark where another version of the API answers than the one that was asked."""
    client = shop.client
    if client.answered_by is None:
        return {}
    difference = f"API {client.version} → {client.answered_by}"
    proof: Evidence = {"difference": difference, "sample": None, "mappings": []}
    return {"reason": "source_structure_changed", "evidence": proof, "remark": True}


def _now(shop: ShopifyShop) -> datetime:
    """The end of a look that begins now: searches have bounds of whole seconds, and what they leave out of the last one is
    not to be called covered."""
    return shop.now().replace(microsecond=0)


def _walked(shop: ShopifyShop, axis: Axis, low: datetime, high: datetime | None) -> Iterator[Found]:
    wanted = {"query": shop.within(axis, low, high), "by": "UPDATED_AT" if axis is Axis.UPDATED else "CREATED_AT"}
    for nodes, data in shop.client.walk(queries.ORDERS, "orders", wanted):
        yield Entity.ORDER, shop.orders(nodes, data, ("orders", "nodes")), shop.asked(data)


def _created(shop: ShopifyShop, start: datetime, end: datetime | None, history: str, work: Path) -> Callable[[Progress], Iterator[Found]]:  # fmt: skip
    def found(progress: Progress) -> Iterator[Found]:
        if end is not None and start >= end:
            return
        search = shop.within(Axis.CREATED, start, end)
        many, exact = shop.client.count(search)
        # a bulk file says of nothing that it was kept back
        if history == PAGES or (history == AUTO and many < BULK_FROM and exact) or shop.hides_people():
            for low, high in slices(shop, Axis.CREATED, start, end):
                yield from _walked(shop, Axis.CREATED, low, high)
            return
        path, asked = work / "bulk.jsonl", shop.now()
        bulk.fetch(shop.client, shop.door, search, path, progress)
        yield from _assembled(shop, path, work, asked, progress)
        path.unlink()

    return found


def _assembled(shop: ShopifyShop, path: Path, work: Path, asked: datetime, progress: Progress) -> Iterator[Found]:
    """The orders of a bulk file. Of those that it does not tell enough of, the shop is asked again."""
    whole: list[bytes] = []
    again: list[str] = []
    for gid, body in bulk.orders(path, work / "bulk", progress):
        if body is None:
            again.append(gid)
        else:
            whole.append(body)
        if len(whole) >= CHUNK:
            yield Entity.ORDER, whole, asked
            whole = []
        if len(again) >= CHUNK:
            yield from _again(shop, again)
            again = []
    if whole:
        yield Entity.ORDER, whole, asked
    yield from _again(shop, again)


def _again(shop: ShopifyShop, ids: list[str]) -> Iterator[Found]:
    for _some, data in shop.client.by_id(queries.ORDERS_BY_ID, ids):
        yield Entity.ORDER, shop.orders(data.data["nodes"], data, ("nodes",)), shop.asked(data)


def _made_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
