"""A census: a light listing of a source, compared with the ledger. It finds what no notice and no update time tells of:
orders deleted for good, refunds taken back, orders that never reached us.

What differs is only a suspicion: lists move while they are read. Each suspect is asked for by its number, and what is said
of it is the answer. A census that ends with the same orders on both sides, and with the source's own count, is proof.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from cuadra import connectors, coverage
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Entry, Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.jobs import relinking
from cuadra.jobs.ways import Watch
from cuadra.ledger import utc_now
from cuadra.model import Axis, Covered, Entity

GONE = ("deleted_at_source", "not_found_at_source")


class Census(Struct):
    """What a census found."""

    start: datetime
    end: datetime
    read_at: datetime
    listed: int = 0
    missing: int = 0
    """At the source, and not here until now."""
    different: int = 0
    absent: int = 0
    """Here, and in no list of the source."""
    counted: int | None = None
    """The source's own count."""
    ours: int = 0
    """Orders of the interval that are here and not gone, after everything was asked for."""
    proven: bool = False


class _Ours(Struct):
    state: str | None
    total: Decimal | None
    stamp: datetime | None
    standing: str
    reason: str | None
    refunds: dict[str, Decimal]


def take(db: Database, account: Account, integration: Integration, shop: Shop, start: datetime,
         watch: Watch) -> Census:  # fmt: skip
    """Compare everything created from `start` on that has settled. Raises `connectors.trouble.Trouble`; what was found until
    then is asked for by whoever works next."""
    began = utc_now()
    # sources take bounds in whole seconds: what a list leaves out of the last one is not to be called covered
    found = Census(start, (began - _settle(integration)).replace(microsecond=0), began)
    if found.start >= found.end:
        return found
    listed: set[str] = set()
    suspects: dict[str, Entry] = {}
    for entries in shop.census(found.start, found.end):
        listed |= {entry.id for entry in entries}
        suspects |= _compare(db, account, integration, entries, found)
        watch("compared", len(listed), None)
    found.listed = len(listed)
    lost = [one for one in _living(db, account, integration, found) if one not in listed]
    found.absent = relinking.ask_for(db, account, integration, Entity.ORDER, lost, "census")
    done = relinking.due(db, account, integration, shop)
    found.counted = shop.count(found.start, found.end)
    living = _living(db, account, integration, found)
    found.ours = len(living)
    if done.trouble is None:
        agreed = found.ours == found.counted and set(living) == listed - _gone(db, account, integration, listed)
        found.proven = agreed and _settled(db, account, integration, suspects)
        if agreed:
            _cover(db, account, integration, found)
    return found


def _settle(integration: Integration) -> timedelta:
    return connectors.get(integration.connector).info.settle


def _settled(db: Database, account: Account, integration: Integration, suspects: dict[str, Entry]) -> bool:
    """Whether every suspicion was answered, and we have now what was listed, or something newer."""
    with db.transaction(account.account_id) as conn:
        left = conn.execute(sql("count_relinks"), {
            "account": account.account_id, "integration": integration.integration_id,
        }).fetchall()  # fmt: skip
    if any(kind == Entity.ORDER for kind, _ in left):
        return False
    ours = _known(db, account, integration, list(suspects))
    return not any(
        one not in ours or (ours[one].reason not in GONE and differs(entry, ours[one]))
        for one, entry in suspects.items()
    )


def _compare(db: Database, account: Account, integration: Integration, entries: list[Entry],
             found: Census) -> dict[str, Entry]:  # fmt: skip
    """Ask for what is not the same; returns the suspects."""
    ours = _known(db, account, integration, [entry.id for entry in entries])
    missing = [entry.id for entry in entries if entry.id not in ours]
    different = [entry.id for entry in entries if entry.id in ours and differs(entry, ours[entry.id])]
    found.missing += len(missing)
    found.different += len(different)
    relinking.ask_for(db, account, integration, Entity.ORDER, missing + different, "census")
    return {entry.id: entry for entry in entries if entry.id in {*missing, *different}}


def differs(entry: Entry, ours: _Ours) -> bool:
    """Whether the source has another order than we do. A stamp of theirs that is older than ours says nothing: its list
    was late."""
    if ours.reason in GONE or ours.standing == "unseen":
        return True
    if entry.stamp is not None and ours.stamp is not None and entry.stamp < ours.stamp:
        return False
    total = ours.total if entry.total is None else entry.total  # what a listing does not say is no difference
    return (entry.state, total, entry.refunds) != (ours.state, ours.total, ours.refunds)


def _known(db: Database, account: Account, integration: Integration, ids: list[str]) -> dict[str, _Ours]:
    key = {"account": account.account_id, "store": integration.store_id, "ids": ids}
    with db.transaction(account.account_id) as conn:
        return {
            source_id: _Ours(state, total, stamp, standing, reason, _refunds(refunds))
            for source_id, state, total, stamp, standing, reason, refunds in conn.execute(sql("census_of_ours"), key)
        }


def _refunds(stored: dict[str, Any] | None) -> dict[str, Decimal]:
    return {one: Decimal(str(amount)) for one, amount in (stored or {}).items()}


def _living(db: Database, account: Account, integration: Integration, found: Census) -> list[str]:
    key = {"account": account.account_id, "store": integration.store_id, "start": found.start, "end": found.end,
           "gone": list(GONE)}  # fmt: skip
    with db.transaction(account.account_id) as conn:
        return [source_id for (source_id,) in conn.execute(sql("list_living"), key)]


def _gone(db: Database, account: Account, integration: Integration, ids: set[str]) -> set[str]:
    """Of what was listed, what has been deleted since: asked for, and gone."""
    return {one for one, ours in _known(db, account, integration, list(ids)).items() if ours.reason in GONE}


def _cover(db: Database, account: Account, integration: Integration, found: Census) -> None:
    covered = Covered(Axis.CREATED, found.start, found.end, found.read_at)
    with db.transaction(account.account_id) as conn:
        coverage.note(conn, account.account_id, integration.integration_id, None, [covered])
