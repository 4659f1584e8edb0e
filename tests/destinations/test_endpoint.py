"""The signed endpoint against real servers that behave, and that do not."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

import cuadra
from cuadra import reasons
from cuadra.connectors.trouble import Trouble
from cuadra.destinations.base import Delivered, Destination, Parcel
from cuadra.destinations.endpoint import BODY_LIMIT, Endpoint, refuse_address
from cuadra.destinations.signing import PREFIX, new_secret
from cuadra.errors import UsageError
from cuadra_simulators.woocommerce.server import certificate
from tests.loopback import Call, Resolver, Server, serving

SECRET = new_secret()
HERE = frozenset({"127.0.0.1"})
PARCEL = Parcel("del_0001", "1043/ñ", 7, '{"order":"1043","total":"12.50 €"}'.encode())


def endpoint(server: Server, **more: Any) -> Endpoint:
    return Endpoint(server.url(), SECRET, **{"allowed": HERE, "timeout": 10.0, **more})


def troubled(said: Callable[[Call], None], code: str, **more: Any) -> Trouble:
    """The trouble of a delivery to a server that answers so."""
    with serving(said) as server, endpoint(server, **more) as there:
        return refused(there, code)


def refused(there: Destination, code: str) -> Trouble:
    with pytest.raises(Trouble, match=code) as caught:
        there.deliver(PARCEL)
    assert set(reasons.get(code).evidence) <= set(caught.value.evidence)
    json.dumps(caught.value.evidence)
    return caught.value


def raw(answer: bytes) -> Callable[[Call], None]:
    """Answers with these bytes and hangs up."""

    def said(call: Call) -> None:
        call.wfile.write(answer)
        call.close_connection = True

    return said


@pytest.fixture
def taking() -> Iterator[Server]:
    with serving(lambda call: call.answer(200, b'{"ok": true}')) as server:
        yield server


# ---------------------------------------------------------------- taken


def test_what_arrives_is_what_was_given_and_signed(taking: Server) -> None:
    with endpoint(taking, token="t0ken") as there:
        found = there.deliver(PARCEL)
    assert (found.status, found.answer, found.already, found.visible) == (200, '{"ok": true}', False, None)
    (call,) = taking.calls
    assert (call.command, call.path, call.body) == ("POST", "/in", PARCEL.body)
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"] == f"Cuadra/{cuadra.__version__}"
    assert call.headers["authorization"] == "Bearer t0ken"
    assert call.headers["webhook-id"] == PARCEL.id
    assert Webhook(SECRET).verify(call.body, dict(call.headers.items()))["order"] == "1043"


def test_while_a_secret_is_replaced_it_is_signed_with_both(taking: Server) -> None:
    new = new_secret()
    with Endpoint(taking.url(), f"{new} {SECRET}", allowed=HERE) as there:
        there.deliver(PARCEL)
    for secret in (new, SECRET):
        Webhook(secret).verify(taking.calls[0].body, dict(taking.calls[0].headers.items()))


def test_a_repetition_has_the_same_id(taking: Server) -> None:
    with endpoint(taking) as there:
        there.deliver(PARCEL)
        there.deliver(PARCEL)
    assert [call.headers["webhook-id"] for call in taking.calls] == [PARCEL.id] * 2


def test_a_destination_that_had_it_and_says_so_with_success() -> None:
    with serving(lambda call: call.answer(200, idempotent_replayed="true")) as server, endpoint(server) as there:
        assert there.deliver(PARCEL).already


def test_threads_share_connections(taking: Server) -> None:
    with endpoint(taking) as there, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: there.deliver(PARCEL), range(60)))
    assert {one.status for one in found} == {200}
    assert len(taking.calls) == 60
    assert len(taking.connections) <= 4


def test_what_one_is_told_to_remember_is_forgotten() -> None:
    with serving(lambda call: call.answer(200, set_cookie="node=3; Path=/")) as server, endpoint(server) as there:
        there.deliver(PARCEL)
        there.deliver(PARCEL)
    assert [call.headers["cookie"] for call in server.calls] == [None, None]


# ---------------------------------------------------------------- bodies that misbehave


def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    sent = []

    def huge(call: Call) -> None:
        call.send_response(200)
        call.send_header("Content-Length", str(1 << 40))
        call.end_headers()
        while not call.server.closing.is_set():
            sent.append(call.wfile.write(b"x" * 65536))

    with serving(huge) as server, endpoint(server) as there:
        found = there.deliver(PARCEL)
        assert (found.status, found.answer) == (200, "x" * 500)
        assert there.deliver(PARCEL).status == 200
    assert sum(sent) < 200 * BODY_LIMIT, "it stops, and so does the other side"


def test_a_packed_answer_is_not_unpacked() -> None:
    packed = b"\x1f\x8b" * 99
    with serving(lambda call: call.answer(200, packed, content_encoding="gzip")) as server, endpoint(server) as there:
        assert there.deliver(PARCEL).answer == ""
    assert server.calls[0].headers["accept-encoding"] == "identity"


def test_a_slow_body_changes_nothing_in_what_was_said() -> None:
    def slow(call: Call) -> None:
        call.send_response(201)
        call.send_header("Content-Length", "1000")
        call.end_headers()
        call.wfile.write(b"taken")
        while not call.server.closing.wait(0.02):
            call.wfile.write(b".")

    with serving(slow) as server, endpoint(server, timeout=0.5) as there:
        found = there.deliver(PARCEL)
    assert found.status == 201
    assert found.answer.startswith("taken")


def test_a_body_that_is_cut_off_changes_nothing_in_what_was_said() -> None:
    with serving(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nta")) as server, endpoint(server) as there:
        assert there.deliver(PARCEL).answer == "ta"


# ---------------------------------------------------------------- not taken


def test_a_redirect_is_not_followed(taking: Server) -> None:
    for status in (301, 302, 303, 307, 308):

        def elsewhere(call: Call, status: int = status) -> None:
            call.answer(status, location=taking.url())

        proof = troubled(elsewhere, "destination_rejected").evidence
        assert (proof["address"], proof["code"], proof["scope"]) == (taking.url(), status, "endpoint")
    assert taking.calls == []


def test_a_credential_that_is_refused_is_the_endpoints_matter_and_is_not_repeated_to_us() -> None:
    def echo(call: Call) -> None:
        token = call.headers["authorization"]
        call.answer(401, json.dumps({"error": {"message": f"unknown: {token}"}}).replace("/", "\\/").encode())

    proof = troubled(echo, "destination_rejected", token="t0/ken").evidence
    assert (proof["scope"], proof["message"]) == ("endpoint", "unknown: Bearer •••")


def test_a_field_that_is_refused_is_named() -> None:
    trouble = troubled(lambda call: call.answer(422, b'{"errors":{"email":["is taken"]}}'), "destination_rejected")
    assert (trouble.evidence["field"], trouble.evidence["scope"], trouble.transient) == ("email", "order", False)


def test_a_full_queue_says_when() -> None:
    trouble = troubled(lambda call: call.answer(429, retry_after="30"), "destination_queue_full")
    assert (trouble.wait, trouble.transient) == (30.0, True)


def test_what_is_too_large_is_told_with_its_size() -> None:
    trouble = troubled(lambda call: call.answer(413), "destination_limit_exceeded")
    assert trouble.evidence["value"] == len(PARCEL.body)


def test_an_answer_that_never_comes() -> None:
    trouble = troubled(lambda call: void(call.server.closing.wait()), "destination_unavailable", timeout=0.3)
    assert trouble.transient
    (attempt,) = trouble.evidence["attempts"]
    assert attempt["status"] is None
    assert "ReadTimeout" in trouble.evidence["message"]


def test_headers_that_drip_do_not_keep_a_thread() -> None:
    def dripping(call: Call) -> None:
        call.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not call.server.closing.wait(0.02):
            call.wfile.write(b"x: y\r\n")

    assert troubled(dripping, "destination_unavailable", timeout=0.3).transient


def test_a_reset() -> None:
    def reset(call: Call) -> None:
        call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        call.connection.shutdown(socket.SHUT_RD)
        call.close_connection = True
        call.connection.close()

    assert troubled(reset, "destination_unavailable").transient


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n"]
)
def test_what_is_no_http(answer: bytes) -> None:
    assert troubled(raw(answer), "destination_unavailable").transient


def test_nobody_listens() -> None:
    with serving(lambda call: call.answer(200)) as gone:
        url = gone.url()
    with Endpoint(url, SECRET, allowed=HERE) as there:
        assert "ConnectError" in refused(there, "destination_unavailable").evidence["message"]


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    with serving(lambda call: call.answer(200), tls=pair) as server:
        url = server.url(scheme="https")
        with Endpoint(url, SECRET, allowed=HERE) as there:
            trouble = refused(there, "destination_unavailable")
            assert trouble.transient
            assert "self-signed certificate" in trouble.evidence["message"]
        with Endpoint(url, SECRET, allowed=HERE, verify=ssl.create_default_context(cafile=str(pair[0]))) as there:
            assert there.deliver(PARCEL).status == 200
    assert len(server.calls) == 1


# ---------------------------------------------------------------- asking back


def test_who_cannot_be_asked_is_not(taking: Server) -> None:
    with endpoint(taking) as there:
        assert there.read_back(PARCEL) is None
    assert taking.calls == []


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [(200, b'{"sequence": 7}', True), (200, b'{"sequence": 6}', False), (204, b"", True), (404, b"", False), (410, b"", False)],
)  # fmt: skip
def test_whether_it_can_be_seen(status: int, body: bytes, seen: bool) -> None:
    with (
        serving(lambda call: call.answer(status, body)) as server,
        endpoint(server, read_back=server.url("/orders/{key}?by=cuadra"), token="t0ken") as there,
    ):
        assert there.read_back(PARCEL) is seen
    (call,) = server.calls
    assert (call.command, call.path) == ("GET", "/orders/1043%2F%C3%B1?by=cuadra")
    assert call.headers["authorization"] == "Bearer t0ken"
    assert call.headers["webhook-id"] != PARCEL.id
    Webhook(SECRET).verify(b"", dict(call.headers.items()), json_parse=False)


def test_who_does_not_say_has_not_said() -> None:
    with serving(lambda call: call.answer(503)) as server:
        there = endpoint(server, read_back=server.url("/orders/{key}"))
        with there, pytest.raises(Trouble, match="destination_unavailable"):
            there.read_back(PARCEL)


@pytest.mark.parametrize(("look", "compared"), [(200, {"found": True}), (404, {"found": False}), (500, None)])
def test_what_it_has_already_is_looked_at(look: int, compared: object) -> None:
    with (
        serving(lambda call: call.answer(409 if call.command == "POST" else look)) as server,
        endpoint(server, read_back=server.url("/orders/{key}")) as there,
    ):
        assert refused(there, "destination_has_it_already").evidence["compared"] == compared
    assert troubled(lambda call: call.answer(409), "destination_has_it_already").evidence["compared"] is None


# ---------------------------------------------------------------- addresses and credentials


def test_a_resolver_that_changes_its_mind_gains_nothing(taking: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, crm_example=[["1.1.1.1"], ["127.0.0.1"]])
    url = taking.url(host="crm.example", scheme="https")
    refuse_address(url)
    with Endpoint(url, SECRET) as there:
        message = refused(there, "destination_unavailable").evidence["message"]
    assert message == "crm.example is in a private network (127.0.0.1), and is not among the allowed hosts"
    assert taking.connections == set()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "write it as https"),
        ("crm.example/in", "write it as https"),
        ("ftp://crm.example/in", "write it as https"),
        ("https:///in", "write it as https"),
        ("https://crm.example:port/in", "no address of a destination"),
        ("https://ana:s3cr3t@crm.example/in", "a user or a password"),
        ("http://crm.example/in", "crm.example would get orders unencrypted"),
        ("http://127.0.0.1/in", "127.0.0.1 would get orders unencrypted"),
        ("https://169.254.169.254/in", r"private network \(169.254.169.254\)"),
        ("https://[::1]/in", r"private network \(\[?::1"),
        ("https://[::ffff:10.0.0.1]/in", "private network"),
    ],
)
def test_an_address_that_cannot_work_is_refused_at_once(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        Endpoint(url, SECRET)
    assert "s3cr3t" not in str(caught.value)


def test_an_address_is_looked_up_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, crm_example=[["10.0.0.1"]], gone_example=[[]])
    with pytest.raises(UsageError, match=r"crm.example is in a private network \(10.0.0.1\)"):
        refuse_address("https://crm.example/in")
    refuse_address("http://crm.example/in", frozenset({"CRM.example"}))
    with pytest.raises(UsageError, match="not known"):
        refuse_address("https://gone.example/in")


@pytest.mark.parametrize(
    "template",
    ["https://crm.example/orders", "https://{key}.example/", "https://crm.example/#{key}", "https://a:{key}@b/"],
)
def test_an_address_to_read_back_from_has_a_place_for_the_order(template: str) -> None:
    with pytest.raises(UsageError):
        Endpoint("https://crm.example/in", SECRET, read_back=template)


def test_an_address_to_read_back_from_is_judged_alike() -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        Endpoint("https://crm.example/in", SECRET, read_back="http://crm.example/{key}")


@pytest.mark.parametrize("token", ["t0k\nen", "ñandú", " t0ken", "t0ken\0"])
def test_a_token_that_no_header_carries_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(UsageError, match="token") as caught:
        Endpoint("https://crm.example/in", SECRET, token=token)
    assert token not in str(caught.value)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 24"):
        Endpoint("https://crm.example/in", PREFIX + base64.b64encode(b"x" * 16).decode())


def test_allowed_hosts_are_names() -> None:
    with pytest.raises(UsageError, match="allowed hosts"):
        Endpoint("https://crm.example/in", SECRET, allowed=frozenset({"http://x:y"}))


def test_it_is_a_destination(taking: Server) -> None:
    it: Destination = endpoint(taking)
    assert isinstance(it.deliver(PARCEL), Delivered)
    it.close()


def void(_: object) -> None:
    """Of a value that nobody wants."""
