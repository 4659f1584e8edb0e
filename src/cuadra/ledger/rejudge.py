"""Judges stored orders again, without a new receipt: when their time has come, a rule has changed, or a person has
fixed what held them. Frozen orders are left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from cuadra.connectors.base import Raw, Read
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.ledger import Way, facts, utc_now, write
from cuadra.model import Entity, Outcome, Standing
from cuadra.pipeline.prepare import contact_keys
from cuadra.pipeline.record import OF_READING, judge
from cuadra.pipeline.working import Item, OrderState, WorkingSet

CHUNK = 500


class Judged(Struct):
    """How many orders were judged again, and how many stand elsewhere now."""

    judged: int = 0
    changed: int = 0
    frozen: int = 0


def due(db: Database, account_id: int, now: datetime) -> list[tuple[Any, ...]]:
    """(order, integration) of waiting orders whose time has come."""
    with db.transaction(account_id) as conn:
        rows = conn.execute(sql("list_due"), {"account": account_id, "now": now})
        return list(rows)


def rejudge(db: Database, way: Way, orders: Iterable[int], *, clock: Callable[[], datetime] = utc_now,
            progress: Callable[[int], None] = lambda done: None) -> Judged:  # fmt: skip
    """Judge these orders of one integration by its current rules. Each chunk is a transaction of its own: an
    interrupted release goes on where it stopped when it is asked for again."""
    found = Judged()
    wanted = list(orders)
    for at in range(0, len(wanted), CHUNK):
        _chunk(db, way, wanted[at : at + CHUNK], clock(), found)
        progress(min(at + CHUNK, len(wanted)))
    return found


def _chunk(db: Database, way: Way, ids: list[int], now: datetime, found: Judged) -> None:
    with db.writing(way.account_id) as conn:
        ws = facts.working_set(conn, way.account_id, way.store_id, way.integration_id, way.account, way.rules,
                               way.rule_version, way.connector, [], now)  # fmt: skip
        facts.load_orders(conn, ws, "load_orders_by_id", ids)
        items = [item_of(state, ws) for state in ws.orders.values()]
        facts.load_partners(conn, ws, items)
        moved = [item for item in items if _judge(item, ws, found)]
        ws.relinks.clear()  # what is in doubt was asked when it came: judging it again is no reason to ask again
        writes = write.Writes(conn, ws)
        writes.orders()
        writes.attempts(moved, None)
        writes.perform(conn)


def item_of(state: OrderState, ws: WorkingSet) -> Item:
    """A stored order as an item: as if its newest receipt came again."""
    order = state.read()
    raw = Raw(Entity.ORDER, b"", state.version.sequence)
    seen = {code: state.evidence[code] for code in OF_READING if code in state.evidence}
    item = Item(raw, state.receipt_id or 0, Read(Entity.ORDER, order.id, order, warnings=seen), state.version)
    item.evidence |= seen
    rules = ws.rules.customers
    contact_keys(item, order, rules.region or ws.account.country, frozenset(rules.placeholders))
    item.state = state
    return item


def _judge(item: Item, ws: WorkingSet, found: Judged) -> bool:
    """Judge one order; True if it stands elsewhere now, and only then is there an attempt to tell of."""
    state = item.state
    assert state is not None
    if state.frozen_at is not None:
        found.frozen += 1
        return False
    if state.standing is Standing.UNSEEN:
        return False  # nothing is known of it that could be judged
    found.judged += 1
    refused = (state.reason, state.evidence[state.reason]) if _unread(state) and state.reason else None
    before = (state.standing, state.reason, state.warnings, state.customer_id, state.incomplete)
    judge(item, state, ws, refused)
    state.dirty = state.rebuilt = True
    item.outcome = Outcome.UPDATED
    if before == (state.standing, state.reason, state.warnings, state.customer_id, state.incomplete):
        return False
    found.changed += 1
    return True


def _unread(state: OrderState) -> bool:
    """A payload that could not be read is not cured by a rule."""
    return state.reason in (
        "field_format_invalid", "required_field_missing", "payload_unreadable", "not_found_at_source",
    )  # fmt: skip
