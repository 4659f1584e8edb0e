"""Who takes the chunks of an import into the ledger: this process alone, or in turns with a second one once there is much
to do. Reading and encoding keep a whole core busy, so that two take hardly more than half the time.

The second one is an optimisation and nothing else. Whatever becomes of it, what it was given and has not written stays in
the inbox, and is taken patiently here.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from multiprocessing import Pipe

from msgspec import Struct

from cuadra import inbox, observing
from cuadra.jobs.job import Chunk, Job, pieces
from cuadra.jobs.messages import Task, given
from cuadra.jobs.relay import Line
from cuadra.ledger.shared import Gone, SharedLedger
from cuadra.model import Entity
from cuadra.pipeline.ahead import Batch, Lane

ALONE = 1
"""So many full batches make a second process worth its start."""
READY_SECONDS = 0.0
"""How long to wait for it when it has been started: there is enough to do meanwhile."""
LEAVE_SECONDS = 10.0
"""How long it may take to end when there is nothing left to do."""


class _Lent(Struct):
    """A chunk that the other process has."""

    chunk: Chunk
    """Without its receipts: they are in the inbox."""
    left: int
    """Receipts of it that are not in the ledger yet, as far as we have heard."""


class Crew:
    """Use as a context; after `settle` everything taken is in the ledger. `patiently` takes a chunk the slow way."""

    def __init__(self, job: Job, patiently: Callable[[Job, Chunk], None]) -> None:
        self._job, self._patiently = job, patiently
        self._heard: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._line = Line(leads=True, wrote=self._heard.put)
        self._ledger = SharedLedger(job.db, job.way, self._line, leads=True, run_id=job.run_id, take=inbox.take)
        self._lane = Lane(self._ledger, job.done)
        self._helper: subprocess.Popen[bytes] | None = None
        self._helped = False
        self._mine: Chunk | None = None
        """Kept back until the other one has something to do meanwhile."""
        self._lent: deque[_Lent] = deque()
        self._taken = 0
        """Receipts of orders, until there is somebody."""

    def __enter__(self) -> Crew:
        self._lane.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._helper is not None and exc[0] is None:
            with contextlib.suppress(Gone, subprocess.TimeoutExpired):
                self._line.send(None)
                self._helper.wait(LEAVE_SECONDS)
        self._line.leave()
        self._dismiss()
        self._lane.__exit__(*exc)

    # ---------------------------------------------------------------- taking

    def take(self, chunk: Chunk) -> None:
        """Take a chunk into the ledger, now or in a moment."""
        self._look()
        if not (self._helped and _divisible(chunk)):
            if self._mine is not None or self._lent:
                self.settle()
            if not self._helped:
                self._hire(chunk)
            self._own(chunk)
            if self._helped:
                self._line.anew()
        elif chunk.read:  # to have read it was this one's part
            self._lend(chunk)
            self._pass()
        elif self._mine is None:
            self._mine = chunk
        else:
            self._lend(chunk)
            self._own(self._kept())

    def settle(self) -> None:
        """Wait until everything taken is in the ledger."""
        self._own(self._kept())
        self._lane.settle()
        if self._lent:
            self._line.quiet()
            self._look()
        while self._lent:
            chunk = self._lent.popleft().chunk
            chunk.raws = inbox.load(self._job.db, self._job.account.account_id, chunk.entry)
            self._patiently(self._job, chunk)

    def _own(self, chunk: Chunk | None) -> None:
        if chunk is not None:
            job = self._job
            self._lane.take(
                Batch(chunk.entry.set_id, partial(pieces, job, chunk), partial(self._patiently, job, chunk))
            )

    def _kept(self) -> Chunk | None:
        mine, self._mine = self._mine, None
        return mine

    def _lend(self, chunk: Chunk) -> None:
        self._lent.append(_Lent(chunk, len(chunk.raws)))
        with contextlib.suppress(Gone):
            self._line.give(given(chunk))
        chunk.raws = []

    def _pass(self) -> None:
        """The turn that would be ours is the other one's."""
        self._lane.settle()
        with contextlib.suppress(Gone):
            self._ledger.skip()

    # ---------------------------------------------------------------- the other process

    def _hire(self, chunk: Chunk) -> None:
        """Start another process once it is worth it; nobody waits for it."""
        self._taken += len(chunk.raws) if _divisible(chunk) else 0
        if (
            self._helper is None
            and self._taken >= ALONE * self._job.settings.batch
            and _cores() > 1
            and not observing.listened()
        ):
            job = self._job
            ours, theirs = Pipe()
            self._taken = 0  # one that cannot be started is not tried with each chunk
            with theirs, contextlib.suppress(OSError):
                self._helper = subprocess.Popen(
                    [sys.executable, "-P", "-m", "cuadra.jobs.helper", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
            self._line.open(ours)
            with contextlib.suppress(Gone):
                self._line.send(Task(job.settings, job.db.info, job.account, job.integration, job.way, job.run_id))
            self._line.greeted(READY_SECONDS)

    def _look(self) -> None:
        """Hear what the other process has done, and whether it has come or gone."""
        while not self._heard.empty():
            receipts = self._heard.get()
            self._job.done(receipts)
            while receipts and self._lent:
                part = min(receipts, self._lent[0].left)
                self._lent[0].left -= part
                receipts -= part
                if not self._lent[0].left:
                    self._lent.popleft()
        if self._line.broken:
            self._helped = False
            self._dismiss()
        elif self._line.ready and not self._helped:
            self._helped = True
            self._lane.settle()
            self._line.join()
            self._ledger.share()
            if not self._lane.in_step:
                self._line.anew()

    def _dismiss(self) -> None:
        """It ends; what it has not written is undone by the database."""
        if self._helper is not None and self._helper.poll() is None:
            self._helper.kill()
            self._helper.wait()


def _divisible(chunk: Chunk) -> bool:
    """Whether it is of orders alone: what changes customers and products by a record of their own is told to nobody."""
    return all(raw.kind is Entity.ORDER for _, raw in chunk.raws)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
