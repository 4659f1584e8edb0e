"""`/orders`, with its batch, notes and refunds; `/refunds`."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

from cuadra_simulators.woocommerce import orders, refunds
from cuadra_simulators.woocommerce.model import Note, Order, Refund
from cuadra_simulators.woocommerce.rest import order_writes
from cuadra_simulators.woocommerce.rest.batch import run_batch
from cuadra_simulators.woocommerce.rest.context import CREATE, DELETE, EDIT, READ, Call, Route
from cuadra_simulators.woocommerce.rest.order_queries import OrderFinder, table
from cuadra_simulators.woocommerce.rest.paging import answer_page, fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, DATED, INTEGER, PAGED, STRINGS, Param
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.shapes import orders as shapes
from cuadra_simulators.woocommerce.shapes.common import Json, View
from cuadra_simulators.woocommerce.world import World

LONG_LIST = 50
"""From so many items on, the database hands out custom fields in the order of their ids."""
VIEWED = {
    "context": Param(default="view", choices=("view", "edit")), "dp": Param(INTEGER),
    "include_meta": Param(STRINGS, ()), "exclude_meta": Param(STRINGS, ()),
}  # fmt: skip
FORCE = {"force": Param(BOOLEAN, default=False)}
NOTE_KINDS = ("any", "customer", "internal")


def routes(world: World) -> list[Route]:
    """What hangs below these paths."""
    finder = OrderFinder()

    def list_orders(call: Call) -> Answer:
        found = finder.find(call)
        page, size = call.values["page"], call.values["per_page"]
        view = call.view(many=min(size, len(found) - (page - 1) * size) >= LONG_LIST)
        return answer_page(call, found, lambda order: _shape(call, view, order), path="orders", orders=True)

    paged = {**PAGED, **DATED, "dp": Param(INTEGER)}
    return [
        Route(READ, "orders", list_orders, "list", table(world)),
        Route(CREATE, "orders", create, "create", order_writes.table(world)),
        Route(READ, "orders/{id}", get, "view", VIEWED),
        Route(EDIT, "orders/{id}", update, "edit", order_writes.table(world)),
        Route(DELETE, "orders/{id}", delete, "delete", {**FORCE, **VIEWED}),
        Route(EDIT, "orders/batch", batch, "batch"),
        Route(READ, "orders/{order_id}/notes", list_notes, "list", {"type": Param(default="any", choices=NOTE_KINDS)}),
        Route(CREATE, "orders/{order_id}/notes", create_note, "create", {"note": Param(required=True)}),
        Route(READ, "orders/{order_id}/notes/{id}", get_note, "view"),
        Route(DELETE, "orders/{order_id}/notes/{id}", delete_note, "delete", FORCE),
        Route(READ, "orders/{order_id}/refunds", list_refunds, "list", paged),
        Route(CREATE, "orders/{order_id}/refunds", create_refund, "create", {"dp": Param(INTEGER)}),
        Route(READ, "orders/{order_id}/refunds/{id}", get_refund, "view", VIEWED),
        Route(DELETE, "orders/{order_id}/refunds/{id}", delete_refund, "delete", {**FORCE, **VIEWED}),
        Route(READ, "refunds", list_all_refunds, "list", paged),
    ]


def _order(call: Call, name: str = "id", status: int = 404) -> Order:
    found = call.world.orders.get(call.number(name))
    if not found:
        raise RestError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", status)
    return found


def _shape(call: Call, view: View, order: Order) -> Json:
    """An order with the custom fields that were asked for."""
    shape = shapes.order(view, order)
    only, but = call.values.get("include_meta") or (), call.values.get("exclude_meta") or ()
    if only or but:
        kept = [meta for meta in shape["meta_data"] if meta["key"] in only or not (only or meta["key"] in but)]
        shape["meta_data"] = kept
    return shape


def get(call: Call) -> Answer:
    """One order, in the trash or not. `_links` stay, whatever fields are asked for."""
    shape = _shape(call, call.view(), _order(call))
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def create(call: Call) -> Answer:
    """A new order; the same twice makes two."""
    order_writes.check(call.body)
    order = _create(call, call.body)
    view = call.view(edit=True)
    return Answer(shapes.order(view, order), 201, [("Location", f"{view.api}/orders/{order.id}")])


def _create(call: Call, body: dict[str, Any]) -> Order:
    order = orders.blank(call.world)
    order_writes.write(call.world, order, body)
    return orders.create(call.world, order, status=body.get("status") or "pending", paid=_set_paid(body))


def update(call: Call) -> Answer:
    """Change an order. Saved, stamped and announced even when nothing changes."""
    _order(call, status=400)
    order_writes.check(call.body)
    return Answer(shapes.order(call.view(edit=True), _update(call, call.number(), call.body)))


def _update(call: Call, number: int, body: dict[str, Any]) -> Order:
    before = call.world.orders.get(number)
    if not before:
        raise RestError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 400)
    order = deepcopy(before)
    order_writes.write(call.world, order, body)
    call.world.orders[number] = order
    if body.get("status"):
        orders.set_status(call.world, order, body["status"])
    else:
        orders.save(call.world, order)
    if _set_paid(body):
        orders.complete_payment(call.world, order)
    return order


def _set_paid(body: dict[str, Any]) -> bool:
    return body.get("set_paid") in (True, "true", 1, "1")


def delete(call: Call) -> Answer:
    """To the trash, or with `force` for good. The answer shows the order as it was."""
    return Answer(_delete(call, call.number(), force=call.values["force"]))


def _delete(call: Call, number: int, *, force: bool) -> Json:
    order = call.world.orders.get(number)
    if not order:
        raise RestError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)
    shape = shapes.order(call.view(edit=True), order)
    if force:
        orders.erase(call.world, order)
    elif not call.world.settings.trash_enabled:
        raise RestError("woocommerce_rest_trash_not_supported", "The shop_order does not support trashing.", 501)
    elif order.status == "trash":
        raise RestError("woocommerce_rest_already_trashed", "The shop_order has already been deleted.", 410)
    else:
        orders.trash(call.world, order)
    return shape


def batch(call: Call) -> Answer:
    """Up to a hundred changes in one request, which is 200 whatever becomes of them. Deletes are for good."""
    view = call.view(edit=True)
    return run_batch(
        call,
        create=lambda body: shapes.order(view, _create(call, body)),
        update=lambda body: shapes.order(view, _update(call, int(body["id"]), body)),
        delete=lambda number: _delete(call, number, force=True),
    )


def _order_with_notes(call: Call) -> Order:
    found = call.world.orders.get(call.number("order_id"))
    if not found:
        raise RestError("woocommerce_rest_shop_order_invalid_id", "Invalid order ID.", 404)
    return found


def _note(call: Call) -> Note:
    order = _order_with_notes(call)
    found = next((note for note in order.notes if note.id == call.number()), None)
    if not found:
        raise RestError("woocommerce_rest_invalid_id", "Invalid resource ID.", 404)
    return found


def list_notes(call: Call) -> Answer:
    """All comments, newest first; no pages and no totals."""
    order = _order_with_notes(call)
    kind = call.values["type"]
    found = [note for note in order.notes if kind == "any" or note.to_customer == (kind == "customer")]
    found.sort(key=lambda note: (-note.created, note.id))
    view = call.view()
    return Answer([pick_fields(shapes.note(view, note, order), fields_of(call)) for note in found])


def get_note(call: Call) -> Answer:
    """One comment."""
    return Answer(shapes.note(call.view(), _note(call), _order_with_notes(call)))


def create_note(call: Call) -> Answer:
    """A comment: the order itself is not touched."""
    order = _order_with_notes(call)
    author = call.user.login if call.user and call.body.get("added_by_user") else "WooCommerce"
    note = orders.add_note(
        call.world, order, call.values["note"], author=author, to_customer=bool(call.body.get("customer_note"))
    )
    view = call.view()
    return Answer(shapes.note(view, note, order), 201, [("Location", f"{view.api}/orders/{order.id}/notes/{note.id}")])


def delete_note(call: Call) -> Answer:
    """Comments know no trash."""
    order, note = _order_with_notes(call), _note(call)
    if not call.values["force"]:
        raise RestError("woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.", 501)
    order.notes.remove(note)
    return Answer(shapes.note(call.view(), note, order))


def list_refunds(call: Call) -> Answer:
    """The refunds of an order. An order that does not exist has none, with 200."""
    order = call.world.orders.get(call.number("order_id"))
    path = f"orders/{call.number('order_id')}/refunds"
    if not order:
        return answer_page(call, [], lambda nothing: nothing, path=path)
    found = sorted(order.refunds, key=lambda refund: (-refund.created, -refund.id))
    view = call.view()
    return answer_page(call, found, lambda refund: shapes.refund(view, refund, order), path=path)


def list_all_refunds(call: Call) -> Answer:
    """The refunds of all orders."""
    found = [(refund, order) for order in call.world.orders.values() for refund in order.refunds]
    found.sort(key=lambda pair: (-pair[0].created, -pair[0].id))
    view = call.view()
    return answer_page(call, found, lambda pair: shapes.refund(view, *pair, with_parent=True), path="refunds")


def _refund(call: Call) -> tuple[Refund, Order]:
    order = call.world.orders.get(call.number("order_id"))
    if not order:
        raise RestError("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404, bare=True)
    found = next((refund for refund in order.refunds if refund.id == call.number()), None)
    if found:
        return found, order
    if any(refund.id == call.number() for other in call.world.orders.values() for refund in other.refunds):
        raise RestError("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404, bare=True)
    raise RestError("woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.", 404)


def get_refund(call: Call) -> Answer:
    """One refund; asked for below another order it is an error of the server."""
    refund, order = _refund(call)
    shape = shapes.refund(call.view(), refund, order)
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def create_refund(call: Call) -> Answer:
    """Give money back. What WooCommerce refuses here comes as 500; no amount makes a refund of nothing."""
    order = call.world.orders.get(call.number("order_id"))
    if not order:
        raise RestError("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404, bare=True)
    body = call.body
    by_gateway = body.get("api_refund", True) in (True, "true", 1, "1")
    lines, sum_of_lines = _refunded_lines(body)
    amount = order_writes.amount(body["amount"]) if "amount" in body else sum_of_lines
    refused = "woocommerce_rest_cannot_create_order_refund"
    if by_gateway:
        text = "The payment gateway for this order does not support automatic refunds."
        raise RestError(refused, text, 500, bare=True)
    try:
        refund = refunds.create(
            call.world, order, amount, str(body.get("reason", "")), by=call.user.id if call.user else 0, lines=lines,
            restock=body.get("api_restock", True) is not False,
        )  # fmt: skip
    except refunds.RefundRefused as problem:
        raise RestError(refused, str(problem), 500, bare=True) from problem
    view = call.view()
    # the pattern of the route stands in the address: WooCommerce's own slip
    location = f"{view.api}/orders/(?P<order_id>[\\d]+)/refunds/{refund.id}"
    return Answer(shapes.refund(view, refund, order), 201, [("Location", location)])


def _refunded_lines(body: dict[str, Any]) -> tuple[tuple[refunds.RefundedLine, ...], Decimal]:
    found, total = [], Decimal(0)
    for given in body.get("line_items") or []:
        taxes = tuple((int(tax["id"]), order_writes.amount(tax["refund_total"])) for tax in given.get("refund_tax", []))
        refunded = order_writes.amount(given.get("refund_total", 0))
        found.append(refunds.RefundedLine(int(given["id"]), int(given.get("quantity", 0)), refunded, taxes))
        total += refunded + sum(tax for _, tax in taxes)
    return tuple(found), total


def delete_refund(call: Call) -> Answer:
    """Take a refund back, without a trace."""
    refund, order = _refund(call)
    if not call.values["force"]:
        text = "The shop_order_refund does not support trashing."
        raise RestError("woocommerce_rest_trash_not_supported", text, 501)
    shape = shapes.refund(call.view(edit=True), refund, order)
    refunds.delete(order, refund)
    return Answer(shape)
