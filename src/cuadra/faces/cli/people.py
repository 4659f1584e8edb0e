"""Commands about a person's data: hand out, erase, and what platforms ask for on behalf of buyers."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from cuadra.diagnosis import masking
from cuadra.errors import UsageError
from cuadra.faces.cli.acting import NoteOption
from cuadra.faces.cli.context import AccountOption, JsonOption, PersonalOption, as_json, out, session, table_of
from cuadra.jobs import telling
from cuadra.ledger import person
from cuadra.texts import _

person_app = typer.Typer()
WhoArgument = Annotated[
    str, typer.Argument(metavar="WHO", help=_("An email, a phone, a document or a customer number."))
]


@person_app.command("export", help=_("Everything stored about a person, as JSON."))
def person_export(
    who: Annotated[str | None, typer.Argument(metavar="[WHO]", help=_("An email, a phone, a document or a customer number."))] = None,
    request: Annotated[int | None, typer.Option("--request", help=_("Answer a request of a platform, by its number."))] = None,
    account: AccountOption = None,
) -> None:  # fmt: skip
    if (who is None) == (request is None):
        raise UsageError("Say whom to export, or which request to answer: cuadra person export WHO, or --request N.")
    with session() as s:
        owner = s.account(account)
        if request is None:
            assert who is not None
            found = person.export(s.db, owner, who)
        else:
            found = telling.answer(s.db, owner, request)
        s.audit(owner, "person exported", "", customers=[one["customer"] for one in found["customers"]],
                **({"request": request} if request else {}))  # fmt: skip
    as_json(found)
    if request is not None:  # only what has been written counts as handed out
        sys.stdout.flush()
        with session() as s:
            telling.answered(s.db, s.account(account), request, found)


@person_app.command("requests", help=_("What platforms ask for on behalf of buyers: data to hand out, or to erase."))
def person_requests(
    json: JsonOption = False, show_personal: PersonalOption = False, account: AccountOption = None
) -> None:
    with session() as s:
        owner = s.account(account)
        if show_personal:
            s.audit(owner, "personal data shown", "person requests")
        found = telling.requests(s.db, owner)
    if json:
        as_json([_request(one, show_personal) for one in found])
        return
    if not found:
        out.print(_("No platform has asked for anything."))
        return
    shown = table_of(_("Number"), _("Integration"), _("Asks"), _("Who"), _("Received"), _("Until"), _("Done"))
    for one in found:
        whom = _whom(one, show_personal)
        shown.add_row(str(one.number), one.integration, _ASKS[one.kind](), whom.get("email") or whom.get("phone") or whom.get("id") or "-",
                      f"{one.received_at:%Y-%m-%d}", f"{one.due_at:%Y-%m-%d}", _outcome(one))  # fmt: skip
    out.print(shown)
    if any(one.open and one.kind == "export_person" for one in found):
        out.print(_("Hand out what is asked for: cuadra person export --request NUMBER > FILE"), soft_wrap=True)


_ASKS = {
    "erase_person": lambda: _("erase a buyer"), "export_person": lambda: _("hand out a buyer's data"),
    "erase_store": lambda: _("erase all buyers of the shop"),
}  # fmt: skip


def _outcome(one: telling.Request) -> str:
    if one.open:
        if one.kind == "export_person":
            return _("waits for you")
        return _("tried again by itself") if one.tries else _("done by itself")
    counts = one.result or {}
    return _("{customers} customers, {orders} orders").format(customers=counts.get("customers", 0),
                                                              orders=counts.get("orders", 0))  # fmt: skip


def _whom(one: telling.Request, personal: bool) -> dict[str, Any]:
    if personal:
        return one.subject
    return {key: masking.identifier(key, value) if key in ("email", "phone") and value else value
            for key, value in one.subject.items()}  # fmt: skip


def _request(one: telling.Request, personal: bool) -> dict[str, Any]:
    return {"request": one.number, "integration": one.integration, "kind": one.kind, "subject": _whom(one, personal),
            "received_at": one.received_at, "due_at": one.due_at, "done_at": one.done_at, "result": one.result}  # fmt: skip


@person_app.command("erase", help=_("Erase a person's data; orders stay, without the person."))
def person_erase(
    who: WhoArgument,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
    note: NoteOption = "",
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        found = person.export(s.db, owner, who)
        customers, orders = len(found["customers"]), len(found["orders"])
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("Erasing cannot be undone; say --yes to do it without being asked.")
            typer.confirm(_("Erase {customers} customers and the person in {orders} orders? This cannot be undone").format(
                customers=customers, orders=orders), abort=True)  # fmt: skip
        customers, orders = person.erase(s.db, s.act(owner, note), who)
    text = _("Erased: {customers} customers; {orders} orders stay without the person. Files in drop folders are yours "
             "to delete.")  # fmt: skip
    out.print(text.format(customers=customers, orders=orders), soft_wrap=True)
