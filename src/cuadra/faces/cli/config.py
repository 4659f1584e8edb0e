"""Commands that configure: accounts and integrations."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from cuadra import accounts, connectors, secrets
from cuadra.accounts import Account, Integration
from cuadra.errors import UsageError
from cuadra.faces.cli import shop
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    NameArgument,
    NoteOption,
    Session,
    as_json,
    author,
    out,
    session,
    show_table,
    table_of,
)
from cuadra.faces.saying import cadence, when
from cuadra.jobs import problems, profiling, schedules
from cuadra.secrets import Secret
from cuadra.texts import _, plural

# ---------------------------------------------------------------- accounts

account_app = typer.Typer()


@account_app.command("add", help=_("Add an account."))
def account_add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    currency: Annotated[str, typer.Option(help=_("Its currency, like ARS."))],
    country: Annotated[str, typer.Option(help=_("Its country, like AR: region of phones without a prefix."))],
    time_zone: Annotated[str, typer.Option(help=_("Its time zone, like America/Bogota."))] = "UTC",
    retention: Annotated[int, typer.Option(help=_("Months that raw receipts are kept: 3, 12 or 36."))] = 12,
) -> None:
    with session() as s:
        accounts.add(s.db, name, currency.upper(), country.upper(), time_zone, retention)
        out.print(_("Account {name} added.").format(name=name), markup=False)


@account_app.command("set", help=_("Change an account."))
def account_set(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    currency: Annotated[str | None, typer.Option(help=_("Its currency, like ARS."))] = None,
    country: Annotated[str | None, typer.Option(help=_("Its country, like AR."))] = None,
    time_zone: Annotated[str | None, typer.Option(help=_("Its time zone, like America/Bogota."))] = None,
    retention: Annotated[int | None, typer.Option(help=_("Months that raw receipts are kept: 3, 12 or 36."))] = None,
) -> None:
    if currency is None and country is None and time_zone is None and retention is None:
        raise UsageError("Say what to change: --currency, --country, --time-zone or --retention.")
    with session() as s:
        account = s.account(name)
        accounts.change(
            s.db, account, author(), currency=currency and currency.upper(), country=country and country.upper(),
            time_zone=time_zone, retention=retention,
        )  # fmt: skip
        out.print(_("Account {name} changed.").format(name=name), markup=False)


@account_app.command("list", help=_("List the accounts."))
def account_list(json: JsonOption = False) -> None:
    with session() as s:
        found = [accounts.get(s.db, number) for number, _name in accounts.names(s.db)]
    if json:
        as_json([msgspec.to_builtins(one) for one in found])
        return
    table = table_of(_("Account"), _("Currency"), _("Country"), _("Time zone"), _("Raw data kept"))
    for one in found:
        months = plural("{n} month", "{n} months", one.retention)
        table.add_row(one.name, one.currency, one.country, one.time_zone, months)
    show_table(table, len(found), _("No account yet. Add one: cuadra account add NAME --currency ARS --country AR"))


# ---------------------------------------------------------------- integrations

integration_app = typer.Typer()


def pairs(given: list[str]) -> dict[str, Any]:
    """KEY=VALUE, each. Raises UsageError."""
    found = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError("A setting is written KEY=VALUE, not «{value}».", value=pair)
        found[key] = value
    return found


SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=_("A setting; repeatable."))]
SecretOption = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="KEY=SOURCE", help=_("A credential, from -, file:PATH or env:NAME.")),
]


@integration_app.command("add", help=_("Add an integration; it starts as a draft."))
def integration_add(
    name: NameArgument,
    connector: Annotated[
        str, typer.Option(help=_("The connector: {known}.").format(known=", ".join(connectors.NAMES)))
    ] = "files",
    settings: SetOption = None,
    secret: SecretOption = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="PROFILE", help=_("What its first import takes."))
    ] = None,
    store: Annotated[str | None, typer.Option(help=_("The shop's own id at the platform."))] = None,
    same_store: Annotated[
        bool, typer.Option("--same-store", help=_("A second way to the same store is meant."))
    ] = False,
    account: AccountOption = None,
) -> None:
    if profile is not None:
        profiling.named(connector, profile)
    given = {key: secrets.read_secret(source) for key, source in pairs(secret or []).items()}
    with session() as s:
        owner = s.account(account)
        made = accounts.add_integration(
            s.db, owner, name, connector, pairs(settings or []), author(), store=store, same_store=same_store,
        )  # fmt: skip
        _put(s, owner, made, given)
        text = _("Integration {name} added as a draft. Look at its rules (cuadra rules show {name}), then activate it: "
                 "cuadra integration activate {name}")  # fmt: skip
        out.print(text.format(name=made.name), markup=False, soft_wrap=True)
        shop.choose_first(s, owner, made, profile)


def _put(s: Session, owner: Account, one: Integration, given: dict[str, Secret]) -> None:
    for key, value in given.items():
        keys = secrets.KeyFile.of(s.settings)
        secrets.put(s.db, keys, owner.account_id, one.integration_id, key, value, actor=author())


def _as_listed(s: Session, account: Account, one: Integration) -> dict[str, Any]:
    last = accounts.last_run(s.db, account, one)
    following = schedules.next_poll(s.db, account.account_id, one.integration_id) if one.state == "active" else None
    return {
        "name": one.name, "connector": one.connector, "store": one.store_source, "state": one.state, "mode": one.mode,
        "last_run": (last[3] or last[2]) if last else None, "next_run": following,
    }  # fmt: skip


@integration_app.command("list", help=_("List the integrations."))
def integration_list(json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        found = [_as_listed(s, owner, one) for one in accounts.integrations(s.db, owner)]
    if json:
        as_json(found)
        return
    table = table_of(_("Name"), _("Connector"), _("Store"), _("State"), _("Mode"), _("Last run"))
    for one in found:
        state = _(one["state"])
        table.add_row(one["name"], one["connector"], one["store"], state, cadence(one["mode"]),
                      when(one["last_run"], owner.time_zone))  # fmt: skip
    show_table(table, len(found), _("No integration yet. Add one: cuadra integration add NAME --set path=FOLDER"))


@integration_app.command("show", help=_("Show an integration: settings, state and its history."))
def integration_show(name: NameArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        states = accounts.states(s.db, owner, one)
        kept = secrets.names(s.db, owner.account_id, one.integration_id)
        listed = _as_listed(s, owner, one)
    history = [{"at": at, "state": state, "by": who, "note": note} for at, state, who, note in states]
    names = [key for key, _key_id, _at in kept]
    if json:
        as_json({**listed, "time_zone": one.time_zone or owner.time_zone, "settings": one.settings, "secrets": names, "rule_version": one.rule_version,
                 "history": history})  # fmt: skip
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for label, value in (
        (_("Connector"), one.connector), (_("Store"), one.store_source), (_("State"), _(one.state)),
        (_("Mode"), cadence(one.mode)), (_("Time zone"), one.time_zone or owner.time_zone),
        (_("Rules"), _("version {n}").format(n=one.rule_version)), (_("Last run"), when(listed["last_run"], owner.time_zone)),
        *((key, str(value)) for key, value in sorted(one.settings.items())), *((key, "•••") for key in names),
    ):  # fmt: skip
        table.add_row(f"[bold]{label}[/]", value)
    out.print(table)
    for entry in history:
        out.print(f"  {when(entry['at'], owner.time_zone)}  {_(entry['state'])}  {entry['by']}  {entry['note']}",
                  markup=False, style="dim")  # fmt: skip


@integration_app.command("set", help=_("Change settings or credentials."))
def integration_set(
    name: NameArgument,
    settings: SetOption = None,
    secret: SecretOption = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", metavar="WHEN", help=_("When it runs: manual, realtime, «every 15m», «daily 03:00».")),
    ] = None,
    account: AccountOption = None,
) -> None:
    if not settings and not secret and mode is None:
        raise UsageError("Say what to change: --set KEY=VALUE, --secret KEY=SOURCE or --mode WHEN.")
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        values = pairs(settings or [])
        known = {spec.name: spec for spec in connectors.get(one.connector).info.settings}
        for key in values:
            if key not in known:
                raise UsageError("The connector {connector} has no setting «{key}»; it has {known}.",
                                 connector=one.connector, key=key, known=", ".join(sorted(known)))  # fmt: skip
        _put(s, owner, one, {key: secrets.read_secret(source) for key, source in pairs(secret or []).items()})
        changed = accounts.set_settings(s.db, owner, one, values, author()) if values else False
        if mode is not None:
            changed = accounts.set_mode(s.db, owner, one, mode, author()) or changed
        if changed or secret:  # whatever was in its way may be mended
            problems.mended(s.db, owner.account_id, one.integration_id)
            schedules.plan(s.db)
            if one.state == "broken":
                schedules.hasten(s.db, owner.account_id, one.integration_id)
        text = _("Integration {name} changed.") if changed or secret else _("Nothing to change: {name} is so already.")
        out.print(text.format(name=name), markup=False)


def _move(name: str, account: str | None, state: str, note: str, said: str) -> None:
    with session() as s:
        owner = s.account(account)
        accounts.move(s.db, owner, s.integration(owner, name), state, author(), note)
        out.print(said.format(name=name), markup=False, soft_wrap=True)


@integration_app.command("activate", help=_("Let an integration take orders in."))
def integration_activate(name: NameArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "active", note, _("Integration {name} is active. Import now: cuadra import {name}"))


@integration_app.command("pause", help=_("Stop taking orders in; what arrives is kept."))
def integration_pause(name: NameArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "paused", note, _("Integration {name} is paused; file sets stay where they are."))


@integration_app.command("resume", help=_("Take orders in again."))
def integration_resume(name: NameArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "active", note, _("Integration {name} is active again. Import now: cuadra import {name}"))


@integration_app.command("remove", help=_("Remove an integration; its orders stay."))
def integration_remove(name: NameArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "removed", note, _("Integration {name} is removed; its orders stay."))


shop.register(integration_app)
