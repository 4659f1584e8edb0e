"""The receiving side of an import: from what a source offers to stored receipts, chunk by chunk, with the run's cursor in
the same transaction.

An offer is a set of files, noted as such and read once; or a listing of a live source, which has no name in the database
and leaves its coverage when it has been read to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from msgspec import structs
from psycopg.types.json import Jsonb

from cuadra import coverage, inbox, runs
from cuadra.connectors.base import Offer, OfferProblem, Place, Progress, Raw, Reader
from cuadra.connectors.trouble import Trouble
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.jobs import enriching, returning, ways
from cuadra.jobs.job import Chunk, Job
from cuadra.ledger import utc_now


class Interrupted(BaseException):
    """The importing side is to stop, or has gone; nothing is lost, the next import goes on."""


class Cancelled(BaseException):
    """Somebody has asked for the end of the run: what it has received is worked off, and nothing more."""


def incoming(job: Job, db: Database, cursor: dict[str, Any], again: bool) -> Iterator[Chunk]:
    """Store everything that the source offers, and yield it chunk by chunk. `cursor` is where the run stopped."""
    with ExitStack() as stack:
        pace = ways.shared_pace(db, job.account, job.integration, stack)
        place = structs.replace(
            ways.place(db, job.settings, job.account, job.integration, job.work), pace=pace, file=job.file
        )
        yield from _offered(job, db, place, cursor, again)


def _offered(job: Job, db: Database, place: Place, cursor: dict[str, Any], again: bool) -> Iterator[Chunk]:
    settings = {**job.integration.settings, "chunk": job.settings.batch}
    try:
        offers = ways.connector(job.integration).offers(settings, place, _stoppable(job, "checking"))
    except Trouble as trouble:  # a source that has to be asked what there is
        _note_problem(job, "source", (trouble.reason, trouble.evidence))
        return
    for offer in offers:
        if offer.is_set:
            yield from _set(job, db, offer, cursor, again)
        else:
            yield from _listing(job, db, offer, cursor)


def reader_of(job: Job, db: Database, set_id: int | None) -> Reader:
    """The reader of receipts that were stored earlier."""
    description: dict[str, Any] = {}
    if set_id is not None:
        with db.transaction(job.account.account_id) as conn:
            row = conn.execute(sql("get_set"), {"account": job.account.account_id, "set": set_id}).fetchone()
        assert row is not None
        description = {"files": row[3], "layout": row[4]}
    place = ways.place(db, job.settings, job.account, job.integration, job.work)
    return ways.connector(job.integration).reader(description, place)


def _stoppable(job: Job, what: str) -> Progress:
    def progress(done: int, total: int | None, name: str) -> None:
        if job.stop.is_set() or job.outside.is_set():
            raise Interrupted
        if job.cancelled:
            raise Cancelled
        job.watch(f"{what} {name}", done, total)

    return progress


@contextmanager
def holding(job: Job, db: Database) -> Iterator[Conn]:
    """A transaction that stores something for the run. Raises Interrupted if somebody else has taken it over."""
    db.stage()
    with db.transaction(job.account.account_id) as conn:
        if not runs.hold(conn, job.account.account_id, job.run_id, job.fence):
            raise Interrupted
        yield conn


def _store(job: Job, db: Database, raws: list[Raw], cursor: dict[str, Any], set_id: int | None, arrival: str,
           reader: Reader, *, read: bool = False) -> Chunk:  # fmt: skip
    """Receipts, their place in the inbox and the cursor behind them: durable together or not at all."""
    account = job.account.account_id
    with holding(job, db) as conn:
        entry = inbox.store(
            conn, account, job.integration.integration_id, raws, arrival=arrival, retention=job.account.retention,
            now=utc_now(), run_id=job.run_id, set_id=set_id,
        )  # fmt: skip
        if runs.advance(conn, account, job.run_id, cursor, len(raws)):
            job.cancelled = True
    return Chunk(entry, [(entry.first + at, raw) for at, raw in enumerate(raws)], reader, read)


# ---------------------------------------------------------------- listings


def _listing(job: Job, db: Database, offer: Offer, cursor: dict[str, Any]) -> Iterator[Chunk]:
    """One that fails leaves no coverage; what it brought until then is in, and the next run asks again."""
    resumed = cursor if cursor.get("offer") == offer.name else {}
    try:
        source = offer.open(_stoppable(job, "reading"))
        for chunk in source.receive(resumed, _stoppable(job, "reading")):
            at = {**chunk.cursor, "offer": offer.name}
            reader = enriching.ReadOnce(source.reader())
            if job.shop is not None:
                more = enriching.details(db, job.way, job.shop, chunk.raws, reader.ahead, job.asked)
                if more:
                    yield _store(job, db, more, at, None, "relink", source.reader())
            yield _store(job, db, chunk.raws, at, None, offer.arrival, reader, read=job.shop is not None)
    except OfferProblem as err:
        _note_problem(job, offer.name, (err.reason, err.evidence))
        return
    job.source_counts.append(offer.source_count)
    if offer.notes:
        job.notes.append({"set": offer.name, **offer.notes})
    with holding(job, db) as conn:
        coverage.note(conn, job.account.account_id, job.integration.integration_id, job.run_id, offer.covers)


# ---------------------------------------------------------------- sets of files


def _set(job: Job, db: Database, offer: Offer, cursor: dict[str, Any], again: bool) -> Iterator[Chunk]:
    resumed = cursor if cursor.get("digest") == offer.digest.hex() and offer.digest else {}
    offer.sequence = resumed.get("sequence", offer.sequence)
    set_id = resumed.get("set") or _take_set(job, db, offer, again)
    if set_id is None:
        return
    if offer.corrections:
        yield from _corrected(job, db, offer)
        _finish_set(job, db, offer, int(set_id))
        return
    try:
        source = offer.open(_stoppable(job, "reading"))
    except OfferProblem as err:
        _hold_set(job, db, int(set_id), err)
        return
    for chunk in source.receive(resumed, _stoppable(job, "reading")):
        at = {**chunk.cursor, "digest": offer.digest.hex(), "set": set_id, "sequence": offer.sequence}
        yield _store(job, db, chunk.raws, at, int(set_id), offer.arrival, source.reader())
    _finish_set(job, db, offer, int(set_id))


def _corrected(job: Job, db: Database, offer: Offer) -> Iterator[Chunk]:
    """Rows that went back and came again corrected: their receipts anew, each read as its own set is read."""
    account = job.account.account_id
    for set_id, raws in returning.corrected(db, account, list(offer.corrections), offer.sequence):
        reader = reader_of(job, db, set_id)
        for at in range(0, len(raws), inbox.MOST):
            yield _store(job, db, raws[at : at + inbox.MOST], {}, set_id, offer.arrival, reader)


def _take_set(job: Job, db: Database, offer: Offer, again: bool) -> int | None:
    """Note a set and say whether it is to be read; one that cannot be is noted with its reason."""
    key = {"account": job.account.account_id, "integration": job.integration.integration_id}
    with holding(job, db) as conn:
        known = begun = None
        if offer.digest:
            known = conn.execute(sql("known_set"), {**key, "digest": offer.digest}).fetchone()
            begun = conn.execute(sql("begun_set"), {**key, "run": job.run_id, "digest": offer.digest}).fetchone()
        if begun is not None:
            return int(begun[0])
        if known is not None and not again:
            if known[3] == job.run_id:  # read before this run was interrupted
                job.source_counts.append(offer.source_count)
                return None
            proof = {"digest": offer.digest.hex(), "set": known[1], "processed_at": known[2].isoformat()}
            job.notes.append({"set": offer.name, "already": proof})
            return None
        set_id = _add_set(conn, key, job.run_id, offer, offer.problem)
    if offer.problem is not None:
        _note_problem(job, offer.name, offer.problem)
        return None
    if offer.notes:
        job.notes.append({"set": offer.name, **offer.notes})
    return set_id


def _add_set(conn: Conn, key: dict[str, Any], run_id: int, offer: Offer,
             problem: tuple[str, dict[str, Any]] | None) -> int:  # fmt: skip
    description = offer.description or {"files": [], "layout": {}}
    row = conn.execute(sql("add_set"), {
        **key, "run": run_id, "name": offer.name, "sequence": offer.sequence, "digest": offer.digest,
        "files": Jsonb(description["files"]), "layout": Jsonb(description["layout"]),
        "state": "taken" if problem is None else "held", "reason": problem[0] if problem else None,
        "evidence": Jsonb(problem[1]) if problem else None,
    }).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def _note_problem(job: Job, name: str, problem: tuple[str, dict[str, Any]]) -> None:
    job.problem = job.problem or problem
    job.notes.append({"set": name, "reason": problem[0], "evidence": problem[1]})


def _hold_set(job: Job, db: Database, set_id: int, err: OfferProblem) -> None:
    with holding(job, db) as conn:
        conn.execute(sql("hold_set"), {
            "account": job.account.account_id, "set": set_id, "reason": err.reason, "evidence": Jsonb(err.evidence),
        })  # fmt: skip
    _note_problem(job, str(set_id), (err.reason, err.evidence))


def _finish_set(job: Job, db: Database, offer: Offer, set_id: int) -> None:
    job.source_counts.append(offer.source_count)
    with holding(job, db) as conn:
        conn.execute(sql("set_read"), {"account": job.account.account_id, "set": set_id})
