"""The live look: asks the sources themselves for what somebody wants to know about, stores what they answer as evidence,
and takes it through the pipeline like everything else. A person waits: nothing is tried twice, and not for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from psycopg.types.json import Jsonb

from cuadra import accounts, connectors
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Evidence, Look, Raw, Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.diagnosis import looks, why
from cuadra.errors import CuadraError
from cuadra.jobs import taking, ways
from cuadra.ledger import utc_now
from cuadra.model import Entity
from cuadra.settings import Settings

SECONDS = 8.0
LONGEST_ID = 10
"""Digits of a source's own number; more of them are a phone."""
MOST = 20
"""Orders of one identifier that are asked for."""


class Asked(Struct, frozen=True):
    """What one source said."""

    integration: str
    at: datetime
    kind: str
    found: list[str]
    absent: bool
    """It says that there is no order of that number."""
    calls: list[Evidence]
    trouble: tuple[str, Evidence] | None = None


def ask(db: Database, settings: Settings, account: Account, text: str) -> list[Asked]:
    """Ask every source that may know: of known orders their own, of an unknown number all. What they have is in the ledger
    afterwards."""
    query = text.strip()
    if not query or len(query) > 200:
        return []
    with db.transaction(account.account_id) as conn:
        found = why.find(conn, account, query)
        rows = conn.execute(
            sql("sources_of_orders"), {"account": account.account_id, "orders": found.orders[:MOST]}
        ).fetchall()
    known: dict[int, list[str]] = {}
    for store_id, source_id in rows:
        known.setdefault(store_id, []).append(source_id)
    return [
        one
        for integration in _live(db, account)
        if not found.orders or integration.store_id in known or "@" in query
        for one in _one(db, settings, account, integration, query, known.get(integration.store_id, []))
    ]


def again(db: Database, settings: Settings, account: Account, order_id: int) -> Asked | None:
    """Fetch one known order again from its own source; None: its source cannot be asked."""
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("sources_of_orders"), {"account": account.account_id, "orders": [order_id]}).fetchall()
    for store_id, source_id in rows:
        for integration in _live(db, account):
            if integration.store_id == store_id:
                return next(_one(db, settings, account, integration, source_id, [source_id]), None)
    return None


def askable(db: Database, account: Account) -> list[str]:
    """The integrations whose source can be asked, by name."""
    return [one.name for one in _live(db, account)]


def _live(db: Database, account: Account) -> Iterator[Integration]:
    """Integrations whose source can be asked: active, and one to a store."""
    stores: set[int] = set()
    for one in accounts.integrations(db, account):
        if one.state == "active" and one.store_id not in stores and connectors.live(one.connector) is not None:
            stores.add(one.store_id)
            yield one


def _one(db: Database, settings: Settings, account: Account, integration: Integration, query: str,
         known: list[str]) -> Iterator[Asked]:  # fmt: skip
    try:
        with ways.shop(db, settings, account, integration, SECONDS) as shop:
            kind, look = _look(shop, query, known)
            if news := _worth(look, known):
                entry = taking.keep(db, account, integration, news, "relink")
                taking.through(db, account, integration, [entry], shop)
    except CuadraError:  # no credentials yet: a source that cannot be opened is no source to ask
        return
    asked = Asked(
        integration.name, utc_now(), kind, [raw.asked["id"] for raw in look.raws if raw.asked and raw.asked["status"] == 200],
        any(raw.asked and raw.asked["status"] == 404 for raw in look.raws), look.calls, look.trouble,
    )  # fmt: skip
    _store(db, account, integration, query, asked)
    yield asked


def _worth(look: Look, known: list[str]) -> list[Raw]:
    """Answers for the ledger. That there is no such order is news only of an order that was heard of."""
    return [raw for raw in look.raws if raw.asked and (raw.asked["status"] == 200 or raw.asked["id"] in known)]


def _look(shop: Shop, query: str, known: list[str]) -> tuple[str, Look]:
    """By the source's own number where it is known, or may be one; then by the number that people see; or by email."""
    if "@" in query:
        return "email", shop.search("email", query)
    if known:
        return "id", shop.fetch(Entity.ORDER, known, patient=False)
    look = Look()
    if query.isascii() and query.isdecimal() and len(query) <= LONGEST_ID:
        look = shop.fetch(Entity.ORDER, [query], patient=False)
        if look.trouble is not None or any(raw.asked and raw.asked["status"] == 200 for raw in look.raws):
            return "id", look
    more = shop.search("number", query.lstrip("#"))
    return "number", Look(look.raws + more.raws, look.calls + more.calls, more.trouble)


def _store(db: Database, account: Account, integration: Integration, query: str, asked: Asked) -> None:
    reason, proof = asked.trouble or (None, None)
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("add_look"), {
            "account": account.account_id, "integration": integration.integration_id, "at": asked.at, "query": looks.key(query),
            "kind": asked.kind, "found": asked.found, "reason": reason,
            "evidence": Jsonb({"calls": asked.calls, "trouble": proof}),
        })  # fmt: skip
