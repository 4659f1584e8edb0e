"""Commands about notices: where they go, and which were not taken."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cuadra import accounts, reasons
from cuadra.diagnosis import refusals
from cuadra.errors import Refused
from cuadra.faces.cli import proofs
from cuadra.faces.cli.context import AccountOption, JsonOption, NameArgument, as_json, author, err, escape, out, session
from cuadra.faces.saying import number, when
from cuadra.texts import _, language

intake_app = typer.Typer()


@intake_app.command("refused", help=_("Which notices were not taken, by hour, and why."))
def intake_refused(json: JsonOption = False, account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        found = refusals.refusals(s.db, owner)
    if json:
        as_json([msgspec.to_builtins(one) for one in found])
        return
    if not found:
        out.print(_("Every notice was taken."))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Hour"), _("Integration"), _("Count"), _("Last"), _("Reason")):
        table.add_column(column, overflow="fold")
    for one in found:
        text = reasons.get(one.reason).text.get(language()) if one.reason in reasons.every() else one.reason
        proof = "\n".join(line.strip() for line in proofs.lines(one.evidence, owner.time_zone))
        table.add_row(when(one.hour, owner.time_zone), escape(one.integration or _("of nobody")), number(one.count),
                      when(one.last_at, owner.time_zone), f"{escape(text)}\n{proof}")  # fmt: skip
    out.print(table)


@intake_app.command("address", help=_("Where the platform of an integration is to send its notices."))
def intake_address(
    name: NameArgument,
    new: Annotated[bool, typer.Option("--new", help=_("Make a new address; the old one stops at once."))] = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        one = s.integration(owner, name)
        address = accounts.new_address(s.db, owner, one, author()) if new else one.address
    if address is None:
        raise Refused("The integration {name} takes no notices: its connector is {connector}.", name=name,
                      connector=one.connector)  # fmt: skip
    out.print(f"/in/{address}", markup=False, soft_wrap=True)
    if new:
        err.print(_("The platform still sends to the old address; give it the new one."), markup=False, soft_wrap=True)
