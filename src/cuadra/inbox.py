"""The inbox: raw things are stored byte for byte before anything is done with them, and stay work until they have an
attempt.

Receipts are written once, into the archive; the inbox holds *ranges* of them that still await the pipeline. Whoever
processes a batch takes its range out in the same transaction, so that a killed worker leaves it there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Raw
from cuadra.db import Conn, Database, Rows
from cuadra.db.queries import sql
from cuadra.model import Entity

MOST = 10_000
"""Receipts of one range: a draw of `receipt_block`."""

_TYPES = ("int8", "text", "int8", "int2", "int8", "text", "bytea")


class Entry(Struct, frozen=True):
    """A range of receipts that await the pipeline."""

    retention: int
    received_at: datetime
    first: int
    last: int
    set_id: int | None = None


def store(conn: Conn, account_id: int, integration_id: int, raws: list[Raw], *, arrival: str, retention: int,
          now: datetime, run_id: int | None = None, set_id: int | None = None) -> Entry:  # fmt: skip
    """Store receipts and put them into the inbox; at most `MOST`, in a session that is staged."""
    if not 1 <= len(raws) <= MOST:
        raise ValueError(f"between 1 and {MOST} receipts, not {len(raws)}")
    row = conn.execute(sql("draw_receipts")).fetchone()
    assert row is not None
    first = int(row[0])
    rows = Rows(conn, "staged_receipt", _TYPES)
    rows.add(
        (first + at, raw.kind.value, raw.sequence, raw.file_no, raw.line, _said(raw), raw.body)
        for at, raw in enumerate(raws)
    )
    rows.send(conn)
    conn.execute(sql("write_receipts"), {
        "account": account_id, "retention": retention, "now": now, "integration": integration_id, "run": run_id,
        "arrival": arrival, "set": set_id,
    })  # fmt: skip
    rows.clear(conn)
    entry = Entry(retention, now, first, first + len(raws) - 1, set_id)
    conn.execute(sql("add_inbox"), {
        "account": account_id, "integration": integration_id, "run": run_id, "set": set_id, "retention": retention,
        "now": now, "first": entry.first, "last": entry.last,
    })  # fmt: skip
    return entry


def take(conn: Conn, account_id: int, first: int, last: int) -> bool:
    """Take a range, or part of one, out of the inbox; the rest of it stays work. False if it is not there."""
    row = conn.execute(sql("take_from_inbox"), {"account": account_id, "first": first, "last": last}).fetchone()
    if row is None:
        return False
    integration_id, run_id, set_id, retention, received_at, begin, end = row
    for low, high in ((begin, first - 1), (last + 1, end)):
        if low <= high:
            conn.execute(sql("add_inbox"), {
                "account": account_id, "integration": integration_id, "run": run_id, "set": set_id,
                "retention": retention, "now": received_at, "first": low, "last": high,
            })  # fmt: skip
    return True


def waiting(db: Database, account_id: int, run_id: int) -> list[Entry]:
    """What of a run still awaits the pipeline."""
    with db.transaction(account_id) as conn:
        rows = conn.execute(sql("list_inbox"), {"account": account_id, "run": run_id})
        return [Entry(retention, at, first, last, set_id) for _, set_id, retention, at, first, last in rows]


def load(db: Database, account_id: int, *entries: Entry) -> list[tuple[int, Raw]]:
    """The receipts of these ranges, from the archive."""
    with db.transaction(account_id) as conn:
        return [pair for entry in entries for pair in _load(conn, account_id, entry)]


def _load(conn: Conn, account_id: int, entry: Entry) -> list[tuple[int, Raw]]:
    values: dict[str, Any] = {"account": account_id, "retention": entry.retention, "received_at": entry.received_at,
                              "first": entry.first, "last": entry.last}  # fmt: skip
    return [
        (number, Raw(Entity(kind), bytes(body), sequence, file_no, line, *_came(arrival, headers)))
        for number, kind, sequence, file_no, line, arrival, headers, body in conn.execute(sql("load_receipts"), values)
    ]


def _said(raw: Raw) -> str | None:
    return None if raw.asked is None else msgspec.json.encode({"asked": raw.asked}).decode()


def _came(arrival: str, headers: Any) -> tuple[str, dict[str, Any] | None]:
    """How a receipt came, as a reader wants to know it."""
    return ("webhook" if arrival == "webhook" else ""), (headers or {}).get("asked")
