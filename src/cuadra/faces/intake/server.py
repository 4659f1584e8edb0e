"""Runs the listener in a process of its own, under granian."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LOGGING_CONFIG, LogLevels

APPLICATION = "cuadra.faces.intake.app:build"
MOST_CONNECTIONS = 512
"""Requests at work at once; more wait in the kernel's queue."""
STOP_SECONDS = 20

_LOG = {**LOGGING_CONFIG, "handlers": {
    "console": {"formatter": "generic", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
    "access": {"class": "logging.NullHandler"},
}}  # fmt: skip


def serve(host: str, port: int, ready: Callable[[], None], application: str = APPLICATION) -> None:
    """Listen until SIGINT or SIGTERM, then finish what is in flight. `ready` is called once the port is ours.

    The process that listens is started anew, not forked: this one may have threads and connections at work. One that
    dies is started again.
    """
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        application, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, websockets=False,
        factory=True, backlog=1024, backpressure=MOST_CONNECTIONS, respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS, log_level=LogLevels.error, log_dictconfig=_LOG,
    )  # fmt: skip
    server.on_startup(ready)
    server.serve()
