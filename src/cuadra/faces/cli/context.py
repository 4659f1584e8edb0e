"""What every command needs: settings, the database, an account, an author, and how to speak."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape as _escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

import cuadra.db as database
from cuadra import accounts, observing
from cuadra.accounts import Account, Integration
from cuadra.db import Database, migrate
from cuadra.faces.saying import plain
from cuadra.jobs import ways
from cuadra.jobs.ways import Watch
from cuadra.ledger import Way
from cuadra.ledger.acts import Act
from cuadra.settings import Settings
from cuadra.texts import _

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

AccountOption = Annotated[
    str | None,
    typer.Option("--account", envvar="CUADRA_ACCOUNT", help=_("The account; not needed where there is only one.")),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=_("The integration's name."))]
NoteOption = Annotated[str, typer.Option("--note", help=_("Why; kept with the change."))]
JsonOption = Annotated[bool, typer.Option("--json", help=_("Answer as JSON on standard output."))]
PersonalOption = Annotated[
    bool, typer.Option("--show-personal", help=_("Show personal data unmasked; this is written to the audit log."))
]


class Session:
    """One command at work."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self.settings, self.db = settings, db

    def account(self, name: str | None) -> Account:
        """The account meant."""
        return accounts.pick(self.db, name)

    def integration(self, account: Account, name: str) -> Integration:
        """The integration of that name."""
        return accounts.integration_named(self.db, account, name)

    def awake(self, account: Account, one: Integration) -> Integration:
        """The integration, for what asks its shop: a simulated one is started if it does not run."""
        if one.settings.get("simulated") is not True:
            return one
        from cuadra.faces.cli import simulated

        return simulated.awake(self, account, one)

    def awake_all(self, account: Account) -> None:
        """Start the simulated shops of an account, for what may ask any of them."""
        for one in accounts.integrations(self.db, account):
            self.awake(account, one)

    def way(self, account: Account, integration_id: int) -> Way:
        """An integration with its current rules, by id."""
        return ways.way_by_id(self.db, account, integration_id)

    def act(self, account: Account, note: str = "") -> Act:
        """An act of whoever runs this command."""
        return Act(account, author(), note)

    def audit(self, account: Account, action: str, what: str, **detail: Any) -> None:
        """One line of the account's log."""
        with self.db.transaction(account.account_id) as conn:
            accounts.audit(conn, account.account_id, author(), action, what, detail)


#: what a report counts, for people
MANY = {"order": "orders", "customer": "customers", "product": "products", "category": "categories", "store": "stores",
        "act": "acts"}  # fmt: skip


def author() -> str:
    """Who gives the command: CUADRA_AUTHOR, else the system's user."""
    try:
        return os.environ.get("CUADRA_AUTHOR") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@contextmanager
def session(log: str = observing.OFF) -> Iterator[Session]:
    """Settings and an open, migrated database; what is slow about that is said on stderr. `log`: what is said of the work
    where CUADRA_LOG does not say."""
    settings = Settings.load()
    observing.configure(settings.log or log)
    with Database(database.conninfo(settings, told)) as db:
        migrate.migrate(db)
        yield Session(settings, db)


# ---------------------------------------------------------------- speaking


def told(text: str, /, **values: object) -> None:
    """Progress of something slow, on stderr."""
    err.print(_(text).format(**values) if values else _(text), style="dim", markup=False, soft_wrap=True)


_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def safe(text: object) -> str:
    """A text from outside without control characters: a file must not drive somebody's terminal."""
    return str(text).translate(_CONTROLS)


def escape(text: object) -> str:
    """The same, for output in which square brackets mean something."""
    return _escape(safe(text))


def as_json(value: Any) -> None:
    """One JSON value on standard output; decimals are strings, times ISO 8601."""
    sys.stdout.write(msgspec.json.encode(plain(value)).decode() + "\n")


@contextmanager
def progress() -> Iterator[Watch]:
    """A progress line on stderr for whatever takes longer than a moment; silent where stderr is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def watch(what: str, done: int, total: int | None) -> None:
            verb, _space, name = what.partition(" ")
            key = verb
            if key not in tasks:
                tasks[key] = bar.add_task("", total=total)
            label = f"{_(verb)} {name}".strip()
            bar.update(tasks[key], description=label, completed=done, total=total)

        yield watch


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A sign of life on stderr while somebody else is asked; silent where stderr is no terminal."""
    if not err.is_terminal:
        yield
        return
    with err.status(text):
        yield


def table_of(*columns: str) -> Table:
    """A plain table with these headings."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def show_table(table: Table, rows: int, empty: str) -> None:
    """The table, or what is said where there is nothing in it."""
    out.print(table if rows else empty)
