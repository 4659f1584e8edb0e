"""What an answer of a shop means: recorded ones, and those of whatever stands in front of a shop."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from cuadra import reasons
from cuadra.connectors import http
from cuadra.connectors.http import Http, Pace, general
from cuadra.connectors.trouble import Answer, Trouble
from cuadra.connectors.woocommerce.client import Client, judge
from cuadra.errors import UsageError
from cuadra_simulators.woocommerce import Shop

BASE = "https://tienda.example/wp-json/wc/v3"


def meaning(answer: Answer) -> Trouble | None:
    trouble = general(answer) or judge(answer)
    if trouble is not None:
        assert set(reasons.get(trouble.reason).evidence) <= set(trouble.evidence)
    return trouble


def recorded_one(shared: Path, name: str) -> Answer:
    found = json.loads((shared / "platforms" / "captures" / "woocommerce-9.2.5" / f"{name}.json").read_text("utf-8"))
    asked = found["request"]
    path = asked["url"].partition("/wp-json/wc/v3")[2].partition("?")[0]
    headers = {key.lower(): value for key, value in found["headers"]}
    body = found["body_raw"].encode()
    return Answer(found["status"], headers, body, asked["method"], BASE + path, "2026-11-21T20:18:09+00:00")


@pytest.mark.parametrize(
    ("name", "reason", "part"),
    [
        ("errors/401_wrong_key", "credentials_invalid", {}),
        ("errors/401_right_key_wrong_secret", "credentials_invalid", {}),
        ("errors/readonly_key_POST", "credentials_invalid", {}),  # only a look whether the key reads can tell
        ("errors/customer_owned_key_GET_orders", "scope_missing", {"permission": "read orders"}),
        ("errors/customer_owned_key_GET_products", "scope_missing", {"permission": "read products"}),
        ("errors/404_order", "not_found_at_source", {"asked_at": "2026-11-21T20:18:09+00:00"}),
        ("errors/put_unknown_order", "not_found_at_source", {"answer": "woocommerce_rest_shop_order_invalid_id"}),
        ("refunds/refund_on_wrong_order", "not_found_at_source", {}),
        ("errors/404_route", "source_address_changed", {"address": None}),
        ("errors/400_invalid_status", "destination_rejected", {"code": "rest_invalid_param", "field": "status"}),
        ("errors/400_customer_unknown", "destination_rejected", {"field": None}),
        ("errors/refund_too_big", "destination_rejected", {"status": 500}),
        ("orders_list/orderby_bogus", "internal_error", {"step": "GET orders"}),
        ("site_failures/fatal_error_in_a_plugin", "source_unavailable", {"status": 500}),
        ("site_failures/maintenance_mode", "source_unavailable", {"status": 503}),
    ],
)  # fmt: skip
def test_what_a_real_shop_said(shared: Path, name: str, reason: str, part: dict[str, Any]) -> None:
    trouble = meaning(recorded_one(shared, name))
    assert trouble is not None
    assert (trouble.reason, {key: trouble.evidence[key] for key in part}) == (reason, part)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"[]", None),
        (301, b"", "source_address_changed"),
        (403, b"<title>Just a moment...</title>", "source_blocked_by_firewall"),
        (406, b"<h1>Not Acceptable!</h1>", "source_blocked_by_firewall"),
        (501, b"<h1>Method Not Implemented</h1>", "source_blocked_by_firewall"),
        (401, b'{"code":"rest_cannot_access","message":"DRA"}', "source_blocked_by_firewall"),
        (401, b'{"code":"rest_forbidden","message":"x"}', "credentials_invalid"),
        (404, b"<!DOCTYPE html>", "source_address_changed"),
        (408, b"", "source_timeout"),
        (429, b"slow down", "source_rate_limited"),
        (500, b"<h1>500</h1>", "source_unavailable"),
        (522, b"connection timed out", "source_unavailable"),
    ],
)  # fmt: skip
def test_what_stands_in_front_of_a_shop_says(status: int, body: bytes, reason: str | None) -> None:
    trouble = meaning(Answer(status, {"location": "https://otra.example/"}, body, url=f"{BASE}/orders"))
    assert (trouble and trouble.reason) == reason


def test_a_wrong_key_that_writes_is_a_wrong_key() -> None:
    with Shop(orders=1) as shop:
        client = Client(shop.url, shop.key.consumer_key, "cs_otro", pace=Pace(1000), private=True)
        with client.http, pytest.raises(Trouble, match="credentials_invalid"):
            client.http.send("PUT", "orders/1", {"status": "completed"})


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize(
    ("number", "reason"), [(socket.EAI_NONAME, "source_address_changed"), (socket.EAI_AGAIN, "source_unavailable")]
)
def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch, number: int, reason: str, private: bool) -> None:
    def nowhere(*_: Any, **__: Any) -> None:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    monkeypatch.setattr(http, "PATIENCE", http.Patience(first_pause=0))
    with Http(BASE, judge, pace=Pace(1000), private=private) as there, pytest.raises(Trouble, match=reason) as caught:
        there.get("orders")
    assert set(reasons.get(reason).evidence) <= set(caught.value.evidence)


def test_a_neighbour_is_nobodys_shop() -> None:
    with pytest.raises(UsageError, match="private=yes"):
        Http("http://127.0.0.1:1", judge, pace=Pace(1000))
