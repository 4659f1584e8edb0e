"""Pages of connections: cursors, limits, and what is said about the rest."""

from __future__ import annotations

import base64
import bisect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError

from cuadra_simulators.faults import Faults
from cuadra_simulators.shopify.graph.fields import sortable
from cuadra_simulators.shopify.graph.registry import Args, Listing

MOST = 250


@dataclass(slots=True)
class Page:
    """Some of a listing, one after the other."""

    listing: Listing
    nodes: Sequence[Any]
    before: bool
    after: bool

    def cursor(self, node: Any) -> str:
        """Where a walk goes on from."""
        listing = self.listing
        return written(listing.ident(node), listing.value(node))


def written(ident: int, value: Any) -> str:
    """A cursor: base64 of JSON."""
    shown = _moment(value) if isinstance(value, int) and 10**9 < value < 10**10 else value
    return base64.b64encode(
        json.dumps({"last_id": ident, "last_value": shown}, separators=(",", ":")).encode()
    ).decode()


def _moment(value: int) -> str:
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S.000000")


def _read(cursor: str) -> tuple[int, Any]:
    try:
        said = json.loads(base64.b64decode(cursor, validate=True))
        ident, value = int(said["last_id"]), said["last_value"]
        if isinstance(value, str) and value.endswith(".000000"):
            value = int(datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp())
    except (ValueError, KeyError, TypeError):
        raise GraphQLError("Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"}) from None
    return ident, value


def check(args: Args) -> None:
    """GraphQLError when no size is given, or too large a one."""
    for name in ("first", "last"):
        size = args.get(name)
        if size is not None and size > MOST:
            raise _refused(f"{name} cannot exceed {MOST}. Received {size}. Please use a smaller page size.")
        if size is not None and size < 0:
            raise _refused(f"{name} must not be negative.")
    if args.get("first") is None and args.get("last") is None:
        raise _refused("you must provide one of first or last")


def _refused(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_REQUEST"})


def paged(listing: Listing, args: Args, faults: Faults, where: str, limit: int) -> Page:
    """The page that the arguments ask for; `faults` may skip or repeat one at the root."""
    check(args)
    items = listing.items
    begin, end = 0, len(items)
    if args.get("after") is not None:
        begin = _place(listing, args["after"], after=True)
    if args.get("before") is not None:
        end = max(begin, _place(listing, args["before"], after=False))
    if args.get("first") is not None:
        end = min(end, begin + args["first"])
    else:
        begin = max(begin, end - args["last"])
    more = end < len(items)
    if listing.root:
        end, more = min(end, limit), more and end < limit
        begin = min(begin, end)
    nodes = list(items[begin:end])
    if listing.root and nodes and faults.active:
        _damage(nodes, faults, where)
    return Page(listing, nodes, begin > 0, more)


def _damage(nodes: list[Any], faults: Faults, where: str) -> None:
    if len(nodes) > 2 and (fault := faults.striking("skip_item", where)):
        del nodes[fault.chance.randrange(len(nodes) - 1)]  # never the last, whose cursor the walk goes on from
    if nodes and (fault := faults.striking("repeat_item", where)):
        at = fault.chance.randrange(len(nodes))
        nodes.insert(at, nodes[at])


def _place(listing: Listing, cursor: str, *, after: bool) -> int:
    """Where in the listing a cursor points to: behind its object, or before it; it may have moved or gone."""
    ident, value = _read(cursor)
    sign = -1 if listing.reverse else 1
    goal = (*sortable(value), ident)

    def rank(it: Any) -> Any:
        mine = (*sortable(listing.value(it)), listing.ident(it))
        if mine == goal:
            return 0
        return sign if mine > goal else -sign

    try:
        place = bisect.bisect_right if after else bisect.bisect_left
        return place(listing.items, 0, key=rank)
    except TypeError:  # a cursor of another sort
        raise _refused("Invalid cursor for current pagination sort.") from None
