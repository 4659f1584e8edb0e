"""Somebody who listens to webhooks, without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cuadra_simulators.shopify import Shop

HUB = "https://hub.example"


@dataclass
class Got:
    """One request as it came in."""

    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers["X-Shopify-Topic"]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes every request and answers `status`; raises when there is an `error`."""

    status: int = 200
    error: str = ""
    got: list[Got] = field(default_factory=list)
    on_request: Callable[[Got], None] = lambda got: None

    def __call__(self, url: str, headers: list[tuple[str, str]], body: bytes, timeout: float) -> tuple[int, str]:
        self.timeout = timeout
        self.got.append(Got(url, dict(headers), body))
        self.on_request(self.got[-1])
        if self.error:
            raise OSError(self.error)
        return self.status, ""

    def topics(self) -> list[str]:
        return [got.topic for got in self.got]


def subscribed(shop: Shop, *topics: str, **given: Any) -> Receiver:
    """A receiver of these topics."""
    receiver = Receiver()
    shop.hooks.send = receiver
    for topic in topics:
        shop.subscribe(topic, f"{HUB}/{topic}", **given)
    return receiver
