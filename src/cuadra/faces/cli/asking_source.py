"""Commands that ask the source itself, and those that tell it something: relink, census, write-back."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from cuadra import connectors, reasons
from cuadra.db.queries import sql
from cuadra.diagnosis import why
from cuadra.faces.cli import proofs
from cuadra.faces.cli.acting import NumberArgument, one_order
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    NameArgument,
    NoteOption,
    as_json,
    author,
    escape,
    out,
    progress,
    session,
)
from cuadra.faces.cli.importing import show
from cuadra.faces.saying import when
from cuadra.jobs import importing, looking, ways
from cuadra.ledger import acts
from cuadra.texts import _, language

COLOURS = {"done": "green", "waiting": "blue", "held": "yellow", "failed": "red", "skipped": "bright_black"}


def relink(
    identifiers: Annotated[list[str], typer.Argument(metavar="NUMBER...", help=_("Numbers or emails."))],
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    """Exit code 1 where a source could not be asked."""
    made: list[dict[str, Any]] = []
    with session() as s, progress() as watch:
        owner = s.account(account)
        s.awake_all(owner)
        for at, text in enumerate(identifiers):
            watch(f"relinked {text}", at, len(identifiers))
            asked = looking.ask(s.db, s.settings, owner, text)
            found = why.why(s.db, owner, text)
            standing = found.standing if isinstance(found, why.Answer) else None
            reason = found.reason if isinstance(found, why.Answer) else None
            made.append({
                "query": text, "asked": [one.integration for one in asked], "standing": standing, "reason": reason,
                "found": sorted({number for one in asked for number in one.found}),
                "trouble": [{"integration": one.integration, "reason": one.trouble[0], "evidence": one.trouble[1]}
                            for one in asked if one.trouble],
            })  # fmt: skip
    if json:
        as_json(made)
    else:
        for one in made:
            _relinked(one, owner.time_zone)
    if any(one["trouble"] for one in made):
        raise typer.Exit(1)


def _relinked(one: dict[str, Any], zone: str) -> None:
    lang = language()
    if one["found"]:
        said = _("fetched: {found}").format(found=", ".join(one["found"]))
    elif not one["asked"]:
        said = _("no shop could be asked")
    else:
        said = _("no shop has it")
    standing = _(one["standing"]) if one["standing"] else "–"
    out.print(f"[bold]{escape(one['query'])}[/]  {said} · {standing}  [dim]{one['reason'] or ''}[/]")
    for trouble in one["trouble"]:
        out.print(f"  [red]{escape(trouble['integration'])}[/]: {reasons.get(trouble['reason']).text.get(lang)}")
        proofs.show(trouble["evidence"], zone)


def census(name: NameArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    """What differs is asked for by its number; the report says whether the shop's own count is ours."""
    with session() as s, progress() as watch:
        owner = s.account(account)
        one = s.awake(owner, s.integration(owner, name))
        with ways.shop(s.db, s.settings, owner, one):
            pass  # refuses what has no shop behind it before anything is done
        report = importing.import_now(s.settings, s.db, owner, one, author(), watch, compare=True)
    if json:
        as_json(report.as_json())
    else:
        show(report, owner.time_zone)
    if report.troubled or report.proven is False:
        raise typer.Exit(1)


write_back_app = typer.Typer()


@write_back_app.command("set", help=_("Say where an order stands with us; by the mapping table it goes to the shop."))
def write_back_set(
    number: NumberArgument,
    state: Annotated[str, typer.Argument(metavar="STATE", help=_("A state of ours, from the rule mapping."))],
    note: NoteOption = "",
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        order, label, integration = one_order(s, owner, number)
        way = s.way(owner, integration)
        completion = connectors.get(ways.connector_name(s.db, owner, integration)).info.completion
        wished = acts.set_own_state(s.db, s.act(owner, note), order, state, way, completion)
    if wished.state is None:
        text = _("Order {order} is {state} with us; the shop is not told.")
    elif wished.held:
        text = _("Order {order} is {state} with us. The shop is told «{theirs}» when its stock is written off: "
                 "cuadra write-off {order}")  # fmt: skip
    else:
        text = _(
            "Order {order} is {state} with us; the shop is told «{theirs}» with the next import, or by cuadra serve."
        )
    out.print(text.format(order=label, state=state, theirs=wished.state), markup=False, soft_wrap=True)


@write_back_app.command("list", help=_("States on their way to the shop, newest first."))
def write_back_list(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("How many."))] = 20,
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        with s.db.transaction(owner.account_id) as conn:
            rows = conn.execute(sql("list_write_backs"), {"account": owner.account_id, "limit": limit}).fetchall()
    found = [dict(zip(("order", "integration", "own_state", "state", "standing", "reason", "evidence", "asked_at", "done_at"),
                      row, strict=True)) for row in rows]  # fmt: skip
    if json:
        as_json(found)
        return
    if not found:
        out.print(_("No state is on its way."))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Order"), _("Ours"), _("Shop's"), _("Standing"), _("Since"), _("Reason")):
        table.add_column(column, overflow="fold")
    for one in found:
        why_not = reasons.get(one["reason"]).text.get(language()) if one["reason"] else ""
        table.add_row(escape(one["order"]), escape(one["own_state"]), escape(one["state"]),
                      f"[{COLOURS[one['standing']]}]{_(one['standing'])}[/]",
                      when(one["done_at"] or one["asked_at"], owner.time_zone), why_not)  # fmt: skip
    out.print(table)
