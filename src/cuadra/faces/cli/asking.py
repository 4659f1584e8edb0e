"""Commands that answer: why, history, reasons."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from cuadra import reasons
from cuadra.accounts import Account
from cuadra.diagnosis import history, why
from cuadra.errors import UsageError
from cuadra.faces.cli import proofs
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    PersonalOption,
    Session,
    as_json,
    escape,
    out,
    session,
    waiting,
)
from cuadra.faces.saying import fixer, money, number, when
from cuadra.jobs import looking
from cuadra.texts import _, language, plural

COLOURS = {"present": "green", "waiting": "blue", "held": "yellow", "failed": "red", "skipped": "bright_black"}
STEP_MARKS = {"success": "[green]✓[/]", "warning": "[yellow]![/]", "waiting": "[blue]◷[/]", "held": "[yellow]◐[/]",
              "skipped": "[dim]○[/]", "failed": "[red]✗[/]", "not_reached": "[dim]·[/]"}  # fmt: skip


NARROW = 100
"""Below this width a list of orders shows number, total, standing and reason only."""


# ---------------------------------------------------------------- why


def why_command(
    identifier: Annotated[str, typer.Argument(metavar="IDENTIFIER")],
    page: Annotated[int, typer.Option(min=1, help=_("Page, where several orders are known by it (20 a page)."))] = 1,
    stored: Annotated[
        bool, typer.Option("--stored", help=_("Only what is stored: do not ask the shop itself."))
    ] = False,
    json: JsonOption = False,
    show_personal: PersonalOption = False,
    account: AccountOption = None,
) -> None:
    if not identifier.strip():
        raise UsageError("Say what to look for: an order number, an invoice, an email, a line of a file.")
    with session() as s:
        owner = s.account(account)
        if show_personal:
            s.audit(owner, "personal data shown", "why")
        if not stored:
            with waiting(_("Asking the shop …")):
                s.awake_all(owner)
                looking.ask(s.db, s.settings, owner, identifier)
        answer = why.why(s.db, owner, identifier, page=page, personal=show_personal)
    if isinstance(answer, why.Several):
        _several(answer, owner, json)
        return
    if json:
        as_json({name: getattr(answer, name) for name in answer.__struct_fields__} | {
            "steps": [msgspec.structs.asdict(step) for step in answer.steps],
        })  # fmt: skip
        return
    _answer(answer, owner)


def _several(answer: why.Several, owner: Account, json: bool) -> None:
    if json:
        as_json({"query": answer.query, "kind_of_identifier": answer.kind_of_identifier, "orders": answer.orders,
                 "total": answer.total, "page": answer.page})  # fmt: skip
        return
    text = plural("{n} order is known by «{query}»", "{n} orders are known by «{query}»", answer.total)
    out.print(text.replace("{query}", answer.query), markup=False)
    _orders(answer.orders, owner)
    if answer.total > answer.page * why.PAGE:
        more = _("More: cuadra why {query} --page {page}")
        out.print(more.format(query=answer.query, page=answer.page + 1), style="dim", markup=False)


def _orders(rows: list[dict[str, Any]], owner: Account) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Order"), _("Date"), _("Customer"), _("Products"), _("Total"), _("Standing"), _("Reason")):
        table.add_column(column, overflow="ellipsis", no_wrap=column != _("Products"),
                         justify="right" if column == _("Total") else "left")  # fmt: skip
    for row in rows:
        colour = COLOURS.get(row["standing"], "white")
        table.add_row(
            escape(row.get("number") or row["id"]), when(row["date"], owner.time_zone), escape(row["customer"] or "–"),
            escape(row["products"] or "–"), money(row["total"], row["currency"]),
            f"[{colour}]{_(row['standing'])}[/]", row["reason"] or "",
        )  # fmt: skip
    if out.width < NARROW:  # who and what go first: an order that cannot be told from another helps nobody
        table.columns = [table.columns[at] for at in (0, 4, 5, 6)]
    out.print(table)


def _answer(answer: why.Answer, owner: Account) -> None:
    lang = language()
    order = answer.order
    label = escape((order["number"] or order["id"]) if order else answer.query)
    standing = answer.standing
    mark = f"[{COLOURS.get(standing, 'red')}]{_(standing)}[/]" if standing else f"[red]{_('not here')}[/]"
    if standing is None and answer.reason is None:
        mark = f"[green]{_('known')}[/]"
    out.print(f"[bold]{label}[/]  {mark}")
    out.print(f"[bold]{escape(answer.text[lang])}[/]")
    for note in answer.notes:
        out.print(f"{'[green]✓[/]' if note.get('good') else '[yellow]![/]'} {escape(note[lang])}")
        proofs.show(note["evidence"], owner.time_zone)
    if answer.reason is not None or answer.evidence:
        who = _("who fixes it: {who}").format(who=fixer(answer.fixed_by))
        out.print(f"{escape(answer.action[lang])}  [dim]({who})[/]")
        proofs.show(answer.evidence, owner.time_zone)
    for warning in answer.warnings:
        out.print(f"[yellow]![/] {escape(warning['text'][lang])}  [dim]{warning['reason']}[/]")
        proofs.show(warning["evidence"], owner.time_zone)
    if order is not None:
        _order(order, owner)
        _identifiers(answer.identifiers)
        _steps(answer, owner)
    if answer.reason is not None:
        out.print(_("More about it: cuadra reasons {code}").format(code=answer.reason), style="dim")


def _order(order: dict[str, Any], owner: Account) -> None:
    facts = [
        when(order["date"], owner.time_zone), money(order["total"], order["currency"]), order["customer"],
        order["products"], order["integration"],
    ]  # fmt: skip
    out.print("  " + " · ".join(str(fact) for fact in facts if fact), style="dim", markup=False)


def _identifiers(identifiers: list[dict[str, str]]) -> None:
    if len(identifiers) > 1:
        out.print(
            "  " + " · ".join(f"{_(one['kind'])} {one['value']}" for one in identifiers), style="dim", markup=False
        )


def _steps(answer: why.Answer, owner: Account) -> None:
    lang = language()
    for step in answer.steps:
        if step.name == "deliver" and step.outcome == "not_reached":
            continue
        said = f"  {escape(step.message[lang])}" if step.message else ""
        brief = _brief(step.name, step.input if step.name == "receive" else step.output, owner)
        out.print(f"  {STEP_MARKS[step.outcome]} {_(step.name):<18} [dim]{escape(brief)}[/]{said}")
    counts = plural("{n} attempt", "{n} attempts", answer.attempts) + ", "
    counts += plural("{n} receipt", "{n} receipts", answer.receipts)
    if answer.order:
        counts += " · " + _("first heard of {at}").format(at=when(answer.order["first_seen"], owner.time_zone))
    out.print(f"  {counts}", style="dim")


def _brief(step: str, value: Any, owner: Account) -> str:
    if not value:
        return ""
    if step == "receive":
        place = f"{value['file']}:{value['line']}" if value.get("file") else _(value.get("arrival") or "file")
        return f"{place} ({value['set']})" if value.get("set") and value["set"] != value.get("file") else str(place)
    if isinstance(value, list):
        return plural("{n} line", "{n} lines", len(value))
    shown = {key: item for key, item in value.items() if item not in (None, [], "")}
    return proofs.said(step, shown, owner.time_zone)


# ---------------------------------------------------------------- history


def history_command(
    integration: Annotated[str | None, typer.Option(help=_("Only this integration."))] = None,
    standing: Annotated[str | None, typer.Option(help=_("Only orders that stand so."))] = None,
    reason: Annotated[str | None, typer.Option(help=_("Only orders with this reason."))] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("How many."))] = 20,
    before: Annotated[str | None, typer.Option(help=_("Only orders older than this one (by its number)."))] = None,
    json: JsonOption = False,
    show_personal: PersonalOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        if show_personal:
            s.audit(owner, "personal data shown", "history")
        rows = history.history(s.db, owner, integration=integration, standing=standing, reason=reason, limit=limit,
                               before=_cursor(s, owner, before), personal=show_personal)  # fmt: skip
    if json:
        for row in rows:
            as_json(row)
        return
    if not rows:
        out.print(_("No order like that."))
        return
    _orders([{**row, "number": row["identifier"], "id": row["identifier"]} for row in rows], owner)
    if len(rows) == limit:
        more = _("{n} shown. Older ones: --before {identifier}")
        out.print(more.format(n=number(limit), identifier=rows[-1]["identifier"]), style="dim", markup=False)


def _cursor(s: Session, owner: Account, before: str | None) -> int | None:
    if before is None:
        return None
    with s.db.transaction(owner.account_id) as conn:
        found = why.find(conn, owner, before)
    if not found.orders:
        raise UsageError("No order is known by «{value}».", value=before)
    return found.orders[0]


# ---------------------------------------------------------------- reasons


def reasons_command(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]")] = None,
    json: JsonOption = False,
) -> None:
    lang = language()
    if code is not None:
        reason = reasons.get(code)
        if json:
            as_json({**msgspec.to_builtins(reason), "article": reasons.article(code, lang)})
            return
        from rich.markdown import Markdown  # of all answers only an article is written in it

        article = reasons.article(code, lang)
        out.print(Markdown(article) if article else f"{reason.text.get(lang)} {reason.action.get(lang)}")
        return
    if json:
        as_json([msgspec.to_builtins(reason) for reason in reasons.every().values()])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Code"), _("Kind"), _("Meaning"), _("Who fixes it")):
        table.add_column(column, overflow="fold")
    for reason in reasons.every().values():
        colour = COLOURS.get(str(reason.kind), "white")
        table.add_row(
            reason.code,
            f"[{colour}]{_(str(reason.kind))}[/]",
            reason.text.get(lang),
            fixer(str(reason.fixed_by)),
        )
    out.print(table)
