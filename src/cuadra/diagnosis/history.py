"""The orders ever heard of, newest first, by keyset and never by page number over a moving list."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from cuadra import accounts, reasons
from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.diagnosis import masking
from cuadra.errors import UsageError
from cuadra.model import Standing

STANDINGS = tuple(standing.value for standing in Standing)


class Line(Struct):
    """One order of a list. `order` is our own id of it, `identifier` what people call it."""

    order: int
    at: datetime
    integration: str
    identifier: str
    customer: str | None
    email: str | None
    date: datetime | None
    products: str | None
    total: Decimal | None
    currency: str | None
    standing: str
    reason: str | None
    warnings: list[str]
    connector: str


def lines(db: Database, account: Account, *, integration: str | None = None, standing: str | None = None,
          reason: str | None = None, limit: int = 20, before: int | None = None,
          personal: bool = False) -> list[Line]:  # fmt: skip
    """A page of history; `before` is the order after which the page begins. Raises NotFound for an integration or a reason
    that there is none of, and UsageError for what is no standing."""
    if reason:
        reasons.get(reason)
    if standing and standing not in STANDINGS:
        known = ", ".join(STANDINGS)
        raise UsageError("«{value}» is no standing; there are {known}.", value=standing, known=known)
    values: dict[str, Any] = {
        "account": account.account_id, "standing": standing or None, "reason": reason or None, "limit": limit,
        "integration": accounts.integration_named(db, account, integration).integration_id if integration else None,
        "before": before,
    }  # fmt: skip
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_history"), values).fetchall()
    return [_line(row, personal) for row in rows]


def history(db: Database, account: Account, **asked: Any) -> list[dict[str, Any]]:
    """The same as programs rely on it: without our own ids."""
    left_out = ("order", "connector")
    return [
        {name: value for name, value in structs.asdict(one).items() if name not in left_out}
        for one in lines(db, account, **asked)
    ]


def _line(row: tuple[Any, ...], personal: bool) -> Line:
    (
        order,
        at,
        integration,
        number,
        name,
        email,
        day,
        products,
        total,
        currency,
        standing,
        reason,
        warnings,
        connector,
    ) = row
    return Line(order, at, integration, number, name if personal else masking.name(name),
                email if personal else masking.email(email), day, products, total, currency, standing, reason,
                warnings or [], connector)  # fmt: skip
