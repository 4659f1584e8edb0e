"""The inbox: raw things are stored byte for byte before anything is done with them, and stay work until they have an
attempt.

Receipts are written once, into the archive; the inbox holds *ranges* of them that still await the pipeline. Whoever
processes a batch takes its range out in the same transaction, so that a killed worker leaves it there.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    rows.add([
        (first + at, raw.kind, raw.sequence, raw.file_no, raw.line, _said(raw), raw.body) for at, raw in enumerate(raws)
    ])  # fmt: skip
    rows.send(conn)
    written = conn.execute(sql("write_receipts"), {
        "account": account_id, "retention": retention, "now": now, "integration": integration_id, "run": run_id,
        "arrival": arrival, "set": set_id,
    })  # fmt: skip
    assert written.rowcount == len(raws)  # in a savepoint they would have another transaction's number
    entry = Entry(retention, now, first, first + len(raws) - 1, set_id)
    conn.execute(sql("add_inbox"), {
        "account": account_id, "integration": integration_id, "run": run_id, "set": set_id, "retention": retention,
        "now": now, "first": entry.first, "last": entry.last,
    })  # fmt: skip
    return entry


def take(conn: Conn, account_id: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Take ranges, or parts of some, out of the inbox; what is left of them stays work. False if one is not there."""
    rows = conn.execute(sql("take_from_inbox"), {
        "account": account_id, "firsts": [first for first, _ in ranges], "lasts": [last for _, last in ranges],
    }).fetchall()  # fmt: skip
    if len(rows) != len(ranges):
        return False
    for integration_id, run_id, set_id, retention, received_at, begin, end, first, last in rows:
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
    """The receipts of these ranges, from the archive, in this order."""
    values: dict[str, Any] = {
        "account": account_id, "retentions": [one.retention for one in entries],
        "times": [one.received_at for one in entries], "firsts": [one.first for one in entries],
        "lasts": [one.last for one in entries],
    }  # fmt: skip
    with db.transaction(account_id) as conn:
        return [
            (number, Raw(Entity(kind), bytes(body), sequence, file_no, line, *_came(arrival, headers)))
            for number, kind, sequence, file_no, line, arrival, headers, body in conn.execute(
                sql("load_receipts"), values
            )
        ]


def _said(raw: Raw) -> str | None:
    return None if raw.asked is None else msgspec.json.encode({"asked": raw.asked}).decode()


def _came(arrival: str, headers: Any) -> tuple[str, dict[str, Any] | None]:
    """How a receipt came, as a reader wants to know it."""
    return ("webhook" if arrival == "webhook" else ""), (headers or {}).get("asked")
