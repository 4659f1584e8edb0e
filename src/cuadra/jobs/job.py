"""One import at work: what both of its sides know."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Raw, Reader, Shop
from cuadra.db import Database
from cuadra.inbox import Entry
from cuadra.jobs.ways import Watch
from cuadra.ledger import Way
from cuadra.model import Entity
from cuadra.pipeline.run import prepare_safely
from cuadra.pipeline.working import Item
from cuadra.settings import Settings

PIECE = 500
"""Receipts that are read and decided at a time, while the processor still has them at hand."""


SWITCH_SECONDS = 0.001
"""How long one thread may compute while another waits; usually five times as long."""


class Chunk(Struct):
    """Stored receipts on their way to the pipeline."""

    entry: Entry
    raws: list[tuple[int, Raw]]
    reader: Reader
    read: bool = False
    """They have been looked at on the way, and the reader has kept what it read."""


class Job(Struct):
    """One import at work."""

    settings: Settings
    db: Database
    account: Account
    integration: Integration
    way: Way
    run_id: int
    fence: int
    """See `runs.hold`."""
    watch: Watch
    work: Path
    processed: int = 0
    cancelled: bool = False
    """Somebody has asked for its end."""
    guard: Callable[[], None] = lambda: None
    """Raises if this is not the only import of the integration any more."""
    stop: threading.Event = field(default_factory=threading.Event)
    """The importing side has ended."""
    outside: threading.Event = field(default_factory=threading.Event)
    """The program is to stop."""
    file: Path | None = None
    """Take what is in it, and nothing else."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    problem: tuple[str, dict[str, Any]] | None = None
    source_counts: list[int | None] = field(default_factory=list)
    shop: Shop | None = None
    """The open source, if it can be asked."""
    asked: dict[Entity, set[str]] = field(default_factory=lambda: {Entity.PRODUCT: set(), Entity.CUSTOMER: set()})
    """Products and customers whose details have been asked for."""

    def done(self, receipts: int) -> None:
        """So many more are in the ledger."""
        self.processed += receipts
        self.watch("imported", self.processed, None)


def prepare(job: Job, chunk: Chunk, ids: frozenset[int] | None = None) -> list[Item]:
    """The receipts of a chunk, or those of these numbers, as items for the pipeline."""
    rules, country = job.way.rules, job.account.country
    return [
        prepare_safely(raw, number, chunk.reader, rules, country)
        for number, raw in chunk.raws
        if ids is None or number in ids
    ]


def pieces(job: Job, chunk: Chunk) -> Iterator[list[Item]]:
    """The same, `PIECE` at a time."""
    for at in range(0, len(chunk.raws), PIECE):
        yield prepare(job, Chunk(chunk.entry, chunk.raws[at : at + PIECE], chunk.reader))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Batches are values without cycles: the cyclic collector would walk through millions of them and find nothing.
    What libraries leave behind is collected once per import. And the thread that writes has next to nothing to compute
    between two answers of the database: it gets its turn soon, not after five milliseconds of somebody else's."""
    was_on, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if was_on:
            gc.enable()
        gc.collect()
