"""What a fix sets in motion: the orders that a changed rule, a loaded rate or a passed hour lets go on."""

from __future__ import annotations

from typing import Any

from cuadra.accounts import Account, Integration
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.jobs import ways
from cuadra.jobs.ways import Watch
from cuadra.ledger import acts, utc_now
from cuadra.ledger.rejudge import Judged, due, rejudge

FROM_CATALOGUE = [*(code for code in acts.PRODUCT_TROUBLE if code != "product_sku_missing"), "product_inactive"]
"""Why a line may wait for the catalogue. One that names no product waits for a rule, or for its source: a shop sells many of
them, and whatever the catalogue brings, none would go on."""


def after_rules(db: Database, account: Account, integration: Integration, watch: Watch) -> Judged:
    """Judge everything of an integration that is not present by its new rules."""
    with db.transaction(account.account_id) as conn:
        key = {"account": account.account_id, "integration": integration.integration_id}
        orders = [order for (order,) in conn.execute(sql("list_unjudged"), key)]
    way = ways.way(db, account, integration)
    return rejudge(db, way, orders, progress=lambda done: watch("judged", done, len(orders)))


def after_rate(db: Database, account: Account, watch: Watch) -> Judged:
    """Judge the orders that waited for an exchange rate."""
    return _by_reason(db, account, ["conversion_rate_missing"], watch)


def after_catalogue(db: Database, account: Account, watch: Watch) -> Judged:
    """Judge the orders whose lines waited for a product: it may be there, or active, now."""
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_by_line_trouble"), {
            "account": account.account_id, "reasons": FROM_CATALOGUE, "sku": None, "product": None, "name": None,
        }).fetchall()  # fmt: skip
    return _judge(db, account, rows, watch)


def after_customers(db: Database, account: Account, watch: Watch) -> Judged:
    """Judge the orders whose customer could not be reached: a record may have brought the contact."""
    return _by_reason(db, account, ["customer_without_contact"], watch)


def due_now(db: Database, account: Account, watch: Watch) -> Judged:
    """Judge the waiting orders whose hour has come."""
    return _judge(db, account, due(db, account.account_id, utc_now()), watch)


def _judge(db: Database, account: Account, rows: list[tuple[Any, ...]], watch: Watch) -> Judged:
    return acts.release(db, rows, lambda number: ways.way_by_id(db, account, number),
                        lambda done: watch("judged", done, len(rows)))  # fmt: skip


def _by_reason(db: Database, account: Account, reasons: list[str], watch: Watch) -> Judged:
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_held_by_reason"), {"account": account.account_id, "reasons": reasons}).fetchall()
    return _judge(db, account, rows, watch)
