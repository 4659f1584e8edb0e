"""Requests that a real shop sent, and others that pretend to be such."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cuadra.connectors.woocommerce.hooks import Delivery, Ping, Rejected, genuine, judge
from cuadra.model import Entity

SECRET = "secreto-de-prueba-123"


def deliveries(shared: Path) -> list[tuple[dict[str, str], bytes]]:
    path = shared / "platforms" / "captures" / "woocommerce-9.2.5" / "webhooks" / "ALL_DELIVERIES.jsonl"
    found = []
    for line in path.read_text("utf-8").splitlines():
        one = json.loads(line)
        listed = one["headers"].items() if isinstance(one["headers"], dict) else one["headers"]
        found.append(({name.lower(): value for name, value in listed}, base64.b64decode(one["body_b64"])))
    return found


def test_the_published_vector() -> None:
    assert genuine(b'{"id":3187}', "demo-webhook-secret", "Mz17z2xeECxzK1BgaCZdaqd3CY9fglFNV9Es1qe39lw=")
    assert not genuine(b'{"id":3188}', "demo-webhook-secret", "Mz17z2xeECxzK1BgaCZdaqd3CY9fglFNV9Es1qe39lw=")


def test_recorded_deliveries_are_genuine_and_pings_are_pings(shared: Path) -> None:
    found: Counter[str] = Counter()
    for headers, body in deliveries(shared):
        result = judge(headers, body, SECRET, headers.get("x-wc-webhook-source", ""))
        found[type(result).__name__] += 1
    assert found["Ping"] > 30
    assert found["Delivery"] > 190
    # those whose webhook had another secret on purpose
    assert found["Rejected"] <= 20


@pytest.fixture
def genuine_one(shared: Path) -> tuple[dict[str, str], bytes]:
    return next((h, b) for h, b in deliveries(shared) if h.get("x-wc-webhook-topic") == "order.updated"
                and isinstance(judge(h, b, SECRET, h["x-wc-webhook-source"]), Delivery))  # fmt: skip


def test_what_a_delivery_says_of_itself(genuine_one: tuple[dict[str, str], bytes]) -> None:
    headers, body = genuine_one
    assert judge(headers, body, SECRET, headers["x-wc-webhook-source"]) == Delivery(
        Entity.ORDER, "order.updated", headers["x-wc-webhook-id"]
    )


@pytest.mark.parametrize(
    "change", [lambda h, b: (h, b + b" "), lambda h, b: ({**h, "x-wc-webhook-signature": "x"}, b),
               lambda h, b: ({k: v for k, v in h.items() if k != "x-wc-webhook-signature"}, b),
               lambda h, b: ({**h, "x-wc-webhook-signature": "ñ"}, b)],
    ids=["another byte", "wrong", "none", "no ASCII"],
)  # fmt: skip
def test_another_signature_is_refused(genuine_one: tuple[dict[str, str], bytes], change: Any) -> None:
    headers, body = change(*genuine_one)
    result = judge(headers, body, SECRET, genuine_one[0]["x-wc-webhook-source"])
    assert isinstance(result, Rejected)
    assert result.reason == "signature_invalid"


def test_a_copy_of_the_shop_is_another_shop(genuine_one: tuple[dict[str, str], bytes]) -> None:
    headers, body = genuine_one
    result = judge(headers, body, SECRET, "https://tienda.example/")
    assert isinstance(result, Rejected)
    assert result.reason == "store_unexpected"


def test_a_ping_is_a_form_and_nothing_else() -> None:
    assert judge({}, b"webhook_id=12", SECRET, "x") == Ping()
    assert isinstance(judge({}, b"webhook_id=12&x=1", SECRET, "x"), Rejected)
    assert isinstance(judge({}, b'{"webhook_id":12}', SECRET, "x"), Rejected)
