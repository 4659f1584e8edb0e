"""`cuadra serve`: the program that stays: it takes notices in, and works off what has arrived."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import psycopg
import typer

from cuadra import accounts, observing
from cuadra.db import Database
from cuadra.errors import CuadraError, Refused
from cuadra.faces.cli import pages
from cuadra.faces.cli.context import Session, err, out, session
from cuadra.faces.cli.watched import MetricsOption, place_of, trace, watched
from cuadra.jobs.worker import Worker
from cuadra.settings import Settings
from cuadra.texts import _, say

WebOption = Annotated[
    str | None,
    typer.Option(
        "--web",
        metavar="HOST:PORT",
        help=_("Where to show the pages, on this machine (127.0.0.1:8000); «no»: nowhere."),
    ),
]
QUIET_SECONDS = 60.0
"""The same interruption is not said again for so long."""


def serve_command(
    intake: Annotated[
        str, typer.Option("--intake", metavar="HOST:PORT", help=_("Where to listen for notices."))
    ] = "127.0.0.1:8080",
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="BASE", help=_("The public address of the listener; shows whom to give which.")),
    ] = None,
    web: WebOption = None,
    metrics: MetricsOption = None,
) -> None:
    from cuadra.faces import server  # every other command starts without a web server

    host, port = place_of(intake)
    server.claim(host, port)
    trace()
    with session(observing.JOBS) as s:
        if url is not None:
            _show_addresses(s, url.rstrip("/"))
        _wake(s)
        with pages.shown(s.settings.web if web is None else web), working(s, metrics or s.settings.metrics):
            server.serve(host, port, lambda: _listening(intake), server.INTAKE)


def worker_command(metrics: MetricsOption = None) -> None:
    """Any number of workers, on any hosts that reach the database, share what there is to do."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stop.set())
    trace()
    with session(observing.JOBS) as s:
        _wake(s)
        with working(s, metrics or s.settings.metrics) as worker:
            place = f"{socket.gethostname()}, {os.getpid()}"
            out.print(_("Worker {n} is at work ({place}); stop with Ctrl-C.").format(n=worker.worker_id, place=place),
                      markup=False, soft_wrap=True)  # fmt: skip
            stop.wait()
            err.print(_("Stopping: what is at hand is finished, or given back."), style="dim")


@contextmanager
def working(s: Session, metrics: str = "") -> Iterator[Worker]:
    """A worker beside whatever else this program does; `metrics`: where it is watched, if anywhere."""
    worker = worker_of(s.settings, s.db)
    with watched(s, worker, metrics):
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


def _listening(place: str) -> None:
    out.print(_("Notices are taken at http://{place}/in/…; stop with Ctrl-C.").format(place=place), markup=False,
              soft_wrap=True)  # fmt: skip


def _show_addresses(s: Session, base: str) -> None:
    for number, name in accounts.names(s.db):
        for one in accounts.integrations(s.db, accounts.get(s.db, number)):
            if one.address is not None:
                out.print(f"{name} / {one.name}: {base}/in/{one.address}", markup=False, soft_wrap=True)


def _wake(s: Session) -> None:
    """Start the shops that are simulated. Those that cannot be are named, and everything else is served."""
    for number, _name in accounts.names(s.db):
        owner = accounts.get(s.db, number)
        for one in accounts.integrations(s.db, owner):
            try:
                s.awake(owner, one)
            except Refused as error:
                err.print(f"{one.name}: {say(error)}", style="yellow", markup=False, soft_wrap=True)


def worker_of(settings: Settings, db: Database) -> Worker:
    """A worker whose interruptions are said on stderr, each kind once in a while."""
    said: dict[str, float] = {}

    def told(error: Exception) -> None:
        text = why(error)
        if time.monotonic() - said.get(text, -QUIET_SECONDS) >= QUIET_SECONDS:
            said[text] = time.monotonic()
            err.print(_("The work was interrupted: {why}. It is begun again.").format(why=text), style="red",
                      markup=False, soft_wrap=True)  # fmt: skip

    return Worker(settings, db, told=told)


def why(error: Exception) -> str:
    """An error in a few words. Those of the database's that may show what is stored are named by their kind alone."""
    if isinstance(error, CuadraError):
        return say(error).rstrip(".")
    if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.OperationalError):
        return type(error).__name__
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
