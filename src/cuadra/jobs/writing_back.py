"""States of ours on their way to the source. Each is written once and looked at: a time-out may have done it or not, so
the order is fetched before anything is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from psycopg.types.json import Jsonb

from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Evidence, Place, Raw, Shop
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.jobs import taking, ways
from cuadra.ledger import utc_now
from cuadra.model import Entity, OrderRead, Standing

FIRST_PAUSE = timedelta(seconds=30)
ATTEMPTS = 6
CLAIM = timedelta(minutes=5)
"""How long one that was taken is nobody else's: if its taker is killed, it is due again then."""


class _Wish(Struct):
    """A state to be written, as things stood when it was taken."""

    order_id: int
    source_id: str
    state: str
    current: str | None
    standing: str
    tries: int
    asked_at: datetime


def due(db: Database, account: Account, integration: Integration, shop: Shop) -> int:
    """Write every state that is due; returns how many were."""
    done = 0
    while (wish := _claim(db, account, integration)) is not None:
        done += 1
        _write(db, account, integration, shop, wish)
    return done


def _claim(db: Database, account: Account, integration: Integration) -> _Wish | None:
    now = utc_now()
    key = {"account": account.account_id, "integration": integration.integration_id, "now": now, "until": now + CLAIM}
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("claim_write_backs"), key).fetchone()
    return None if row is None else _Wish(*row)


def _write(db: Database, account: Account, integration: Integration, shop: Shop, wish: _Wish) -> None:
    if wish.standing != Standing.PRESENT:  # cancelled there, or gone: what was wished for does not hold any more
        proof: Evidence = {"state": wish.current, "standing": wish.standing, "sale_states": None, "rule_version": None}
        _end(db, account, wish, "skipped", ("state_not_eligible", proof))
        return
    if wish.tries > 1:  # a time-out may have done it, and somebody may have done something else since
        look = shop.fetch(Entity.ORDER, [wish.source_id])
        if look.trouble is not None:
            _failed(db, account, wish, Trouble(*look.trouble, transient=True))
            return
        _take(db, account, integration, look.raws)
        if any(_state(integration, raw) == wish.state for raw in look.raws):
            _end(db, account, wish, "done", None)
            return
    elif wish.current == wish.state:
        _end(db, account, wish, "done", None)
        return
    try:
        raw = shop.set_state(wish.source_id, wish.state)
    except Trouble as trouble:
        _failed(db, account, wish, trouble)
        return
    _take(db, account, integration, [raw])
    _end(db, account, wish, "done", None)


def _take(db: Database, account: Account, integration: Integration, raws: list[Raw]) -> None:
    entry = taking.keep(db, account, integration, raws, "relink")
    taking.through(db, account, integration, [entry], None)


def _failed(db: Database, account: Account, wish: _Wish, trouble: Trouble) -> None:
    if not trouble.transient or wish.tries >= ATTEMPTS:
        _end(db, account, wish, "failed", (trouble.reason, trouble.evidence))
        return
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("put_off_write_back"), {
            "account": account.account_id, "order": wish.order_id, "asked": wish.asked_at,
            "due": utc_now() + FIRST_PAUSE * 2 ** (wish.tries - 1), "reason": trouble.reason,
            "evidence": Jsonb(trouble.evidence),
        })  # fmt: skip


def _end(db: Database, account: Account, wish: _Wish, standing: str, why: tuple[str, Evidence] | None) -> None:
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("end_write_back"), {
            "account": account.account_id, "order": wish.order_id, "asked": wish.asked_at, "standing": standing,
            "now": utc_now(), "reason": why[0] if why else None, "evidence": Jsonb(why[1]) if why else None,
        })  # fmt: skip


def _state(integration: Integration, raw: Raw) -> str | None:
    """The state of an order as the source has it, read like everything that comes from there."""
    reader = ways.connector(integration).reader({}, Place("", "UTC", ways.NOWHERE))
    value = reader(raw).value
    return (value.state or None) if isinstance(value, OrderRead) else None
