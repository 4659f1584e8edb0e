"""States of ours on their way to the source. Each is written once and looked at: a time-out may have done it or not, so
the order is fetched before anything is tried again."""

from __future__ import annotations

from datetime import timedelta

from psycopg.types.json import Jsonb

from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Evidence, Shop
from cuadra.connectors.http import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.jobs import relinking, taking
from cuadra.ledger import utc_now
from cuadra.model import Entity

FIRST_PAUSE = timedelta(seconds=30)
ATTEMPTS = 6
CLAIM = timedelta(minutes=5)
"""How long one that was taken is nobody else's: if its taker is killed, it is due again then."""


def due(db: Database, account: Account, integration: Integration, shop: Shop) -> int:
    """Write every state that is due; returns how many were."""
    now = utc_now()
    key = {"account": account.account_id, "integration": integration.integration_id, "now": now, "until": now + CLAIM}
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("claim_write_backs"), key).fetchall()
    for order_id, source_id, state, current, tries in rows:
        if current == state:  # somebody has done it there, or an earlier try that nobody answered
            _end(db, account, order_id, "done", None)
            continue
        try:
            raw = shop.set_state(source_id, state)
        except Trouble as trouble:
            _failed(db, account, integration, order_id, source_id, tries, trouble)
            continue
        entry = taking.keep(db, account, integration, [raw], "relink")
        taking.through(db, account, integration, [entry], None)
        _end(db, account, order_id, "done", None)
    return len(rows)


def _failed(db: Database, account: Account, integration: Integration, order_id: int, source_id: str, tries: int,
            trouble: Trouble) -> None:  # fmt: skip
    if not trouble.transient or tries >= ATTEMPTS:
        _end(db, account, order_id, "failed", (trouble.reason, trouble.evidence))
        return
    relinking.ask_for(db, account, integration, Entity.ORDER, [source_id], "write_back")
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("put_off_write_back"), {
            "account": account.account_id, "order": order_id, "due": utc_now() + FIRST_PAUSE * 2 ** (tries - 1),
            "reason": trouble.reason, "evidence": Jsonb(trouble.evidence),
        })  # fmt: skip


def _end(db: Database, account: Account, order_id: int, standing: str, why: tuple[str, Evidence] | None) -> None:
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("end_write_back"), {
            "account": account.account_id, "order": order_id, "standing": standing, "now": utc_now(),
            "reason": why[0] if why else None, "evidence": Jsonb(why[1]) if why else None,
        })  # fmt: skip
