"""An import, from the source to the report.

Two sides work at once: the receiving side reads the source and stores receipts, chunk by chunk, moving the run's
cursor in the same transaction; the pipeline side takes each stored chunk into the ledger. Whatever is killed, both
find in the database where they stopped: the cursor for one, the inbox for the other.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from cuadra import accounts, folders, inbox, runs
from cuadra.accounts import Account, Integration
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import Refused
from cuadra.jobs import live, problems, releasing, ways
from cuadra.jobs.census import Census
from cuadra.jobs.crew import Crew
from cuadra.jobs.job import Chunk, Job, prepare, undisturbed
from cuadra.jobs.receiving import Cancelled, Interrupted, holding, incoming, reader_of
from cuadra.jobs.ways import Watch
from cuadra.ledger import AlreadyDone, BatchLedger
from cuadra.pipeline.run import run as run_batch
from cuadra.runs import Report
from cuadra.settings import Settings

STOP_SECONDS = 5.0
"""How long the receiving side may take to notice that it is to stop; it may be waiting for a source."""


def import_now(settings: Settings, db: Database, account: Account, integration: Integration, author: str,
               watch: Watch, *, again: bool = False, compare: bool = False,
               stop: threading.Event | None = None, file: Path | None = None) -> Report:  # fmt: skip
    """Import everything new of an integration and report. An import that was interrupted goes on where it stopped.
    `compare`: with a census of a live source, even if there was one not long ago. `stop`: once it is set, the import ends
    with `receiving.Interrupted`, and goes on when it is asked for again. `file`: take what is in it, and nothing else.

    Raises Refused if the integration may not import now, or is importing already.
    """
    _may_import(db, account, integration)
    if file is not None and not ways.connector(integration).info.takes_file:
        raise Refused(
            "The connector {connector} takes no files that were fetched by hand.", connector=integration.connector
        )
    with _alone(db, integration) as guard, _workplace(settings) as work:
        began = time.monotonic()
        db.stage()
        with db.transaction(account.account_id) as conn:
            conn.execute("SELECT ensure_partitions(now()::date, 2)")
        with db.transaction(role="cuadra_clock") as conn:
            conn.execute("SELECT drop_old_partitions(now()::date)")
        integration = live.horizon(db, account, integration)
        run_id, fence, cursor, cancelled = _open_run(db, account, integration, author)
        job = Job(settings, db, account, integration, ways.way(db, account, integration), run_id, fence, watch, work)
        job.outside, job.cancelled, job.guard, job.file = stop or job.outside, cancelled, guard, file
        with contextlib.ExitStack() as stack:
            if job.way.account.live:
                job.shop = stack.enter_context(ways.shop(db, settings, account, integration))
                if file is None:
                    live.before(job, job.shop)
            with undisturbed():
                _drain(job)
                with contextlib.suppress(Cancelled):
                    _receive(job, cursor, again)
                _drain(job)
            going_on = job.shop is not None and not job.cancelled and file is None
            found = live.after(job, job.shop, compare=compare) if going_on and job.shop is not None else None
        _release(job)
        with db.transaction(account.account_id) as conn:
            conn.execute(sql("settle_superseded"), {
                "account": account.account_id, "integration": integration.integration_id,
            })  # fmt: skip
        report = _close(job, found)
        _note_health(job)
        report.seconds = time.monotonic() - began
        return report


def _may_import(db: Database, account: Account, integration: Integration) -> None:
    if integration.state in ("active", "broken"):  # of a broken one it is seen whether it has been mended
        return
    if integration.state == "paused":
        at, _, who, note = accounts.states(db, account, integration)[-1]
        raise Refused("The integration {name} is paused since {at:%Y-%m-%d %H:%M} by {who}{why}; resume it first: "
                      "cuadra integration resume {name}.", name=integration.name, who=who,
                      at=at.astimezone(ZoneInfo(account.time_zone)), why=f" ({note})" if note else "")  # fmt: skip
    raise Refused("The integration {name} is {state} and takes nothing in yet; activate it first: "
                  "cuadra integration activate {name}.", name=integration.name, state=integration.state)  # fmt: skip


@contextlib.contextmanager
def _alone(db: Database, integration: Integration) -> Iterator[Callable[[], None]]:
    """One import of an integration at a time; the lock dies with its session. Yields what raises Interrupted if the lock
    is lost: the database was away for a moment, and somebody else may be at it by now."""
    key = {"integration": integration.integration_id}
    with db.again() as holder:  # nothing else is done with this connection, so that it is lost only with the lock
        row = holder.connection().execute(sql("lock_integration"), key).fetchone()
        if not row or not row[0]:
            raise Refused("An import of {name} is already running; wait for it to end.", name=integration.name)
        session = holder.connection()

        def guard() -> None:
            try:
                session.execute("SELECT 1")
            except psycopg.Error as lost:
                raise Interrupted from lost

        try:
            yield guard
        finally:
            with contextlib.suppress(psycopg.Error):  # a session that hangs up has its locks until the server notices
                session.execute(sql("unlock_integration"), key)


@contextlib.contextmanager
def _workplace(settings: Settings) -> Iterator[Path]:
    """A folder for spools, gone afterwards; what a killed import left is swept."""
    base = settings.home / "work"
    folders.private(base)
    for old in base.iterdir():
        if time.time() - old.stat().st_mtime > 2 * 86400:
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=base, prefix="import-") as folder:
        yield Path(folder)


def _open_run(db: Database, account: Account, integration: Integration,
              author: str) -> tuple[int, int, dict[str, Any], bool]:  # fmt: skip
    """(run, fence, where it stopped, whether its end was asked for): the one that was interrupted, or a new one."""
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("take_run"), key).fetchone()
        if row is not None:
            return int(row[0]), int(row[1]), dict(row[2]), row[3] is not None
        return runs.start(conn, account.account_id, integration.integration_id, "import", author, {}), 0, {}, False


# ---------------------------------------------------------------- receiving


def _receive(job: Job, cursor: dict[str, Any], again: bool) -> None:
    """Run the receiving side in a thread of its own, and the pipeline here, until the source is read to its end."""
    chunks: queue.Queue[Chunk | BaseException | None] = queue.Queue(maxsize=1)
    thread = threading.Thread(target=_receiving, args=(job, cursor, again, chunks), name="receive", daemon=True)
    thread.start()
    try:
        with Crew(job, _process) as crew:
            while (chunk := _next(job, chunks)) is not None:
                if isinstance(chunk, BaseException):
                    raise chunk
                job.guard()
                crew.take(chunk)
                chunk = None
            crew.settle()
    finally:
        job.stop.set()
        until = time.monotonic() + (STOP_SECONDS if job.outside.is_set() else float("inf"))
        while thread.is_alive() and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                chunks.get(timeout=0.05)


def _next(job: Job, chunks: queue.Queue[Any]) -> Any:
    """What the receiving side has for us. Raises Interrupted as soon as the import is to stop, whatever it waits for."""
    while True:
        with contextlib.suppress(queue.Empty):
            return chunks.get(timeout=0.2)
        if job.outside.is_set():
            raise Interrupted


def _receiving(job: Job, cursor: dict[str, Any], again: bool, chunks: queue.Queue[Any]) -> None:
    with job.db.again() as db:
        try:
            for chunk in incoming(job, db, cursor, again):
                chunks.put(chunk)
                if job.stop.is_set():
                    return
            chunks.put(None)
        except BaseException as err:  # noqa: BLE001 - handed over to the importing thread, which raises it
            chunks.put(err)


# ---------------------------------------------------------------- processing


def _process(job: Job, chunk: Chunk) -> None:
    """One stored chunk through the pipeline. What another worker took meanwhile is done."""
    ledger = BatchLedger(job.db, job.way, run_id=job.run_id, set_id=chunk.entry.set_id, take=inbox.take)
    with contextlib.suppress(AlreadyDone):
        run_batch(partial(prepare, job, chunk), ledger, job.done)


def _drain(job: Job) -> None:
    """Process what is stored and not yet in the ledger: the leavings of an import that was killed."""
    account = job.account.account_id
    while left := inbox.waiting(job.db, account, job.run_id):
        for entry in left:
            raws = inbox.load(job.db, account, entry)
            _process(job, Chunk(entry, raws, reader_of(job, job.db, entry.set_id)))


def _release(job: Job) -> None:
    """What the run brought lets go what waited for it: products the lines that miss them, customers the orders that
    lack a contact. So it does not matter which came first."""
    db, account = job.db, job.account
    with db.transaction(account.account_id) as conn:
        key = {"account": account.account_id, "run": job.run_id}
        brought = {entity for (entity,) in conn.execute(sql("list_brought"), key)}
    live_source = job.shop is not None  # its notices may have brought them before this run
    if live_source or "product" in brought:
        releasing.after_catalogue(db, account, job.watch)
    if live_source or "customer" in brought:
        releasing.after_customers(db, account, job.watch)


def _close(job: Job, found: Census | None) -> Report:
    """Count, compare with the source's own count, end."""
    report = runs.report(job.db, job.account.account_id, job.run_id, job.integration.name)
    report.notes, report.problem = job.notes, job.problem
    counts = [count for count in job.source_counts if count is not None]
    if counts and len(counts) == len(job.source_counts) and not job.cancelled:
        report.source_count = sum(counts)
        report.proven = report.source_count == sum(report.orders.values())
    if found is not None:
        report.source_count, report.proven, report.census = found.counted, found.proven, found.ours
    state = "cancelled" if job.cancelled else "finished_with_errors" if report.troubled else "finished"
    with holding(job, job.db) as conn:
        conn.execute(sql("all_received"), {
            "account": job.account.account_id, "run": job.run_id, "source_count": report.source_count,
            "origin": None if report.source_count is None else "census" if found else "manifest",
        })  # fmt: skip
        runs.end(conn, job.account.account_id, job.run_id, state, report, job.problem)
    return report


def _note_health(job: Job) -> None:
    """Whether the source answered as it should: an outage begins, goes on or ends here. An integration whose credentials
    are refused is broken until they are not."""
    db, account, party = job.db, job.account, job.integration.integration_id
    if job.problem is None:
        if not job.cancelled:
            problems.over(db, account.account_id, party)
            if job.integration.state == "broken":
                accounts.move(db, account, job.integration, "active", "clock", "the source answers again")
        return
    reason, evidence = job.problem
    if job.shop is None or reason not in problems.OUTAGE:
        return
    problems.meet(db, account.account_id, party, reason, evidence)
    if reason in problems.CREDENTIALS and job.integration.state == "active":
        accounts.move(db, account, job.integration, "broken", "clock", reason)
