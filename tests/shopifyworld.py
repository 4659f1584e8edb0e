"""A simulated Shopify shop and an integration that follows it, for tests of the whole way from notice to ledger."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from cuadra import accounts, connectors, secrets
from cuadra.accounts import Integration
from cuadra.connectors import http
from cuadra.connectors.base import Delivery, Raw, Told
from cuadra.connectors.shopify import ShopifyConnector, bulk, queries
from cuadra.db.queries import sql
from cuadra.jobs import importing, subscribing, taking, working
from cuadra.runs import Report
from cuadra_simulators.shopify import MEXICO, Clock, Shop
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
            if isinstance(judged, Told):
                self._keep(one, judged)
                return 200, b""
            if not isinstance(judged, Delivery):
                return 401, b""
            if judged.entity is not None:
                raw = Raw(judged.entity, body, int(datetime.now(UTC).timestamp() * 1e6))
                taking.keep(self._intake, self.account, one, [raw], "webhook")
        return 200, b""

    def _keep(self, one: Integration, told: Told) -> None:
        with self._intake.transaction(role="cuadra_intake") as conn:
            conn.execute(sql("keep_platform_notice"), {
                "account": self.account.account_id, "integration": one.integration_id, "kind": told.kind,
                "webhook": told.webhook, "subject": msgspec.json.encode(told.subject).decode(),
            })  # fmt: skip

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
