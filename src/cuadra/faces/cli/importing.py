"""`cuadra import` and what it says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cuadra import reasons
from cuadra.faces.cli import proofs
from cuadra.faces.cli.context import (
    MANY,
    AccountOption,
    JsonOption,
    as_json,
    author,
    err,
    escape,
    out,
    progress,
    session,
)
from cuadra.faces.saying import number, when
from cuadra.jobs import importing, releasing
from cuadra.runs import STANDINGS, Report
from cuadra.texts import _, language, plural

MARKS = {"present": "[green]✓[/]", "waiting": "[blue]◷[/]", "held": "[yellow]◐[/]", "failed": "[red]✗[/]",
         "skipped": "[dim]○[/]"}  # fmt: skip


def import_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("The integration's name."))],
    json: JsonOption = False,
    again: Annotated[bool, typer.Option("--again", help=_("Take file sets that were processed before, too."))] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help=_("Take what is in this file, fetched from the source by yourself (Shopify: a bulk file)."),
        ),
    ] = None,
    account: AccountOption = None,
) -> None:
    """Exit code 1 where something failed or was refused; 130 after Ctrl-C, and the next import goes on."""
    try:
        with session() as s, progress() as watch:
            owner = s.account(account)
            one = s.awake(owner, s.integration(owner, name))
            report = importing.import_now(s.settings, s.db, owner, one, author(), watch, again=again, file=file)
            releasing.due_now(s.db, owner, watch)
    except KeyboardInterrupt:
        text = _("Interrupted. Nothing is lost: «cuadra import {name}» goes on where this stopped.")
        if file is not None:
            text = _("Interrupted. What was taken of the file is in; to take the rest, give the same command again.")
        err.print(text.format(name=name), markup=False, soft_wrap=True)
        raise typer.Exit(130) from None
    if json:
        as_json(report.as_json())
    else:
        show(report, owner.time_zone)
    if report.troubled:
        raise typer.Exit(1)


def show(report: Report, zone: str) -> None:
    """A run's report for people, with times in the account's zone."""
    items = report.items
    if not items.seen and not report.entities:
        _nothing(report, zone)
        return
    seconds = f"{report.seconds:.1f}"
    rate = f" ({number(int(items.seen / report.seconds))}/s)" if report.seconds > 1 and items.seen > 1000 else ""
    text = plural("{n} order read", "{n} orders read", items.seen)
    out.print(f"[bold]{report.integration}[/]: {text} · {seconds} s{rate}")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for standing in STANDINGS:
        if count := report.orders.get(standing):
            table.add_row(f"{MARKS[standing]} {_(standing)}", number(count), _causes(report, standing))
    out.print(table)
    out.print("  " + " · ".join(
        f"{_(name)} {number(getattr(items, name))}"
        for name in ("created", "updated", "unchanged", "duplicate", "stale", "hint", "refused", "failed_items")
        if getattr(items, name)
    ), style="dim")  # fmt: skip
    _others(report)
    _warnings(report)
    _notes(report.notes, zone)
    _proof(report)


def show_briefly(report: Report, zone: str) -> None:
    """The same in a few lines: how many stand where, what is to be noted, and whether it is proven."""
    text = plural("{n} order read", "{n} orders read", report.items.seen)
    out.print(f"[bold]{report.integration}[/]: {text} · {report.seconds:.1f} s")
    stand = [f"{MARKS[one]} {_(one)} {number(report.orders[one])}" for one in STANDINGS if report.orders.get(one)]
    if stand:
        out.print("  " + " · ".join(stand))
    _notes(report.notes, zone)
    _proof(report)


def _nothing(report: Report, zone: str) -> None:
    _notes(report.notes, zone)
    if not any(note.get("reason") or note.get("already") for note in report.notes):
        out.print(_("Nothing new to import: the source holds no file set that is not known yet."))


def _causes(report: Report, standing: str) -> str:
    found = [(code, count) for code, count in report.by_reason.items() if _standing(code) == standing]
    return "\n".join(
        f"{number(count)} {reasons.get(code).text.get(language())}  [dim]{code}[/]" for code, count in found
    )


def _standing(code: str) -> str:
    return str(reasons.get(code).kind)


def _others(report: Report) -> None:
    for entity, items in report.entities.items():
        parts = [
            f"{_(name)} {number(getattr(items, name))}"
            for name in ("created", "updated", "unchanged", "refused", "failed_items")
            if getattr(items, name)
        ]
        out.print(f"  {_(MANY[entity])}: {number(items.seen)} ({', '.join(parts)})", style="dim")


def _warnings(report: Report) -> None:
    if report.warnings:
        out.print(f"[bold yellow]{_('Worth a look')}[/]")
        for code, count in report.warnings.items():
            out.print(f"  {number(count)} {reasons.get(code).text.get(language())}  [dim]{code}[/]")
    if report.refusals:
        out.print(f"[bold red]{_('Refused')}[/]")
        for code, count in report.refusals.items():
            out.print(f"  {number(count)} {reasons.get(code).text.get(language())}  [dim]{code}[/]")
    if report.bad_rows:
        text = plural("{n} bad row to correct and drop again: cuadra files rejects {name}",
                      "{n} bad rows to correct and drop again: cuadra files rejects {name}", report.bad_rows)  # fmt: skip
        out.print("  " + text.replace("{name}", report.integration), markup=False)


def _notes(notes: list[dict[str, Any]], zone: str) -> None:
    for note in notes:
        if note.get("reason"):
            reason = reasons.get(note["reason"])
            out.print(
                f"[yellow]{escape(note['set'])}[/]: {reason.text.get(language())} {reason.action.get(language())}"
            )
            proofs.show(note["evidence"], zone)
        elif "already" in note:
            text = _("{set}: processed before, on {at}; say --again to take it again.")
            at = when(datetime.fromisoformat(note["already"]["processed_at"]), zone)
            out.print(text.format(set=note["set"], at=at), style="dim", markup=False)
        for file, columns in note.get("unknown_columns", {}).items():
            text = _("{file}: columns that no rule uses are kept with the row: {columns}")
            out.print("  " + text.format(file=file, columns=", ".join(columns)), style="dim", markup=False)


def _proof(report: Report) -> None:
    if report.proven is True:
        text = _("Proven: the source counts {n} orders, and so do we.").format(n=number(report.source_count or 0))
        out.print(f"[green]{text}[/]")
    elif report.proven is False:
        text = _("Not proven: the source counts {n} orders, and we saw {ours}.").format(
            n=number(report.source_count or 0),
            ours=number(sum(report.orders.values()) if report.census is None else report.census),
        )
        out.print(f"[red]{text}[/]")
