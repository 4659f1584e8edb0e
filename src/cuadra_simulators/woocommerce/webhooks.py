"""Webhooks: what is queued when something happens, and how the queue is worked off, one delivery after the other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cuadra_simulators.woocommerce.faults import Faults
from cuadra_simulators.woocommerce.model import Webhook
from cuadra_simulators.woocommerce.rest.wire import Headers
from cuadra_simulators.woocommerce.sending import Sender, acceptable, common_headers, follow, post
from cuadra_simulators.woocommerce.shapes.others import hooks_of
from cuadra_simulators.woocommerce.world import Fired, World

PING_TIMEOUT = 5.0
KEPT = 20_000


@dataclass(slots=True)
class Queued:
    """A delivery that waits. There is never a second one of the same webhook about the same thing."""

    webhook_id: int
    argument: int
    hook: str
    due: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that was made, or tried. `status` is 0 when nothing answered."""

    at: int
    webhook_id: int
    topic: str
    argument: int
    url: str
    headers: Headers
    body: bytes
    status: int
    error: str = ""

    @property
    def ok(self) -> bool:
        """What WooCommerce counts as delivered: a redirection too, though it is not followed."""
        return 200 <= self.status < 303

    @property
    def ping(self) -> bool:
        """Whether it only asked if somebody listens."""
        return not self.topic


@dataclass(slots=True)
class Dispatcher:
    """The shop's delivery queue. `body` makes what is sent, as the webhook's owner sees it at that moment."""

    world: World
    faults: Faults
    home: Callable[[], str]
    """The shop's own address."""
    body: Callable[[Webhook, int], bytes]
    send: Sender = post
    timeout: float = 60.0
    queue: list[Queued] = field(default_factory=list)
    sent: deque[Delivery] = field(default_factory=lambda: deque(maxlen=KEPT))

    def on_fired(self, fired: Fired) -> None:
        """Queue what a request has fired: in its order, the newest webhook of a topic first."""
        for hook, argument in fired:
            for webhook in sorted(self.world.webhooks.values(), key=lambda it: -it.id):
                if webhook.status == "active" and self._listens(webhook, hook):
                    self._queue(webhook, argument, hook)

    def _listens(self, webhook: Webhook, hook: str) -> bool:
        name, _, kind = hook.partition(":")
        return name in hooks_of(webhook.topic) and (not kind or kind == webhook.resource)

    def _queue(self, webhook: Webhook, argument: int, hook: str) -> None:
        if any(it.webhook_id == webhook.id and it.argument == argument for it in self.queue):
            return
        if self.faults.striking("webhook_drop", webhook.topic):
            return
        late = self.faults.striking("webhook_delay", webhook.topic)
        due = self.world.now + (int(late.seconds) if late else 0)
        self.queue.append(Queued(webhook.id, argument, hook, due))

    def run(self) -> list[Delivery]:
        """Work off what is due, one after the other, with the state of that moment. Nothing is ever tried again.

        What happens meanwhile is queued anew and delivered too, once the present delivery has ended.
        """
        done: list[Delivery] = []
        while True:
            with self.world.lock:
                batch = [it for it in self.queue if it.due <= self.world.now]
                if not batch:
                    return done
                if (mixed := self.faults.striking("webhook_reorder", batch[0].hook)) is not None:
                    mixed.chance.shuffle(batch)
                queued = batch[0]
                self.queue.remove(queued)
                webhook = self.world.webhooks.get(queued.webhook_id)
            if not webhook or webhook.status != "active":
                continue
            if self.faults.striking("webhook_crash", webhook.topic):
                return done
            times = 2 if self.faults.striking("webhook_duplicate", webhook.topic) else 1
            done += [self._deliver(webhook, queued) for _ in range(times)]

    def _deliver(self, webhook: Webhook, queued: Queued) -> Delivery:
        with self.world.lock:
            body = self.body(webhook, queued.argument)
            headers = self._headers(webhook, body)
        status, error = self._post(webhook.delivery_url, headers, body)
        delivery = Delivery(
            self.world.now, webhook.id, webhook.topic, queued.argument, webhook.delivery_url, headers, body, status,
            error,
        )  # fmt: skip
        self.sent.append(delivery)
        self._count(webhook, delivery)
        return delivery

    def _headers(self, webhook: Webhook, body: bytes) -> Headers:
        return [
            *common_headers(), ("Content-Type", "application/json"),
            ("X-WC-Webhook-Source", f"{self.home()}/"), ("X-WC-Webhook-Topic", webhook.topic),
            ("X-WC-Webhook-Resource", webhook.resource), ("X-WC-Webhook-Event", webhook.event),
            ("X-WC-Webhook-Signature", signature(webhook.secret, body)), ("X-WC-Webhook-ID", str(webhook.id)),
            ("X-WC-Webhook-Delivery-ID", self.world.delivery_id(webhook.id)), ("Connection", "close"),
            ("Content-Length", str(len(body))),
        ]  # fmt: skip

    def _post(self, url: str, headers: Headers, body: bytes) -> tuple[int, str]:
        if self.world.settings.strict_urls and not acceptable(url):
            return 0, "A valid URL was not provided."
        try:
            return self.send(url, headers, body, self.timeout)[0], ""
        except OSError as problem:
            return 0, str(problem)

    def _count(self, webhook: Webhook, delivery: Delivery) -> None:
        """Any success forgets the failures; the one after six in a row disables, without counting further."""
        if delivery.ok:
            if not webhook.failures:
                return
            webhook.failures = 0
        elif webhook.failures >= self.world.settings.failures_before_disabled:
            webhook.status = "disabled"
        else:
            webhook.failures += 1
        with self.world.lock:
            webhook.modified = self.world.now
            self.world.revision += 1
        if webhook.status == "active" and webhook.pending:  # whose first ping was never answered well
            self.ping(webhook)

    def ping(self, webhook: Webhook) -> None:
        """Ask whether somebody listens: a form, unsigned and without the shop's headers."""
        body = f"webhook_id={webhook.id}".encode()
        headers: Headers = [
            *common_headers(), ("Connection", "close"), ("Content-Length", str(len(body))),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]  # fmt: skip
        status, error = 0, "A valid URL was not provided."
        if not self.world.settings.strict_urls or acceptable(webhook.delivery_url):
            try:
                status, error = follow(self.send, webhook.delivery_url, headers, body, PING_TIMEOUT)[0], ""
            except OSError as problem:
                error = str(problem)
        self.sent.append(
            Delivery(self.world.now, webhook.id, "", webhook.id, webhook.delivery_url, headers, body, status, error)
        )
        if status == 200:
            webhook.pending = False
            webhook.modified = self.world.now


def signature(secret: str, body: bytes) -> str:
    """Base64 of the HMAC of the body; entities in the secret are undone first."""
    digest = hmac.new(unescape(secret).encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def unescape(secret: str) -> str:
    """The entities that WordPress undoes."""
    return re.sub("&(?:amp|lt|gt|quot|#0*39|#x0*27);", lambda found: html.unescape(found[0]), secret)
