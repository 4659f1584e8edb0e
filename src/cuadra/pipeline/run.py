"""Takes a batch through the pipeline: load facts once, decide purely, write once. The one file here that knows there is
a database, and only through the ledger it is handed.

Killed anywhere, the transaction is undone and the batch is taken again. A deadlock, a lost connection or a full disk
retries the whole batch; only a data or code error halves it, until the one poisonous receipt stands alone and is
recorded as failed with its fingerprint, and every other one is in.
"""

from __future__ import annotations

import hashlib
import random
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from psycopg import errors as pg

import cuadra
from cuadra import observing
from cuadra.connectors.base import Raw, Read, Reader
from cuadra.model import Outcome
from cuadra.pipeline import steps, telling
from cuadra.pipeline.prepare import prepare
from cuadra.pipeline.record import process
from cuadra.pipeline.rules import Rules
from cuadra.pipeline.working import Item, WorkingSet

#: nothing is wrong with the data: the same batch goes in at another time
TRANSIENT = (
    pg.DeadlockDetected, pg.SerializationFailure, pg.LockNotAvailable, pg.OperationalError, pg.InterfaceError,
    pg.InsufficientResources, pg.OperatorIntervention, pg.QueryCanceled,
)  # fmt: skip
ATTEMPTS = 8


class Ledger(Protocol):
    """What the runner needs of the ledger: one transaction per call of `batch`, under the account's lock."""

    @property
    def named(self) -> dict[str, int | None]:
        """Ids of the account, the integration and the run, for what is said of its batches."""
        ...

    def batch(self, items: list[Item], decide: Callable[[WorkingSet], None]) -> None:
        """Load the facts that the items touch, call `decide`, write everything that came out, commit."""
        ...


Tally = Callable[[int], None]
"""Told how many receipts have been committed."""
Fresh = Callable[[frozenset[int] | None], list[Item]]
"""Makes items of the batch anew, all or those of the receipts named: a failed try leaves marks on them."""


def run(fresh: Fresh, ledger: Ledger, done: Tally, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Process one batch; every receipt of it ends with an attempt. Raises only what is transient and did not pass."""
    _run(None, fresh, ledger, done, sleep)


def _run(ids: frozenset[int] | None, fresh: Fresh, ledger: Ledger, done: Tally, sleep: Callable[[float], None]) -> None:
    try:
        _patiently(ids, fresh, ledger, done, sleep)
    except TRANSIENT:
        raise
    except Exception as err:  # noqa: BLE001 - one of the two runners: whatever a receipt does, the next one is taken
        items = fresh(ids)
        if len(items) == 1:
            _poison(items[0], err, ledger, done)
            return
        middle = len(items) // 2
        for part in (items[:middle], items[middle:]):
            _run(frozenset(item.receipt_id for item in part), fresh, ledger, done, sleep)


def _patiently(
    ids: frozenset[int] | None, fresh: Fresh, ledger: Ledger, done: Tally, sleep: Callable[[float], None]
) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        items = fresh(ids)
        try:
            _commit(items, ledger, partial(decide_all, items))
        except TRANSIENT:
            if attempt == ATTEMPTS:
                raise
            sleep(min(5.0, 0.05 * 2**attempt) * (0.5 + random.random()))
        else:
            done(len(items))
            return


def _commit(items: list[Item], ledger: Ledger, decide: Callable[[WorkingSet], None]) -> None:
    """One transaction; what became of each receipt is said only once it is so."""
    began = time.monotonic()
    with observing.batch({**ledger.named, "receipts": len(items)}):
        ledger.batch(items, decide)
    if observing.attempts:
        ms = round((time.monotonic() - began) * 1000, 1)
        observing.say_attempts(telling.lines(items), "attempt", **ledger.named, batch=len(items), batch_ms=ms)


def prepare_safely(raw: Raw, receipt_id: int, reader: Reader, rules: Rules, country: str) -> Item:
    """`prepare`, for receipts of any kind: one that a reader of ours stumbles over is that receipt's failure."""
    try:
        return prepare(raw, receipt_id, reader, rules, country)
    except Exception as err:  # noqa: BLE001 - see `_run`: the same runner, before the batch is made
        return Item(raw, receipt_id, Read(raw.kind, refused=("internal_error", _proof(err))))


def decide_all(items: list[Item], ws: WorkingSet) -> None:
    """Each item through the steps, in order."""
    for item in items:
        process(item, ws)


def _poison(item: Item, err: Exception, ledger: Ledger, done: Tally) -> None:
    """Record the one receipt that cannot be processed, with enough to find the fault, and nothing of its content."""
    item.outcome, item.reason, item.state = Outcome.FAILED, "internal_error", None
    item.evidence = {"internal_error": _proof(err)}
    item.steps[steps.RECORD] = "f"
    item.read = Read(item.read.entity, item.read.identifier)  # its content is what nobody can be sure of
    item.version = None
    _commit([item], ledger, lambda ws: None)
    done(1)


def _proof(err: BaseException) -> dict[str, Any]:
    return {"fingerprint": fingerprint(err), "version": cuadra.__version__, "step": type(err).__name__}


def fingerprint(err: BaseException) -> str:
    """The same fault has the same fingerprint: kind of error and the places in our code it went through."""
    frames = traceback.extract_tb(err.__traceback__)
    places: list[Any] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.name}" for frame in frames]
    return hashlib.sha256("|".join([type(err).__name__, *places]).encode()).hexdigest()[:12]
