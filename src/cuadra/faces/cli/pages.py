"""The pages beside whatever else a program does: a listener of their own, on this machine alone until somebody can sign in."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cuadra.errors import UsageError
from cuadra.faces.cli.context import out
from cuadra.faces.cli.watched import place_of
from cuadra.texts import _

NOWHERE = ("", "no", "off")
STOP_SECONDS = 10.0


@contextmanager
def shown(place: str, *, quiet: bool = False) -> Iterator[None]:
    """Pages at HOST:PORT while this lasts; nowhere, if that is said. Raises UsageError for a place that others could reach,
    and Refused for one that is taken."""
    if place in NOWHERE:
        yield
        return
    from cuadra.faces import server
    from cuadra.faces.guard import loopback

    host, port = place_of(place)
    if not loopback(host):
        raise UsageError("The pages are for this machine alone until somebody can sign in: {place} is not 127.0.0.1, ::1 or "
                         "localhost. From elsewhere use a tunnel (ssh -L).", place=place)  # fmt: skip
    server.claim(host, port)
    # a process of its own: two of these servers do not share one
    process = subprocess.Popen([sys.executable, "-m", "cuadra.faces.pages", host, str(port), str(os.getpid())],
                               stdin=subprocess.DEVNULL)  # fmt: skip
    try:
        if not quiet:
            out.print(_("Pages are shown at http://{place}/.").format(place=place), markup=False, soft_wrap=True)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
