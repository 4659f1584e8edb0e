"""A CRM that listens, and a sender that signs with a library of other people's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from cuadra_simulators.crm import Crm

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "reader"


class Sender:
    """Sends deliveries and reads orders back, over one kept connection."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=20)

    def body(self, key: str = "a", sequence: int = 1, *, type: str = "order.present", **data: Any) -> str:
        """A delivery's body; `data` changes its order."""
        order = {
            "account": "demo", "key": key, "sequence": sequence, "version": sequence, "standing": "imported",
            "reason": None, "store": {"id": "1"}, "source_id": key, "number": key, "state": "completed",
            "currency": "EUR", "total": "12.30", "lines": [{"name": "Café", "quantity": "1"}], "payments": [],
            "customer": {"id": "1", "name": "Ana", "email": "ana@tienda.example", "phone": None}, "refunds": [],
        }  # fmt: skip
        return json.dumps({"type": type, "timestamp": datetime.now(UTC).isoformat(), "data": {**order, **data}})

    def post(self, body: str, *, id: str = "", age: int = 0, secret: str = SECRET, **headers: str) -> httpx.Response:
        """A delivery as it is, signed `age` seconds ago; without an id, under one that follows from its body."""
        at = datetime.now(UTC) - timedelta(seconds=age)
        id = id or f"msg_{hash(body)}"
        signed = {
            "webhook-id": id, "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(id, at, body),
        }  # fmt: skip
        return self.client.post("/orders", content=body.encode(), headers={**signed, **headers})

    def send(self, key: str = "a", sequence: int = 1, *, id: str = "", **data: Any) -> httpx.Response:
        """A delivery of an order."""
        return self.post(self.body(key, sequence, **data), id=id or f"{quote(key)}-{sequence}")

    def breaks(self, key: str = "a", sequence: int = 1, **data: Any) -> bool:
        """Whether a delivery ends with a broken connection."""
        try:
            self.send(key, sequence, **data)
        except httpx.TransportError as error:
            return not isinstance(error, httpx.TimeoutException)
        return False

    def get(self, path: str = "/orders", *, token: str = TOKEN, **params: Any) -> httpx.Response:
        """What a reader sees."""
        return self.client.get(path, params=params, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def crm() -> Iterator[Crm]:
    """A CRM that listens."""
    with Crm(SECRET, token=TOKEN, seed=3) as crm:
        yield crm


@pytest.fixture
def sending() -> Iterator[Callable[[str], Sender]]:
    """Makes senders."""
    with ExitStack() as stack:

        def made(url: str) -> Sender:
            sender = Sender(url)
            stack.callback(sender.client.close)
            return sender

        yield made


@pytest.fixture
def sender(crm: Crm, sending: Callable[[str], Sender]) -> Sender:
    """A sender to it."""
    return sending(crm.url)
