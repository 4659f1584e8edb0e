"""What has run: imports and scans, newest first, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.diagnosis import masking
from cuadra.errors import NotFound


class Run(Struct):
    """One run of a list."""

    run: int
    integration: str
    kind: str
    state: str
    by: str
    started: datetime
    ended: datetime | None
    received: int
    reason: str | None
    proven: bool | None
    cancelled_by: str | None


class Whole(Run):
    """One run with its report."""

    evidence: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    source_count: int | None = None
    count_origin: str | None = None
    bad_rows: int = 0
    """Rows of its files that were not taken."""


class BadRow(Struct):
    """A cell of a row that was not taken, and the rule that it breaks."""

    file: str
    line: int
    column: str
    value: str | None
    rule: str
    reason: str


MOST_ROWS = 100


def bad_rows(db: Database, account: Account, number: int) -> list[BadRow]:
    """The first of a run's bad rows that were not corrected since; what they say of people is masked."""
    key = {"account": account.account_id, "run": number, "limit": MOST_ROWS}
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_run_rejects"), key).fetchall()
    return [
        BadRow(file, line, column, masking.evidence({"value": value, "personal": says}, False)["value"], rule, reason)
        for file, line, column, value, rule, reason, says in rows
    ]


def runs(db: Database, account: Account, *, integration: int | None = None, state: str | None = None,
         before: int | None = None, limit: int = 20) -> list[Run]:  # fmt: skip
    """A page of them; `before` is the run after which it begins."""
    values = {
        "account": account.account_id,
        "integration": integration,
        "state": state,
        "before": before,
        "limit": limit,
    }
    with db.transaction(account.account_id) as conn:
        return [Run(*row) for row in conn.execute(sql("list_runs"), values)]


def run(db: Database, account: Account, number: int) -> Whole:
    """One of them. Raises NotFound."""
    key = {"account": account.account_id, "run": number}
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("get_run"), key).fetchone()
        if row is None:
            raise NotFound("There is no run {n}; see cuadra runs list.", n=number)
        rejects = conn.execute(sql("count_rejects"), key).fetchone() or (0, 0)
    return structs.replace(Whole(*row), bad_rows=int(rejects[0]))
