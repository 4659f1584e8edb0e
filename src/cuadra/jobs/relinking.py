"""Fetches again, by number, what is in doubt: hints, ties, suspicions of a census, products without details.

A question stays due until its answer is stored; the answer and the end of the question are one transaction. A question
asked anew while the source answers stays, because the answer may be older than what caused it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct, field
from psycopg.types.json import Jsonb

from cuadra import inbox
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Evidence, Look, Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.jobs import taking
from cuadra.ledger import utc_now
from cuadra.model import Entity

MOST = 100
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)


class Done(Struct):
    """What became of the questions that were due."""

    fetched: int = 0
    trouble: tuple[str, Evidence] | None = None
    by_kind: dict[str, int] = field(default_factory=dict)


def ask_for(db: Database, account: Account, integration: Integration, kind: Entity, ids: Iterable[str],
            cause: str) -> int:  # fmt: skip
    """Note what is to be fetched; returns how much that is."""
    now, wanted = utc_now(), list(dict.fromkeys(ids))
    with db.transaction(account.account_id) as conn, conn.cursor() as cursor:
        cursor.executemany(sql("write_relink"), [
            (account.account_id, integration.integration_id, kind.value, one, cause, now, now) for one in wanted
        ])  # fmt: skip
    return len(wanted)


def due(db: Database, account: Account, integration: Integration, shop: Shop, *, limit: int | None = None) -> Done:
    """Fetch everything that is due, and take it through the pipeline. Stops at the first trouble: what is left is tried
    again after a pause that grows."""
    done = Done()
    while limit is None or done.fetched < limit:
        with db.transaction(account.account_id) as conn:
            rows = conn.execute(sql("list_relinks"), {
                "account": account.account_id, "integration": integration.integration_id, "now": utc_now(),
                "limit": MOST,
            }).fetchall()  # fmt: skip
        if not rows:
            return done
        kind = Entity(rows[0][0])
        some = [(source_id, asked_at, tries) for _, source_id, asked_at, tries in rows]
        look = shop.fetch(kind, [source_id for source_id, *_ in some])
        _settle(db, account, integration, kind, some, look)
        taking.arrived(db, account, integration, shop)
        done.fetched += len(look.raws)
        done.by_kind[kind.value] = done.by_kind.get(kind.value, 0) + len(look.raws)
        if look.trouble is not None:
            done.trouble = look.trouble
            return done
    return done


def _settle(db: Database, account: Account, integration: Integration, kind: Entity,
            some: list[tuple[str, datetime, int]], look: Look) -> None:  # fmt: skip
    """Store the answers, end what they answer, put off the rest."""
    answered = {raw.asked["id"] for raw in look.raws if raw.asked}
    key = {"account": account.account_id, "integration": integration.integration_id, "kind": kind.value}
    db.stage()
    with db.transaction(account.account_id) as conn:
        if look.raws:
            inbox.store(conn, account.account_id, integration.integration_id, look.raws, arrival="relink",
                        retention=account.retention, now=utc_now())  # fmt: skip
        conn.execute(sql("end_relinks"), {
            **key, "ids": [one for one, *_ in some if one in answered],
            "asked": [asked_at for one, asked_at, _ in some if one in answered],
        })  # fmt: skip
        if look.trouble is None:
            return
        reason, evidence = look.trouble
        for one, _, tries in some:
            if one not in answered:
                pause = min(FIRST_PAUSE * 2 ** min(tries, 12), LONGEST_PAUSE)
                conn.execute(sql("put_off_relink"), {
                    **key, "id": one, "due": utc_now() + pause, "reason": reason, "evidence": Jsonb(evidence),
                })  # fmt: skip
