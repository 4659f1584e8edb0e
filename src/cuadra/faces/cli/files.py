"""Commands about file sets: check before sending, bad rows back, search in every file ever received."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from cuadra import accounts, reasons
from cuadra.connectors.base import Place
from cuadra.connectors.files.check import Checked, check
from cuadra.connectors.files.layout import load, own_layout
from cuadra.errors import NotFound
from cuadra.faces.cli import proofs
from cuadra.faces.cli.context import MANY, AccountOption, JsonOption, as_json, escape, out, progress, safe, session
from cuadra.faces.saying import money, number, when, word
from cuadra.jobs import returning
from cuadra.texts import _, language, plural

files_app = typer.Typer()


@files_app.command("check", help=_("Look at file sets as an import would, without taking anything in."))
def files_check(
    path: Annotated[Path, typer.Argument(metavar="FOLDER", help=_("The folder, or one file."))],
    mapping: Annotated[Path | None, typer.Option(help=_("The mapping file; without it, Cuadra's own layout."))] = None,
    currency: Annotated[str, typer.Option(help=_("Currency of orders that name none."))] = "USD",
    time_zone: Annotated[str, typer.Option(help=_("Zone of times that name none."))] = "UTC",
    json: JsonOption = False,
) -> None:
    layout = load(mapping) if mapping else own_layout()
    accounts.check(currency=currency, time_zone=time_zone)
    with tempfile.TemporaryDirectory(prefix="cuadra-check-") as work, progress() as watch:
        place = Place(currency, time_zone, Path(work))
        found = list(check(path, layout, place, lambda done, total, name: watch(f"checking {name}", done, total)))
    if json:
        as_json([msgspec.structs.asdict(one) | {"bad_rows": [msgspec.structs.asdict(bad) for bad in one.bad_rows]}
                 for one in found])  # fmt: skip
    elif not found:
        out.print(_("There is no file set here."))
    else:
        for one in found:
            _checked(one, time_zone)
    if not found or any(one.reason or one.bad for one in found):
        raise typer.Exit(1)


def _checked(one: Checked, zone: str) -> None:
    lang = language()
    good = one.reason is None and not one.bad
    out.print(f"{'[green]✓[/]' if good else '[red]✗[/]'} [bold]{escape(one.name)}[/]")
    for file in one.files:
        dialect = file["dialect"] or {}
        guessed = ", ".join(f"{_(part)} {_mark(dialect[part])}" for part in dialect.get("guessed", ()))
        out.print(f"  {escape(file['name'])}: {_(file['role'])}" + (f" ({_('detected')}: {guessed})" if guessed else ""),
                  style="dim")  # fmt: skip
    if one.reason is not None:
        reason = reasons.get(one.reason)
        out.print(f"  {reason.text.get(lang)} {reason.action.get(lang)}")
        proofs.show(one.evidence, zone)
        return
    totals = " · ".join(money(total, currency) for currency, total in one.totals.items())
    if totals and one.without_total:
        totals += " " + plural(
            "(not counting {n} whose total is missing or cannot be read)",
            "(not counting {n} whose totals are missing or cannot be read)",
            one.without_total,
        )
    records = " · ".join(f"{_(MANY[kind])} {number(count)}" for kind, count in one.records.items())
    orders = plural("{n} order", "{n} orders", one.orders)
    out.print("  " + " · ".join(part for part in (orders, records, totals) if part))
    if one.bad:
        out.print("  " + plural("{n} thing to correct:", "{n} things to correct:", one.bad), style="red")
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in (_("Line"), _("Column"), _("Value"), _("Rule")):
            table.add_column(column, overflow="fold")
        for bad in one.bad_rows:
            table.add_row(
                f"{escape(bad.file)}:{bad.line}", escape(bad.column), escape(bad.value), escape(word(bad.rule))
            )
        out.print(table)
        if one.bad > len(one.bad_rows):
            out.print(_("  … and {n} more.").format(n=number(one.bad - len(one.bad_rows))), style="dim")


def _mark(value: str) -> str:
    return {",": "«,»", ";": "«;»", "\t": "tab", "|": "«|»", ".": "«.»"}.get(value, value)


@files_app.command("rejects", help=_("Write the bad rows of an integration's file sets, ready to be corrected."))
def files_rejects(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("The integration's name."))],
    to: Annotated[Path | None, typer.Option(help=_("Folder to write to."))] = None,
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        target = to or s.settings.home / "rejects" / name
        lang = language()
        written = returning.write(s.db, owner, one, target, lambda code: reasons.get(code).action.get(lang))
        if rows := sum(file.rows for file in written if file.personal):
            s.audit(owner, "personal data shown", "files rejects", integration=name, rows=rows)
    if json:
        as_json([{"set": file.set, "file": str(file.file), "rows": file.rows} for file in written])
        return
    if not written:
        out.print(_("No bad row waits to be corrected."))
        return
    for file in written:
        text = plural("{n} bad row", "{n} bad rows", file.rows)
        out.print(f"{file.file}: {text} ({file.set})", markup=False, soft_wrap=True)
    out.print(_("Correct the cells, leave the columns that begin with cuadra_, and drop the files again."), style="dim")


@files_app.command("search", help=_("Is it in any file ever received? Answers with file and line."))
def files_search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help=_("A number, an email, a SKU: any text."))],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("How many."))] = 50,
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    if not text:
        raise NotFound("Say what to look for.")
    with session() as s:
        owner = s.account(account)
        rows = returning.search(s.db, owner, text, limit)
        sets, files = returning.received(s.db, owner)
        # the text asked for is not kept: it may be the person's own address
        if shown := sum(returning.names_people(row["role"]) for row in rows):
            s.audit(owner, "personal data shown", "files search", rows=shown)
    if json:
        as_json({"text": text, "found": rows, "file_sets": sets, "files": files})
    elif rows:
        for row in rows:
            _hit(row, owner.time_zone)
    else:
        said = _("Not in any of the {files} files of {sets} file sets received.")
        out.print(said.format(files=number(files), sets=number(sets)))
    if not rows:
        raise typer.Exit(1)


def _hit(row: dict[str, Any], zone: str) -> None:
    became = _(row["outcome"]) if row["outcome"] else _("waiting")
    reason = f"  [dim]{row['reason']}[/]" if row["reason"] else ""
    out.print(f"[bold]{escape(row['file'])}:{row['line']}[/]  {when(row['received_at'], zone)}  {became}{reason}")
    out.print(f"  {safe(row['row'])}", style="dim", markup=False)
