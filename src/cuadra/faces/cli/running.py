"""Commands about what runs by itself: is everything arriving, and what has run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from msgspec import structs
from rich.table import Table

from cuadra import reasons, runs
from cuadra.accounts import Account
from cuadra.diagnosis import ran
from cuadra.diagnosis.missing import Missing
from cuadra.errors import Refused
from cuadra.faces.cli import proofs
from cuadra.faces.cli.context import AccountOption, JsonOption, as_json, author, escape, out, session
from cuadra.faces.cli.importing import MARKS
from cuadra.faces.saying import ago, arriving, author_said, cadence, fixer, number, size, span, when
from cuadra.jobs import schedules, status
from cuadra.jobs.status import Disk, Onward, Status, Task, Trouble, Way
from cuadra.texts import _, language, plural

NARROW = 100
"""Below this width a list of runs leaves out how long they took, and by whom."""
RUN_MARKS = {"finished": "[green]✓[/]", "finished_with_errors": "[yellow]![/]", "running": "[blue]◷[/]", "queued": "[blue]◷[/]",
             "failed": "[red]✗[/]", "cancelled": "[bright_black]○[/]"}  # fmt: skip


# ---------------------------------------------------------------- status


def status_command(json: JsonOption = False, account: AccountOption = None) -> None:
    """Exit code 1 where somebody should look."""
    with session() as s:
        owner = s.account(account)
        schedules.plan(s.db)
        found = status.status(s.db, owner)
    if json:
        as_json({**msgspec.structs.asdict(found), "well": found.well})
    else:
        _show(found, owner)
    if not found.well:
        raise typer.Exit(1)


def _show(found: Status, owner: Account) -> None:
    colour, mark = ("red", "✗") if not found.well else ("yellow", "!") if found.needing else ("green", "✓")
    said = arriving(found.well, found.needing, found.uncounted)
    out.print(f"[bold]{escape(owner.name)}[/]  [{colour}]{mark} {said}[/]")
    for one in found.integrations:
        _way(one, found.at, owner)
    for other in found.destinations:
        _onward(other, found.at, owner)
    if found.missing:
        _missing(found.missing)
    if found.requests_due is not None:
        _requests(found, owner)
    _workers(found)
    if found.disk is not None:
        _disk(found.disk)


def _missing(found: list[Missing]) -> None:
    out.print()
    out.print(f"[bold]{_('What is not here, and who acts')}[/]")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "left", "left"):
        table.add_column(justify=justify)
    for one in found:
        table.add_row(f"  {MARKS[one.standing]} {_(one.standing)}", number(one.count) + ("+" if one.more else ""),
                      f"{escape(one.text[language()])} [dim]{one.reason}[/]", f"[dim]{'' if one.standing == 'skipped' else fixer(one.fixed_by)}[/]")  # fmt: skip
    out.print(table)
    out.print(f"[dim]{_('Which they are: cuadra history --reason CODE')}[/]", soft_wrap=True)


def _requests(found: Status, owner: Account) -> None:
    text = plural("{n} buyer asks for his data; answer by {day}: cuadra person requests",
                  "{n} buyers ask for their data; answer the first by {day}: cuadra person requests", found.requests)  # fmt: skip
    assert found.requests_due is not None
    mark = "[red]✗[/]" if found.urgent else "[blue]◷[/]"
    out.print()
    out.print(
        f"{mark} {text.replace('{day}', when(found.requests_due, owner.time_zone).split(' ')[0])}", soft_wrap=True
    )


def _way(one: Way, at: datetime, owner: Account) -> None:
    colour = {"active": "green", "broken": "red", "paused": "yellow"}.get(one.state, "white")
    out.print()
    out.print(
        f"[bold]{escape(one.name)}[/]  [{colour}]{_(one.state)}[/]  [dim]{one.connector} · {cadence(one.mode)}[/]"
    )
    poll = one.poll
    if poll is not None:
        out.print("  " + _runs(poll, one, at, owner), soft_wrap=True)
    out.print(f"  {_('today')}: {_standings(one.today) or '–'}", soft_wrap=True)
    if one.waiting and one.waiting_since:
        text = plural("{n} receipt has waited for {ago}", "{n} receipts have waited for {ago}", one.waiting)
        out.print(f"  [blue]◷[/] {text.replace('{ago}', ago(at, one.waiting_since))}")
    if one.questions:
        text = plural(
            "{n} thing is to be asked of the source", "{n} things are to be asked of the source", one.questions
        )
        out.print(f"  [blue]◷[/] {text}")
    if one.problem is not None:
        _trouble(one.problem, at)


def _standings(counts: dict[str, int]) -> str:
    """«✓ present 3  ◷ waiting 1», in the order in which they are always shown."""
    return "  ".join(f"{MARKS[name]} {_(name)} {number(counts[name])}" for name in MARKS if counts.get(name))


def _runs(poll: Task, one: Way, at: datetime, owner: Account) -> str:
    parts = []
    if poll.at_work:
        parts.append(f"[blue]◷ {_('importing now')}[/]")
    last = one.arrived or poll.last
    parts.append(_("last import {ago} ago").format(ago=ago(at, last)) if last else _("never imported"))
    if poll.late:
        parts.append(f"[red]{_('late by {time}').format(time=span(poll.late))}[/]")
    elif poll.next is not None and not poll.at_work:
        parts.append(_("next at {time}").format(time=_hour(poll.next, at, owner)))
    elif poll.next is None and one.state == "active":
        parts.append(_("by hand: cuadra import {name}").format(name=one.name))
    return " · ".join(parts)


def _hour(moment: datetime, at: datetime, owner: Account) -> str:
    text = when(moment, owner.time_zone)
    return text.split(" ")[1] if text.split(" ")[0] == when(at, owner.time_zone).split(" ")[0] else text


def _onward(one: Onward, at: datetime, owner: Account) -> None:
    out.print()
    colour = "green" if one.state == "active" else "yellow"
    out.print(f"→ [bold]{escape(one.name)}[/]  [{colour}]{_(one.state)}[/]")
    parts = [_("{n} delivered").format(n=number(one.done))]
    if one.last:
        parts.append(_("last {ago} ago").format(ago=ago(at, one.last)))
    if one.waiting and one.waiting_since:
        text = plural("{n} has waited for {ago}", "{n} have waited for {ago}", one.waiting)
        parts.append(f"[blue]◷[/] {text.replace('{ago}', ago(at, one.waiting_since))}")
    if one.failed:
        text = plural(
            "{n} is held: cuadra destination held {name}", "{n} are held: cuadra destination held {name}", one.failed
        )
        parts.append(f"[red]✗ {escape(text.replace('{name}', one.name))}[/]")
    out.print("  " + " · ".join(parts), soft_wrap=True)
    if one.problem is not None:
        _trouble(one.problem, at)


def _trouble(one: Trouble, at: datetime) -> None:
    lang = language()
    mark = "[red]✗[/]" if one.red else "[blue]◷[/]"
    out.print(f"  {mark} {escape(one.text[lang])}  [dim]{one.reason}[/]", soft_wrap=True)
    times = plural("met {n} time in {ago}", "met {n} times in {ago}", one.count).replace("{ago}", ago(at, one.since))
    following = _("tried again in {time}").format(time=span(max((one.next - at).total_seconds(), 0)))
    out.print(f"    {times} · {following}", style="dim", soft_wrap=True)
    if one.red:
        out.print(f"    {escape(one.action[lang])}", soft_wrap=True)


def _workers(found: Status) -> None:
    out.print()
    if not found.workers:
        mark = "[bright_black]○[/]" if found.well else "[red]✗[/]"
        out.print(f"{mark} {_('No worker is at work: start one with cuadra serve, or cuadra worker.')}", soft_wrap=True)
        return
    text = plural("{n} worker is at work", "{n} workers are at work", len(found.workers))
    places = ", ".join(f"{one['host']} ({one['pid']})" for one in found.workers)
    out.print(f"{text}: {places}", style="dim", markup=False, soft_wrap=True)


def _disk(disk: Disk) -> None:
    text = _("database {used}").format(used=size(disk.used))
    if disk.free is not None:
        text += " · " + _("{free} free").format(free=size(disk.free))
    if disk.per_day is not None and disk.per_day > 0:
        text += " · " + _("grows by {size} a day").format(size=size(int(disk.per_day)))
    if disk.days_left is not None:
        text += " · " + _("room for {days} days").format(days=number(int(disk.days_left)))
    out.print(text, style="dim", soft_wrap=True)


# ---------------------------------------------------------------- runs

runs_app = typer.Typer()
RunArgument = Annotated[int, typer.Argument(metavar="RUN", help=_("The run's number."))]


@runs_app.command("list", help=_("List runs, newest first."))
def runs_list(
    integration: Annotated[str | None, typer.Option(help=_("Only this integration."))] = None,
    state: Annotated[str | None, typer.Option(help=_("Only runs in this state."))] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many."))] = 20,
    before: Annotated[int | None, typer.Option(help=_("Only runs before this one (its number)."))] = None,
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        number_of = s.integration(owner, integration).integration_id if integration else None
        found = ran.runs(s.db, owner, integration=number_of, state=state, before=before, limit=limit)
    if json:
        as_json([structs.asdict(one) for one in found])
        return
    if not found:
        out.print(_("Nothing has run yet."))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    numeric = (_("Run"), _("Received"))
    columns = [_("Run"), _("Integration"), _("State"), _("Started"), _("Took"), _("Received"), _("By")]
    for column in columns + ([_("Reason")] if any(one.reason for one in found) else []):
        table.add_column(column, justify="right" if column in numeric else "left", no_wrap=column != _("Reason"),
                         overflow="fold" if column == _("Reason") else "ellipsis")  # fmt: skip
    for one in found:
        took = span((one.ended - one.started).total_seconds(), "narrow") if one.ended else "–"
        cells = (str(one.run), escape(one.integration), _state(one.state), when(one.started, owner.time_zone), took,
                 number(one.received), escape(author_said(one.by)), one.reason or "")  # fmt: skip
        table.add_row(*cells[: len(table.columns)])
    if out.width < NARROW:
        table.columns = [column for column in table.columns if column.header not in (_("Took"), _("By"))]
    out.print(table)


@runs_app.command("show", help=_("Show a run: what came, what became of it, and why."))
def runs_show(run: RunArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        one = ran.run(s.db, owner, run)
    if json:
        left_out = ("bad_rows",)
        as_json({name: value for name, value in structs.asdict(one).items() if name not in left_out})
        return
    out.print(f"[bold]{_('Run {n}').format(n=run)}[/]  {escape(one.integration)}  {_state(one.state)}")
    ended = when(one.ended, owner.time_zone) if one.ended else _("not ended")
    text = _("{start} to {end}, by {who}; {n} receipts").format(
        start=when(one.started, owner.time_zone), end=ended, who=author_said(one.by), n=number(one.received),
    )  # fmt: skip
    out.print(f"  {text}", style="dim", markup=False, soft_wrap=True)
    if one.reason:
        out.print(f"  [yellow]{one.reason}[/]")
        proofs.show(one.evidence or {}, owner.time_zone)
    if one.report:
        _report(one.report)
    if one.bad_rows:
        text = plural("{n} bad row waits to be corrected: cuadra files rejects {name}",
                      "{n} bad rows wait to be corrected: cuadra files rejects {name}", one.bad_rows)  # fmt: skip
        out.print(f"  [yellow]{escape(text.replace('{name}', one.integration))}[/]", soft_wrap=True)
    if one.state == "running" and one.cancelled_by:
        out.print(_("Its end was asked for by {who}.").format(who=one.cancelled_by), style="yellow", markup=False)


def _state(state: str) -> str:
    return f"{RUN_MARKS[state]} {_(state.replace('_', ' '))}"


def _report(report: dict[str, Any]) -> None:
    items = " · ".join(f"{_(name)} {number(report[name])}" for name in
                       ("seen", "created", "updated", "unchanged", "duplicate", "stale", "refused", "failed_items")
                       if report.get(name))  # fmt: skip
    out.print(f"  {items or _('nothing new')}", style="dim")
    if orders := _standings(report["orders"]):
        out.print(f"  {orders}", soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    for mark, counts in (("", report["by_reason"]), ("[yellow]![/] ", report["warnings"])):
        for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
            table.add_row(f"    {number(count)}", f"{mark}{reasons.get(code).text.get(language())} [dim]{code}[/]")
    if table.rows:
        out.print(table)


@runs_app.command("cancel", help=_("Ask for the end of a run; what it has received is kept."))
def runs_cancel(run: RunArgument, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        one = ran.run(s.db, owner, run)
        if not runs.ask_to_end(s.db, owner.account_id, run, author()):
            raise Refused("Run {n} has ended already: {state}.", n=run, state=_(one.state.replace("_", " ")))
        way = s.integration(owner, one.integration)
        schedules.hasten(s.db, owner.account_id, way.integration_id)  # where nobody is at it, the next one ends it
    out.print(_("Run {n} ends as soon as what it has received is worked off.").format(n=run))
