"""`cuadra demo`: a shop's file set and two simulated shops that live, imported; pages that show them; and what can be asked."""

from __future__ import annotations

import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cuadra import accounts, connectors, folders, reasons
from cuadra.accounts import Account, Integration
from cuadra.diagnosis import history
from cuadra.errors import NotFound
from cuadra.faces.cli import simulated
from cuadra.faces.cli.context import Session, author, err, out, progress, session
from cuadra.faces.cli.importing import show, show_briefly
from cuadra.faces.cli.serving import WebOption
from cuadra.faces.cli.watching import Watch
from cuadra.jobs import importing
from cuadra.runs import Report
from cuadra.texts import _, language

NAME = "demo"
SIMULATED = {"tienda": "woocommerce", "boutique": "shopify"}
"""Integration → its platform."""
ZONE = "America/Argentina/Buenos_Aires"


def demo_command(
    orders: Annotated[int, typer.Option(min=100, max=1_000_000, help=_("How many orders the shop has."))] = 10_000,
    once: Annotated[bool, typer.Option("--once", help=_("Show it and end, as a script wants it."))] = False,
    web: WebOption = None,
) -> None:
    """Safe to run twice: the second time finds everything known. Exit code 0 although the shop has failures to look at:
    they are what there is to see. On a terminal it stays, shows the pages and what the shops sell, until Ctrl-C."""
    simulated.installed()
    try:
        with session() as s:
            account = _account(s)
            _file_set(s, account, orders)
            try:
                ones = [_simulated(s, account, name, connector) for name, connector in SIMULATED.items()]
                if not once and sys.stdout.isatty():
                    Watch(s, account, ones, s.settings.web if web is None else web).run()
                    out.print()
                    out.print(_("Ended. «cuadra demo» goes on where this stopped."))
            finally:
                simulated.close_shops(s.settings)
    except KeyboardInterrupt:
        err.print(_("Interrupted. «cuadra demo» goes on where this stopped."))
        raise typer.Exit(130) from None


def _account(s: Session) -> Account:
    try:
        return s.account(NAME)
    except NotFound:
        accounts.add(s.db, NAME, "ARS", "AR", ZONE, 3)
        return s.account(NAME)


def _known(s: Session, account: Account, name: str) -> Integration | None:
    try:
        return s.integration(account, name)
    except NotFound:
        return None


def _added(s: Session, account: Account, name: str, connector: str, settings: dict[str, Any]) -> Integration:
    made = accounts.add_integration(s.db, account, name, connector, settings, author(), store=f"demo-{name}")
    accounts.set_mode(s.db, account, made, "manual", author())  # what the demo does, it does by itself
    accounts.move(s.db, account, made, "active", author(), "demo")
    return s.integration(account, name)


def _imported(s: Session, account: Account, one: Integration) -> Report:
    with progress() as watch:
        return importing.import_now(s.settings, s.db, account, one, author(), watch)


# ---------------------------------------------------------------- the file set


def _file_set(s: Session, account: Account, orders: int) -> None:
    from cuadra_simulators import shop_files

    folder = s.settings.home / "demo" / "drop"
    with progress() as watch:
        shutil.rmtree(folder, ignore_errors=True)
        folders.private(folder)
        # one day for all runs of a day, so that a second run drops the same bytes
        truth = shop_files.write_set(folder, orders=orders, today=date.today(),
                                     progress=lambda done, total, name: watch(f"making {name}", done, total))  # fmt: skip
    one = _known(s, account, "shop") or _added(s, account, "shop", "files", {"path": str(folder)})
    show(_imported(s, account, one), account.time_zone)
    out.print()
    out.print(f"[bold]{_('Five questions worth asking')}[/]")
    for text, english, spanish in truth.worth_asking:
        _worth_asking(text, spanish if language() == "es" else english)
    out.print()
    out.print(
        _("And: cuadra history --account demo · cuadra reasons · cuadra files rejects shop --account demo"), style="dim"
    )


def _program() -> str:
    """How this program is called from here."""
    if shutil.which("cuadra"):
        return "cuadra"
    place = Path(sys.executable).parent / "cuadra"
    return str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)


def _worth_asking(text: str, why: str) -> None:
    quoted = text if text.replace("-", "").replace(".", "").replace("@", "").isalnum() else f"'{text}'"
    out.print(f"  [bold cyan]{_program()} why {quoted} --account {NAME}[/]", soft_wrap=True)
    out.print(f"    {why}", style="dim")


# ---------------------------------------------------------------- the simulated shops


def _simulated(s: Session, account: Account, name: str, connector: str) -> Integration:
    """Its two months, imported."""
    known = _known(s, account, name)
    kind = simulated.KINDS[connector]
    place = simulated.open_shop(s.settings, connector, new=known is None)
    settings = {**simulated.told(kind, place), "private": "yes", "simulated": True, **PACE[connector]}
    one = simulated.settle(s, account, known or _added(s, account, name, connector, settings), place)
    report = _imported(s, account, one)
    title = connectors.get(connector).info.title
    out.print()
    out.print(_("And a live {platform} shop, simulated at {url}:").format(platform=title, url=place.url), style="bold")
    show_briefly(report, account.time_zone)
    for text, why in _questions(s, account, one):
        _worth_asking(text, why)
    return one


PACE: dict[str, dict[str, str]] = {"woocommerce": {"pace": "50"}, "shopify": {"points": "1000"}}
"""A simulated shop need not be asked as gently as a real one."""


def _questions(s: Session, account: Account, one: Integration) -> list[tuple[str, str]]:
    """The newest order of some that are waited for, and of some that do not count; and what is to be learned of it."""
    found = []
    for standing in ("waiting", "held", "skipped"):
        rows = history.history(s.db, account, integration=one.name, standing=standing, limit=1)
        found += [(row["identifier"], reasons.get(row["reason"]).text.get(language())) for row in rows if row["reason"]]
    return found[:2]
