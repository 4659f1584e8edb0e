"""Runs a listener in a process of its own, under granian."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LOGGING_CONFIG, LogLevels

from cuadra.errors import Refused

INTAKE = "cuadra.faces.intake.app:build"
PAGES = "cuadra.faces.http:build"
"""The listeners there are: notices, which may be public; pages and API, which are for this machine."""
MOST_CONNECTIONS = 512
"""Requests at work at once; more wait in the kernel's queue."""
STOP_SECONDS = 20
PAGES_STOP_SECONDS = 2
"""Whoever looks at a page that changes by itself is listening for ever: nothing of it is lost."""

_LOG = {**LOGGING_CONFIG, "handlers": {
    "console": {"formatter": "generic", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
    "access": {"class": "logging.NullHandler"},
}}  # fmt: skip


def claim(host: str, port: int) -> None:
    """Whether the place is free: granian would share it with whoever listens there. Raises Refused saying why not."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except OSError as error:
        raise Refused("Nobody can listen at {host}:{port}: {why}.", host=host, port=port,
                      why=error.strerror or str(error)) from error  # fmt: skip


def serve(
    host: str, port: int, ready: Callable[[], None], application: str, *, stop_seconds: int = STOP_SECONDS
) -> None:
    """Listen until SIGINT or SIGTERM, then finish what is in flight. `ready` is called once somebody answers.

    The process that listens is started anew, not forked: this one may have threads and connections at work. One that
    dies is started again.
    """
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        application, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, websockets=False,
        factory=True, backlog=1024, backpressure=MOST_CONNECTIONS, respawn_failed_workers=True,
        workers_kill_timeout=stop_seconds, log_level=LogLevels.error, log_dictconfig=_LOG,
    )  # fmt: skip
    threading.Thread(target=_await, args=(host, port, ready), daemon=True).start()
    try:
        server.serve()
    except SystemExit:
        if not server.interrupt_signal:  # else the listener was only faster than this process in ending
            raise


def _await(host: str, port: int, ready: Callable[[], None]) -> None:
    """Call `ready` when the port is open."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked for, here only reached
    while True:
        try:
            socket.create_connection((target, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        ready()
        return
