"""What apps may change: tags, custom fields, orders, their own webhooks, and bulk operations that they start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

from cuadra_simulators.shopify import customers, orders, products
from cuadra_simulators.shopify.graph.registry import FIELDS, Args, Context, type_of
from cuadra_simulators.shopify.graph.roots import found
from cuadra_simulators.shopify.model import Address, Bulk, Customer, Metafield, Order, Product
from cuadra_simulators.shopify.world import gid

Answer = dict[str, Any]
WRITES = {"Order": "write_orders", "Customer": "write_customers", "Product": "write_products"}


def errors(*problems: tuple[list[str] | None, str]) -> list[Answer]:
    """Refusals that go with HTTP 200."""
    return [{"field": field, "message": message} for field, message in problems]


def _order(context: Context, gid_: str) -> Order | None:
    order: Order | None = found(context, gid_, "Order")
    return order


def _written(context: Context, it: Any) -> None:
    """Stamp whatever was changed. GraphQLError without the scope for it."""
    world, now = context.world, context.now
    if isinstance(it, Order):
        orders.touch(world, it, now)
    elif isinstance(it, Customer):
        customers.save(world, it, now)
    elif isinstance(it, Product):
        products.save(world, it, now)


def _may_write(context: Context, it: Any, name: str) -> None:
    scope = WRITES.get(type_of(it))
    if scope and scope not in context.access.app.scopes:
        raise GraphQLError(f"Access denied for {name} field. Required access: `{scope}` access scope.",
                           extensions={"code": "ACCESS_DENIED"})  # fmt: skip


def _tagged(name: str, change: Callable[[list[str], list[str]], list[str]]) -> Any:
    def act(root: None, context: Context, args: Args) -> Answer:
        it = found(context, args["id"])
        if not isinstance(it, Order | Customer | Product):
            return {"node": None, "userErrors": errors((["id"], f"{args['id']} does not exist"))}
        _may_write(context, it, name)
        tags = change(it.tags, args["tags"])
        with context.world.action():
            if tags != it.tags:
                it.tags = tags
                _written(context, it)
        return {"node": it, "userErrors": []}

    return act


def _add(have: list[str], given: list[str]) -> list[str]:
    return sorted({*have, *(tag.strip() for one in given for tag in one.split(",") if tag.strip())})


def _remove(have: list[str], given: list[str]) -> list[str]:
    return [tag for tag in have if tag not in given]


def _set_metafields(root: None, context: Context, args: Args) -> Answer:
    made: list[Metafield] = []
    owners = []
    for at, given in enumerate(args["metafields"]):
        owner = found(context, given["ownerId"])
        if not hasattr(owner, "metafields"):
            problem = {"field": ["metafields", str(at), "ownerId"], "message": "Owner does not exist.", "code": "INVALID",
                       "elementIndex": None}  # fmt: skip
            return {"metafields": None, "userErrors": [problem]}
        owners.append(owner)
    with context.world.action():
        for owner, given in zip(owners, args["metafields"], strict=True):
            _may_write(context, owner, "metafieldsSet")
            made.append(_metafield(context, owner, given))
            _written(context, owner)
    return {"metafields": made, "userErrors": []}


def _metafield(context: Context, owner: Any, given: Args) -> Metafield:
    space = given.get("namespace") or f"app--{context.access.app.id}"
    known = next((it for it in owner.metafields if it.namespace == space and it.key == given["key"]), None)
    if known is None:
        kind = "PRODUCTVARIANT" if type_of(owner) == "ProductVariant" else type_of(owner).upper()
        known = Metafield(context.world.take("Metafield"), space, given["key"], "", "single_line_text_field", kind,
                          context.now, context.now)  # fmt: skip
        owner.metafields.append(known)
    known.value, known.updated, known.type = given["value"], context.now, given.get("type") or known.type
    return known


def _update(root: None, context: Context, args: Args) -> Answer:
    given = args["input"]
    order = _order(context, given["id"])
    if order is None:
        return {"order": None, "userErrors": errors((["id"], "Order does not exist"))}
    values = {name: given[name] for name in ("email", "phone", "note") if name in given}
    if "tags" in given:
        values["tags"] = list(given["tags"])
    if "poNumber" in given:
        values["po_number"] = given["poNumber"]
    if "customAttributes" in given:
        values["attributes"] = [(it["key"], it["value"]) for it in given["customAttributes"]]
    with context.world.action():
        if given.get("shippingAddress"):
            values["shipping_address"] = _address(context, order, given["shippingAddress"])
        for one in given.get("metafields") or ():
            _metafield(context, order, one)
        orders.change(context.world, order, context.now, **values)
    return {"order": order, "userErrors": []}


def _address(context: Context, order: Order, given: Args) -> Address:
    old, settings = order.shipping_address, context.world.settings
    place = settings.places[0]

    def say(name: str, had: Any) -> Any:
        return given.get(name, had)

    return Address(
        context.world.take("MailingAddress"), say("firstName", old.first_name if old else ""),
        say("lastName", old.last_name if old else ""), say("company", old.company if old else None),
        say("address1", old.address1 if old else ""), say("address2", old.address2 if old else None),
        say("city", old.city if old else place.city), old.province if old else place.province,
        say("provinceCode", old.province_code if old else place.code), say("zip", old.zip if old else place.zip),
        settings.country_name, say("countryCode", settings.country), say("phone", old.phone if old else None),
        model="Address",
    )  # fmt: skip


def _on_order(act: Callable[[Context, Order], str]) -> Any:
    """A mutation of one order, by its input; `act` does it, or says why not."""

    def run(root: None, context: Context, args: Args) -> Answer:
        order = _order(context, args["input"]["id"])
        if order is None:
            return {"order": None, "userErrors": errors((["id"], "Order does not exist"))}
        with context.world.action():
            problem = act(context, order)
        return {"order": order, "userErrors": errors((["id"], problem)) if problem else []}

    return run


def _close(context: Context, order: Order) -> str:
    if order.closed is not None:
        return "Order is already closed"
    orders.close(context.world, order, context.now)
    return ""


def _open(context: Context, order: Order) -> str:
    if order.closed is None or order.cancelled is not None:
        return "Order can't be opened"
    orders.close(context.world, order, context.now, reopen=True)
    return ""


def _mark_paid(context: Context, order: Order) -> str:
    if order.cancelled is not None or order.totals.outstanding <= 0:
        return "Order cannot be marked as paid."
    orders.pay(context.world, order, context.now, gateway="cash")
    return ""


def _cancel(root: None, context: Context, args: Args) -> Answer:
    order = _order(context, args["orderId"])
    problem = "" if order else "Order does not exist"
    if order and order.cancelled is not None:
        problem = "Cannot cancel an order that has already been canceled"
    elif order and any(it.status == "SUCCESS" for it in order.fulfillments):
        problem = "Cannot cancel an order that has been fulfilled"
    if problem or order is None:
        told = [{"field": ["orderId"], "message": problem, "code": "INVALID" if order else "NOT_FOUND"}]
        return {"job": None, "orderCancelUserErrors": told, "userErrors": errors((["orderId"], problem))}
    method = args.get("refundMethod") or {}
    with context.world.action():
        orders.cancel(context.world, order, context.now, args["reason"], restock=args["restock"],
                      give_back=bool(method.get("originalPaymentMethodsRefund", args.get("refund"))))  # fmt: skip
        number = f"{context.world.rng.getrandbits(128):032x}"
    return {"job": {"id": gid("Job", number), "done": False}, "orderCancelUserErrors": [], "userErrors": []}


def _run_bulk(root: None, context: Context, args: Args) -> Answer:
    made = context.services.bulks.start(context, args["query"], grouped=args["groupObjects"])
    if isinstance(made, Bulk):
        return {"bulkOperation": made, "userErrors": []}
    return {"bulkOperation": None, "userErrors": [{"field": ["query"], **made}]}


def _cancel_bulk(root: None, context: Context, args: Args) -> Answer:
    it = found(context, args["id"], "BulkOperation")
    if it is None:
        return {"bulkOperation": None, "userErrors": errors((["id"], "Bulk operation does not exist"))}
    problem = context.services.bulks.stop(it)
    return {"bulkOperation": it, "userErrors": errors((None, problem)) if problem else []}


def _subscribe(root: None, context: Context, args: Args) -> Answer:
    made = context.services.hooks.subscribe(context.access, args["topic"], args["webhookSubscription"])
    if isinstance(made, str):
        return {"webhookSubscription": None, "userErrors": errors((["webhookSubscription", "uri"], made))}
    return {"webhookSubscription": made, "userErrors": []}


def _resubscribe(root: None, context: Context, args: Args) -> Answer:
    it = found(context, args["id"], "WebhookSubscription")
    if it is None:
        return {"webhookSubscription": None, "userErrors": errors((["id"], "Webhook subscription does not exist"))}
    context.services.hooks.change(it, args["webhookSubscription"])
    return {"webhookSubscription": it, "userErrors": []}


def _unsubscribe(root: None, context: Context, args: Args) -> Answer:
    it = found(context, args["id"], "WebhookSubscription")
    if it is None:
        return {"deletedWebhookSubscriptionId": None,
                "userErrors": errors((["id"], "Webhook subscription does not exist"))}  # fmt: skip
    context.services.hooks.remove(it)
    return {"deletedWebhookSubscriptionId": args["id"], "userErrors": []}


FIELDS["Mutation"] = {
    "tagsAdd": _tagged("tagsAdd", _add), "tagsRemove": _tagged("tagsRemove", _remove),
    "metafieldsSet": _set_metafields, "orderUpdate": _update, "orderClose": _on_order(_close),
    "orderOpen": _on_order(_open), "orderMarkAsPaid": _on_order(_mark_paid), "orderCancel": _cancel,
    "bulkOperationRunQuery": _run_bulk, "bulkOperationCancel": _cancel_bulk,
    "webhookSubscriptionCreate": _subscribe, "webhookSubscriptionUpdate": _resubscribe,
    "webhookSubscriptionDelete": _unsubscribe,
}  # fmt: skip
