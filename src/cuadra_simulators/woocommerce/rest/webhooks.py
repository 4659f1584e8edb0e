"""`/webhooks`."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import Any

from cuadra_simulators.woocommerce.model import Webhook
from cuadra_simulators.woocommerce.rest.batch import run_batch
from cuadra_simulators.woocommerce.rest.context import CREATE, DELETE, EDIT, READ, Call, Route
from cuadra_simulators.woocommerce.rest.dates import within
from cuadra_simulators.woocommerce.rest.paging import answer_page, fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, DATED, PAGED, Param, Table
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.shapes import others as shapes
from cuadra_simulators.woocommerce.shapes.common import Json

STATUSES = ("active", "paused", "disabled")
LISTED: Table = {
    **PAGED, "after": DATED["after"], "before": DATED["before"],
    "order": Param(default="desc", choices=("asc", "desc")),
    "orderby": Param(default="date", choices=("date", "id", "title")),
    "status": Param(default="all", choices=("all", *STATUSES)),
}  # fmt: skip
WRITTEN: Table = {"status": Param(choices=STATUSES), "name": Param(), "secret": Param()}
NEW: Table = {"topic": Param(required=True), "delivery_url": Param(required=True), **WRITTEN}
_LETTERS = string.ascii_letters + string.digits + "!@#$%^&*()"


def routes() -> list[Route]:
    """What hangs below this path. There is no list of deliveries: what failed is nowhere to be read."""
    return [
        Route(READ, "webhooks", list_webhooks, "list", LISTED),
        Route(CREATE, "webhooks", create, "create", NEW),
        Route(READ, "webhooks/{id}", get, "view"),
        Route(EDIT, "webhooks/{id}", update, "edit", WRITTEN),
        Route(DELETE, "webhooks/{id}", delete, "delete", {"force": Param(BOOLEAN, default=False)}),
        Route(EDIT, "webhooks/batch", batch, "batch"),
    ]


def list_webhooks(call: Call) -> Answer:
    """Subscriptions, newest first."""
    values = call.values
    created, _ = within(values, call.world.settings.tz)
    found = [
        hook for hook in call.world.webhooks.values()
        if values["status"] in ("all", hook.status) and created(hook.created)
        and (not values["include"] or hook.id in values["include"]) and hook.id not in values["exclude"]
    ]  # fmt: skip
    found.sort(
        key=lambda hook: hook.name if values["orderby"] == "title" else hook.id, reverse=values["order"] == "desc"
    )
    view = call.view()
    return answer_page(call, found, lambda hook: shapes.webhook(view, hook), path="webhooks")


def _webhook(call: Call, number: int, status: int = 404) -> Webhook:
    found = call.world.webhooks.get(number)
    if not found:
        raise RestError("woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", status)
    return found


def get(call: Call) -> Answer:
    """One subscription."""
    shape = shapes.webhook(call.view(), _webhook(call, call.number()))
    return Answer(pick_fields(shape, fields_of(call), keep=("_links",)))


def create(call: Call) -> Answer:
    """Subscribe. The address is pinged at once, and what it answers is of no consequence here."""
    hook = _create(call, call.body)
    view = call.view()
    return Answer(shapes.webhook(view, hook), 201, [("Location", f"{view.api}/webhooks/{hook.id}")])


def _create(call: Call, body: dict[str, Any]) -> Webhook:
    world = call.world
    topic, url = str(body.get("topic", "")), str(body.get("delivery_url", ""))
    _check(topic, url)
    moment = datetime.fromtimestamp(world.now, UTC)
    name = str(body.get("name") or moment.strftime("Webhook created on %b %d, %Y @ %I:%M %p"))
    secret = str(body.get("secret") or world.token(50, _LETTERS))
    hook = Webhook(world.take("webhook"), name, topic, url, secret, call.user.id if call.user else 0, world.now)
    hook.status = str(body.get("status") or "active")
    world.webhooks[hook.id] = hook
    call.afterwards.append(lambda: call.services.dispatcher.ping(hook))
    return hook


def _check(topic: str, url: str) -> None:
    resource, _, event = topic.partition(".")
    action = resource == "action" and event.startswith(("woocommerce_", "wc_"))
    if topic not in shapes.TOPICS and not action:
        text = "Webhook topic is required and must be valid."
        raise RestError("woocommerce_rest_shop_webhook_invalid_topic", text, 400)
    if not url.startswith(("http://", "https://")):
        text = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise RestError("woocommerce_rest_shop_webhook_invalid_delivery_url", text, 400)


def update(call: Call) -> Answer:
    """Change a subscription. Making it active again forgets no failure and sends nothing that was missed."""
    return Answer(shapes.webhook(call.view(), _update(call, call.number(), call.body)))


def _update(call: Call, number: int, body: dict[str, Any]) -> Webhook:
    hook = _webhook(call, number, 400)
    _check(str(body.get("topic", hook.topic)), str(body.get("delivery_url", hook.delivery_url)))
    moved = body.get("delivery_url", hook.delivery_url) != hook.delivery_url
    for name in ("topic", "delivery_url", "name", "secret", "status"):
        if body.get(name):
            setattr(hook, name, str(body[name]))
    hook.modified = call.world.now
    if hook.status == "active" and (moved or hook.pending):
        call.afterwards.append(lambda: call.services.dispatcher.ping(hook))
    return hook


def delete(call: Call) -> Answer:
    """Unsubscribe, for good."""
    hook = _webhook(call, call.number())
    if not call.values["force"]:
        raise RestError("woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.", 501)
    return Answer(_delete(call, hook))


def _delete(call: Call, hook: Webhook) -> Json:
    shape = shapes.webhook(call.view(), hook)
    del call.world.webhooks[hook.id]
    return shape


def batch(call: Call) -> Answer:
    """Many subscriptions at once."""
    view = call.view()
    return run_batch(
        call,
        create=lambda body: shapes.webhook(view, _create(call, body)),
        update=lambda body: shapes.webhook(view, _update(call, int(body["id"]), body)),
        delete=lambda number: _delete(call, _webhook(call, number)),
    )
