"""A simulated WooCommerce shop and an integration that follows it, for tests of the whole way from notice to ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from cuadra import accounts, connectors, secrets
from cuadra.accounts import Integration
from cuadra.connectors import http
from cuadra.connectors.base import Delivery, Raw
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.jobs import importing, taking, working
from cuadra.model import Entity
from cuadra.runs import Report
from cuadra_simulators.woocommerce import ARGENTINA, Clock, Shop
from tests.world import World

SECRET = "s3cr3t0DeLosAvisos"
TOPICS = WooCommerceConnector.topics


class SettledAtOnce(WooCommerceConnector):
    """The connector of a shop that shows everything at once: a census need not wait half an hour."""

    info = structs.replace(WooCommerceConnector.info, name="woocommerce-settled", settle=timedelta(0))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that does not answer is asked as often as ever, and sooner."""
    monkeypatch.setattr(http, "PATIENCE", http.Patience(timeout=5.0, first_pause=0.01, unsaid=0.01, longest=1.0))
    monkeypatch.setitem(connectors.registry(), "woocommerce-settled", SettledAtOnce())


class Followed:
    """A shop with an active integration «tienda» that follows it."""

    def __init__(self, world: World, shop: Shop, one: Integration) -> None:
        self.world, self.shop, self.one = world, shop, one
        self.answer = 200
        self._intake = world.db.again()
        self._lock = threading.Lock()

    def take(self, _url: str, headers: list[tuple[str, str]], body: bytes, _timeout: float) -> tuple[int, bytes]:
        """What the intake does with a notice: is it genuine? Then it is kept before it is answered."""
        if self.answer != 200:
            return self.answer, b""
        live = connectors.live(self.one.connector)
        assert live is not None
        said = {name.lower(): value for name, value in headers}
        judged = live.judge(self.one.settings, said, body, SECRET)
        if isinstance(judged, Delivery) and judged.entity is not None:
            raw = Raw(judged.entity, body, int(datetime.now(UTC).timestamp() * 1e6))
            with self._lock:
                taking.keep(self._intake, self.world.account, self.one, [raw], "webhook")
        return 200, b""

    def close(self) -> None:
        """Let go of the database."""
        self._intake.close()

    def subscribe(self) -> None:
        """Ask the shop for every notice of use."""
        for topic in TOPICS:
            self.shop.subscribe(topic, "http://127.0.0.1:1/in/x", secret=SECRET)

    def keys(self, consumer_key: str) -> None:
        """Give the integration this key."""
        with self.world.db.again() as db:
            secrets.put(db, secrets.KeyFile.of(self.world.settings), self.world.account.account_id,
                        self.one.integration_id, "consumer_key", secrets.Secret(consumer_key))  # fmt: skip

    def hear(self, body: Any, kind: Entity = Entity.ORDER) -> None:
        """A genuine notice with this body has arrived."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        raw = Raw(kind, content, int(datetime.now(UTC).timestamp() * 1e6))
        taking.keep(self.world.db, self.world.account, self.one, [raw], "webhook")

    def scan(self, **options: Any) -> Report:
        """One import: what has changed since the last one, and everything that goes with it."""
        one = accounts.integration_named(self.world.db, self.world.account, "tienda")
        with self.world.db.again() as db:
            return importing.import_now(
                self.world.settings, db, self.world.account, one, "test", lambda *_: None, **options
            )

    def work(self, *, asking: bool = True) -> None:
        """Work off what has arrived; `asking`: and what is in doubt."""
        with self.world.db.again() as db:
            shops = working.Shops(self.world.settings, db)
            try:
                if asking:
                    while working.once(db, shops, lambda *_: None):
                        pass
                else:
                    taking.arrived(db, self.world.account, self.one, None)
            finally:
                shops.close()


@contextmanager
def followed(world: World, *, connector: str = "woocommerce-settled", subscribed: bool = True,
             notices: str = "", **shop: Any) -> Iterator[Followed]:  # fmt: skip
    """A shop of the wall clock's time, and an active integration with its keys."""
    box: list[Followed] = []
    values = {"clock": Clock(running=True), "settings": ARGENTINA, **shop}
    with Shop(send=lambda *what: box[0].take(*what), **values) as opened:
        where = {"url": opened.url, "private": "yes", "pace": "10000", **({"notices": notices} if notices else {})}
        made = accounts.add_integration(world.db, world.account, "tienda", connector, where, "test")
        accounts.move(world.db, world.account, made, "active", "test")
        made = accounts.integration_named(world.db, world.account, "tienda")
        for name, value in zip(("consumer_key", "consumer_secret"), opened.key.basic, strict=True):
            secrets.put(world.db, secrets.KeyFile.of(world.settings), world.account.account_id, made.integration_id, name,
                        secrets.Secret(value))  # fmt: skip
        box.append(Followed(world, opened, made))
        if subscribed:
            box[0].subscribe()
        try:
            yield box[0]
        finally:
            box[0].close()
