"""Commands about what counts: the rules of an integration, and the rates by which currencies are converted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec
import typer

from cuadra import accounts
from cuadra.errors import UsageError
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    NameArgument,
    NoteOption,
    as_json,
    author,
    out,
    progress,
    session,
    show_table,
    table_of,
)
from cuadra.faces.saying import when
from cuadra.jobs import releasing
from cuadra.pipeline import rules
from cuadra.texts import _, plural

# ---------------------------------------------------------------- rules

rules_app = typer.Typer()


@rules_app.command("show", help=_("Show every rule of an integration."))
def rulesshow_table(name: NameArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        current = s.way(owner, one.integration_id).rules
    flat = rules.flatten(current)
    if json:
        as_json({"version": one.rule_version, "rules": flat})
        return
    defaults = rules.flatten(rules.Rules())
    table = table_of(_("Rule"), _("Value"), "")
    for key, value in flat.items():
        table.add_row(key, _value(value), "" if value == defaults[key] else _("changed"))
    out.print(_("Rules of {name}, version {n}").format(name=name, n=one.rule_version), markup=False)
    out.print(table)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "–"
    if isinstance(value, list):
        return ", ".join(value) or "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value) if value != "" else "–"


@rules_app.command("set", help=_("Change one rule; orders it may let in or keep out are judged again."))
def rules_set(
    name: NameArgument,
    key: Annotated[str, typer.Argument(metavar="KEY")],
    value: Annotated[str, typer.Argument(metavar="VALUE")],
    note: NoteOption = "",
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s, progress() as watch:
        owner = s.account(account)
        one = s.integration(owner, name)
        changed = rules.change(s.way(owner, one.integration_id).rules, key, value)
        version = accounts.add_rules(s.db, owner, one, msgspec.to_builtins(changed), author(), note or f"{key}={value}")
        judged = releasing.after_rules(s.db, owner, s.integration(owner, name), watch)
    if json:
        as_json({"version": version, "judged": judged.judged, "changed": judged.changed, "frozen": judged.frozen})
        return
    out.print(_("{key} is {value} now (version {n}).").format(key=key, value=value, n=version), markup=False)
    _judged(judged.judged, judged.changed)


def _judged(judged: int, changed: int) -> None:
    if judged:
        text = plural("{n} order was judged again", "{n} orders were judged again", judged)
        out.print(text + ": " + plural("{n} stands elsewhere now.", "{n} stand elsewhere now.", changed))


@rules_app.command("history", help=_("Show the versions of the rules: who, when, why."))
def rules_history(name: NameArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        found = accounts.rules_history(s.db, owner, s.integration(owner, name))
    if json:
        as_json([{"version": v, "at": at, "by": who, "note": note, "rules": kept} for v, at, who, note, kept in found])
        return
    table = table_of(_("Version"), _("When"), _("Who"), _("Why"))
    for version, at, who, note, _kept in found:
        table.add_row(str(version), when(at, owner.time_zone), who, _(note) if version == 1 else note)
    out.print(table)


# ---------------------------------------------------------------- rates

rate_app = typer.Typer()


@rate_app.command("set", help=_("Say what one unit of a currency was worth in the account's on a day."))
def rate_set(
    currency: Annotated[str, typer.Argument(metavar="CURRENCY")],
    day: Annotated[str, typer.Argument(metavar="YYYY-MM-DD")],
    rate: Annotated[str, typer.Argument(metavar="RATE")],
    account: AccountOption = None,
) -> None:
    with session() as s, progress() as watch:
        owner = s.account(account)
        try:
            on, value = date.fromisoformat(day), Decimal(rate)
            if "_" in rate:  # Python would read 1_000 as a number
                raise ValueError(rate)
        except (ValueError, InvalidOperation) as wrong:
            raise UsageError("«{day}» «{rate}» is no day and rate; write them like 2026-11-21 0.0012.", day=day,
                             rate=rate) from wrong  # fmt: skip
        accounts.set_rate(s.db, owner, currency.upper(), on, value, author())
        judged = releasing.after_rate(s.db, owner, watch)
        out.print(_("1 {source} was {rate} {target} on {day}.").format(
            source=currency.upper(), rate=rate, target=owner.currency, day=day), markup=False)  # fmt: skip
        _judged(judged.judged, judged.changed)


@rate_app.command("list", help=_("List the dated exchange rates."))
def rate_list(json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        found = accounts.rates(s.db, s.account(account))
    if json:
        as_json([{"currency": a, "into": b, "day": day, "rate": rate, "by": who} for a, b, day, rate, who in found])
        return
    table = table_of(_("Currency"), _("Day"), _("Rate"), _("Who"))
    for source, target, day, rate, who in found:
        table.add_row(source, str(day), f"{rate} {target}", who)
    show_table(table, len(found), _("No rate yet. Set one: cuadra rate set USD 2026-11-21 1034.50"))
