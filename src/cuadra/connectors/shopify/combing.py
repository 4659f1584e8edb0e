"""Looking for a tracking number. A Shopify shop cannot be searched for one; but what has been read of it is here already, with
its parcels. So only what may have changed since is gone through, and not for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cuadra.connectors.base import Look
from cuadra.connectors.shopify import queries
from cuadra.model import Axis, Covered, normal

if TYPE_CHECKING:
    from cuadra.connectors.shopify.client import Data
    from cuadra.connectors.shopify.shop import ShopifyShop

BUDGET = 10
"""Pages of orders that are gone through for one question."""
NO_SEARCH = "tracking numbers: the platform has no search for them"
_TRACKING = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9 -]{6,38}[A-Za-z0-9]")


def may_be_tracking(text: str) -> bool:
    """Whether a text has the shape of a tracking number."""
    return _TRACKING.fullmatch(text) is not None


def unread(covered: Iterable[Covered], settle: timedelta, now: datetime) -> datetime | None:
    """The moment since which changes may not have been read; None if nothing was ever read: then an import is what is
    wanted, and not a look."""
    looks = [one.read_at for one in covered if one.axis is Axis.UPDATED and not one.filter]
    return min(max(looks) - settle, now) if looks else None


def comb(
    shop: ShopifyShop, text: str, since: datetime | None, look: Look
) -> Iterator[tuple[dict[str, Any], Data, int]]:
    """Orders with a parcel of this number among those changed since: (order, the answer, its place there). Says in `look`
    what was asked, and that the budget was spent where it was. Raises Trouble."""
    asked = shop.now()
    shop.note(look, NO_SEARCH, asked, 0, None)
    if since is None:
        return
    wanted = {"query": shop.within(Axis.UPDATED, since, None), "by": "UPDATED_AT"}
    pages = seen = found = 0
    for nodes, data in shop.client.walk(queries.ORDERS, "orders", wanted):
        pages, seen = pages + 1, seen + len(nodes)
        for place, node in enumerate(nodes):
            if normal(text) in set(_numbers(node)):
                found += 1
                yield node, data, place
        if found or pages >= BUDGET:
            break
    spent = ", not to the end" if pages >= BUDGET and not found else ""
    shop.note(
        look, f"orders changed since {shop.text(since)}: {seen} in {pages} of {BUDGET} pages{spent}", asked, found
    )


def _numbers(node: dict[str, Any]) -> Iterator[str]:
    for parcel in node.get("fulfillments") or ():
        for track in parcel.get("trackingInfo") or ():
            if track.get("number"):
                yield normal(str(track["number"]))
