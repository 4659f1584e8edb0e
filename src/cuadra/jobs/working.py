"""The worker: takes what has arrived through the pipeline, fetches what is in doubt, and writes states back, until it is
told to stop. Everything it does begins and ends in the database: another worker may do the same beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Shop
from cuadra.connectors.http import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import CuadraError
from cuadra.jobs import releasing, relinking, taking, ways, writing_back
from cuadra.jobs.ways import Watch
from cuadra.ledger import utc_now
from cuadra.settings import Settings

PAUSE_SECONDS = 0.1
SHOP_SECONDS = 300.0
"""How long a connection to a source is kept; then its settings and credentials are read anew."""


class Shops:
    """Open connections to sources, one per integration."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings, self._db = settings, db
        self._open: dict[int, tuple[float, Shop | None, ExitStack]] = {}

    def get(self, account: Account, integration: Integration) -> Shop | None:
        """The integration's source; None where it cannot be asked."""
        kept = self._open.get(integration.integration_id)
        if kept is not None and time.monotonic() - kept[0] < SHOP_SECONDS:
            return kept[1]
        if kept is not None:
            kept[2].close()
        stack = ExitStack()
        try:
            shop = stack.enter_context(ways.shop(self._db, self._settings, account, integration))
        except CuadraError:  # no live source, or no credentials yet: what has arrived is worked off all the same
            shop = None
        self._open[integration.integration_id] = (time.monotonic(), shop, stack)
        return shop

    def close(self) -> None:
        """Let go of all of them."""
        for _, _, stack in self._open.values():
            stack.close()
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
            with suppress(
                CuadraError, Trouble
            ):  # one integration's trouble is not the others'; its own run tells of it
                done += one(db, account, integration, shops.get(account, integration), watch)
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
