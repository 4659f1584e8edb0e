"""What platforms say that is of no order, done: an app thrown out, and what the law lets buyers ask for.

Each is safe to be done twice. What cannot be done yet is put off; what is to be handed out waits for a person, who decides
who gets it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.clock import utc_now
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import NotFound, Refused
from cuadra.jobs import problems
from cuadra.ledger import person
from cuadra.ledger.acts import Act
from cuadra.ledger.person import Buyer

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
DAYS = 30
"""How long platforms leave for what the law lets buyers ask for."""


class Request(msgspec.Struct, frozen=True):
    """Something that a platform asks about its buyers."""

    number: int
    integration: str
    kind: str
    """erase_person, export_person, erase_store"""
    subject: dict[str, Any]
    """Whom: {id, email, phone, orders}; empty once it is done."""
    received_at: datetime
    due_at: datetime
    tries: int
    done_at: datetime | None
    result: dict[str, Any] | None

    @property
    def open(self) -> bool:
        return self.done_at is None


def due(db: Database, account: Account, integration: Integration, run_id: int | None = None) -> int:
    """Do what there is to do of one integration; returns how much was done. `run_id`: the import that does it at its end."""
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("due_platform_notices"), {**key, "now": utc_now()}).fetchall()
    done = 0
    for number, kind, subject, received_at, tries in rows:
        try:
            if kind == "uninstalled":
                result = _uninstalled(db, account, integration, subject, received_at)
            else:
                result = _erased(db, account, integration, kind, subject, number, run_id)
        except Refused as refused:
            pause = min(FIRST_PAUSE * 2.0 ** min(tries, 20), LONGEST_PAUSE)
            _note(db, account, "put_off_platform_notice", number, {"refused": refused.message}, pause=pause)
        else:
            _note(db, account, "end_platform_notice", number, result)
            done += 1
    return done


def requests(db: Database, account: Account) -> list[Request]:
    """What platforms ask about buyers: everything open, then what was done of late."""
    with db.transaction(account.account_id) as conn:
        return [Request(*row) for row in conn.execute(sql("privacy_requests"), {"account": account.account_id})]


def answer(db: Database, account: Account, number: int) -> dict[str, Any]:
    """What is to be handed out for a request. Raises NotFound, and Refused for one that asks for something else."""
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("privacy_request"), {"account": account.account_id, "notice": number}).fetchone()
    if row is None:
        raise NotFound("There is no request {n}; list them: cuadra person requests.", n=number)
    kind, subject, store_id, done_at = row
    if kind != "export_person":
        raise Refused("Request {n} asks to erase, not to hand out; it is done by itself.", n=number)
    if done_at is not None:
        raise Refused(
            "Request {n} was answered on {at}; whom it named is forgotten.", n=number, at=f"{done_at:%Y-%m-%d}"
        )
    return person.export_buyer(db, account, store_id, msgspec.convert(subject, Buyer))


def answered(db: Database, account: Account, number: int, found: dict[str, Any]) -> None:
    """It was handed out."""
    _note(db, account, "end_platform_notice", number, _counts(len(found["customers"]), len(found["orders"])))


def _uninstalled(db: Database, account: Account, integration: Integration, subject: dict[str, Any],
                 received_at: datetime) -> dict[str, Any]:  # fmt: skip
    """The integration is broken from here on, until an answer comes: a shop that takes the app back is met again by itself."""
    proof = {"uninstalled_at": subject.get("at") or received_at.isoformat(), "subscription": "app/uninstalled"}
    problems.meet(db, account.account_id, integration.integration_id, problems.UNINSTALLED, proof)
    if integration.state == "active":
        accounts.move(db, account, integration, "broken", integration.connector, problems.UNINSTALLED)
    return {}


def _erased(db: Database, account: Account, integration: Integration, kind: str, subject: dict[str, Any],
            number: int, run_id: int | None) -> dict[str, Any]:  # fmt: skip
    act = Act(account, integration.connector, f"{integration.name}: {kind} {number}")
    if kind == "erase_store":
        return _counts(*person.erase_store(db, act, integration.store_id, but_for=run_id))
    return _counts(*person.erase_buyer(db, act, integration.store_id, msgspec.convert(subject, Buyer), but_for=run_id))


def _counts(customers: int, orders: int) -> dict[str, Any]:
    return {"customers": customers, "orders": orders}


def _note(db: Database, account: Account, statement: Any, number: int, result: dict[str, Any], **more: Any) -> None:
    with db.transaction(account.account_id) as conn:
        conn.execute(sql(statement), {
            "account": account.account_id, "notice": number, "result": Jsonb(result), **more,
        })  # fmt: skip
