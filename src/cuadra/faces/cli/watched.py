"""How the programs that stay are watched: where their metrics are shown, and where their traces go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cuadra import observing
from cuadra.errors import UsageError
from cuadra.faces.cli.context import Session, err
from cuadra.jobs.worker import Worker
from cuadra.texts import _

MetricsOption = Annotated[
    str | None,
    typer.Option(
        "--metrics", metavar="HOST:PORT", help=_("Where to show metrics to Prometheus; nowhere unless given.")
    ),
]


@contextmanager
def watched(s: Session, worker: Worker, place: str) -> Iterator[None]:
    """Show metrics, and the health of a worker, at a place; nowhere if it is empty. Raises UsageError, Refused."""
    if not place:
        yield
        return
    from cuadra.faces import metrics as face  # every other command starts without it

    with face.listening(*place_of(place), s.settings, s.db, worker.well):
        err.print(_("Metrics are shown at http://{place}/metrics.").format(place=place), style="dim", markup=False,
                  soft_wrap=True)  # fmt: skip
        yield


def trace() -> None:
    """Send traces, if the environment says where to. Raises UsageError if what sends them is not installed."""
    observing.export_traces(os.environ)


def place_of(text: str) -> tuple[str, int]:
    """Host and port of «HOST:PORT»; the host of version 6 stands in brackets. Raises UsageError."""
    host, _colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("«{value}» is no place to listen at; write HOST:PORT, like 127.0.0.1:8080.", value=text)
    return host, int(port)
