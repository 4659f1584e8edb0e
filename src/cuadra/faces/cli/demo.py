"""`cuadra demo`: a shop's file set, imported, and what can be asked of it."""

from __future__ import annotations

import shutil
from datetime import date
from typing import Annotated

import typer

from cuadra import accounts, folders
from cuadra.accounts import Account, Integration
from cuadra.errors import NotFound, Refused
from cuadra.faces.cli.context import Session, author, err, out, progress, session
from cuadra.faces.cli.importing import show
from cuadra.jobs import importing
from cuadra.texts import _, language

NAME = "demo"
ZONE = "America/Argentina/Buenos_Aires"


def demo_command(
    orders: Annotated[int, typer.Option(min=100, max=1_000_000, help=_("How many orders the shop has."))] = 10_000,
    once: Annotated[bool, typer.Option("--once", help=_("Show it and end, as a script wants it."))] = False,
) -> None:
    """Safe to run twice: the second time finds everything known. Exit code 0 although the shop has failures to look at:
    they are what there is to see. Nothing follows today, so `once` changes nothing."""
    try:
        with session() as s:
            _demo(s, orders)
    except KeyboardInterrupt:
        err.print(_("Interrupted. «cuadra demo» goes on where this stopped."))
        raise typer.Exit(130) from None


def _demo(s: Session, orders: int) -> None:
    # simulators are an extra of their own: a production install has none
    try:
        from cuadra_simulators import shop_files
    except ImportError as error:
        raise Refused("The demo's shop is not installed; install it with: pip install 'cuadra[demo]'.") from error

    folder = s.settings.home / "demo" / "drop"
    with progress() as watch:
        shutil.rmtree(folder, ignore_errors=True)
        folders.private(folder)
        # one day for all runs of a day, so that a second run drops the same bytes
        truth = shop_files.write_set(folder, orders=orders, today=date.today(),
                                     progress=lambda done, total, name: watch(f"making {name}", done, total))  # fmt: skip
    account = _account(s)
    integration = _integration(s, account, str(folder))
    with progress() as watch:
        report = importing.import_now(s.settings, s.db, account, integration, author(), watch)
    show(report, account.time_zone)
    out.print()
    out.print(f"[bold]{_('Five questions worth asking')}[/]")
    for text, english, spanish in truth.worth_asking:
        quoted = text if text.replace("-", "").replace(".", "").replace("@", "").isalnum() else f"'{text}'"
        out.print(f"  [bold cyan]cuadra why {quoted} --account {NAME}[/]", soft_wrap=True)
        out.print(f"    {spanish if language() == 'es' else english}", style="dim")
    out.print()
    out.print(
        _("And: cuadra history --account demo · cuadra reasons · cuadra files rejects shop --account demo"), style="dim"
    )


def _account(s: Session) -> Account:
    try:
        return s.account(NAME)
    except NotFound:
        accounts.add(s.db, NAME, "ARS", "AR", ZONE, 3)
        return s.account(NAME)


def _integration(s: Session, account: Account, path: str) -> Integration:
    try:
        return s.integration(account, "shop")
    except NotFound:
        made = accounts.add_integration(s.db, account, "shop", "files", {"path": path}, author(), store="demo-shop")
        accounts.move(s.db, account, made, "active", author(), "demo")
        return s.integration(account, "shop")
