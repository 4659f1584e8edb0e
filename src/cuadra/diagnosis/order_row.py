"""One order with its integration and store, as the answers need it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from cuadra.db import Conn
from cuadra.db.queries import sql
from cuadra.errors import NotFound


class OrderRow(Struct):
    """An order as `get_order` gives it."""

    order_id: int
    source_id: str
    number: str | None
    integration: str
    store: str
    platform: str
    ordered_at: datetime | None
    state: str | None
    payment_state: str | None
    currency: str | None
    total: Any
    converted: Any
    rate: Any
    customer_id: int | None
    customer_name: str | None
    customer_email: str | None
    products: str | None
    standing: str
    reason: str | None
    warnings: list[str] | None
    evidence: dict[str, Any] | None
    incomplete: bool
    stamp: datetime | None
    version: int
    receipt_id: int | None
    rule_version: int
    recheck_at: datetime | None
    frozen_at: datetime | None
    erased_at: datetime | None
    first_seen: datetime
    changed_at: datetime
    content: str
    integration_state: str
    present_at: datetime | None


def order_row(conn: Conn, account_id: int, order_id: int) -> OrderRow:
    """One order with its integration and store. Raises NotFound."""
    row = conn.execute(sql("get_order"), {"account": account_id, "order": order_id}).fetchone()
    if row is None:
        raise NotFound("There is no order {n} here.", n=order_id)
    return OrderRow(*row)
