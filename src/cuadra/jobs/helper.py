"""The second process of a large import: `python -m cuadra.jobs.helper DESCRIPTOR`, started by `jobs.crew` and never by a
person. It takes the chunks that it is given into the ledger, in turns with who started it, and ends with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from cuadra import inbox
from cuadra.db import Database
from cuadra.jobs.job import SWITCH_SECONDS, Job, pieces
from cuadra.jobs.messages import Ready, Task, taken
from cuadra.jobs.receiving import reader_of
from cuadra.jobs.relay import Line
from cuadra.ledger.ahead import Decided
from cuadra.ledger.shared import SharedLedger
from cuadra.pipeline.ahead import Batch, Lane


class _Lost(BaseException):
    """A batch could not be taken here. Who started us takes it again, patiently, and goes on alone."""


def main(descriptor: int) -> NoReturn:
    """Work until there is nothing more, or nobody to work for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us decides what Ctrl-C means
    code = 1
    with contextlib.suppress(_Lost, EOFError):
        _help(Connection(descriptor))
        code = 0
    os._exit(code)  # at once: to take apart what is in memory, piece by piece, takes time that somebody waits for


def _help(pipe: Connection) -> None:
    task: Task = pipe.recv()
    line = Line(leads=False)
    db = Database(task.info)
    job = Job(task.settings, db, task.account, task.integration, task.way, task.run_id, 0, lambda *_: None, Path())
    ledger = SharedLedger(db, task.way, line, leads=False, run_id=task.run_id, take=inbox.take)
    db.stage()
    line.open(pipe)
    gc.disable()  # see `job.undisturbed`
    sys.setswitchinterval(SWITCH_SECONDS)
    _KEPT.append(ledger)
    try:
        with Lane(ledger, lambda receipts: None) as lane:
            line.send(Ready())
            _work(job, line, lane)
    finally:
        line.leave()
        db.close()


_KEPT: list[SharedLedger] = []
"""So that nothing is taken apart before the end."""


def _work(job: Job, line: Line, lane: Lane[Decided]) -> None:
    def lost() -> NoReturn:
        line.leave()
        raise _Lost

    readers = {}
    while (given := line.work.get()) is not None:
        number = given.entry.set_id
        if number not in readers:
            readers[number] = reader_of(job, job.db, number)
        chunk = taken(given, readers[number])
        lane.take(Batch(number, partial(pieces, job, chunk), lost))
        del given, chunk
    lane.settle()


if __name__ == "__main__":
    main(int(sys.argv[1]))
