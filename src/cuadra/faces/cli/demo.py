"""`cuadra demo`: a shop's file set and a simulated shop that lives, imported, and what can be asked of them."""

from __future__ import annotations

import shutil
import sys
from datetime import date
from typing import Annotated, Any

import typer

from cuadra import accounts, folders, reasons
from cuadra.accounts import Account, Integration
from cuadra.diagnosis import history
from cuadra.errors import NotFound
from cuadra.faces.cli import simulated
from cuadra.faces.cli.context import Session, author, err, out, progress, session
from cuadra.faces.cli.importing import show, show_briefly
from cuadra.faces.cli.simulated import Place
from cuadra.faces.cli.watching import Watch
from cuadra.jobs import importing
from cuadra.runs import Report
from cuadra.texts import _, language

NAME = "demo"
SIMULATED = "tienda"
ZONE = "America/Argentina/Buenos_Aires"


def demo_command(
    orders: Annotated[int, typer.Option(min=100, max=1_000_000, help=_("How many orders the shop has."))] = 10_000,
    once: Annotated[bool, typer.Option("--once", help=_("Show it and end, as a script wants it."))] = False,
) -> None:
    """Safe to run twice: the second time finds everything known. Exit code 0 although the shop has failures to look at:
    they are what there is to see. On a terminal it stays and shows what the simulated shop sells, until Ctrl-C."""
    simulated.installed()
    try:
        with session() as s:
            account = _account(s)
            _file_set(s, account, orders)
            try:
                _simulated(s, account, stay=not once and sys.stdout.isatty())
            finally:
                simulated.close_shop(s.settings)
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


def _worth_asking(text: str, why: str) -> None:
    quoted = text if text.replace("-", "").replace(".", "").replace("@", "").isalnum() else f"'{text}'"
    out.print(f"  [bold cyan]cuadra why {quoted} --account {NAME}[/]", soft_wrap=True)
    out.print(f"    {why}", style="dim")


# ---------------------------------------------------------------- the simulated shop


def _simulated(s: Session, account: Account, *, stay: bool) -> None:
    """Its two months, and what it sells from now on if somebody stays to see it."""
    known = _known(s, account, SIMULATED)
    place = simulated.open_shop(s.settings, new=known is None)
    one = simulated.settle(s, account, known or _added(s, account, SIMULATED, "woocommerce", _settings(place)), place)
    report = _imported(s, account, one)
    out.print()
    out.print(_("And a WooCommerce shop that lives, simulated at {url}:").format(url=place.url), style="bold")
    show_briefly(report, account.time_zone)
    for text, why in _questions(s, account, one):
        _worth_asking(text, why)
    if stay:
        Watch(s, account, one).run()
        out.print()
        out.print(_("Ended. «cuadra demo» goes on where this stopped."))


def _settings(place: Place) -> dict[str, Any]:
    return {"url": place.url, "private": "yes", "pace": "50", "simulated": True}


def _questions(s: Session, account: Account, one: Integration) -> list[tuple[str, str]]:
    """The newest order of some that are waited for, and of some that do not count; and what is to be learned of it."""
    found = []
    for standing in ("waiting", "held", "skipped"):
        rows = history.history(s.db, account, integration=one.integration_id, standing=standing, limit=1)
        found += [(row["identifier"], reasons.get(row["reason"]).text.get(language())) for row in rows if row["reason"]]
    return found[:2]
