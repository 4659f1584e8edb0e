"""What a CRM that works well makes of deliveries: signatures, repetitions, order of arrival, content, reading back."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from cuadra_simulators.crm import Crm
from tests.simulators.crm.conftest import SECRET, Sender

OTHER = "whsec_c2VjcmV0LW9mLXNvbWVib2R5LWVsc2U="


def test_a_fresh_delivery_is_stored_and_read_back(crm: Crm, sender: Sender) -> None:
    assert sender.send("shop/1 ñ", 1, reason="seen").status_code == 201
    read = sender.get("/orders/shop%2F1%20%C3%B1").json()
    assert (read["key"], read["sequence"], read["version"]) == ("shop/1 ñ", 1, 1)
    assert (read["standing"], read["type"]) == ("imported", "order.present")
    assert read["data"] == crm.orders["shop/1 ñ"].data == json.loads(sender.body("shop/1 ñ", 1, reason="seen"))["data"]
    canonical = json.dumps(read["data"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert read["digest"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_repetition_changes_nothing(crm: Crm, sender: Sender) -> None:
    sender.send("a", 1)
    again = sender.send("a", 1, total="99.00", id="a-1")
    assert (again.status_code, again.json()) == (200, {"duplicate": True})
    assert crm.orders["a"].data["total"] == "12.30"
    assert (crm.counts.duplicates, crm.counts.out_of_order, crm.counts.deliveries["a-1"]) == (1, 0, 2)


def test_the_greatest_sequence_stays(crm: Crm, sender: Sender) -> None:
    assert sender.send("a", 2).status_code == 201
    assert sender.send("a", 5, type="order.withdrawn", standing="withdrawn", total=None).status_code == 201
    for sequence, regressions in ((4, 1), (5, 1), (1, 2)):
        late = sender.send("a", sequence, id=f"late-{sequence}")
        assert (late.status_code, late.json()) == (200, {"applied": False, "sequence": 5})
        assert crm.counts.regressions == regressions
    assert sender.send("a", 4, id="late-4").json() == {"duplicate": True}
    assert (crm.orders["a"].sequence, crm.orders["a"].type) == (5, "order.withdrawn")
    assert crm.counts.out_of_order == 3
    assert crm.counts.received == {201: 2, 200: 4}


@pytest.mark.parametrize("age", [0, 290, -290])
def test_a_signature_holds_for_five_minutes(sender: Sender, age: int) -> None:
    assert sender.post(sender.body(), age=age).status_code == 201


@pytest.mark.parametrize("age", [310, -310])
def test_a_time_too_far_away_is_no_signature(crm: Crm, sender: Sender, age: int) -> None:
    assert sender.post(sender.body(), age=age).status_code == 401
    assert crm.counts.bad_signatures == 1
    assert not crm.orders


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": "another"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "now"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v2,AAAA v1a,AAAA ,"},
    ],
)
def test_a_delivery_whose_headers_were_changed_is_not_taken(crm: Crm, sender: Sender, headers: dict[str, str]) -> None:
    answer = sender.post(sender.body(), **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "signature")
    assert crm.counts.bad_signatures == 1
    assert not crm.orders


def test_a_signature_by_another_secret_is_not_taken(crm: Crm, sender: Sender) -> None:
    assert sender.post(sender.body(), secret=OTHER).status_code == 401
    assert crm.counts.received == {401: 1}


def test_one_good_signature_among_several_is_enough(sender: Sender) -> None:
    body = sender.body()
    good = sender.post(body, id="m").request.headers
    assert Webhook(SECRET).verify(body, dict(good)) is not None
    several = f"v1,AAAA v1a,BBBB {good['webhook-signature']}"
    repeated = {**{name: good[name] for name in ("webhook-id", "webhook-timestamp")}, "webhook-signature": several}
    assert sender.post(body, **repeated).json() == {"duplicate": True}


@pytest.mark.parametrize("secret", ["", "whsec_", "c2VjcmV0", "whsec_ñ", "whsec_a"])
def test_a_secret_is_whsec_and_base64(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        Crm(secret)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"customer": {"email": "ana"}}, "email"),
        ({"customer": {"email": "ana@tienda"}}, "email"),
        ({"customer": {"email": "ana@@tienda.example"}}, "email"),
        ({"customer": {"email": ""}}, "email"),
        ({"customer": {"email": "ana@EXAMPLE.test"}}, "email"),
        ({"customer": {"email": 3}}, "email"),
        ({"total": "12,30"}, "total"),
        ({"total": 12.3}, "total"),
        ({"key": ""}, "key"),
        ({"sequence": 0}, "sequence"),
        ({"lines": {}}, "lines"),
        ({"type": "order.other"}, "type"),
    ],
)
def test_content_is_looked_at(crm: Crm, sender: Sender, data: dict[str, Any], field: str) -> None:
    crm.change(refused_domains={"Example.test"})
    answer = sender.post(sender.body(**data))
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert not crm.orders
    assert sender.post(sender.body(customer=None)).status_code == 201


def test_what_was_refused_may_come_again_corrected_under_its_id(crm: Crm, sender: Sender) -> None:
    assert sender.send("a", 1, customer={"email": "ana"}).status_code == 422
    assert sender.send("a", 1).status_code == 201
    assert crm.counts.duplicates == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("", 400), ('"\\ud800"', 400), ("{}", 422), ("[]", 422), ('{"type": "order.present"}', 422)],
)
def test_a_body_that_is_no_delivery_is_refused(sender: Sender, body: str, status: int) -> None:
    assert sender.post(body).status_code == status


def test_a_body_may_be_too_large(crm: Crm, sender: Sender) -> None:
    crm.change(body_limit=len(sender.body().encode()))
    assert sender.send("a", 1).status_code == 201
    assert sender.send("a", 2, number="a1").status_code == 413
    assert crm.orders["a"].sequence == 1


def test_an_order_may_exist_by_other_means(crm: Crm, sender: Sender) -> None:
    crm.change(exists={"a"})
    answer = sender.send("a")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "exists")
    assert sender.send("b").status_code == 201
    assert sender.get("/orders/a").status_code == 404


def test_orders_are_listed_by_key(crm: Crm, sender: Sender) -> None:
    keys = ["b", "ñ", "Z", "a/1", "a"]
    for key in keys:
        sender.send(key)
    read, after = [], ""
    while True:
        page = sender.get(after=after, limit=2).json()
        assert len(page["orders"]) <= 2
        read += page["orders"]
        if page["next"] is None:
            break
        after = page["next"]
    assert [order["key"] for order in read] == sorted(keys)
    assert {order["key"]: order["digest"] for order in read} == {key: crm.orders[key].digest for key in keys}
    assert "data" not in read[0]


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1"])
def test_a_page_has_bounds(sender: Sender, limit: str) -> None:
    assert sender.get(limit=limit).status_code == 400


def test_readers_need_the_token(crm: Crm, sender: Sender) -> None:
    sender.send("a")
    assert sender.get("/orders/a", token="other").status_code == 401
    assert sender.client.get("/orders").status_code == 401
    assert sender.get("/orders/b").status_code == 404
    assert sender.get("/other").status_code == 404
    assert sender.client.delete("/orders/a", headers={"Authorization": "Bearer reader"}).status_code == 405
    with Crm(SECRET) as open_to_all:
        assert sender.client.get(f"{open_to_all.url}/orders").json() == {"orders": [], "next": None}


def test_reads_may_lag_behind_what_is_stored(sending: Callable[[str], Sender]) -> None:
    passed = 0.0
    with Crm(SECRET, token="reader", now=lambda: time() + passed) as crm:
        sender = sending(crm.url)
        sender.send("a", 1)
        crm.change(visible_after=100)
        for sequence in (2, 3):
            sender.send("a", sequence)
            sender.send("b", sequence)
            passed += 60

        def shown() -> dict[str, int]:
            return {order["key"]: order["sequence"] for order in sender.get().json()["orders"]}

        assert shown() == {"a": 2, "b": 2}
        passed -= 60
        assert shown() == {"a": 1}
        assert sender.get("/orders/b").status_code == 404
        assert {key: order.sequence for key, order in crm.orders.items()} == {"a": 3, "b": 3}
        passed += 120
        assert shown() == {"a": 3, "b": 3}


def test_the_same_delivery_many_times_at_once_is_taken_once(crm: Crm, sender: Sender) -> None:
    gate = threading.Barrier(8)

    def send(_: int) -> int:
        gate.wait()
        return sender.send("a", 1).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == [200] * 7 + [201]
    assert crm.counts.duplicates == 7


def test_a_connection_is_kept(crm: Crm) -> None:
    port = int(crm.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        both = b"GET /orders HTTP/1.1\r\nAUTHORIZATION: Bearer reader\r\n\r\n" * 2
        raw.sendall(both.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n")
        read = b""
        while part := raw.recv(4096):
            read += part
    assert read.count(b"HTTP/1.1 200 OK\r\n") == 2


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"\r\nGET /orders HTTP/1.0\r\nAuthorization: Bearer reader\r\n\r\n", b"200"),
        (b"POST /orders HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", b"100"),
    ],
)
def test_http_is_read_with_care(crm: Crm, head: bytes, status: bytes) -> None:
    port = int(crm.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(head)
        read = b""
        while part := raw.recv(4096):
            read += part
    assert read.split()[1] == status


def test_clients_may_leave_in_the_middle(crm: Crm, sender: Sender) -> None:
    port = int(crm.url.rpartition(":")[2])
    for part in (
        b"",
        b"POST /orders",
        b"POST /orders HTTP/1.1\r\nCont",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(part)
    assert sender.send("a").status_code == 201
    assert crm.counts.received == {201: 1}


def test_stopping_closes_what_is_open_and_loses_nothing(crm: Crm, sender: Sender) -> None:
    sender.send("a")
    url = crm.url
    crm.stop()
    assert sender.breaks("b")
    crm.start()
    assert crm.url == url
    assert sender.send("a").json() == {"duplicate": True}
    assert list(crm.orders) == ["a"]
