"""The orders ever heard of, newest first, by keyset and never by page number over a moving list."""

from __future__ import annotations

from typing import Any

from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.diagnosis import masking
from cuadra.model import Standing

STANDINGS = tuple(standing.value for standing in Standing)


def history(db: Database, account: Account, *, integration: int | None = None, standing: str | None = None,
            reason: str | None = None, limit: int = 20, before: int | None = None,
            personal: bool = False) -> list[dict[str, Any]]:  # fmt: skip
    """A page of history; `before` is the order after which the page begins."""
    values: dict[str, Any] = {
        "account": account.account_id, "integration": integration, "standing": standing, "reason": reason,
        "limit": limit, "before": None, "before_id": None,
    }  # fmt: skip
    with db.transaction(account.account_id) as conn:
        if before is not None:
            row = conn.execute(sql("get_order_date"), {"account": account.account_id, "order": before}).fetchone()
            values |= {"before": row[0] if row else None, "before_id": before}
        rows = conn.execute(sql("list_history"), values).fetchall()
    return [_row(row, personal) for row in rows]


def _row(row: tuple[Any, ...], personal: bool) -> dict[str, Any]:
    _, at, integration, number, name, email, day, products, total, currency, standing, reason, warnings, _ = row
    return {
        "at": at, "integration": integration, "identifier": number,
        "customer": name if personal else masking.name(name), "email": email if personal else masking.email(email),
        "date": day, "products": products, "total": total, "currency": currency, "standing": standing,
        "reason": reason, "warnings": warnings or [],
    }  # fmt: skip
