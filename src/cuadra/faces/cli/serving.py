"""`cuadra serve`: the program that stays: it takes notices in, and works off what has arrived."""

from __future__ import annotations

import threading
from typing import Annotated

import psycopg
import typer

from cuadra import accounts
from cuadra.db import Database
from cuadra.errors import CuadraError, Refused, UsageError
from cuadra.faces.cli.context import Session, err, out, session
from cuadra.jobs import working
from cuadra.settings import Settings
from cuadra.texts import _, say

PAUSE_SECONDS = 5.0
END_SECONDS = 60.0


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("serve", help=_("Take notices of platforms in, and work off what arrives."))(serve_command)


def serve_command(
    intake: Annotated[
        str, typer.Option("--intake", metavar="HOST:PORT", help=_("Where to listen for notices."))
    ] = "127.0.0.1:8080",
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="BASE", help=_("The public address of the listener; shows whom to give which.")),
    ] = None,
) -> None:
    from cuadra.faces.intake import server  # every other command starts without a web server

    host, port = _place(intake)
    server.claim(host, port)
    stop = threading.Event()
    with session() as s:
        if url is not None:
            _show_addresses(s, url.rstrip("/"))
        _wake(s)
        worker = threading.Thread(target=keep_working, args=(s.settings, s.db.again(), stop), name="worker")
        worker.start()
        try:
            server.serve(host, port, lambda: _listening(intake))
        finally:
            stop.set()
            worker.join(END_SECONDS)


def _place(text: str) -> tuple[str, int]:
    host, _colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("«{value}» is no place to listen at; write HOST:PORT, like 127.0.0.1:8080.", value=text)
    return host, int(port)


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


def keep_working(settings: Settings, db: Database, stop: threading.Event) -> None:
    """Work until told to stop. Whatever ends the work before, notices wait in the inbox, and it is begun again."""
    with db:
        while not stop.is_set():
            try:
                working.work(settings, db, stop, lambda _what, _done, _total: None)
            except Exception as error:  # noqa: BLE001 - said, and begun again: nobody else is there to do the work
                err.print(_("The work was interrupted: {why}. It is begun again.").format(why=why(error)),
                          style="red", markup=False, soft_wrap=True)  # fmt: skip
                if isinstance(error, psycopg.Error):
                    db.close()
                stop.wait(PAUSE_SECONDS)


def why(error: Exception) -> str:
    """An error in a few words."""
    if isinstance(error, CuadraError):
        return say(error).rstrip(".")
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
