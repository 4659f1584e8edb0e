"""What is to run when: planned from how integrations are set, claimed by one worker at a time, and given back if it dies.

A task belongs to whoever holds its lock; the lock dies with its session. The claim is one UPDATE: it says that the task
was begun, and when it is due next, so that it runs once however often it was missed. A task that was begun and not ended
and whose lock nobody holds was left by a worker that is gone; the next one takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from cuadra import cadence, connectors
from cuadra.db import Database
from cuadra.db.queries import sql

POLL, HEALTH, SWEEP, RETENTION, DISK = "poll", "health", "sweep", "retention", "disk"

#: what runs for whom, and how often; the cadence of polls is the integration's own
OF_LIVE = {HEALTH: "every 10m"}
OF_ACCOUNT = {SWEEP: "every 5m", RETENTION: "daily 04:00"}
OF_SYSTEM = {RETENTION: "daily 04:00", DISK: "every 1h"}


class Due(Struct, frozen=True):
    """A task that is to be done, or was begun and not ended."""

    account_id: int
    integration_id: int
    task: str
    cadence: str
    zone: str
    now: datetime

    @property
    def name(self) -> str:
        """Of its lock."""
        return f"{self.task}:{self.account_id}:{self.integration_id}"

    @property
    def key(self) -> dict[str, Any]:
        return {"account": self.account_id, "integration": self.integration_id, "task": self.task}


def plan(db: Database) -> int:
    """Schedule what is new, and again what is set otherwise than it was; returns how much that was."""
    changed = 0
    with db.transaction(role="cuadra_clock") as conn:
        row = conn.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        now: datetime = row[0]
        for kind, account, integration, connector, mode, zone, known in conn.execute(
            sql("list_unscheduled")
        ).fetchall():
            for task, text in _wanted(kind, connector, mode).items():
                before = (known or {}).get(task)
                if before is not None and before[:2] == [text, zone] and not _astray(text, before[2], now):
                    continue
                due = cadence.first_due(cadence.parse(text), zone, now)
                conn.execute(sql("put_schedule"), {
                    "account": account, "integration": integration, "task": task, "cadence": text, "zone": zone, "due": due,
                })  # fmt: skip
                changed += 1
    return changed


def _wanted(kind: str, connector: str, mode: str) -> dict[str, str]:
    """Task → cadence."""
    if kind == "integration":
        live = connectors.live(connector) is not None and mode != "manual"
        return {POLL: mode, **(OF_LIVE if live else {})}
    return OF_ACCOUNT if kind == "account" else OF_SYSTEM


def _astray(text: str, due: str | None, now: datetime) -> bool:
    """Whether the next time is further away than it ever can be: the clock was set back."""
    found = cadence.parse(text)
    furthest = found.every or timedelta(hours=26)
    return due is not None and datetime.fromisoformat(due) > now + furthest + timedelta(minutes=1)


def due(db: Database) -> list[Due]:
    """What is to be done now, in the order in which it is to be tried."""
    with db.transaction(role="cuadra_clock") as conn:
        return [Due(*row) for row in conn.execute(sql("list_schedule_due"))]


@contextmanager
def locked(db: Database, name: str) -> Iterator[bool]:
    """Whether this session alone holds what is named, until the end. `db` must be used by nobody else meanwhile."""
    conn = db.connection()
    row = conn.execute(sql("lock_task"), {"what": name}).fetchone()
    mine = bool(row and row[0])
    try:
        yield mine
    finally:
        if mine and not conn.closed and not conn.broken:
            conn.execute(sql("unlock_task"), {"what": name})


def claim(db: Database, one: Due, worker: int | None) -> int | None:
    """Begin a task whose lock is held; how often it has failed in a row. None: there is nothing to do any more."""
    following = cadence.next_due(cadence.parse(one.cadence), one.zone, one.now)
    with db.transaction(role="cuadra_clock") as conn:
        row = conn.execute(sql("claim_schedule"), {**one.key, "worker": worker, "next": following}).fetchone()
    return None if row is None else int(row[0])


def end(db: Database, one: Due, *, tries: int = 0, retry: float | None = None) -> None:
    """A task has been done, or has failed so many times in a row and is to be tried again in so many seconds."""
    with db.transaction(role="cuadra_clock") as conn:
        conn.execute(sql("end_schedule"), {**one.key, "tries": tries, "retry": retry})


def hasten(db: Database, account_id: int, integration_id: int, task: str = POLL) -> None:
    """Let it be done as soon as somebody can."""
    with db.transaction(role="cuadra_clock") as conn:
        conn.execute(sql("hasten"), {"account": account_id, "integration": integration_id, "task": task})


def next_poll(db: Database, account_id: int, integration_id: int) -> datetime | None:
    """When an integration imports next by itself; None: not by itself, or not planned yet."""
    with db.transaction(account_id) as conn:
        rows = conn.execute(sql("list_schedules"), {"account": account_id}).fetchall()
    return next(
        (due for number, task, _cadence, _zone, due, *_ in rows if number == integration_id and task == POLL), None
    )
