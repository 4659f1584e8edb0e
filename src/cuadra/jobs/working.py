"""What a worker does for one integration at a time: takes what has arrived through the pipeline, fetches what is in doubt,
writes states back. Each begins and ends in the database, under a lock that dies with its session: a killed worker's work
is taken by the next one that comes along."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from cuadra import accounts, observing
from cuadra.accounts import Account, Integration
from cuadra.clock import utc_now
from cuadra.connectors.base import Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import CuadraError, Unreachable
from cuadra.jobs import problems, releasing, relinking, schedules, taking, telling, ways, writing_back
from cuadra.jobs.ways import Watch
from cuadra.pipeline.run import TRANSIENT, fingerprint
from cuadra.settings import Settings

FIRST_REST, LONGEST_REST = 5.0, 600.0
LIVE_PATIENCE = 3.0
"""Seconds that the details of a product may take while live orders wait for them; later they are fetched anyway."""
SHOP_SECONDS = 300.0
"""How long a connection to a source is kept; then its settings and credentials are read anew."""

Doing = Callable[[Account, Integration, Shop | None], int]


class Shops:
    """Open connections to sources, one per integration. Belongs to one thread."""

    def __init__(self, settings: Settings, db: Database, patience: float | None = None) -> None:
        """`patience`: seconds that an answer may take."""
        self._settings, self._db, self._patience = settings, db, patience
        self._open: dict[int, tuple[float, Shop | None, ExitStack, dict[str, Any]]] = {}
        self._rests: dict[int, tuple[float, float]] = {}

    def get(self, account: Account, integration: Integration) -> Shop | None:
        """The integration's source; None where it cannot be asked."""
        kept = self._open.get(integration.integration_id)
        if kept is not None and time.monotonic() - kept[0] < SHOP_SECONDS and kept[3] == integration.settings:
            return kept[1]
        self.forget(integration)
        stack = ExitStack()
        try:
            shop = stack.enter_context(ways.shop(self._db, self._settings, account, integration, self._patience))
        except CuadraError:  # no live source, or no credentials yet: what has arrived is worked off all the same
            shop = None
        self._open[integration.integration_id] = (time.monotonic(), shop, stack, integration.settings)
        return shop

    def forget(self, integration: Integration) -> None:
        """Let go of its source; the next time settings and credentials are read anew."""
        kept = self._open.pop(integration.integration_id, None)
        if kept is not None:
            kept[2].close()

    def resting(self, integration: Integration) -> bool:
        """Whether it is left alone for a while, after a fault of ours."""
        return time.monotonic() < self._rests.get(integration.integration_id, (0.0, 0.0))[0]

    def rest(self, integration: Integration, fault: Exception) -> None:
        """Leave it alone: a little, then longer. What has arrived is kept."""
        pause = min(2 * self._rests.get(integration.integration_id, (0.0, FIRST_REST / 2))[1], LONGEST_REST)
        self._rests[integration.integration_id] = (time.monotonic() + pause, pause)
        observing.fault(
            "work", fault, integration=integration.integration_id, rest=pause, fingerprint=fingerprint(fault)
        )

    def worked(self, integration: Integration) -> None:
        """All was well with it."""
        self._rests.pop(integration.integration_id, None)

    def close(self) -> None:
        """Let go of all of them."""
        for kept in self._open.values():
            kept[2].close()
        self._open.clear()


def process(db: Database, shops: Shops) -> int:
    """One round over all integrations whose notices await the pipeline, each for one turn; returns how many receipts
    that was."""
    with db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(sql("list_arrivals")).fetchall()

    def take(account: Account, integration: Integration, shop: Shop | None) -> int:
        return taking.batch(db, account, integration, shop)

    return _each(db, shops, "process", rows, take)


def ask(db: Database, shops: Shops, watch: Watch) -> int:
    """One round over all integrations with questions to their source or states for it; returns how much that was."""
    with db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(sql("list_questions"), {"now": utc_now()}).fetchall()

    def put(account: Account, integration: Integration, shop: Shop | None) -> int:
        return 0 if shop is None else _ask(db, account, integration, shop, watch)

    return _each(db, shops, "ask", rows, put)


def listen(db: Database, shops: Shops) -> int:
    """One round over all integrations of which a platform has said something that is of no order; returns how much was
    done."""
    with db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(sql("list_platform_notices"), {"now": utc_now()}).fetchall()

    def hear(account: Account, integration: Integration, _shop: Shop | None) -> int:
        return telling.due(db, account, integration)

    return _each(db, shops, "listen", rows, hear)


def _each(db: Database, shops: Shops, lane: str, rows: Iterable[tuple[int, int]], doing: Doing) -> int:
    """For each integration that nobody else is at."""
    done = 0
    for account_id, integration_id in rows:
        with schedules.locked(db, f"{lane}:{integration_id}") as mine:
            if not mine:
                continue
            account = accounts.get(db, account_id)
            integration = accounts.integration_by_id(db, account, integration_id)
            if shops.resting(integration):
                continue
            try:
                away = problems.resting(db, account_id, integration_id)
                if away:
                    shops.forget(integration)  # what mends it may be another key
                with observing.job(lane, account=account_id, integration=integration_id) as line:
                    line["done"] = doing(account, integration, None if away else shops.get(account, integration))
                done += line["done"]
            except (*TRANSIENT, Unreachable):
                raise
            except Exception as err:  # noqa: BLE001 - a runner: one integration's fault is not the others'
                shops.rest(integration, err)
            else:
                shops.worked(integration)
    return done


def _ask(db: Database, account: Account, integration: Integration, shop: Shop, watch: Watch) -> int:
    """Everything there is to ask of one source, and to write back to it."""
    fetched = relinking.due(db, account, integration, shop)
    if fetched.trouble is not None:
        reason, evidence = fetched.trouble
        if reason in problems.OUTAGE:
            problems.meet(db, account.account_id, integration.integration_id, reason, evidence)
        return fetched.fetched
    if fetched.fetched:
        problems.over(db, account.account_id, integration.integration_id)
    done = fetched.fetched + writing_back.due(db, account, integration, shop)
    if fetched.by_kind.get("product"):
        releasing.after_catalogue(db, account, watch)
    return done


def once(db: Database, shops: Shops, watch: Watch) -> int:
    """One round of everything; returns how much there was to do."""
    return process(db, shops) + listen(db, shops) + ask(db, shops, watch)
