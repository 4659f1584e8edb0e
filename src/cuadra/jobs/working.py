"""The worker: takes what has arrived through the pipeline, fetches what is in doubt, and writes states back, until it is
told to stop. Everything it does begins and ends in the database: another worker may do the same beside it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import CuadraError
from cuadra.jobs import releasing, relinking, taking, ways, writing_back
from cuadra.jobs.ways import Watch
from cuadra.ledger import utc_now
from cuadra.pipeline.run import TRANSIENT, fingerprint
from cuadra.settings import Settings

PAUSE_SECONDS = 0.1
FIRST_REST, LONGEST_REST = 5.0, 600.0
SHOP_SECONDS = 300.0
"""How long a connection to a source is kept; then its settings and credentials are read anew."""

_log = logging.getLogger(__name__)


class Shops:
    """Open connections to sources, one per integration."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings, self._db = settings, db
        self._open: dict[int, tuple[float, Shop | None, ExitStack, dict[str, Any]]] = {}
        self._rests: dict[int, tuple[float, float]] = {}

    def get(self, account: Account, integration: Integration) -> Shop | None:
        """The integration's source; None where it cannot be asked."""
        kept = self._open.get(integration.integration_id)
        if kept is not None and time.monotonic() - kept[0] < SHOP_SECONDS and kept[3] == integration.settings:
            return kept[1]
        if kept is not None:
            kept[2].close()
        stack = ExitStack()
        try:
            shop = stack.enter_context(ways.shop(self._db, self._settings, account, integration))
        except CuadraError:  # no live source, or no credentials yet: what has arrived is worked off all the same
            shop = None
        self._open[integration.integration_id] = (time.monotonic(), shop, stack, integration.settings)
        return shop

    def resting(self, integration: Integration) -> bool:
        """Whether it is left alone for a while, after a fault."""
        return time.monotonic() < self._rests.get(integration.integration_id, (0.0, 0.0))[0]

    def rest(self, integration: Integration, fault: Exception) -> None:
        """Leave it alone: a little, then longer. What has arrived is kept."""
        pause = min(2 * self._rests.get(integration.integration_id, (0.0, FIRST_REST / 2))[1], LONGEST_REST)
        self._rests[integration.integration_id] = (time.monotonic() + pause, pause)
        _log.error("work for %s stopped for %.0f s: %s", integration.name, pause, fingerprint(fault))

    def close(self) -> None:
        """Let go of all of them."""
        for kept in self._open.values():
            kept[2].close()
        self._open.clear()


def work(settings: Settings, db: Database, stop: threading.Event, watch: Watch) -> None:
    """Work until `stop` is set."""
    with db.transaction() as conn:
        conn.execute("SELECT ensure_partitions(now()::date, 2)")
    shops = Shops(settings, db)
    try:
        while not stop.is_set():
            if not once(db, shops, watch):
                stop.wait(PAUSE_SECONDS)
    finally:
        shops.close()


def once(db: Database, shops: Shops, watch: Watch) -> int:
    """One round over everything there is to do; returns how much that was."""
    with db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(sql("list_work"), {"now": utc_now()}).fetchall()
    done = 0
    for account_id, integration_id in rows:
        account = accounts.get(db, account_id)
        integration = accounts.integration_by_id(db, account, integration_id)
        if integration.state == "active":  # of a paused one everything is kept
            if shops.resting(integration):
                continue
            try:
                done += one(db, account, integration, shops.get(account, integration), watch)
            except TRANSIENT:
                raise
            except Exception as err:  # noqa: BLE001 - a runner: one integration's fault is not the others'
                shops.rest(integration, err)
    return done


def one(db: Database, account: Account, integration: Integration, shop: Shop | None, watch: Watch) -> int:
    """Everything there is to do for one integration."""
    done = taking.arrived(db, account, integration, shop)
    if shop is not None:
        with _alone(db, integration) as mine:
            if mine:
                fetched = relinking.due(db, account, integration, shop)
                done += fetched.fetched + writing_back.due(db, account, integration, shop)
                if fetched.by_kind.get("product"):
                    releasing.after_catalogue(db, account, watch)
    return done


@contextmanager
def _alone(db: Database, integration: Integration) -> Iterator[bool]:
    """Whether nobody else asks this integration's source just now."""
    key = {"integration": integration.integration_id}
    conn = db.connection()
    row = conn.execute(sql("lock_asking"), key).fetchone()
    mine = bool(row and row[0])
    try:
        yield mine
    finally:
        if mine and not conn.closed:
            conn.execute(sql("unlock_asking"), key)
