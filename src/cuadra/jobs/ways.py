"""Everything a batch of one integration needs, loaded once per run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cuadra import accounts, connectors
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Connector, Place
from cuadra.db import Database
from cuadra.ledger import Way
from cuadra.pipeline import rules
from cuadra.pipeline.rules import AccountFacts

Watch = Callable[[str, int, int | None], None]
"""Told of progress: (what is going on, done, total or None)."""


def way(db: Database, account: Account, integration: Integration) -> Way:
    """The integration with its current rules, as the ledger wants it."""
    with db.transaction(account.account_id) as conn:
        stored = accounts.stored_rules(conn, account.account_id, integration.integration_id, integration.rule_version)
    facts = AccountFacts(account.currency, account.country, account.time_zone, account.retention)
    return Way(account.account_id, integration.integration_id, integration.store_id, integration.name, facts,
               rules.load(stored), integration.rule_version)  # fmt: skip


def place(account: Account, work: Path) -> Place:
    """What a connector may know of the account."""
    return Place(account.currency, account.time_zone, work)


def connector(integration: Integration) -> Connector:
    """The code of its platform."""
    return connectors.get(integration.connector)


def way_by_id(db: Database, account: Account, integration_id: int) -> Way:
    """The integration of that id with its current rules."""
    return way(db, account, accounts.integration_by_id(db, account, integration_id))
