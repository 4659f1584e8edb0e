"""The demo while it stays: the shop's notices come in, are worked off, and what becomes of each order is shown."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import psycopg

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.connectors.http import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import CuadraError
from cuadra.faces.cli import serving
from cuadra.faces.cli.context import Session, author, err, escape, out
from cuadra.faces.cli.importing import MARKS
from cuadra.faces.saying import money
from cuadra.jobs import schedules, subscribing, ways
from cuadra.ledger import utc_now
from cuadra.texts import _

HOST = "127.0.0.1"
SCAN_SECONDS = 30
LOOK_SECONDS = 1.0
TURNS = 5
END_SECONDS = 60.0
LATE = timedelta(seconds=20)
"""How long after its beginning what a batch did may be seen."""


class Watch:
    """One live integration, watched until somebody interrupts."""

    def __init__(self, s: Session, account: Account, one: Integration) -> None:
        self._s, self._account, self._one = s, account, one
        self._stop = threading.Event()
        self._begin = utc_now()

    def run(self) -> None:
        """Take notices in and show what becomes of them, until SIGINT or SIGTERM."""
        from cuadra.faces import server

        port = _free_port()
        notices = {"notices": f"http://{HOST}:{port}"}
        accounts.set_settings(self._s.db, self._account, self._one, notices, author())
        showing = threading.Thread(target=self._show)
        showing.start()
        try:
            with serving.working(self._s):
                server.serve(HOST, port, self._ready, server.INTAKE)
        finally:
            self._stop.set()
            showing.join(END_SECONDS)
            self._end()

    def _ready(self) -> None:
        out.print()
        out.print(f"[bold]{_('Live orders of {name}; Ctrl-C ends it.').format(name=self._one.name)}[/]")
        text = _(
            "One webhook in ten gets lost, some come twice or late; a scan every {n} seconds finds what was missed."
        )
        out.print(text.format(n=SCAN_SECONDS), style="dim", soft_wrap=True)
        with self._s.db.again() as db:  # the first scan asks for the webhooks: now that somebody listens
            accounts.set_mode(db, self._account, self._one, f"every {SCAN_SECONDS}s", author())
            schedules.plan(db)

    def _show(self) -> None:
        """A line for each thing that has become of an order."""
        seen: set[int] = set()
        with self._s.db.again() as db:
            while not self._stop.wait(LOOK_SECONDS):
                with _told(db):
                    self._look(db, seen)

    def _look(self, db: Database, seen: set[int]) -> None:
        key = {"account": self._account.account_id, "integration": self._one.integration_id, "since": self._begin}
        now = utc_now()
        with db.transaction(self._account.account_id) as conn:
            rows = conn.execute(sql("list_happened"), key).fetchall()
        for number, at, label, total, currency, outcome, standing, reason in rows:
            if number in seen:
                continue
            seen.add(number)
            line = f"{at.astimezone(ZoneInfo(self._account.time_zone)):%H:%M:%S}  {MARKS.get(standing or '', '·')}"
            line += f" [bold]{escape(label)}[/]  {_(outcome)}"
            line += f" · {_(standing)}" if standing else ""
            line += f" · {money(total, currency)}" if total is not None else ""
            out.print(line + (f"  [dim]{reason}[/]" if reason else ""), soft_wrap=True)
        self._begin = max(self._begin, now - LATE)

    def _end(self) -> None:
        """Nobody listens any more: the shop is told to send nothing, though it may not hear it at once."""
        one = self._s.integration(self._account, self._one.name)
        for _turn in range(TURNS):
            with contextlib.suppress(CuadraError, Trouble):
                with ways.shop(self._s.db, self._s.settings, self._account, one) as shop:
                    subscribing.remove(self._s.db, self._account, one, shop)
                break
        accounts.set_settings(self._s.db, self._account, one, {"notices": ""}, author())
        accounts.set_mode(self._s.db, self._account, one, "manual", author())


@contextlib.contextmanager
def _told(db: Database) -> Iterator[None]:
    """What goes wrong is said, and tried again at the next turn."""
    try:
        yield
    except (CuadraError, Trouble, psycopg.Error) as error:
        err.print(serving.why(error), style="red", markup=False, soft_wrap=True)
        if isinstance(error, psycopg.Error):
            db.close()


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])
