"""What there is to measure, read from the database when somebody asks: every program of one database tells the same.

Asking costs the database something, so it is not asked more often than every few seconds, however many ask, and never for
more than a small part of the time. What takes reading everything (how many orders stand where) is counted beside, at most
once a minute, by a thread of its own: nobody waits long for it, and until it has ended the former count is told.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cuadra import accounts, observing
from cuadra.clock import utc_now
from cuadra.db import Conn, Database, embedded
from cuadra.db.queries import sql
from cuadra.errors import Unreachable
from cuadra.jobs.problems import Problem
from cuadra.jobs.worker import GONE_SECONDS
from cuadra.settings import Settings

KEEP_SECONDS = 5.0
COUNT_SECONDS = 60.0
PATIENCE_SECONDS = 3.0
"""How long somebody who asks waits for a count to end."""
SHARE, COUNT_SHARE = 20, 100
"""What took a second is not asked again for so many seconds."""
SINCE_LONG = timedelta(days=40)
"""Receipts older than that are not looked at: an integration that is so stale needs no better figure than its last import."""
SYSTEM = (0, "")
"""What is of no account has this one: tasks of the system, notices to addresses of nobody."""
REFUSALS_BACK = timedelta(hours=2)

Labels = tuple[str, ...]
Samples = list[tuple[str, Labels, float]]
"""(metric, values of its labels, value)"""


class Figure(Struct, frozen=True):
    """One metric: what it says, and by what it is told apart."""

    help: str
    labels: Labels = ()
    counter: bool = False

    def family(self, name: str) -> Metric:
        """Without samples yet."""
        kind = CounterMetricFamily if self.counter else GaugeMetricFamily
        return kind(name, self.help, labels=self.labels)


_OF_ONE: Labels = ("account", "integration")
_OF_TASK: Labels = ("account", "integration", "task")

FIGURES: dict[str, Figure] = {
    "cuadra_freshness_seconds": Figure(
        "Time since something was last received from the source, or an import of it ended well.", _OF_ONE),
    "cuadra_schedule_lateness_seconds": Figure(
        "Time since a task was due that nobody has begun, or that a worker which is gone had begun.", _OF_TASK),
    "cuadra_schedule_failures": Figure("Times in a row that a task came to nothing and is tried again.", _OF_TASK),
    "cuadra_orders": Figure("Orders ever heard of, by where they stand.", (*_OF_ONE, "standing")),
    "cuadra_inbox_receipts": Figure("Receipts stored and not yet through the pipeline.", _OF_ONE),
    "cuadra_inbox_age_seconds": Figure("Time since the oldest of them was received; 0 without any.", _OF_ONE),
    "cuadra_relinks_due": Figure("Things in doubt that the source is to be asked for now.", _OF_ONE),
    "cuadra_retries": Figure("Things in doubt that were asked for in vain and will be asked for again.", _OF_ONE),
    "cuadra_deliveries": Figure("Order versions for a destination, by how they stand.",
                                ("account", "destination", "standing")),
    "cuadra_delivery_age_seconds": Figure("Time since the oldest waiting delivery was asked for; 0 without any.",
                                          ("account", "destination")),
    "cuadra_problem_since_seconds": Figure(
        "Time since a problem began that lasts; red: somebody is needed, else it is being retried.",
        ("account", "party", "step", "reason", "red")),
    "cuadra_source_calls": Figure("Calls made to the source, of all workers together.", _OF_ONE, counter=True),
    "cuadra_source_calls_left": Figure("Calls to the source that its budget leaves for the next minute.", _OF_ONE),
    "cuadra_workers": Figure("Workers seen in the last 30 seconds."),
    "cuadra_disk_used_bytes": Figure("What the database holds."),
    "cuadra_disk_free_bytes": Figure("What is free beside it; only of the embedded server."),
    "cuadra_intake_refused": Figure("Notices that were not taken, since this program was first asked.", ("reason",),
                                    counter=True),
}  # fmt: skip
"""Every metric there is; counters without the `_total` that they are shown with."""


class Figures:
    """Collects all of it for Prometheus. May be asked by any number of threads."""

    def __init__(self, settings: Settings, db: Database, *, keep: float = KEEP_SECONDS,
                 count: float = COUNT_SECONDS) -> None:  # fmt: skip
        """`keep`, `count`: seconds that figures and counts are told again before they are asked for anew."""
        self._settings, self._db = settings, db.again()
        self._keep = _Kept(keep, SHARE)
        self._counted = _Kept(count, COUNT_SHARE)
        self._lock = threading.Lock()
        self._counting: threading.Thread | None = None
        self._refused = Refused()

    def describe(self) -> list[Metric]:
        """Every metric, without asking the database."""
        return [figure.family(name) for name, figure in FIGURES.items()]

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples. Raises Unreachable or psycopg.Error while the database does not answer."""
        with self._lock:
            self._count()
            if self._keep.old():
                self._keep.make(self._measure)
            samples = [*self._keep.samples, *self._counted.samples]
        families = {name: figure.family(name) for name, figure in FIGURES.items()}
        for name, labels, value in samples:
            families[name].add_metric(labels, value)  # type: ignore[attr-defined]
        yield from families.values()

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._db.close()

    def _measure(self) -> Samples:
        try:
            return self._ask()
        except (psycopg.Error, Unreachable):
            self._db.close()
            raise

    def _ask(self) -> Samples:
        now = utc_now()
        found: Samples = []
        refusals: list[tuple[Any, ...]] = []
        since = now - REFUSALS_BACK
        for account_id, name in [SYSTEM, *accounts.names(self._db)]:
            with self._db.transaction(account_id) as conn:
                found += _of_account(conn, account_id, name, now)
                rows = conn.execute(sql("measure_refusals"), {"account": account_id, "since": since})
                refusals += [(account_id, *row) for row in rows]
        with self._db.transaction() as conn:
            row = conn.execute(sql("measure_system"), {"gone": GONE_SECONDS}).fetchone()
            assert row is not None
            found += [("cuadra_workers", (), float(row[0])), ("cuadra_disk_used_bytes", (), float(row[1]))]
        found += [("cuadra_intake_refused", (reason,), many) for reason, many in self._refused.add(refusals).items()]
        if not self._settings.database_url:
            free = shutil.disk_usage(embedded.data_folder(self._settings.home)).free
            found.append(("cuadra_disk_free_bytes", (), float(free)))
        return found

    def _count(self) -> None:
        """See that everything is counted now and then."""
        if self._counting is None and self._counted.old():
            self._counting = threading.Thread(target=self._count_all, name="count", daemon=True)
            self._counting.start()
        if self._counting is not None:
            self._counting.join(PATIENCE_SECONDS)
            if not self._counting.is_alive():
                self._counting = None

    def _count_all(self) -> None:
        with self._db.again() as db:
            try:
                self._counted.make(lambda: [
                    (metric, (name, *labels), value)
                    for account_id, name in accounts.names(db)
                    for metric, *labels, value in _rows(db, account_id, "count_all")
                ])  # fmt: skip
            except (psycopg.Error, Unreachable) as err:  # whoever asks is told so by the other figures
                observing.fault("count", err)


def _rows(db: Database, account_id: int, statement: str) -> list[tuple[Any, ...]]:
    with db.transaction(account_id) as conn:
        return conn.execute(sql(statement), {"account": account_id}).fetchall()


def _of_account(conn: Conn, account_id: int, name: str, now: datetime) -> Samples:
    conn.execute("SET LOCAL jit = off")  # it takes the number of partitions for work, and compiles longer than it works
    # from the first of a month: whole partitions, so that none is searched for what is just too old in it
    since = (now - SINCE_LONG).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    values = {"account": account_id, "since": since, "gone": GONE_SECONDS}
    found: Samples = []
    for statement in ("measure_integrations", "measure_schedules", "measure_deliveries"):
        for metric, whom, detail, value in conn.execute(sql(statement), values):
            found.append((metric, (name, whom, detail)[: len(FIGURES[metric].labels)], value))
    for party, step, reason, since, last_at, count, next_at, seconds in conn.execute(sql("measure_problems"), values):
        red = Problem(reason, {}, since, last_at, count, next_at).red
        found.append(("cuadra_problem_since_seconds", (name, party, step, reason, str(red).lower()), seconds))
    return found


class _Kept:
    """Samples, how old they are, and when they may be asked for again."""

    def __init__(self, seconds: float, share: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._share, self._clock = seconds, share, clock
        self._until = float("-inf")
        self.samples: Samples = []

    def old(self) -> bool:
        return self._clock() >= self._until

    def make(self, ask: Callable[[], Samples]) -> None:
        """Anew. What fails is asked for again at the next time."""
        began = self._clock()
        self.samples = ask()
        ended = self._clock()
        self._until = ended + (max(self._seconds, self._share * (ended - began)) if self._seconds else 0.0)


class Refused:
    """Counts refusals on from when it was first asked. The rows in which they are kept are dropped one day; a counter
    that went down would be taken for one that began anew, and what is left of it for new."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Any, ...], int] | None = None
        self._total: dict[str, float] = {}

    def add(self, rows: list[tuple[Any, ...]]) -> dict[str, float]:
        """Reason → how many, after rows (account, integration, hour, reason, count) of the last hours."""
        first = self._seen is None
        seen, self._seen = self._seen or {}, {tuple(key): count for *key, count in rows}
        for key, count in self._seen.items():
            reason = str(key[3])
            new = 0 if first else max(0, count - seen.get(key, 0))
            self._total[reason] = self._total.get(reason, 0.0) + new
        return dict(self._total)
