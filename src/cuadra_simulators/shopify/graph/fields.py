"""What can be searched, by what lists can be sorted, and the root lists themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cuadra_simulators.shopify.graph.registry import Args, Context, Listing
from cuadra_simulators.shopify.graph.search import Field, Search, Test
from cuadra_simulators.shopify.model import Order, Product
from cuadra_simulators.shopify.world import World

if TYPE_CHECKING:
    from cuadra_simulators.faults import Faults

FULFILLED = {"shipped": "fulfilled", "partial": "partially_fulfilled", "unshipped": "unfulfilled"}
Keys = dict[str, Callable[[Any], Any]]


def _status(order: Order, asked: str) -> bool:
    if asked == "open":
        return order.closed is None and order.cancelled is None
    if asked == "closed":
        return order.closed is not None and order.cancelled is None
    if asked == "cancelled":
        return order.cancelled is not None
    return order.closed is None if asked == "not_closed" else asked == "any"


def _sent(order: Order, asked: str) -> bool:
    wanted = [FULFILLED.get(one, one) for one in asked.split(",")]
    return order.totals.fulfillment.lower() in wanted


def order_fields(known: Callable[[Order], int]) -> dict[str, Field]:
    """The fields of orders; `known` is the stamp of its last change that the index knows."""
    return {
        "id": Field("id", lambda o: o.id), "created_at": Field("time", lambda o: o.created),
        "updated_at": Field("time", known), "processed_at": Field("time", lambda o: o.processed),
        "name": Field("word", lambda o: o.name), "status": Field("word", lambda o: None, _status),
        "financial_status": Field("word", lambda o: o.totals.financial),
        "fulfillment_status": Field("word", lambda o: o.totals.fulfillment, _sent),
        "test": Field("flag", lambda o: o.test), "tag": Field("words", lambda o: o.tags),
        "tag_not": Field("words", lambda o: o.tags, lambda o, tag: tag not in [it.lower() for it in o.tags]),
        "source_name": Field("word", lambda o: o.source), "source_identifier": Field("word", lambda o: o.source_id),
        "customer_id": Field("id", lambda o: o.customer_id), "email": Field("word", lambda o: o.email),
        "sku": Field("words", lambda o: [it.sku for it in o.lines]), "po_number": Field("word", lambda o: o.po_number),
        "confirmation_number": Field("word", lambda o: o.confirmation),
        "gateway": Field("words", lambda o: [it.gateway for it in o.transactions]),
        "payment_id": Field("words", lambda o: [it.payment for it in o.transactions]),
        "discount_code": Field("words", lambda o: [it.title for it in o.discounts if it.kind == "code"]),
    }  # fmt: skip


CUSTOMERS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "email": Field("word", lambda it: it.email),
    "phone": Field("word", lambda it: it.phone), "first_name": Field("word", lambda it: it.first_name),
    "last_name": Field("word", lambda it: it.last_name), "customer_date": Field("time", lambda it: it.created),
    "updated_at": Field("day", lambda it: it.updated), "state": Field("word", lambda it: it.state),
    "tag": Field("words", lambda it: it.tags), "orders_count": Field("number", lambda it: len(it.orders)),
    "country": Field("words", lambda it: [one.country for one in it.addresses]),
}  # fmt: skip
PRODUCTS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "title": Field("word", lambda it: it.title),
    "status": Field("word", lambda it: it.status), "vendor": Field("word", lambda it: it.vendor),
    "product_type": Field("word", lambda it: it.product_type), "handle": Field("word", lambda it: it.handle),
    "created_at": Field("time", lambda it: it.created), "updated_at": Field("time", lambda it: it.updated),
    "published_at": Field("time", lambda it: it.published), "tag": Field("words", lambda it: it.tags),
    "sku": Field("words", lambda it: [one.sku for one in it.variants]), "gift_card": Field("flag", lambda it: it.gift_card),
    "barcode": Field("words", lambda it: [one.barcode for one in it.variants]),
    "collection_id": Field("words", lambda it: it.collections), "category_id": Field("word", lambda it: it.category),
}  # fmt: skip
VARIANTS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "sku": Field("word", lambda it: it.sku),
    "barcode": Field("word", lambda it: it.barcode), "title": Field("word", lambda it: it.title),
    "product_id": Field("id", lambda it: it.product_id), "updated_at": Field("time", lambda it: it.updated),
}  # fmt: skip
COLLECTIONS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "title": Field("word", lambda it: it.title),
    "handle": Field("word", lambda it: it.handle), "updated_at": Field("time", lambda it: it.updated),
    "collection_type": Field("word", lambda it: "smart" if it.rule else "custom"),
}  # fmt: skip
EVENTS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "verb": Field("word", lambda it: it.verb),
    "action": Field("word", lambda it: it.verb), "subject_type": Field("word", lambda it: it.subject),
    "created_at": Field("time", lambda it: it.at),
}  # fmt: skip
BULKS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "status": Field("word", lambda it: it.status),
    "operation_type": Field("word", lambda it: "query"), "created_at": Field("time", lambda it: it.created),
}  # fmt: skip
SUBSCRIPTIONS: dict[str, Field] = {
    "id": Field("id", lambda it: it.id), "created_at": Field("time", lambda it: it.created),
    "updated_at": Field("time", lambda it: it.updated),
}  # fmt: skip
SORTS: dict[str, Keys] = {
    "orders": {
        "CREATED_AT": lambda o: o.created, "PROCESSED_AT": lambda o: o.processed, "ID": lambda o: o.id,
        "ORDER_NUMBER": lambda o: o.number, "TOTAL_PRICE": lambda o: o.totals.total, "PO_NUMBER": lambda o: o.po_number,
        "CURRENT_TOTAL_PRICE": lambda o: o.totals.current_total, "FINANCIAL_STATUS": lambda o: o.totals.financial,
        "FULFILLMENT_STATUS": lambda o: o.totals.fulfillment, "RELEVANCE": lambda o: o.id,
        "TOTAL_ITEMS_QUANTITY": lambda o: sum(it.quantity for it in o.lines),
        "CUSTOMER_NAME": lambda o: o.billing.name if o.billing else None,
        "DESTINATION": lambda o: o.shipping_address.city if o.shipping_address else None,
    },
    "customers": {
        "CREATED_AT": lambda it: it.created, "UPDATED_AT": lambda it: it.updated, "ID": lambda it: it.id,
        "RELEVANCE": lambda it: it.id, "NAME": lambda it: it.display_name,
        "LOCATION": lambda it: it.addresses[0].city if it.addresses else None,
    },
    "products": {
        "CREATED_AT": lambda it: it.created, "UPDATED_AT": lambda it: it.updated, "ID": lambda it: it.id,
        "TITLE": lambda it: it.title, "VENDOR": lambda it: it.vendor, "PRODUCT_TYPE": lambda it: it.product_type,
        "PUBLISHED_AT": lambda it: it.published, "RELEVANCE": lambda it: it.id,
        "INVENTORY_TOTAL": lambda it: sum(one.stock for one in it.variants),
    },
    "variants": {
        "ID": lambda it: it.id, "SKU": lambda it: it.sku, "TITLE": lambda it: it.title,
        "INVENTORY_QUANTITY": lambda it: it.stock, "POSITION": lambda it: it.position,
    },
    "collections": {
        "ID": lambda it: it.id, "TITLE": lambda it: it.title, "UPDATED_AT": lambda it: it.updated,
        "RELEVANCE": lambda it: it.id,
    },
    "events": {"ID": lambda it: it.id, "CREATED_AT": lambda it: it.at},
    "bulks": {"CREATED_AT": lambda it: it.created, "COMPLETED_AT": lambda it: it.completed},
    "subscriptions": {"CREATED_AT": lambda it: it.created, "ID": lambda it: it.id},
}  # fmt: skip


def _ident(it: Any) -> int:
    return int(it.id)


class Lists:
    """The lists at the root of the schema, and those of a customer's orders."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self._kept: dict[tuple[Any, ...], tuple[Listing, list[dict[str, str]]]] = {}
        self._revision = -1

    @property
    def delay(self) -> int:
        """Seconds by which searches are behind."""
        late = (fault.seconds for fault in self.faults.active if fault.kind == "index_lag")
        return int(max((self.world.settings.index_delay, *late)))

    def orders(self, context: Context, args: Args, among: Iterable[Order] | None = None) -> Listing:
        """Orders that the app may see and the index knows."""
        until = context.now - self.delay
        known: Callable[[Order], int] = lambda o: o.updated  # noqa: E731
        if self.delay:
            known = lambda o: next((at for at in reversed(o.stamps) if at <= until), 0)  # noqa: E731
        access = context.access

        def found() -> list[Order]:
            seen = self.world.orders.values() if among is None else among
            return [it for it in seen if access.sees(it) and (not self.delay or known(it))]

        keys = {**SORTS["orders"], "UPDATED_AT": known}
        moving = until if self.delay or access.oldest(context.now) else 0
        mark = ("orders", access.app.id, moving) if among is None else None
        return self._listing(context, args, mark, order_fields(known), ("name", "email", "tag"), keys, found)

    def customers(self, context: Context, args: Args) -> Listing:
        """Customers."""
        return self._listing(context, args, ("customers",), CUSTOMERS, ("first_name", "last_name", "email", "phone"),
                             SORTS["customers"], lambda: list(self.world.customers.values()))  # fmt: skip

    def products(self, context: Context, args: Args) -> Listing:
        """Products; without a status in the query only those that the settings say."""
        listing = self._listing(context, args, ("products",), PRODUCTS, ("title", "vendor", "tag"), SORTS["products"],
                                lambda: list(self.world.products.values()))  # fmt: skip
        wanted = self.world.settings.default_product_status
        asked = self._search(PRODUCTS, ())
        asked.build(args.get("query") or "")
        if not wanted or "status" in asked.named:
            return listing
        kept: list[Product] = [it for it in listing.items if it.status.lower() == wanted]
        return Listing(kept, listing.value, listing.ident, listing.reverse, root=True)

    def variants(self, context: Context, args: Args) -> Listing:
        """Variants of all products."""
        return self._listing(context, args, ("variants",), VARIANTS, ("title", "sku"), SORTS["variants"],
                             lambda: list(self.world.variants.values()))  # fmt: skip

    def collections(self, context: Context, args: Args) -> Listing:
        """Collections."""
        return self._listing(context, args, ("collections",), COLLECTIONS, ("title",), SORTS["collections"],
                             lambda: list(self.world.collections.values()))  # fmt: skip

    def events(self, context: Context, args: Args) -> Listing:
        """The shop's timeline, as far as it is kept: deletions."""
        return self._listing(context, args, ("events",), EVENTS, ("verb",), SORTS["events"],
                             lambda: list(self.world.deletions))  # fmt: skip

    def of(self, context: Context, args: Args, kind: str, fields: dict[str, Field], found: Sequence[Any]) -> Listing:
        """Things of the calling app itself."""
        return self._listing(context, args, None, fields, (), SORTS[kind], lambda: list(found))

    def _search(self, fields: dict[str, Field], defaults: Sequence[str]) -> Search:
        return Search(fields, defaults, self.world.settings.tz)

    def _listing(self, context: Context, args: Args, mark: tuple[Any, ...] | None, fields: dict[str, Field],
                 defaults: Sequence[str], keys: Keys, found: Callable[[], list[Any]]) -> Listing:  # fmt: skip
        """What a query finds, in its order; kept while nothing changes, so that a walk does not sort on every page."""
        query, reverse = args.get("query") or "", bool(args.get("reverse"))
        sort = args.get("sortKey") or "ID"
        if self._revision != self.world.revision:
            self._kept.clear()
            self._revision = self.world.revision
        name = (*mark, query, sort, reverse) if mark else None
        kept = self._kept.get(name) if name else None
        if kept is None:
            search = self._search(fields, defaults)
            kept = (
                self._make(found(), search.build(query), keys.get(sort, keys.get("ID", _ident)), reverse),
                search.warnings,
            )
            if name:
                self._kept[name] = kept
        if query and kept[1]:
            context.searches.append({"path": [], "query": query, "warnings": kept[1]})
        return kept[0]

    def _make(self, found: list[Any], test: Test, key: Callable[[Any], Any], reverse: bool) -> Listing:
        items = [it for it in found if test(it)]
        items.sort(key=lambda it: (*sortable(key(it)), it.id), reverse=reverse)
        return Listing(items, key, _ident, reverse, root=True)


def sortable(value: Any) -> tuple[int, Any]:
    """Missing values come first."""
    return (0, 0) if value is None else (1, value)


def count(listing: Listing, args: Args) -> tuple[int, str]:
    """How many there are, as far as the limit lets one count."""
    many, limit = len(listing.items), args.get("limit", 10_000)
    return (many, "EXACT") if limit is None or many <= limit else (limit, "AT_LEAST")
