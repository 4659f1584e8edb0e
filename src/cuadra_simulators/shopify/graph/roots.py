"""The root of queries, and what things are found by their ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

from cuadra_simulators.shopify.graph.fields import BULKS, SUBSCRIPTIONS, count
from cuadra_simulators.shopify.graph.registry import CONNECTIONS, FIELDS, Args, Context, Item, Listing, Part, Resolver
from cuadra_simulators.shopify.model import Order
from cuadra_simulators.shopify.settings import VERSIONS

_GID = re.compile(r"gid://shopify/(\w+)/(\d+)(?:\?.*)?")
_PARTS: dict[str, Callable[[Order], Any]] = {
    "LineItem": lambda o: o.lines, "OrderTransaction": lambda o: o.transactions, "Refund": lambda o: o.refunds,
    "Fulfillment": lambda o: o.fulfillments,
}  # fmt: skip


def found(context: Context, gid: str, kind: str = "") -> Any:
    """What an id names and the app may see; None if nothing. GraphQLError when it is no id (of that kind)."""
    read = _GID.fullmatch(gid)
    if read is None or (kind and read[1] != kind):
        raise GraphQLError(f"Invalid global id '{gid}'", extensions={"code": "argumentLiteralsIncompatible"})
    name, number, world = read[1], int(read[2]), context.world
    if not context.access.holds(name):
        return None
    if name == "Order":
        order = world.orders.get(number)
        return order if order is not None and context.access.sees(order) else None
    if name in _PARTS:
        return _part(context, name, number)
    if name == "InventoryItem":
        return next((Item(it) for it in world.variants.values() if it.item_id == number), None)
    if name == "BulkOperation":
        return context.services.bulks.get(context.access.app.id, number)
    if name == "WebhookSubscription":
        return context.services.hooks.get(context.access.app.id, number)
    shelf: dict[str, Any] = {
        "Customer": world.customers, "Product": world.products, "ProductVariant": world.variants,
        "Collection": world.collections,
    }  # fmt: skip
    return shelf.get(name, {}).get(number)


def _part(context: Context, name: str, number: int) -> Part | None:
    for order in context.world.orders.values():
        if context.access.sees(order):
            for it in _PARTS[name](order):
                if it.id == number:
                    return Part(order, it)
    return None


def _by_id(kind: str) -> Resolver:
    return lambda root, context, args: found(context, args["id"], kind)


def _identified(root: None, context: Context, args: Args) -> Any:
    wanted = args["identifier"]
    if wanted.get("id"):
        return found(context, wanted["id"], "Order")
    asked = wanted.get("customId") or {}
    for order in context.world.orders.values():
        for one in order.metafields:
            same = one.key == asked.get("key") and one.value == asked.get("value")
            if same and one.namespace == asked.get("namespace", one.namespace) and context.access.sees(order):
                return order
    return None


def _nodes(root: None, context: Context, args: Args) -> list[Any]:
    if (many := len(args["ids"])) > 250:
        message = f"The input array size of {many} is greater than the maximum allowed of 250."
        raise GraphQLError(message, extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})
    return [found(context, gid) for gid in args["ids"]]


def _variants_count(root: None, context: Context, args: Args) -> tuple[int, str]:
    """Counts all of them, whatever the query says."""
    return len(context.world.variants), "EXACT"


def _counted(name: str) -> Resolver:
    def read(root: None, context: Context, args: Args) -> tuple[int, str]:
        return count(getattr(context.services.lists, name)(context, args), args)

    return read


def _versions(root: None, context: Context, args: Args) -> list[dict[str, Any]]:
    oldest = context.world.settings.oldest_version
    known = [*VERSIONS, "unstable"]
    return [
        {"handle": it, "displayName": "unstable" if it == "unstable" else it, "supported": it >= oldest} for it in known
    ]


def _listed(name: str) -> Callable[[Any, Context, Args], Listing]:
    def read(root: Any, context: Context, args: Args) -> Listing:
        listing: Listing = getattr(context.services.lists, name)(context, args)
        return listing

    return read


def _bulks(root: Any, context: Context, args: Args) -> Listing:
    mine = context.services.bulks.of(context.access.app.id)
    return context.services.lists.of(context, args, "bulks", BULKS, mine)


def _hooks(root: Any, context: Context, args: Args) -> Listing:
    """Only the calling app's own subscriptions."""
    mine = context.services.hooks.of(context.access.app.id)
    topics, uri, form = args.get("topics"), args.get("uri"), args.get("format")
    mine = [
        it for it in mine
        if (not topics or it.enum in topics) and (not uri or it.uri == uri) and (not form or it.format == form)
    ]  # fmt: skip
    return context.services.lists.of(context, args, "subscriptions", SUBSCRIPTIONS, mine)


FIELDS["QueryRoot"] = {
    "node": lambda root, c, a: found(c, a["id"]), "nodes": _nodes, "order": _by_id("Order"),
    "orderByIdentifier": _identified, "customer": _by_id("Customer"), "product": _by_id("Product"),
    "productVariant": _by_id("ProductVariant"), "collection": _by_id("Collection"),
    "refund": _by_id("Refund"), "bulkOperation": _by_id("BulkOperation"), "webhookSubscription": _by_id("WebhookSubscription"),
    "event": lambda root, c, a: next(
        (it for it in c.world.deletions if a["id"].endswith(f"/{it.id}")), None
    ),
    "job": lambda root, c, a: {"id": a["id"], "done": True, "query": None}, "shop": lambda root, c, a: c.world,
    "currentAppInstallation": lambda root, c, a: c.access.app, "publicApiVersions": _versions,
    "ordersCount": _counted("orders"), "customersCount": _counted("customers"), "productsCount": _counted("products"),
    "collectionsCount": _counted("collections"), "productVariantsCount": _variants_count,
    "webhookSubscriptionsCount": lambda root, c, a: (len(c.services.hooks.of(c.access.app.id)), "EXACT"),
}  # fmt: skip
for _field, _name in {"orders": "orders", "customers": "customers", "products": "products", "events": "events",
                      "productVariants": "variants", "collections": "collections"}.items():  # fmt: skip
    CONNECTIONS["QueryRoot", _field] = _listed(_name)
CONNECTIONS["QueryRoot", "bulkOperations"] = _bulks
CONNECTIONS["QueryRoot", "webhookSubscriptions"] = _hooks
