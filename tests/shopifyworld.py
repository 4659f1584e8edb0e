"""A simulated Shopify shop and an integration that follows it, for tests of the whole way from notice to ledger."""

from __future__ import annotations

import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from cuadra import accounts, connectors, secrets
from cuadra.accounts import Integration
from cuadra.connectors import http
from cuadra.connectors.base import Delivery, Raw
from cuadra.connectors.shopify import ShopifyConnector, bulk, queries
from cuadra.jobs import importing, subscribing, taking, working
from cuadra.model import OrderRead
from cuadra.runs import Report
from cuadra_simulators.shopify import MEXICO, Clock, Shop, TrueOrder
from tests.world import World

NAME = "cafe"


class SettledAtOnce(ShopifyConnector):
    """The connector of a shop whose lists show everything at once."""

    info = structs.replace(ShopifyConnector.info, name="shopify-settled", settle=timedelta(0))


@pytest.fixture
def hurried_shopify(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short."""
    monkeypatch.setattr(http, "PATIENCE", http.Patience(timeout=5.0, first_pause=0.01, unsaid=0.01, longest=1.0))
    monkeypatch.setattr(bulk, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(bulk, "MOST_POLL_SECONDS", 0.2)
    monkeypatch.setitem(connectors.registry(), "shopify-settled", SettledAtOnce())


class Followed:
    """A shop with an active integration that follows it."""

    def __init__(self, world: World, shop: Shop) -> None:
        self.world, self.shop = world, shop
        self.account = world.account  # asked for once: threads share nothing of the world's
        self.answer = 200
        self._intake = world.db.again()
        self._lock = threading.Lock()

    @property
    def one(self) -> Integration:
        """The integration as it is now."""
        with self.world.db.again() as db:
            return accounts.integration_named(db, self.account, NAME)

    def take(self, _url: str, headers: list[tuple[str, str]], body: bytes, _timeout: float) -> tuple[int, bytes]:
        """What the intake does with a notice."""
        if self.answer != 200:
            return self.answer, b""
        with self._lock:
            one = accounts.integration_named(self._intake, self.account, NAME)
            kept = self.secret(subscribing.SIGNED_WITH)
            live = connectors.live(one.connector)
            assert live is not None
            said = {name.lower(): value for name, value in headers}
            judged = live.judge(one.settings, said, body, kept or "")
            if not isinstance(judged, Delivery):
                return 401, b""
            if judged.entity is not None:
                raw = Raw(judged.entity, body, int(datetime.now(UTC).timestamp() * 1e6))
                taking.keep(self._intake, self.account, one, [raw], "webhook")
        return 200, b""

    def secret(self, name: str, value: str | None = None, integration: str = NAME) -> str | None:
        """A credential of an integration; with a value it is set."""
        with self.world.db.again() as db:
            keys, account = secrets.KeyFile.of(self.world.settings), self.account.account_id
            one = accounts.integration_named(db, self.account, integration)
            if value is not None:
                secrets.put(db, keys, account, one.integration_id, name, secrets.Secret(value))
            found = secrets.get(db, keys, account, one.integration_id, name)
        return found.reveal() if found else None

    def scan(self, *, name: str = NAME, **options: Any) -> Report:
        """One import."""
        with self.world.db.again() as db:
            one = accounts.integration_named(db, self.account, name)
            return importing.import_now(self.world.settings, db, self.account, one, "test", lambda *_: None, **options)

    def work(self) -> None:
        """Work off what has arrived, and what is in doubt."""
        with self.world.db.again() as db:
            shops = working.Shops(self.world.settings, db)
            try:
                while working.once(db, shops, lambda *_: None):
                    pass
            finally:
                shops.close()

    def rows(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """A question to the ledger."""
        with self.world.db.again() as db, db.transaction(self.account.account_id) as conn:
            return conn.execute(text.encode(), values or None).fetchall()

    def close(self) -> None:
        """Let go of the database."""
        self._intake.close()


@contextmanager
def following(world: World, *, connector: str = "shopify-settled", notices: bool = True, credentials: dict[str, str] | None = None,
              settings: dict[str, str] | None = None, **shop: Any) -> Iterator[Followed]:  # fmt: skip
    """A shop of the wall clock's time, and an active integration with its token."""
    box: list[Followed] = []
    own = replace(shop.pop("shop_settings", MEXICO), bulk_seconds=0)  # the shop's, not the integration's
    values: dict[str, Any] = {"clock": Clock(running=True), "settings": own, **shop}
    with Shop(send=lambda *what: box[0].take(*what), **values) as opened:
        box.append(connected(world, opened, connector, settings, credentials, notices=notices))
        try:
            yield box[0]
        finally:
            box[0].close()


def connected(world: World, shop: Shop, connector: str = "shopify-settled", settings: dict[str, str] | None = None,
              credentials: dict[str, str] | None = None, *, notices: bool = False) -> Followed:  # fmt: skip
    """An active integration of the world's account with a shop that is open, and its credentials."""
    accounts.change(world.db, world.account, "test", currency=shop.settings.currency)
    where = {"shop": shop.domain, "url": shop.url, "private": "yes", "points": "10000", **(settings or {})}
    if notices:
        where["notices"] = "https://hooks.example"
    made = accounts.add_integration(world.db, world.account, NAME, connector, where, "test")
    accounts.move(world.db, world.account, made, "active", "test")
    world.rules(NAME, first__since="2015-01-01")
    found = Followed(world, shop)
    given = credentials or {"access_token": shop.token, "client_secret": shop.app.client_secret}
    for name, value in given.items():
        found.secret(name, value)
    return found


def downloaded(shop: Followed, path: Path) -> Path:
    """The bulk file of all orders, as somebody fetches it by hand."""
    query = queries.BULK % "\"created_at:>='2015-01-01T00:00:00Z'\""
    body = {"query": queries.RUN_BULK, "variables": {"query": query}}
    made = shop.shop.request("POST", "graphql.json", body=body).json()["data"]["bulkOperationRunQuery"]
    state = shop.shop.graphql(queries.BULK_STATE, {"id": made["bulkOperation"]["id"]})["data"]["bulkOperation"]
    with urllib.request.urlopen(state["url"]) as file:
        path.write_bytes(file.read())
    return path


# ---------------------------------------------------------------- the truth


def expected(order: TrueOrder) -> tuple[str, str | None]:
    """(standing, reason) by the default rules, worked out from the truth alone."""
    if not order.exists:
        return "skipped", "deleted_at_source"
    if order.test:
        return "skipped", "test_or_draft_order"
    if order.cancelled is not None or order.financial.upper() == "VOIDED":
        return "skipped", "cancelled_at_source"
    if order.fulfillment.upper() == "RESTOCKED":
        return "", None  # what came back after it was present is a fact of a present order
    if order.financial.upper() in ("PENDING", "AUTHORIZED", "PARTIALLY_PAID"):
        return "waiting", "payment_not_verified"
    return "", None  # what else it is depends on what the shop knows of the buyer


def compare(shop: Followed) -> tuple[int, Counter[str], list[str]]:
    """(orders compared, differences by kind, in words)."""
    rows = shop.rows(
        "SELECT o.source_id, o.standing, o.reason, o.content::text, o.total, r.found FROM orders o JOIN store s USING (store_id)"
        " LEFT JOIN (SELECT order_id, jsonb_object_agg(source_id, amount::text) AS found FROM refund GROUP BY 1) r USING (order_id)"
        " WHERE s.platform LIKE 'shopify%'"
    )
    ours = {row[0]: row[1:] for row in rows}
    truth = shop.shop.truth.orders()
    wrong: Counter[str] = Counter()
    said: list[str] = []

    def note(kind: str, order: TrueOrder, what: Any) -> None:
        wrong[kind] += 1
        said.append(
            f"{order.name} {order.id} ({order.financial}, {order.fulfillment}, exists={order.exists}): {kind}: {what}"
        )

    for number, order in truth.items():
        if str(number) not in ours:
            if order.exists:
                note("missing", order, "")
            continue
        standing, reason, content, total, refunds = ours[str(number)]
        if not order.exists and (standing, reason) == ("failed", "not_found_at_source"):
            continue
        wanted = expected(order)
        if wanted[0] and (standing, reason) != wanted and (standing, reason) != ("skipped", "never_paid"):
            note("standing", order, f"{standing} {reason}, not {wanted}")
        if not wanted[0] and standing not in ("present", "held") and reason != "returned_or_refunded":
            note("standing", order, f"{standing} {reason}, not present")
        if not order.exists:
            continue
        read = msgspec.json.decode(content, type=OrderRead)
        for kind, mine, theirs in facts(order, read, total, refunds or {}):
            if mine != theirs:
                note(kind, order, f"{mine}, not {theirs}")
    for number in ours.keys() - {str(one) for one in truth}:
        wrong["invented"] += 1
        said.append(f"{number}: invented")
    return len(truth), wrong, said


def facts(order: TrueOrder, read: OrderRead, total: Decimal, refunds: dict[str, str]) -> list[tuple[str, Any, Any]]:
    """(what, ours, theirs)"""
    back = Counter(dict.fromkeys((one.id for one in order.lines), 0))
    for refund in order.refunds:
        for line, units, _ in refund.lines:
            back[line] += units
    gone = {
        one.id: 0 if order.cancelled is not None else max(one.quantity - one.current - back[one.id], 0)
        for one in order.lines
    }
    sold = {str(one.id): one.quantity - gone[one.id] for one in order.lines}
    came_back = order.refunds or order.cancelled is not None
    # of an order that was edited and came back, the shop has no total that would be the same thing: the lines are compared
    shown = order.current_total if not came_back else total if any(gone.values()) else order.total
    parcels = {number for one in order.fulfillments for _, number, _ in one.tracking if number}
    return [
        ("total", total, shown),
        ("currency", read.currency, order.currency),
        ("refunds", {one: Decimal(amount) for one, amount in refunds.items()}, {str(one.id): one.amount for one in order.refunds}),
        ("lines", {one.id: int(one.quantity) for one in read.lines or []}, {one: many for one, many in sold.items() if many}),
        ("skus", {one.id: one.sku for one in read.lines or []},
         {str(one.id): (one.sku or "").strip() or None for one in order.lines if sold[str(one.id)]}),
        ("customer", getattr(read.customer, "id", None) or None, str(order.customer_id) if order.customer_id else None),
        ("email", (getattr(read.customer, "email", None) or None) if order.email else None, order.email or None),
        ("tracking", {one.tracking for one in read.shipments or [] if one.tracking}, parcels),
        ("number", read.number, order.name),
        ("tags", (read.custom or {}).get("tags", []), sorted(order.tags)),
    ]  # fmt: skip
