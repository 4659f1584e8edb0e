"""Commands about destinations: where present orders go on to."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from cuadra import secrets
from cuadra.accounts import Account
from cuadra.clock import utc_now
from cuadra.connectors.trouble import Trouble
from cuadra.db.queries import sql
from cuadra.destinations import signing
from cuadra.destinations.base import Parcel
from cuadra.diagnosis import why
from cuadra.errors import NotFound, Unreachable, UsageError
from cuadra.faces.cli import proofs
from cuadra.faces.cli.config import SecretOption, SetOption, pairs
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    NoteOption,
    Session,
    as_json,
    author,
    escape,
    out,
    progress,
    session,
)
from cuadra.faces.saying import number, when
from cuadra.jobs import sending, status
from cuadra.jobs.sending import Place
from cuadra.secrets import KeyFile, Secret
from cuadra.texts import _, plural

destination_app = typer.Typer()
DestinationArgument = Annotated[str, typer.Argument(metavar="NAME", help=_("The destination's name."))]
MOST_HELD = 200


@destination_app.command("add", help=_("Add a destination: orders that are present go on to it, signed."))
def destination_add(
    name: DestinationArgument,
    url: Annotated[str, typer.Option("--url", metavar="ADDRESS", help=_("Where each order is sent to (POST)."))],
    settings: SetOption = None,
    secret: SecretOption = None,
    history: Annotated[bool, typer.Option("--history", help=_("Send the orders that are here already, too."))] = False,
    account: AccountOption = None,
) -> None:
    given = {key: secrets.read_secret(source) for key, source in pairs(secret or []).items()}
    with session() as s, progress() as watch:
        owner = s.account(account)
        place, made = sending.add(s.db, s.settings, owner, name, url, pairs(settings or []), author())
        _keep(s, owner, place, given)
        sent = 0
        if history:
            sent = sending.tell(s.db, owner, place, progress=lambda done: watch("sending", done, None))
    out.print(_("Destination {name} added. From now on every order that is present here goes there.").format(name=name),
              markup=False, soft_wrap=True)  # fmt: skip
    if history:
        out.print(
            plural(
                "{n} order that is here already is on its way.",
                "{n} orders that are here already are on their way.",
                sent,
            )
        )
    if sending.SIGNING not in given:
        out.print(
            _("Give it this secret, which proves that the orders come from here; it is not shown again:"),
            soft_wrap=True,
        )
        out.print(f"  {made}", markup=False, soft_wrap=True)


def _keep(s: Session, owner: Account, place: Place, given: dict[str, Secret]) -> None:
    for key, value in given.items():
        if key not in (sending.SIGNING, sending.TOKEN):
            raise UsageError("A destination has no credential «{key}»; it has {known}.", key=key,
                             known=f"{sending.SIGNING}, {sending.TOKEN}")  # fmt: skip
        if key == sending.SIGNING:
            signing.keys_of(value.reveal())
        keys = KeyFile.of(s.settings)
        secrets.put(s.db, keys, owner.account_id, place.destination_id, key, value, actor=author())


@destination_app.command("set", help=_("Change a destination's address, settings or credentials."))
def destination_set(
    name: DestinationArgument,
    url: Annotated[
        str | None, typer.Option("--url", metavar="ADDRESS", help=_("Where each order is sent to (POST)."))
    ] = None,
    settings: SetOption = None,
    secret: SecretOption = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help=_("Make a new secret; both sign until «--new-secret» is said again."))
    ] = False,
    account: AccountOption = None,
) -> None:
    if not (url or settings or secret or new_secret):
        raise UsageError("Say what to change: --url, --set KEY=VALUE, --secret KEY=SOURCE or --new-secret.")
    given = {key: secrets.read_secret(source) for key, source in pairs(secret or []).items()}
    with session() as s:
        owner = s.account(account)
        place = sending.named(s.db, owner, name)
        made = _renewed(s, owner, place, given) if new_secret else None
        _keep(s, owner, place, given)
        sending.change(s.db, owner, place, url, pairs(settings or []), author())
    out.print(_("Destination {name} changed.").format(name=name), markup=False)
    if made:
        out.print(_("Its new secret, which is not shown again:"))
        out.print(f"  {made}", markup=False, soft_wrap=True)


def _renewed(s: Session, owner: Account, place: Place, given: dict[str, Secret]) -> str:
    """The new secret first, and the last one still beside it: whoever reads may change over when he likes."""
    made = signing.new_secret()
    before = secrets.get(s.db, KeyFile.of(s.settings), owner.account_id, place.destination_id, sending.SIGNING)
    last = before.reveal().split()[0] if before else ""
    given[sending.SIGNING] = Secret(f"{made} {last}".strip())
    return made


def _facts(s: Session, owner: Account, place: Place) -> dict[str, Any]:
    fares = next(one for one in status.status(s.db, owner).destinations if one.name == place.name)
    with s.db.transaction(owner.account_id) as conn:
        last = conn.execute(sql("last_delivery_attempt"), {
            "account": owner.account_id, "destination": place.destination_id,
        }).fetchone()  # fmt: skip
    answer = (
        None
        if last is None
        else dict(zip(("at", "outcome", "status", "micros", "reason", "evidence"), last, strict=True))
    )
    return {"name": place.name, "url": place.url, "state": place.state, "settings": place.settings,
            "deliveries": msgspec.structs.asdict(fares), "last_answer": answer}  # fmt: skip


@destination_app.command("list", help=_("List the destinations."))
def destination_list(json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        found = status.status(s.db, owner).destinations
        urls = {one.name: one.url for one in sending.places(s.db, owner)}
    if json:
        as_json([{"url": urls[one.name], **msgspec.structs.asdict(one)} for one in found])
        return
    if not found:
        out.print(
            _("No destination yet. Add one: cuadra destination add NAME --url https://crm.example/orders"),
            soft_wrap=True,
        )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Name"), _("State"), _("Delivered"), _("Waiting"), _("Held"), _("Address")):
        table.add_column(
            column, overflow="fold", justify="right" if column in (_("Delivered"), _("Waiting"), _("Held")) else "left"
        )
    for one in found:
        table.add_row(escape(one.name), _(one.state), number(one.done), number(one.waiting), number(one.failed),
                      escape(urls[one.name]))  # fmt: skip
    out.print(table)


@destination_app.command("show", help=_("Show a destination: settings, what waits, its last answer."))
def destination_show(name: DestinationArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        facts = _facts(s, owner, sending.named(s.db, owner, name))
    if json:
        as_json(facts)
        return
    out.print(f"[bold]{escape(facts['name'])}[/]  {_(facts['state'])}  [dim]{escape(facts['url'])}[/]", soft_wrap=True)
    for key, value in sorted(facts["settings"].items()):
        out.print(f"  {key} = {value}", style="dim", markup=False)
    counts = facts["deliveries"]
    out.print("  " + _("{done} delivered, {waiting} waiting, {failed} held").format(
        done=number(counts["done"]), waiting=number(counts["waiting"]), failed=number(counts["failed"])))  # fmt: skip
    last = facts["last_answer"]
    if last is not None:
        said = _("last answer {at}: {outcome}").format(
            at=when(last["at"], owner.time_zone), outcome=_(last["outcome"].replace("_", " "))
        )
        code = f" ({last['status']})" if last["status"] else ""
        out.print(f"  {said}{code}  [dim]{last['reason'] or ''}[/]", soft_wrap=True)
        proofs.show(last["evidence"] or {}, owner.time_zone)


@destination_app.command("test", help=_("Send a test event, signed like an order, and say what was answered."))
def destination_test(name: DestinationArgument, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        place = sending.named(s.db, owner, name)
        target = sending.target(s.db, s.settings, owner, place.destination_id)
        assert target is not None
        event = {
            "type": "test",
            "timestamp": utc_now().isoformat(),
            "data": {"account": owner.name, "destination": name},
        }
        parcel = Parcel(
            f"test-{place.destination_id}-{utc_now().timestamp():.6f}", "test", 0, msgspec.json.encode(event)
        )
        try:
            answer = target.destination.deliver(parcel)
        except Trouble as trouble:
            said = str(trouble.evidence.get("message") or trouble.evidence.get("status") or "")
            raise Unreachable("The destination {name} did not take the test event ({code}): {why}", name=name,
                              code=trouble.reason, why=said) from trouble  # fmt: skip
        finally:
            target.destination.close()
    out.print(
        _("The destination took the test event: {status}, after {ms} ms.").format(status=answer.status, ms=answer.ms)
    )


def _move(name: str, account: str | None, state: str, note: str, said: str) -> None:
    with session() as s:
        owner = s.account(account)
        sending.move(s.db, owner, sending.named(s.db, owner, name), state, author(), note)
    out.print(said.format(name=name), markup=False, soft_wrap=True)


@destination_app.command("pause", help=_("Send nothing; what is to be sent is kept."))
def destination_pause(name: DestinationArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "paused", note, _("Destination {name} is paused; what is to be sent is kept."))


@destination_app.command("resume", help=_("Send again."))
def destination_resume(name: DestinationArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "active", note, _("Destination {name} is active again."))


@destination_app.command("remove", help=_("Remove a destination; what was sent stays there."))
def destination_remove(name: DestinationArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    _move(name, account, "removed", note, _("Destination {name} is removed; nothing more is sent to it."))


@destination_app.command("held", help=_("List what a destination refused, or did not take in time."))
def destination_held(name: DestinationArgument, json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        place = sending.named(s.db, owner, name)
        with s.db.transaction(owner.account_id) as conn:
            rows = conn.execute(sql("list_held"), {
                "account": owner.account_id, "destination": place.destination_id, "limit": MOST_HELD,
            }).fetchall()  # fmt: skip
    names = ("order", "number", "source_id", "sequence", "version", "reason", "evidence", "tries", "at")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if json:
        as_json(found)
        return
    if not found:
        out.print(_("Nothing is held that was to go to {name}.").format(name=name), markup=False)
        return
    for one in found:
        out.print(f"[bold]{escape(one['number'] or one['source_id'])}[/]  [red]{one['reason']}[/]  "
                  f"[dim]{when(one['at'], owner.time_zone)}[/]")  # fmt: skip
        proofs.show(one["evidence"] or {}, owner.time_zone)
    out.print(
        _("Once the cause is mended: cuadra destination release {name}").format(name=name), style="dim", markup=False
    )


@destination_app.command("release", help=_("Send again what is held, all of it or one order."))
def destination_release(
    name: DestinationArgument,
    identifier: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help=_("An order; without it all that is held."))
    ] = None,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        place = sending.named(s.db, owner, name)
        count = sending.release(s.db, owner, place, _orders(s, owner, identifier) if identifier else None)
    out.print(
        plural("{n} order is sent again.", "{n} orders are sent again.", count) if count else _("Nothing was held.")
    )


@destination_app.command("resend", help=_("Send orders anew, as they are now: one, or all that are present."))
def destination_resend(
    name: DestinationArgument,
    identifier: Annotated[str | None, typer.Argument(metavar="NUMBER", help=_("An order."))] = None,
    everything: Annotated[bool, typer.Option("--all", help=_("All orders that are present."))] = False,
    account: AccountOption = None,
) -> None:
    if (identifier is None) == (not everything):
        raise UsageError("Say which order, or --all.")
    with session() as s, progress() as watch:
        owner = s.account(account)
        place = sending.named(s.db, owner, name)
        orders = _orders(s, owner, identifier) if identifier else None
        count = sending.tell(s.db, owner, place, orders, again=True, progress=lambda done: watch("sending", done, None))
    out.print(plural("{n} order is on its way.", "{n} orders are on their way.", count))


def _orders(s: Session, owner: Account, identifier: str) -> list[int]:
    with s.db.transaction(owner.account_id) as conn:
        found = why.find(conn, owner, identifier).orders
    if not found:
        raise NotFound("No order is known here under «{text}».", text=identifier)
    return found
