"""One import at work: what both of its sides know."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
from cuadra.settings import Settings

PIECE = 500
"""Receipts that are read and decided at a time, while the processor still has them at hand."""


class Chunk(Struct):
    """Stored receipts on their way to the pipeline."""

    entry: Entry
    raws: list[tuple[int, Raw]]
    reader: Reader


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
