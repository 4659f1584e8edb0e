"""Webhooks: subscriptions, what is queued when something happens, and how it is delivered, again and again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cuadra_simulators.shopify.bodies import Body
from cuadra_simulators.shopify.faults import Faults
from cuadra_simulators.shopify.filters import passes
from cuadra_simulators.shopify.graph.access import Access, App
from cuadra_simulators.shopify.graph.registry import stamp
from cuadra_simulators.shopify.model import Subscription, enum
from cuadra_simulators.shopify.order_bodies import body_of
from cuadra_simulators.shopify.world import Fired, World
from cuadra_simulators.web import Headers, Sender, post

GAPS = (60, 120, 240, 480, 960, 1_920, 3_840, 6_780)
"""Seconds before each retry: four hours in all."""
DEBOUNCE = 10
SECRET_LAG = 3_600
KEPT = 50_000
TOPICS = (
    "app/uninstalled", "app/scopes_update", "bulk_operations/finish", "collections/create", "collections/delete",
    "collections/update", "customers/create", "customers/delete", "customers/disable", "customers/enable",
    "customers/merge", "customers/update", "disputes/create", "disputes/update", "draft_orders/create",
    "draft_orders/delete", "draft_orders/update", "fulfillments/create", "fulfillments/update",
    "fulfillment_events/create", "inventory_items/create", "inventory_items/delete", "inventory_items/update",
    "inventory_levels/update", "orders/cancelled", "orders/create", "orders/delete", "orders/edited",
    "orders/fulfilled", "orders/paid", "orders/partially_fulfilled", "orders/updated", "order_transactions/create",
    "products/create", "products/delete", "products/update", "refunds/create", "returns/close", "returns/request",
    "shop/update",
)  # fmt: skip
ENUMS = {enum(topic): topic for topic in TOPICS}
PRIVACY = ("customers/data_request", "customers/redact", "shop/redact")
"""Topics that public apps must take; they are set up in the app, not through the API."""


@dataclass(slots=True)
class Waiting:
    """A delivery that is to be made. The body and the address are those of the moment in which it was triggered."""

    subscription: Subscription
    app: App
    topic: str
    subject: int
    uri: str
    headers: Headers
    body: bytes
    due: int
    attempt: int = 0
    webhook_id: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that was made, or tried. `status` is 0 when nothing answered; `attempt` 0 is the first."""

    at: int
    subscription_id: int
    topic: str
    subject: int
    url: str
    headers: Headers
    body: bytes
    status: int
    attempt: int
    webhook_id: str
    event_id: str
    error: str = ""

    @property
    def ok(self) -> bool:
        """Only 2xx is success."""
        return 200 <= self.status < 300


@dataclass(slots=True)
class Hooks:
    """The subscriptions of a shop and its delivery queue."""

    world: World
    faults: Faults
    apps: list[App]
    send: Sender = post
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    specific: set[int] = field(default_factory=set)
    """Subscriptions set up in the app itself: they survive failures."""
    queue: list[Waiting] = field(default_factory=list)
    sent: deque[Delivery] = field(default_factory=lambda: deque(maxlen=KEPT))
    signed: Callable[[App], str] = lambda app: app.client_secret
    _last: dict[tuple[int, int], tuple[int, bytes]] = field(default_factory=dict)
    _told: dict[tuple[int, str, int], bytes] = field(default_factory=dict)
    _turn: int = 0

    def of(self, app_id: int) -> list[Subscription]:
        """What an app has subscribed to through the API."""
        return [it for it in self.subscriptions.values() if it.app_id == app_id and it.id not in self.specific]

    def get(self, app_id: int, number: int) -> Subscription | None:
        """One of them."""
        return next((it for it in self.of(app_id) if it.id == number), None)

    def subscribe(self, access: Access, topic: str, given: Mapping[str, Any]) -> Subscription | str:
        """A subscription through the API; a text says why not. `topic` is the name in the schema."""
        uri = given.get("uri") or given.get("callbackUrl") or ""
        if not uri.startswith(("https://", "http://127.0.0.1", "http://localhost", "arn:aws:", "pubsub://")):
            return "Address is not allowed"
        mine = self.of(access.app.id)
        if any(it.enum == topic and it.uri == uri and it.filter == given.get("filter") for it in mine):
            return "Address for this topic has already been taken"
        return self.add(access.app, ENUMS[topic], uri, given)

    def add(self, app: App, topic: str, uri: str, given: Mapping[str, Any], *, specific: bool = False) -> Subscription:
        """Note a subscription."""
        world, now = self.world, self.world.now
        with world.action():
            made = Subscription(
                world.take("WebhookSubscription"), app.id, topic, uri, now, now, world.settings.default_version,
                list(given.get("includeFields") or ()), given.get("filter"), given.get("name"),
                list(given.get("metafieldNamespaces") or ()), given.get("format") or "JSON",
            )  # fmt: skip
            self.subscriptions[made.id] = made
            if specific:
                self.specific.add(made.id)
        return made

    def change(self, it: Subscription, given: Mapping[str, Any]) -> None:
        """Set what is given."""
        with self.world.action():
            it.uri = given.get("uri") or given.get("callbackUrl") or it.uri
            it.fields = list(given["includeFields"]) if given.get("includeFields") is not None else it.fields
            it.filter = given.get("filter", it.filter)
            it.updated = self.world.now

    def remove(self, it: Subscription) -> None:
        """Take one away; what was triggered before still comes."""
        with self.world.action():
            self.subscriptions.pop(it.id, None)
            self.specific.discard(it.id)

    def on_fired(self, fired: list[Fired], only: App | None = None) -> None:
        """Queue what an action has fired, for everybody who listens."""
        event = self.world.token(32)
        for app in self.apps if only is None else [only]:
            mine = [it for it in self.subscriptions.values() if it.app_id == app.id]
            topics = {it.topic for it in mine}
            body = Body(self.world, Access(app, self.world.plan, self.world.now))
            for one in fired:
                if one.topic in topics:
                    said = body_of(one, body)
                    for it in mine:
                        if it.topic == one.topic:
                            self._queue(app, it, one, said, event)

    def _queue(self, app: App, it: Subscription, fired: Fired, said: dict[str, Any], event: str) -> None:
        if it.fields:
            said = {name: value for name, value in said.items() if name in it.fields}
        if not passes(it.filter, said):
            return
        now, subject = self.world.now, getattr(fired.about, "id", 0)
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        if it.fields:
            last = self._last.get((it.id, subject))
            if last is not None and last[1] == body and now - last[0] < DEBOUNCE:
                return
            self._last[it.id, subject] = now, body
        if self.faults.striking("webhook_drop", it.topic):
            return
        late = self.faults.striking("webhook_delay", it.topic)
        due = now + (int(late.seconds) if late else 0)
        self._push(app, it, subject, body, due, event)
        before = self._told.get((it.id, it.topic, subject))
        self._told[it.id, it.topic, subject] = body
        if before is not None and self.faults.striking("webhook_stale", it.topic):
            self._push(app, it, subject, before, due, event)

    def _push(self, app: App, it: Subscription, subject: int, body: bytes, due: int, event: str) -> None:
        token = self.world.token(32)
        number = f"{token[:8]}-{token[8:12]}-{token[12:16]}-{token[16:20]}-{token[20:]}"
        self._turn += 1
        headers: Headers = [
            ("Content-Type", "application/json"), ("Accept", "*/*"), ("User-Agent", "Shopify-Captain-Hook"),
            ("X-Shopify-Topic", it.topic), ("X-Shopify-Shop-Domain", self.world.settings.domain),
            ("X-Shopify-API-Version", max(it.version, self.world.settings.oldest_version)),
            ("X-Shopify-Webhook-Id", number), ("X-Shopify-Event-Id", event),
            ("X-Shopify-Triggered-At", _precise(self.world.now, self._turn)),
            ("X-Shopify-Hmac-Sha256", signature(self.signed(app), body)), ("Content-Length", str(len(body))),
            *([("X-Shopify-Name", it.name)] if it.name else []),
        ]  # fmt: skip
        self.queue.append(Waiting(it, app, it.topic, subject, it.uri, headers, body, due, 0, number, event))

    def run(self) -> list[Delivery]:
        """Make what is due, one after the other; what fails waits for its next turn."""
        done: list[Delivery] = []
        with self.world.lock:
            now = self.world.now
            batch = [it for it in self.queue if it.due <= now]
            self.queue = [it for it in self.queue if it.due > now]
        if batch and (mixed := self.faults.striking("webhook_reorder", batch[0].topic)) is not None:
            mixed.chance.shuffle(batch)
        for waiting in batch:
            twice = waiting.attempt == 0 and self.faults.striking("webhook_duplicate", waiting.topic)
            for _ in range(2 if twice else 1):
                done.append(self._make(waiting))
            self._count(waiting, done[-1])
        return done

    def _make(self, it: Waiting) -> Delivery:
        status, error = 0, ""
        try:
            status = self.send(it.uri, it.headers, it.body, self.world.settings.webhook_seconds)[0]
        except OSError as problem:
            error = str(problem)
        made = Delivery(
            self.world.now, it.subscription.id, it.topic, it.subject, it.uri, it.headers, it.body, status, it.attempt,
            it.webhook_id, it.event_id, error,
        )  # fmt: skip
        self.sent.append(made)
        return made

    def _count(self, it: Waiting, made: Delivery) -> None:
        """After the last retry the delivery is given up, and a subscription made through the API with it."""
        if made.ok:
            return
        with self.world.lock:
            if it.attempt < len(GAPS):
                it.due, it.attempt = self.world.now + GAPS[it.attempt], it.attempt + 1
                self.queue.append(it)
            elif it.subscription.id not in self.specific:
                self.remove(it.subscription)

    def next_due(self) -> int | None:
        """When something waits next."""
        return min((it.due for it in self.queue), default=None)


def _precise(moment: int, turn: int) -> str:
    return f"{(stamp(moment) or '')[:-1]}.{turn % 1_000_000_000:09}Z"


def signature(secret: str, body: bytes) -> str:
    """Base64 of the HMAC of the body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
