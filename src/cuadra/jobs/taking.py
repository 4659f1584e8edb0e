"""Takes receipts that are stored through the pipeline: notices, and answers of the source."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cuadra import inbox
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Evidence, Place, Raw, Reader, Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.inbox import Entry
from cuadra.jobs import enriching, problems, ways
from cuadra.ledger import AlreadyDone, BatchLedger, Way, utc_now
from cuadra.model import Entity
from cuadra.pipeline.run import prepare_safely
from cuadra.pipeline.run import run as run_batch
from cuadra.pipeline.working import Item

MOST = 1000
"""Receipts that go through the pipeline together."""


def keep(db: Database, account: Account, integration: Integration, raws: list[Raw], arrival: str,
         run_id: int | None = None) -> Entry:  # fmt: skip
    """Store answers of a source in the inbox."""
    db.stage()
    with db.transaction(account.account_id) as conn:
        return inbox.store(conn, account.account_id, integration.integration_id, raws, arrival=arrival,
                           retention=account.retention, now=utc_now(), run_id=run_id)  # fmt: skip


def waiting(db: Database, account: Account, integration: Integration, most: int = MOST) -> list[Entry]:
    """What has arrived for an integration outside of any run, oldest first; at least one entry, at most so many
    receipts."""
    key = {"account": account.account_id, "integration": integration.integration_id, "most": most}
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_arrived"), key).fetchall()
    found: list[Entry] = []
    count = 0
    for set_id, retention, at, first, last in rows:
        count += last - first + 1
        if found and count > most:
            break
        found.append(Entry(retention, at, first, last, set_id))
    return found


def arrived(db: Database, account: Account, integration: Integration, shop: Shop | None) -> int:
    """Take everything that has arrived through the pipeline; returns how many receipts that was. `shop`: where to ask
    for what the ledger lacks; None: the source is not asked, and lines wait for the details of their products."""
    done = 0
    while some := batch(db, account, integration, shop):
        done += some
    return done


def batch(db: Database, account: Account, integration: Integration, shop: Shop | None) -> int:
    """Take what has arrived by now, at most `MOST`: one turn of an integration, however much comes meanwhile."""
    entries = waiting(db, account, integration)
    return through(db, account, integration, entries, shop) if entries else 0


def through(db: Database, account: Account, integration: Integration, entries: Sequence[Entry],
            shop: Shop | None) -> int:  # fmt: skip
    """Stored receipts through the pipeline, the details that they need before them."""
    way = ways.way(db, account, integration)
    reader = ways.connector(integration).reader({}, Place(account.currency, account.time_zone, ways.NOWHERE))
    raws = inbox.load(db, account.account_id, *entries)
    if shop is not None:

        def away(reason: str, evidence: Evidence) -> None:
            if reason in problems.OUTAGE:  # the next batches do not ask until it is over
                problems.meet(db, account.account_id, integration.integration_id, reason, evidence)

        details = enriching.details(db, way, shop, [raw for _, raw in raws], reader, away=away)
        for kind in (Entity.PRODUCT, Entity.CUSTOMER):
            some = [raw for raw in details if raw.kind is kind]
            if some:
                entry = keep(db, account, integration, some, "relink")
                _batch(db, way, inbox.load(db, account.account_id, entry), reader, account)
    _batch(db, way, raws, reader, account)
    return len(raws)


def _batch(db: Database, way: Way, raws: list[tuple[int, Raw]], reader: Reader, account: Account) -> None:
    def fresh(ids: frozenset[int] | None) -> list[Item]:
        return [
            prepare_safely(raw, number, reader, way.rules, account.country)
            for number, raw in raws
            if ids is None or number in ids
        ]

    with suppress(AlreadyDone):
        run_batch(fresh, BatchLedger(db, way, take=inbox.take), lambda _count: None)
