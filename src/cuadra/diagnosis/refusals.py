"""Notices that the intake did not take: of an account, and those to an address of nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.db.queries import sql

MOST = 500


class Refusal(Struct, frozen=True):
    """Notices refused for one reason within an hour."""

    hour: datetime
    integration: str | None
    """None: nobody has the address that they were sent to."""
    reason: str
    count: int
    last_at: datetime
    evidence: dict[str, Any]
    """Of the last one."""


def refusals(db: Database, account: Account) -> list[Refusal]:
    """The newest first."""
    with db.transaction(account.account_id) as conn:
        own = conn.execute(sql("list_refusals"), {"account": account.account_id, "limit": MOST}).fetchall()
        unknown = conn.execute(sql("list_unknown_refusals"), {"limit": MOST}).fetchall()
    found = [Refusal(*row) for row in (*own, *unknown)]
    return sorted(found, key=lambda one: one.last_at, reverse=True)[:MOST]
