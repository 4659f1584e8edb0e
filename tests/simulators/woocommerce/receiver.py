"""Somebody who listens to webhooks, without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cuadra_simulators.woocommerce import Shop

HUB = "https://hub.example"
SECRET = "secreto-de-prueba-123"
TOPICS = (
    "order.created", "order.updated", "order.deleted", "order.restored", "customer.created", "customer.updated",
    "customer.deleted", "product.created", "product.updated", "product.deleted", "product.restored",
    "action.woocommerce_order_status_changed",
)  # fmt: skip


@dataclass
class Got:
    """One request as it came in."""

    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        """Its topic; empty for a ping."""
        return self.headers.get("X-WC-Webhook-Topic", "")

    def json(self) -> Any:
        """Its body, read."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes every request and answers by the end of its address; 200 to all others."""

    answers: dict[str, int] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None
    error: str = ""

    def __call__(self, url: str, headers: list[tuple[str, str]], body: bytes, timeout: float) -> tuple[int, str]:
        self.got.append(Got(url, dict(headers), body))
        self.on_request()
        if self.error:
            raise OSError(self.error)
        status = next((status for end, status in self.answers.items() if url.endswith(end)), 200)
        return status, f"{HUB}/redirected" if status in (301, 302) else ""

    @property
    def deliveries(self) -> list[Got]:
        """What came, pings aside."""
        return [got for got in self.got if got.topic]

    def topics(self) -> list[str]:
        """What the deliveries were about, in their order."""
        return [got.topic for got in self.deliveries]

    def clear(self) -> None:
        """Forget what came."""
        self.got.clear()


def subscribed(shop: Shop, *topics: str) -> Receiver:
    """A receiver of these topics (all of them, when none is named), pinged and with an empty memory."""
    receiver = Receiver()
    shop.dispatcher.send = receiver
    for topic in topics or TOPICS:
        shop.subscribe(topic, f"{HUB}/{topic}", secret=SECRET)
    receiver.clear()
    return receiver
