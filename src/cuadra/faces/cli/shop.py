"""Commands that ask a shop while somebody waits: test the connection, look after its webhooks, choose what to import first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table

from cuadra import accounts, reasons
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Profile, Shop
from cuadra.connectors.trouble import Trouble
from cuadra.errors import CuadraError, Unreachable, UsageError
from cuadra.faces.cli import findings
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    NameArgument,
    NoteOption,
    Session,
    as_json,
    author,
    err,
    out,
    progress,
    session,
)
from cuadra.faces.saying import number, when
from cuadra.jobs import profiling, subscribing, ways
from cuadra.jobs.profiling import Shares
from cuadra.jobs.subscribing import Health
from cuadra.texts import _, language, plural, say


def register(group: typer.Typer) -> None:
    """Add these commands to those of integrations."""
    group.command("test", help=_("Is everything there that the integration needs?"))(examine_command)
    group.command("webhooks", help=_("Register the shop's webhooks and see how they fare."))(webhooks_command)
    group.command("profile", help=_("See what each profile would import first, or choose one."))(profile_command)


@contextmanager
def asking(s: Session, owner: Account, one: Integration) -> Iterator[Shop]:
    """The open shop. What it does not give becomes one sentence with the reason."""
    one = s.awake(owner, one)
    try:
        with ways.shop(s.db, s.settings, owner, one) as shop:
            yield shop
    except Trouble as trouble:
        raise Unreachable("The shop does not give what was asked for ({code}): {why} Find out more: cuadra integration "
                          "test {name}", code=trouble.reason, why=reasons.get(trouble.reason).text.get(language()),
                          name=one.name) from trouble  # fmt: skip


# ---------------------------------------------------------------- test


def examine_command(name: NameArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        found = []
        with asking(s, owner, one) as shop:
            for finding in shop.examine(subscribing.address(one)):
                found.append(finding)
                if not json:
                    findings.show(finding)
    if json:
        as_json([{"good": it.good, "text": it.text.format(**it.values), "reason": it.reason} for it in found])
    if any(it.good is False for it in found):
        raise typer.Exit(1)


# ---------------------------------------------------------------- webhooks


def webhooks_command(
    name: NameArgument,
    url: Annotated[
        str | None, typer.Option("--url", metavar="BASE", help=_("Public address of the intake; kept."))
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help=_("End them at the shop."))] = False,
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    if remove and url is not None:
        raise UsageError("Say either --url or --remove.")
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        if remove:
            _end(s, owner, one, json)
            return
        if url is not None:
            accounts.set_settings(s.db, owner, one, {"notices": url.rstrip("/")}, author())
            one = s.integration(owner, name)
        with asking(s, owner, one) as shop:
            health = subscribing.ensure(s.db, s.settings, owner, one, shop)
    if json:
        as_json({"url": health.url, "lost_since": health.lost_since, "ended": health.ended, "topics": health.notices})
        return
    _show_health(health, one, owner)


def _end(s: Session, owner: Account, one: Integration, json: bool) -> None:
    with asking(s, owner, one) as shop:
        ended = subscribing.remove(s.db, owner, one, shop)
        accounts.set_settings(s.db, owner, one, {"notices": ""}, author())
    if json:
        as_json({"ended": ended})
        return
    out.print(plural("{n} webhook ended; changes are seen when the shop is asked.",
                     "{n} webhooks ended; changes are seen when the shop is asked.", ended), soft_wrap=True)  # fmt: skip


def _show_health(health: Health, one: Integration, owner: Account) -> None:
    if health.url is None:
        out.print(_("No address for notices is set, so none are asked for. Set the public address of the intake: "
                    "cuadra integration webhooks {name} --url https://hooks.example").format(name=one.name),
                  markup=False, soft_wrap=True)  # fmt: skip
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Topic"), _("Found"), _("Now"), _("Since"), _("Made again"), _("Last check")):
        table.add_column(column, overflow="fold")
    for it in health.notices:
        table.add_row(it.topic, _(it.before), _(it.state), when(it.made_at, owner.time_zone), number(it.remade),
                      when(it.checked_at, owner.time_zone))  # fmt: skip
    out.print(_("Sent to {url}").format(url=health.url), markup=False, soft_wrap=True)
    out.print(table)
    if health.ended:
        out.print(plural("{n} webhook to an earlier address was ended.", "{n} webhooks to an earlier address were ended.",
                         health.ended))  # fmt: skip
    if health.lost_since is not None:
        text = _(
            "Notices may be missing since {since}; what changed meanwhile comes with the next import: cuadra import {name}"
        )
        out.print(text.format(since=when(health.lost_since, owner.time_zone), name=one.name), style="yellow", markup=False,
                  soft_wrap=True)  # fmt: skip


# ---------------------------------------------------------------- profiles


def profile_command(
    name: NameArgument,
    profile: Annotated[str | None, typer.Argument(metavar="PROFILE", help=_("The profile to import by."))] = None,
    note: NoteOption = "",
    json: JsonOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        if profile is not None:
            _choose(s, owner, one, profile, note, json=json)
            return
        with asking(s, owner, one) as shop:
            found = profiling.shares(s.db, owner, one, shop)
    if json:
        as_json({"since": found.since, "orders": found.total, "states": found.states, "profiles": [
            {"name": it.profile.name, "orders": it.orders, "without": it.profile.without, "chosen": it.chosen}
            for it in found.shares
        ]})  # fmt: skip
        return
    _show_shares(found, owner)


def _choose(s: Session, owner: Account, one: Integration, profile: str, note: str, *, json: bool = False) -> None:
    with progress() as watch:
        version, judged = profiling.choose(s.db, owner, one, profile, author(), note, watch)
    if json:
        as_json({"version": version, "judged": judged.judged, "changed": judged.changed, "frozen": judged.frozen})
        return
    chosen = profiling.named(one.connector, profile)
    out.print(_("The first import of {name} takes by «{profile}» (version {n} of the rules): {title}").format(
        name=one.name, profile=profile, n=version, title=_title(chosen)), markup=False, soft_wrap=True)  # fmt: skip
    if judged.judged:
        text = plural("{n} order was judged again", "{n} orders were judged again", judged.judged)
        out.print(text + ": " + plural("{n} stands elsewhere now.", "{n} stand elsewhere now.", judged.changed))


def _title(profile: Profile) -> str:
    return profile.title_es if language() == "es" else profile.title_en


def _show_shares(found: Shares, owner: Account) -> None:
    out.print(_("Orders of the shop created since {since}, by profile:").format(since=when(found.since, owner.time_zone)),
              markup=False, soft_wrap=True)  # fmt: skip
    for it in found.shares:
        text = plural("{name}: {orders} of {n} order", "{name}: {orders} of {n} orders", found.total)
        line = text.format(name=it.profile.name, orders=number(it.orders))
        out.print("✓" if it.chosen else " ", line, "–", _title(it.profile), markup=False, soft_wrap=True)


def choose_first(s: Session, owner: Account, one: Integration, profile: str | None) -> None:
    """What a new integration imports first: the profile that was said, or the one that is answered to the question. Where
    nobody can be asked, everything."""
    if profile is not None:
        _choose(s, owner, one, profile, "")
        return
    names = [it.name for it in profiling.offered(one.connector)]
    if not names:
        return
    if not (sys.stdin.isatty() and out.is_terminal):
        _told_later(one)
        return
    try:
        with ways.shop(s.db, s.settings, owner, one) as shop:
            found = profiling.shares(s.db, owner, one, shop)
    except (Trouble, CuadraError) as problem:
        why = say(problem) if isinstance(problem, CuadraError) else reasons.get(problem.reason).text.get(language())
        err.print(_("The shop's orders could not be counted: {why}").format(why=why), markup=False, soft_wrap=True)
        _told_later(one)
        return
    _show_shares(found, owner)
    answer = ""
    while answer not in names:
        answer = typer.prompt(f"{_('Which profile?')} ({', '.join(names)})", default=names[0])
    _choose(s, owner, one, answer, "")


def _told_later(one: Integration) -> None:
    out.print(_("Its first import takes all sales. See what else there is, and choose: cuadra integration profile {name}").format(
        name=one.name), markup=False, soft_wrap=True)  # fmt: skip
