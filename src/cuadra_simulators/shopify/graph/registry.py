"""Where every field of the schema finds its value: one function each, for the executor and for bulk operations alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from cuadra_simulators.shopify.model import (
    Bulk,
    Collection,
    Customer,
    Deletion,
    Discount,
    Fulfillment,
    Line,
    Metafield,
    Order,
    Product,
    Refund,
    Subscription,
    Transaction,
    Variant,
)
from cuadra_simulators.shopify.money import Bag, Money

if TYPE_CHECKING:
    from cuadra_simulators.shopify.graph.access import Access
    from cuadra_simulators.shopify.services import Services

Args = Mapping[str, Any]
Resolver = Callable[[Any, "Context", Args], Any]


class Part(NamedTuple):
    """Something that belongs to an order."""

    order: Order
    it: Any


class Item(NamedTuple):
    """What the stock keeps of a variant."""

    variant: Variant


@dataclass(slots=True)
class Listing:
    """All that a connection has, in its order. `value`: what it is sorted by, `ident`: the number of each."""

    items: Sequence[Any]
    value: Callable[[Any], Any]
    ident: Callable[[Any], int]
    reverse: bool = False
    root: bool = False


Lister = Callable[[Any, "Context", Args], Listing]
FIELDS: dict[str, dict[str, Resolver]] = {}
"""Type → field → its value from the object, the context and the arguments."""
CONNECTIONS: dict[tuple[str, str], Lister] = {}
"""(type, field) → everything that the connection holds."""
TYPES: dict[type, str] = {
    Order: "Order", Customer: "Customer", Product: "Product", Variant: "ProductVariant", Collection: "Collection",
    Item: "InventoryItem", Line: "LineItem", Transaction: "OrderTransaction", Refund: "Refund",
    Fulfillment: "Fulfillment", Deletion: "BasicEvent", Bulk: "BulkOperation", Subscription: "WebhookSubscription",
    Metafield: "Metafield", Money: "MoneyV2",
}  # fmt: skip
_DISCOUNTS = {"code": "DiscountCodeApplication", "manual": "ManualDiscountApplication",
              "automatic": "AutomaticDiscountApplication"}  # fmt: skip


@dataclass(slots=True)
class Context:
    """One request: whose it is, what he may see, and what has to be said beside the data."""

    services: Services
    access: Access
    now: int
    searches: list[dict[str, Any]] = field(default_factory=list)

    @property
    def world(self) -> Any:
        """The shop's state."""
        return self.services.world


def type_of(value: Any) -> str:
    """The schema's name for what a value is."""
    inside = value.it if isinstance(value, Part) else value
    if isinstance(inside, Discount):
        return _DISCOUNTS[inside.kind]
    return TYPES.get(type(inside), "PricingPercentageValue")


@lru_cache(maxsize=100_000)
def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(moment: int | None) -> str | None:
    """A time as GraphQL writes it: UTC."""
    return None if moment is None else _written(moment)


def attr(name: str) -> Resolver:
    """The attribute of that name."""
    return lambda it, context, args: getattr(it, name)


def when(name: str) -> Resolver:
    """The stamp of that name."""
    return lambda it, context, args: stamp(getattr(it, name))


def constant(value: Any) -> Resolver:
    """Always the same."""
    return lambda it, context, args: value


def gids(kind: str) -> Resolver:
    """The global id of an object with a number."""
    return lambda it, context, args: f"gid://shopify/{kind}/{it.id}"


def attributes(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Pairs as the schema has them."""
    return [{"key": key, "value": value} for key, value in pairs]


def first(found: Sequence[Any], args: Args) -> Sequence[Any]:
    """The beginning of a list that is no connection."""
    many = args.get("first")
    return found if many is None else found[:many]


def parts(order: Order, found: Sequence[Any]) -> list[Part]:
    """Things of an order."""
    return [Part(order, it) for it in found]


def listed(found: Sequence[Any], ident: Callable[[Any], int]) -> Listing:
    """A nested connection, in the order in which the things came."""
    return Listing(found, ident, ident)


def bag(order: Order, units: int) -> Bag:
    """An amount of an order."""
    return Bag(units, order.deal)


def metafields_of(it: Any, context: Context, args: Args) -> Listing:
    """The metafields of an object, of one namespace if it is named."""
    space, keys = args.get("namespace"), args.get("keys")
    found = [
        one for one in it.metafields
        if (not space or one.namespace == space) and (not keys or f"{one.namespace}.{one.key}" in keys)
    ]  # fmt: skip
    return listed(found, lambda one: int(one.id))


def metafield_of(it: Any, context: Context, args: Args) -> Metafield | None:
    """The metafield of a key."""
    space = args.get("namespace") or f"app--{context.access.app.id}"
    return next((one for one in it.metafields if one.namespace == space and one.key == args["key"]), None)
