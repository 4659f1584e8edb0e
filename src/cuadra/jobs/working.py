"""The worker: takes receipts out of the inbox and through the pipeline, until it is told to stop."""

from __future__ import annotations

import threading

from cuadra.db import Database
from cuadra.jobs.ways import Watch
from cuadra.settings import Settings


def work(settings: Settings, db: Database, stop: threading.Event, watch: Watch) -> None:
    """Work until `stop` is set."""
    stop.wait()
