"""The demo while it stays: the shops' notices come in, are worked off, and what becomes of each order is shown."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg

from cuadra import accounts, secrets
from cuadra.accounts import Account, Integration
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import CuadraError
from cuadra.faces.cli import pages, serving, simulated
from cuadra.faces.cli.context import Session, author, err, escape, out
from cuadra.faces.cli.importing import MARKS
from cuadra.faces.cli.watched import place_of
from cuadra.faces.ending import end_with
from cuadra.faces.saying import money
from cuadra.jobs import schedules, sending, subscribing, ways
from cuadra.ledger import utc_now
from cuadra.secrets import KeyFile
from cuadra.texts import _

HOST = "127.0.0.1"
CRM = "crm"
SCAN_SECONDS = 30
LOOK_SECONDS = 1.0
TURNS = 5
END_SECONDS = 60.0
LATE = timedelta(seconds=20)
"""How long after its beginning what a batch did may be seen."""


class Watch:
    """The demo's live integrations, watched until somebody interrupts."""

    def __init__(self, s: Session, account: Account, ones: list[Integration], web: str) -> None:
        """`web`: where the pages are shown."""
        self._s, self._account, self._ones, self._web = s, account, ones, _free(web)
        self._stop = threading.Event()
        self._begin = utc_now()

    def run(self) -> None:
        """Take notices in, send orders on and show what becomes of them, until SIGINT or SIGTERM."""
        from cuadra.faces import server

        end_with(
            os.getppid(), 2 * END_SECONDS
        )  # a terminal that is closed takes the shell along, and nobody sees this any more
        port = simulated.any_port()
        for one in self._ones:
            accounts.set_settings(self._s.db, self._account, one, {"notices": f"http://{HOST}:{port}"}, author())
        showing = threading.Thread(target=self._show)
        showing.start()
        try:
            with _crm(self._s, self._account), pages.shown(self._web, quiet=True), serving.working(self._s):
                server.serve(HOST, port, self._ready, server.INTAKE)
        finally:
            self._stop.set()
            showing.join(END_SECONDS)
            self._end()

    def _ready(self) -> None:
        out.print()
        names = ", ".join(one.name for one in self._ones)
        out.print(f"[bold]{_('Live orders of {names}; Ctrl-C ends it.').format(names=names)}[/]")
        text = _(
            "One webhook in ten gets lost, some come twice or late; a scan every {n} seconds finds what was missed."
        )
        out.print(text.format(n=SCAN_SECONDS), style="dim", soft_wrap=True)
        if self._web not in pages.NOWHERE:
            out.print()
            out.print(f"[bold green]{_('Open http://{place}/ in a browser.').format(place=self._web)}[/]")
            out.print()
        with self._s.db.again() as db:  # the first scan asks for the webhooks: now that somebody listens
            for one in self._ones:
                accounts.set_mode(db, self._account, one, f"every {SCAN_SECONDS}s", author())
            schedules.plan(db)

    def _show(self) -> None:
        """A line for each thing that has become of an order."""
        seen: set[int] = set()
        with self._s.db.again() as db:
            while not self._stop.wait(LOOK_SECONDS):
                with _told(db):
                    self._look(db, seen)

    def _look(self, db: Database, seen: set[int]) -> None:
        now = utc_now()
        for one in self._ones:
            key = {"account": self._account.account_id, "integration": one.integration_id, "since": self._begin}
            with db.transaction(self._account.account_id) as conn:
                rows = conn.execute(sql("list_happened"), key).fetchall()
            for number, *happened in rows:
                if number not in seen:
                    seen.add(number)
                    self._say(one, *happened)
        self._begin = max(self._begin, now - LATE)

    def _say(self, one: Integration, at: datetime, label: str, total: Decimal | None, currency: str | None, outcome: str,
             standing: str | None, reason: str | None) -> None:  # fmt: skip
        line = f"{at.astimezone(ZoneInfo(self._account.time_zone)):%H:%M:%S}  {MARKS.get(standing or '', '·')}"
        line += f" [dim]{escape(one.name):<9}[/] [bold]{escape(label)}[/]  {_(outcome)}"
        line += f" · {_(standing)}" if standing else ""
        line += f" · {money(total, currency)}" if total is not None else ""
        out.print(line + (f"  [dim]{reason}[/]" if reason else ""), soft_wrap=True)

    def _end(self) -> None:
        """Nobody listens any more: the shops are told to send nothing, though they may not hear it at once."""
        for known in self._ones:
            one = self._s.integration(self._account, known.name)
            for _turn in range(TURNS):
                with contextlib.suppress(CuadraError, Trouble):
                    with ways.shop(self._s.db, self._s.settings, self._account, one) as shop:
                        subscribing.remove(self._s.db, self._account, one, shop)
                    break
            accounts.set_settings(self._s.db, self._account, one, {"notices": ""}, author())
            accounts.set_mode(self._s.db, self._account, one, "manual", author())


@contextlib.contextmanager
def _crm(s: Session, account: Account) -> Iterator[None]:
    """A simulated CRM that present orders go on to while this lasts. Between times it is paused: what is to go there waits."""
    known = next((one for one in sending.places(s.db, account) if one.name == CRM), None)
    port = simulated.free_port(urlsplit(known.url).port or 0 if known else 0) or simulated.any_port()
    url, allowed = f"http://{HOST}:{port}/orders", {"private": HOST}
    if known is None:
        known, _secret = sending.add(s.db, s.settings, account, CRM, url, allowed, author())
    else:
        sending.change(s.db, account, known, url, allowed, author())
        sending.move(s.db, account, known, "active", author(), "demo")
    secret = secrets.get(s.db, KeyFile.of(s.settings), account.account_id, known.destination_id, sending.SIGNING)
    assert secret is not None
    process = subprocess.Popen(
        [sys.executable, "-m", "cuadra_simulators.crm", "--port", str(port), "--secret", secret.reveal()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        sending.move(s.db, account, known, "paused", author(), "demo")
        process.terminate()
        process.wait(END_SECONDS)


@contextlib.contextmanager
def _told(db: Database) -> Iterator[None]:
    """What goes wrong is said, and tried again at the next turn."""
    try:
        yield
    except (CuadraError, Trouble, psycopg.Error) as error:
        err.print(serving.why(error), style="red", markup=False, soft_wrap=True)
        if isinstance(error, psycopg.Error):
            db.close()


def _free(web: str) -> str:
    """The place for the pages; another port, where this one is taken: a demo asks for nothing."""
    if web in pages.NOWHERE:
        return web
    host, port = place_of(web)
    return web if simulated.free_port(port) else f"{host}:{simulated.any_port()}"
