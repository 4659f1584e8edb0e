"""Runs: one import, scan or file set, from its start to its report. A run ends when each of its receipts has an
attempt; its report has two partitions that always add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from msgspec import Struct, field
from psycopg.types.json import Jsonb

from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.model import Outcome, Standing

STANDINGS = tuple(standing.value for standing in Standing if standing is not Standing.UNSEEN)


class Items(Struct):
    """What happened to receipts: `seen` is the sum of the rest."""

    seen: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    stale: int = 0
    hint: int = 0
    refused: int = 0
    failed_items: int = 0

    def count(self, outcome: str, number: int) -> None:
        """Count receipts under their outcome."""
        name = "failed_items" if outcome == Outcome.FAILED else outcome
        setattr(self, name, getattr(self, name) + number)
        self.seen += number


class Report(Struct):
    """The report of a run: items, orders, reasons."""

    integration: str
    run: int
    items: Items
    entities: dict[str, Items]
    orders: dict[str, int]
    by_reason: dict[str, int]
    warnings: dict[str, int]
    refusals: dict[str, int]
    bad_rows: int = 0
    source_count: int | None = None
    proven: bool | None = None
    census: int | None = None
    """Orders of ours in the interval of a census; the source counted `source_count`."""
    seconds: float = 0.0
    problem: tuple[str, dict[str, Any]] | None = None
    """(reason, evidence) of what kept the run from its end."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    """Sets that were not taken, and what people should see of those that were."""

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `cuadra import --json`."""
        return {
            "integration": self.integration, "run": self.run, **msgspec.to_builtins(self.items),
            "orders": self.orders, "by_reason": self.by_reason, "warnings": self.warnings,
            "source_count": self.source_count, "proven": self.proven, "census": self.census, "seconds": round(self.seconds, 3),
            "entities": msgspec.to_builtins(self.entities), "refusals": self.refusals, "bad_rows": self.bad_rows,
            "notes": self.notes,
        }  # fmt: skip

    @property
    def troubled(self) -> bool:
        """Whether somebody should look: something failed, was refused, or was not taken."""
        return bool(
            self.orders.get("failed")
            or self.refusals
            or any(note.get("reason") and not (note.get("cured") or note.get("remark")) for note in self.notes)
        )


def start(conn: Conn, account_id: int, integration_id: int, kind: str, author: str, scope: dict[str, Any]) -> int:
    """A new run; returns its id."""
    row = conn.execute(sql("add_run"), {
        "account": account_id, "integration": integration_id, "kind": kind, "author": author, "scope": Jsonb(scope),
    }).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def hold(conn: Conn, account_id: int, run_id: int, fence: int) -> bool:
    """Hold a run for this transaction; `fence` is whose turn it was when it was taken. False: somebody else has taken it
    since, or it has ended, and nothing may be stored for it."""
    found = conn.execute(sql("hold_run"), {"account": account_id, "run": run_id, "fence": fence}).fetchone()
    return found is not None


def advance(conn: Conn, account_id: int, run_id: int, cursor: dict[str, Any], received: int) -> bool:
    """Move the cursor, in the transaction that stores what lies before it. True if the run is to end."""
    row = conn.execute(sql("advance_run"), {
        "account": account_id, "run": run_id, "cursor": Jsonb(cursor), "received": received,
    }).fetchone()  # fmt: skip
    return bool(row and row[0])


def ask_to_end(db: Database, account_id: int, run_id: int, author: str) -> bool:
    """Ask for a run's end; whoever works on it ends it at its next chunk. False if it is not running."""
    with db.transaction(account_id) as conn:
        values = {"account": account_id, "run": run_id, "author": author}
        return conn.execute(sql("cancel_run"), values).fetchone() is not None


def report(db: Database, account_id: int, run_id: int, integration: str) -> Report:
    """Count a run: a query over its attempts, so that no counter can be wrong."""
    key = {"account": account_id, "run": run_id}
    with db.transaction(account_id) as conn:
        entities: dict[str, Items] = {}
        refusals: Counter[str] = Counter()
        for entity, outcome, reason, number in conn.execute(sql("count_attempts"), key):
            entities.setdefault(entity, Items()).count(outcome, number)
            if outcome in (Outcome.REFUSED, Outcome.FAILED):
                refusals[reason] += number
        orders = dict.fromkeys(STANDINGS, 0)
        by_reason: Counter[str] = Counter()
        warnings: Counter[str] = Counter()
        for standing, reason, codes, number in conn.execute(sql("count_orders"), key):
            orders[standing] += number
            if reason is not None:
                by_reason[reason] += number
            for code in codes or ():
                warnings[code] += number
        bad = conn.execute(sql("count_rejects"), key).fetchone()
    items = entities.pop("order", Items())
    return Report(integration, run_id, items, entities, orders, _sorted(by_reason), _sorted(warnings),
                  _sorted(refusals), bad[0] if bad else 0)  # fmt: skip


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def end(conn: Conn, account_id: int, run_id: int, state: str, found: Report,
        reason: tuple[str, dict[str, Any]] | None = None) -> None:  # fmt: skip
    """Close a run with its report."""
    conn.execute(sql("end_run"), {
        "account": account_id, "run": run_id, "state": state, "report": Jsonb(found.as_json()),
        "proven": found.proven, "reason": reason[0] if reason else None,
        "evidence": Jsonb(reason[1]) if reason else None,
    })  # fmt: skip
