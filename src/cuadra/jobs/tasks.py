"""What the clock has done: one function per task. Each is safe to be done twice, and to be broken off anywhere."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable

from msgspec import Struct

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.clock import utc_now
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database, embedded
from cuadra.db.queries import sql
from cuadra.jobs import importing, problems, releasing, schedules, subscribing, ways
from cuadra.jobs.schedules import Due
from cuadra.jobs.ways import Watch
from cuadra.settings import Settings

AUTHOR = "clock"


class Bench(Struct):
    """Where a task is done: the program's settings, a database session of its own, and what says that it is to stop."""

    settings: Settings
    db: Database
    stop: threading.Event
    watch: Watch


class Retry(Exception):
    """The task came to nothing, and is to be tried again in so many seconds."""

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds
        super().__init__(reason)


Task = Callable[[Bench, Due], None]


def do(bench: Bench, one: Due) -> None:
    """Do a task. Raises Retry, and whatever else goes wrong."""
    TASKS[one.task](bench, one)


def _of(bench: Bench, one: Due) -> tuple[Account, Integration]:
    account = accounts.get(bench.db, one.account_id)
    return account, accounts.integration_by_id(bench.db, account, one.integration_id)


def poll(bench: Bench, one: Due) -> None:
    """Import what is new; what is transient is tried again sooner than the next time."""
    account, integration = _of(bench, one)
    report = importing.import_now(bench.settings, bench.db, account, integration, AUTHOR, bench.watch, stop=bench.stop)
    _again(bench, one, report.problem[0] if report.problem else None)


def health(bench: Bench, one: Due) -> None:
    """Look after the notices; where some were lost, what has changed meanwhile is asked for at once."""
    account, integration = _of(bench, one)
    if problems.resting(bench.db, one.account_id, one.integration_id):
        return  # its poll finds out when it answers again, and looks after the notices then
    try:
        with ways.shop(bench.db, bench.settings, account, integration) as shop:
            found = subscribing.ensure(bench.db, bench.settings, account, integration, shop)
    except Trouble as trouble:
        if trouble.reason in problems.OUTAGE:
            problems.meet(bench.db, one.account_id, one.integration_id, trouble.reason, trouble.evidence)
        _again(bench, one, trouble.reason)
        return
    if found.lost:
        schedules.hasten(bench.db, one.account_id, one.integration_id)


def _again(bench: Bench, one: Due, reason: str | None) -> None:
    """Raises Retry for trouble of the source; what else kept a task from its end waits for its next time."""
    if reason not in problems.OUTAGE:
        return
    lasting = problems.last(bench.db, one.account_id, one.integration_id)
    raise Retry(
        reason, problems.pause(1) if lasting is None else max((lasting.next_at - utc_now()).total_seconds(), 1.0)
    )


def sweep(bench: Bench, one: Due) -> None:
    """Judge the orders again whose hour has come."""
    releasing.due_now(bench.db, accounts.get(bench.db, one.account_id), bench.watch)


def retention(bench: Bench, one: Due) -> None:
    """Make the coming months' partitions, and drop what has been kept long enough."""
    if one.account_id:
        account = accounts.get(bench.db, one.account_id)
        with bench.db.transaction(one.account_id) as conn:
            conn.execute(sql("drop_old_rows"), {"account": one.account_id, "months": account.retention})
        return
    with bench.db.transaction() as conn:
        conn.execute("SELECT ensure_partitions(now()::date, 3)")
    with bench.db.transaction(0) as conn:  # what belongs to nobody: notices to unknown addresses
        conn.execute(sql("drop_old_rows"), {"account": 0, "months": 3})
    with bench.db.transaction(role="cuadra_clock") as conn:
        conn.execute("SELECT drop_old_partitions(now()::date)")
        conn.execute(sql("drop_disk_samples"))


def disk(bench: Bench, one: Due) -> None:
    """Note how much the database holds and how much there is room for, so that it can be seen where that leads."""
    free = None
    if not bench.settings.database_url:
        free = shutil.disk_usage(embedded.data_folder(bench.settings.home)).free
    with bench.db.transaction(role="cuadra_clock") as conn:
        conn.execute(sql("note_disk"), {"free": free})


TASKS: dict[str, Task] = {
    schedules.POLL: poll, schedules.HEALTH: health, schedules.SWEEP: sweep, schedules.RETENTION: retention,
    schedules.DISK: disk,
}  # fmt: skip
