"""An open Shopify shop, asked for single things; see `connectors.base.Shop`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cuadra.connectors.base import Calls, Entry, Evidence, Finding, Look, Place, Raw, Subscription
from cuadra.connectors.http import Http
from cuadra.connectors.shopify import combing, facts, queries, subscriptions
from cuadra.connectors.shopify.client import LIGHT_PAGE, WALL, Client, Data, Denied
from cuadra.connectors.shopify.examine import examine
from cuadra.connectors.shopify.orders import OURS
from cuadra.connectors.shopify.reader import BEYOND
from cuadra.connectors.trouble import Trouble
from cuadra.model import Axis, Entity, normal
from cuadra.money import ZERO

WINDOW, EDGE = timedelta(days=60), timedelta(hours=1)
"""Without a permission of its own, what was created before is not shown."""
SCOPES = {Entity.ORDER: "read_orders", Entity.PRODUCT: "read_products", Entity.CUSTOMER: "read_customers"}
HIDDEN = "customer_data_hidden_by_plan"
SLICE = 10_000
"""Orders of one walk: a list ends at 25,000 without a word, and counts are exact to 10,000."""
TRIALS = 5
"""So many orders are looked at to see whether a person's data is shown."""

_encode = msgspec.json.Encoder().encode
_QUERIES = {
    Entity.ORDER: (queries.ORDERS_BY_ID, ("Order",)), Entity.PRODUCT: (queries.PRODUCTS_BY_ID, ("ProductVariant", "Product")),
    Entity.CUSTOMER: (queries.CUSTOMERS_BY_ID, ("Customer",)),
}  # fmt: skip


def bodies(nodes: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """As they are kept."""
    return [_encode(one) for one in nodes]


class ShopifyShop:
    """A shop that can be asked. `door` fetches the files that it makes."""

    def __init__(self, client: Client, door: Http, place: Place, categories: str, settle: timedelta) -> None:
        self.client, self.door, self.now = client, door, place.now
        self.currency, self.categories = place.currency, categories
        self._covered, self._settle = place.covered, settle
        self._about: dict[str, Any] | None = None

    @property
    def calls(self) -> Calls:
        """What was asked so far."""
        found: Calls = self.client.calls
        return found

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    # ---------------------------------------------------------------- what kind of shop it is

    def about(self) -> dict[str, Any]:
        """The shop, and what the app may see; asked once. Raises Trouble."""
        if self._about is None:
            self._about = self.client.ask(queries.SHOP).data
            self.client.plan = (self._about["shop"].get("plan") or {}).get("publicDisplayName")
        return self._about

    def scopes(self) -> set[str]:
        """What the app may see. Writing includes reading."""
        listed = (self.about().get("currentAppInstallation") or {}).get("accessScopes") or ()
        found = {one["handle"] for one in listed}
        return found | {f"read_{one.removeprefix('write_')}" for one in found if one.startswith("write_")}

    def wall(self) -> datetime | None:
        """Orders created before are not shown; None: all are."""
        return None if WALL in self.scopes() else self.now() - WINDOW

    def time_zone(self) -> str | None:
        """The shop's own."""
        found = self.about()["shop"].get("ianaTimezone")
        return str(found) if found else None

    @staticmethod
    def text(moment: datetime) -> str:
        """A time as searches want it, between quotes: else its colons end it."""
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def within(self, axis: Axis, start: datetime, end: datetime | None) -> str:
        """The search for orders created, or changed, from `start` to before `end`; None: to now, whatever the shop's clock
        says. Bounds are whole seconds."""
        field = "updated_at" if axis is Axis.UPDATED else "created_at"
        until = "" if end is None else f" AND {field}:<'{self.text(end)}'"
        return f"{field}:>='{self.text(start)}'{until}"

    @staticmethod
    def asked(data: Data) -> datetime:
        """When it was asked for: an answer is as old as its question."""
        return datetime.fromisoformat(data.asked_at)

    # ---------------------------------------------------------------- things as they are kept

    def orders(self, nodes: Sequence[Any], data: Data, root: tuple[str, ...]) -> list[bytes]:
        """Orders of an answer, whole, with what was not shown of them."""
        return [self._order(node, data.denied, (*root, place)) for place, node in enumerate(nodes) if node is not None]

    def _order(self, node: dict[str, Any], denied: Denied, path: tuple[str | int, ...]) -> bytes:
        made = self.client.complete(node)
        lacking = sorted(
            ".".join(map(str, (*where[len(path) :], field)))
            for where, fields in denied.items() if where[: len(path)] == path for field in fields
        )  # fmt: skip
        if lacking:
            self.about()
            made[OURS] = {"denied": lacking, "plan": self.client.plan}
        return _encode(made)

    def products(self, nodes: Sequence[dict[str, Any]]) -> list[bytes]:
        """Products and their variants, each a thing of its own."""
        found = []
        for node in nodes:
            self.client.whole(node, "variants", queries.MORE_VARIANTS)
            variants = (node.pop("variants", None) or {}).get("nodes", [])
            found.append(self._product(node))
            inner = {name: value for name, value in node.items() if name not in ("collections", "descriptionHtml")}
            found += [_encode({**variant, "product": inner}) for variant in variants]
        return found

    def _product(self, node: dict[str, Any]) -> bytes:
        self.client.whole(node, "collections", queries.MORE_COLLECTIONS)
        return _encode({**node, OURS: {"categories": self.categories}})

    # ---------------------------------------------------------------- single things

    def fetch(self, kind: Entity, ids: Sequence[str], *, patient: bool = True) -> Look:
        """Things by their numbers, as many at a time as the shop admits. What it does not have is null."""
        look = Look()
        if kind not in _QUERIES:
            return look
        text, types = _QUERIES[kind]
        wanted = {f"gid://shopify/{name}/{number}": number for number in dict.fromkeys(ids) for name in types}
        there: set[str] = set()
        missing: dict[str, datetime] = {}
        try:
            for some, data in self.client.by_id(text, list(wanted), patient=patient):
                asked = self.asked(data)
                for place, (gid, node) in enumerate(zip(some, data.data["nodes"], strict=True)):
                    if node is None and _kept_back(data.denied, place):
                        raise Trouble(
                            "scope_missing", {"status": 200, "code": "ACCESS_DENIED", "permission": f"read {types[0]}"}
                        )
                    if node:
                        there.add(wanted[gid])
                        look.raws += self._raws(kind, node, data, place, asked, wanted[gid])
                    else:
                        missing.setdefault(wanted[gid], asked)
                self.note(
                    look, f"nodes({len(some)} {types[0]})", asked, sum(one is not None for one in data.data["nodes"])
                )
            gone = {number: asked for number, asked in missing.items() if number not in there}
            if gone:
                self._may_see(kind)
            for number, asked in gone.items():
                self._gone(look, kind, number, asked)
        except Trouble as trouble:
            look.trouble = (trouble.reason, trouble.evidence)
        return look

    def _raws(
        self, kind: Entity, node: dict[str, Any], data: Data, place: int, asked: datetime, number: str
    ) -> list[Raw]:
        if kind is Entity.ORDER:
            return [_raw(kind, self._order(node, data.denied, ("nodes", place)), asked, number, 200)]
        if kind is Entity.PRODUCT and "product" in node:
            product = node["product"]
            found = [] if product is None else [_raw(kind, self._product(dict(product)), asked, str(product["legacyResourceId"]), 200)]  # fmt: skip
            return [*found, _raw(kind, _encode(node), asked, number, 200)]
        return [_raw(kind, self._product(node) if kind is Entity.PRODUCT else _encode(node), asked, number, 200)]

    def _may_see(self, kind: Entity) -> None:
        """Raise Trouble where the app has lost the permission for these things: then all of them are null."""
        self._about = None
        if SCOPES[kind] not in self.scopes():
            raise Trouble("scope_missing", {"status": 200, "code": None, "permission": SCOPES[kind]})

    def _gone(self, look: Look, kind: Entity, number: str, asked: datetime) -> None:
        """The shop shows nothing under this number. That is proof only of what it would show."""
        if kind is Entity.ORDER and (wall := self.wall()) is not None and not self._would_show(number):
            proof = {"ordered_at": None, "window": WINDOW.days, "oldest": wall.isoformat()}
            look.raws.append(_raw(kind, _encode(proof), asked, number, BEYOND))
            return
        look.raws.append(_raw(kind, b'{"data":{"nodes":[null]}}', asked, number, 404))

    def _would_show(self, number: str) -> bool:
        """Whether an order of this number is younger than the oldest one that is shown: numbers grow."""
        shown = self.client.ask(queries.CENSUS, {"first": 1, "after": None, "query": None}).data["orders"]["nodes"]
        return bool(shown) and number.isdecimal() and int(number) >= int(shown[0]["legacyResourceId"])

    def search(self, kind: str, text: str) -> Look:
        """Orders by the number that people see or by the buyer's email; what looks like a tracking number is looked for
        among what has not been read yet. The shop finds more than was asked for: what has another number is left out."""
        look = Look()
        try:
            wanted = self._wanted(kind, text.replace("\\", "").replace('"', ""))
            data = self.client.brief(queries.NUMBERED, {"query": wanted, "first": 10}, patient=False)
            nodes = data.data["orders"]["nodes"]
            asked = self.asked(data)
            self.note(look, f"orders(query: {kind})", asked, len(nodes))
            for place, node in enumerate(nodes):
                if kind == "email" or normal(str(node["name"])).endswith(normal(text)):
                    look.raws.append(self._found(node, data, ("orders", "nodes", place)))
            if kind == "number" and not look.raws and combing.may_be_tracking(text):
                since = combing.unread(self._covered, self._settle, self.now())
                for node, found, place in combing.comb(self, text, since, look):
                    look.raws.append(self._found(node, found, ("orders", "nodes", place)))
        except Trouble as trouble:
            look.trouble = (trouble.reason, trouble.evidence)
        return look

    def _found(self, node: dict[str, Any], data: Data, path: tuple[str | int, ...]) -> Raw:
        return _raw(
            Entity.ORDER, self._order(node, data.denied, path), self.asked(data), str(node["legacyResourceId"]), 200
        )

    def _wanted(self, kind: str, plain: str) -> str:
        """A search. A number may be typed without what the shop puts around it."""
        if kind == "email":
            return f'email:"{plain}"'
        shop = self.about()["shop"]
        whole = f"{shop.get('orderNumberFormatPrefix') or ''}{plain}{shop.get('orderNumberFormatSuffix') or ''}"
        return " OR ".join(f'name:"{one}"' for one in dict.fromkeys((plain, f"#{plain}", whole)))

    def note(self, look: Look, request: str, asked: datetime, found: int, status: int | None = 200) -> None:
        """Add a request to what is said of a look."""
        took = (self.now() - asked) / timedelta(milliseconds=1)
        look.calls.append(
            {"request": request, "status": status, "at": asked.isoformat(), "ms": round(took), "found": found}
        )

    # ---------------------------------------------------------------- all at a glance

    def census(self, start: datetime, end: datetime) -> Iterator[list[Entry]]:
        """Every order created within, with its state, total and refunds."""
        for low, high in slices(self, Axis.CREATED, start, end):
            wanted = {"query": self.within(Axis.CREATED, low, high)}
            for nodes, _ in self.client.walk(queries.CENSUS, "orders", wanted, LIGHT_PAGE):
                yield [_entry(node) for node in nodes]

    def reach(self) -> datetime | None:
        """Without a permission of its own the app sees 60 days; those of the last hour of them may go while they are read."""
        wall = self.wall()
        return None if wall is None else wall + EDGE

    def count(self, start: datetime, end: datetime) -> int:
        """The shop's own count."""
        return self.client.count(self.within(Axis.CREATED, start, end))[0]

    def counts(self, since: datetime) -> dict[str, int]:
        """Orders created since then, by state: the shop counts by one thing at a time, so each is looked at."""
        found: dict[str, int] = {}
        for entries in self.census(since, self.now() + timedelta(seconds=1)):
            for one in entries:
                found[one.state or ""] = found.get(one.state or "", 0) + 1
        return found

    # ---------------------------------------------------------------- setting up

    def examine(self, address: str | None) -> Iterator[Finding]:
        """Whether everything is there that the integration needs. Nothing is written."""
        return examine(self, address)

    def cured(self, reasons: Collection[str]) -> frozenset[str]:
        """Whether a person's data is shown now."""
        return frozenset() if HIDDEN not in reasons or self.hides_people() else frozenset({HIDDEN})

    def hides_people(self) -> bool:
        """Whether the shop keeps data of buyers to itself, as far as some orders show it."""
        return bool(self.client.brief(queries.NUMBERED, {"query": None, "first": TRIALS}).denied)

    def subscriptions(self) -> list[Subscription]:
        """The app's own."""
        return subscriptions.listed(self.client)

    def subscribe(self, topics: Sequence[str], url: str, secret: str) -> list[Subscription]:
        """One for each topic; what they are signed with is the app's."""
        return subscriptions.subscribe(self.client, topics, url)

    def unsubscribe(self, ids: Sequence[str]) -> None:
        """End them."""
        subscriptions.unsubscribe(self.client, ids)

    def set_state(self, order: str, state: str) -> Raw:
        """Nothing is written to a Shopify shop: an order has no state there that could be set."""
        proof: Evidence = {"code": None, "message": "an order has no single state that could be set", "field": "state"}
        raise Trouble("destination_rejected", proof)


def slices(shop: ShopifyShop, axis: Axis, start: datetime, end: datetime | None) -> Iterator[tuple[datetime, datetime | None]]:  # fmt: skip
    """The interval in pieces of which each has no more orders than one walk can show, oldest first. Without an end the last
    piece has none either."""
    left: list[tuple[datetime, datetime | None]] = [(start, end)]
    while left:
        low, high = left.pop()
        many, exact = shop.client.count(shop.within(axis, low, high))
        until = high or shop.now()
        if (many <= SLICE and exact) or until - low <= timedelta(seconds=1):
            if many:
                yield low, high
            continue
        middle = (low + (until - low) / 2).replace(microsecond=0)
        if middle <= low:
            middle = low + timedelta(seconds=1)
        left += [(middle, high), (low, middle)]


def _kept_back(denied: Denied, place: int) -> bool:
    """Whether a thing of an answer is null for an error, and not for being gone."""
    return any(where[:2] == ("nodes", place) for where in denied) or str(place) in denied.get(("nodes",), [])


def _raw(kind: Entity, body: bytes, asked: datetime, number: str, status: int) -> Raw:
    """An answer as a receipt. Its sequence is when it was asked for: it is not older than that."""
    return Raw(kind, body, int(asked.timestamp() * 1_000_000), asked={"id": number, "status": status})


def _entry(node: Mapping[str, Any]) -> Entry:
    money = facts.Money(((node.get("totalPriceSet") or {}).get("shopMoney") or {}).get("currencyCode"))
    found = facts.states(node.get("displayFinancialStatus"), node.get("displayFulfillmentStatus"),
                         cancelled=bool(node.get("cancelledAt")), closed=False, test=bool(node.get("test")))  # fmt: skip
    # of an edited order the lines would have to be read to know what it came to
    total = None if node.get("edited") and found.lifecycle != "cancelled" else money.bag(node.get("totalPriceSet"))
    refunds = {
        str(one["legacyResourceId"]): money.bag(one.get("totalRefundedSet")) or ZERO
        for one in node.get("refunds") or ()
    }
    return Entry(str(node["legacyResourceId"]), found.raw, facts.moment(node.get("createdAt")),
                 facts.moment(node.get("updatedAt")), total, refunds)  # fmt: skip
