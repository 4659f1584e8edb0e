"""Commands by which a person acts: stock, products, customers."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from cuadra.accounts import Account
from cuadra.db.queries import sql
from cuadra.diagnosis import masking, why
from cuadra.errors import NotFound, UsageError
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    PersonalOption,
    Session,
    as_json,
    escape,
    out,
    safe,
    session,
)
from cuadra.faces.saying import number
from cuadra.ledger import acts
from cuadra.ledger.rejudge import Judged
from cuadra.texts import _, plural

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help=_("The order's number."))]
NoteOption = Annotated[str, typer.Option("--note", help=_("Why; kept with the act."))]
TextArgument = Annotated[str | None, typer.Argument(metavar="[TEXT]", help=_("Name, SKU, code or id to look for."))]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help=_("How many."))]


def one_order(s: Session, owner: Account, text: str) -> tuple[int, str, int]:
    """(order, its number, its integration) of an identifier that names exactly one."""
    with s.db.transaction(owner.account_id) as conn:
        found = why.find(conn, owner, text.strip())
        if not found.orders:
            raise NotFound("No order is known by «{value}»; ask: cuadra why {value}", value=text)
        if len(found.orders) > 1:
            raise UsageError("{n} orders are known by «{value}»; name one of them: cuadra why {value}",
                             n=len(found.orders), value=text)  # fmt: skip
        key = {"account": owner.account_id, "order": found.orders[0]}
        row = conn.execute(sql("get_order_standing"), key).fetchone()
    assert row is not None
    return found.orders[0], str(row[0]), int(row[1])


def _judged(judged: Judged) -> None:
    text = plural("{n} order was judged again", "{n} orders were judged again", judged.judged)
    out.print(text + ": " + plural("{n} stands elsewhere now.", "{n} stand elsewhere now.", judged.changed))
    if judged.frozen:
        out.print(plural("{n} is frozen and stays as it is.", "{n} are frozen and stay as they are.", judged.frozen))


def write_off(identifier: NumberArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        order, label, _integration = one_order(s, owner, identifier)
        done = acts.write_off(s.db, s.act(owner, note), order)
    text = _("Order {order} is written off and frozen.") if done else _("Order {order} was written off before.")
    out.print(text.format(order=label), markup=False)


def apply_after_freeze(
    identifier: NumberArgument, note: NoteOption = "", show_personal: PersonalOption = False,
    account: AccountOption = None,
) -> None:  # fmt: skip
    with session() as s:
        owner = s.account(account)
        if show_personal:
            s.audit(owner, "personal data shown", "apply-after-freeze")
        order, label, integration = one_order(s, owner, identifier)
        changes = acts.apply_after_freeze(s.db, s.act(owner, note), order, s.way(owner, integration))
    out.print(_("Applied to order {order}:").format(order=label), markup=False)
    for field, sides in changes.items():
        before, after = sides if show_personal else (masking.change(field, said) for said in sides)
        out.print(f"  {safe(field)}: {safe(before)} → {safe(after)}", markup=False)


# ---------------------------------------------------------------- products

product_app = typer.Typer()


@product_app.command("list", help=_("List products."))
def product_list(
    text: TextArgument = None, limit: LimitOption = 50, json: JsonOption = False, account: AccountOption = None
) -> None:
    with session() as s:
        owner = s.account(account)
        with s.db.transaction(owner.account_id) as conn:
            values = {"account": owner.account_id, "text": text, "limit": limit}
            rows = conn.execute(sql("find_products"), values).fetchall()
    names = ("product", "name", "sku", "code", "active", "unit", "category", "warnings", "origin")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for one in found:
        one["category"] = one["category"].replace("\u001f", " > ") if one["category"] else None
    if json:
        as_json(found)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Product"), _("Name"), _("SKU"), _("Code"), _("Category"), _("State"), _("Worth a look")):
        table.add_column(column, overflow="fold")
    for one in found:
        state = f"[green]{_('active')}[/]" if one["active"] else f"[yellow]{_('inactive')}[/]"
        table.add_row(str(one["product"]), escape(one["name"] or "–"), escape(one["sku"] or "–"), escape(one["code"] or "–"),
                      escape(one["category"] or "–"), state, ", ".join(one["warnings"] or ()))  # fmt: skip
    out.print(table if found else _("No product like that."))


@product_app.command("link", help=_("Say that a SKU, id or name of a source is this product; held orders go on."))
def product_link(
    product: Annotated[int, typer.Argument(metavar="PRODUCT", help=_("The product's number (cuadra product list)."))],
    sku: Annotated[str | None, typer.Option(help=_("The SKU as the source writes it."))] = None,
    id: Annotated[str | None, typer.Option(help=_("The product id of the source."))] = None,
    name: Annotated[str | None, typer.Option(help=_("The name as the source writes it."))] = None,
    integration: Annotated[str | None, typer.Option(help=_("For --id: the integration whose store it is."))] = None,
    note: NoteOption = "",
    account: AccountOption = None,
) -> None:
    given = [(kind, value) for kind, value in (("sku", sku), ("id", id), ("name", name)) if value]
    if len(given) != 1:
        raise UsageError("Say exactly one of --sku, --id, --name.")
    kind, value = given[0]
    with session() as s:
        owner = s.account(account)
        scope = 0
        if kind == "id":
            if integration is None:
                raise UsageError("An id means something only in its store: say --integration NAME.")
            scope = s.integration(owner, integration).store_id
        value = " ".join(value.casefold().split()) if kind == "name" else value.strip()
        act = s.act(owner, note)
        judged = acts.link_product(s.db, act, kind, value, product, scope, lambda one: s.way(owner, one))
    out.print(_("Linked {value} to product {product}.").format(value=value, product=product), markup=False)
    _judged(judged)


@product_app.command("activate", help=_("Make a product active again; orders held for it go on."))
def product_activate(
    product: Annotated[int, typer.Argument(metavar="PRODUCT", help=_("The product's number (cuadra product list)."))],
    off: Annotated[bool, typer.Option("--off", help=_("Make it inactive instead."))] = False,
    note: NoteOption = "",
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        act = s.act(owner, note)
        judged = acts.activate_product(s.db, act, product, lambda one: s.way(owner, one), active=not off)
    text = _("Product {product} is inactive now.") if off else _("Product {product} is active.")
    out.print(text.format(product=product))
    if not off:
        _judged(judged)


# ---------------------------------------------------------------- customers

customer_app = typer.Typer()
CustomerArgument = Annotated[int, typer.Argument(metavar="CUSTOMER", help=_("The customer's number."))]


@customer_app.command("list", help=_("List customers; with --conflicts, pairs whose keys cross."))
def customer_list(
    text: TextArgument = None,
    conflicts: Annotated[bool, typer.Option("--conflicts", help=_("Pairs to merge or keep apart."))] = False,
    limit: LimitOption = 50,
    json: JsonOption = False,
    show_personal: PersonalOption = False,
    account: AccountOption = None,
) -> None:
    with session() as s:
        owner = s.account(account)
        if show_personal:
            s.audit(owner, "personal data shown", "customers")
        with s.db.transaction(owner.account_id) as conn:
            name = "list_conflicts" if conflicts else "list_customers"
            values = {"account": owner.account_id, "text": text, "limit": limit}
            rows = conn.execute(sql(name), values).fetchall()
    if conflicts:
        _conflicts(rows, json, show_personal)
        return
    found = [
        {"customer": one, "name": label if show_personal else masking.name(label), "merged_into": into,
         "keys": [_key(key, show_personal) for key in keys or ()], "orders": orders}
        for one, label, into, keys, orders in rows
    ]  # fmt: skip
    if json:
        as_json(found)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (_("Customer"), _("Name"), _("Keys"), _("Orders")):
        table.add_column(column, overflow="fold")
    for one in found:
        merged = " " + _("(merged into {n})").format(n=one["merged_into"]) if one["merged_into"] else ""
        table.add_row(f"{one['customer']}{merged}", escape(one["name"] or "–"), escape(", ".join(one["keys"])),
                      number(one["orders"]))  # fmt: skip
    out.print(table if found else _("No customer like that."))


def _key(key: str, personal: bool) -> str:
    kind, _colon, value = key.partition(":")
    return key if personal else f"{kind}:{masking.identifier(kind, value)}"


def _conflicts(rows: list[tuple[Any, ...]], json: bool, personal: bool) -> None:
    found = [
        {"one": one, "one_name": a if personal else masking.name(a), "other": other,
         "other_name": b if personal else masking.name(b), "orders": orders, "since": since}
        for one, a, other, b, orders, since in rows
    ]  # fmt: skip
    if json:
        as_json(found)
        return
    if not found:
        out.print(_("No customers whose keys cross."))
        return
    for pair in found:
        orders = plural("{n} order", "{n} orders", pair["orders"])
        out.print(f"{pair['one']} {pair['one_name'] or '–'}  ↔  {pair['other']} {pair['other_name'] or '–'}  ({orders})",
                  markup=False)  # fmt: skip
    first = found[0]
    text = _("The same person: cuadra customer merge {a} {b} · two people: cuadra customer keep-apart {a} {b}")
    out.print(text.format(a=first["one"], b=first["other"]), style="dim", markup=False)


@customer_app.command("merge", help=_("Two customers are one person; CUSTOMER is merged into INTO."))
def customer_merge(
    customer: CustomerArgument, into: Annotated[int, typer.Argument(metavar="INTO")], note: NoteOption = "",
    account: AccountOption = None,
) -> None:  # fmt: skip
    with session() as s:
        acts.merge(s.db, s.act(s.account(account), note), customer, into)
    text = _("Customer {one} is merged into {into}. Undo: cuadra customer unmerge {one}")
    out.print(text.format(one=customer, into=into))


@customer_app.command("keep-apart", help=_("Two customers with crossed keys are two people."))
def customer_keep_apart(
    customer: CustomerArgument, other: Annotated[int, typer.Argument(metavar="OTHER")], note: NoteOption = "",
    account: AccountOption = None,
) -> None:  # fmt: skip
    with session() as s:
        owner = s.account(account)
        judged = acts.keep_apart(s.db, s.act(owner, note), customer, other, lambda one: s.way(owner, one))
    out.print(_("Customers {one} and {other} stay apart.").format(one=customer, other=other))
    _judged(judged)


@customer_app.command("unmerge", help=_("Undo a merge."))
def customer_unmerge(customer: CustomerArgument, note: NoteOption = "", account: AccountOption = None) -> None:
    with session() as s:
        owner = s.account(account)
        judged = acts.unmerge(s.db, s.act(owner, note), customer, lambda one: s.way(owner, one))
    out.print(_("Customer {one} stands alone again.").format(one=customer))
    _judged(judged)
