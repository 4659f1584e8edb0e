"""Only addresses that were judged are called, whatever a resolver says a moment later."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuadra.connectors.http import Http, Pace
from cuadra.connectors.network import (
    NOBODY,
    Allowed,
    Guarded,
    PrivateAddress,
    host_name,
    is_public,
    look_up,
    within,
)
from cuadra.connectors.trouble import Trouble
from cuadra.errors import UsageError
from cuadra_simulators.woocommerce.server import certificate
from tests.loopback import Call, Resolver, Server, serving

OUT_THERE = "1.1.1.1"


def fine(call: Call) -> None:
    call.answer(200, b"[]")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(fine) as it:
        yield it


def client(allowed: Allowed = NOBODY, verify: bool | ssl.SSLContext = True) -> httpx.Client:
    return httpx.Client(transport=Guarded(allowed=allowed, verify=verify), trust_env=False, timeout=10)


# ---------------------------------------------------------------- which address is whose


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.3", "::1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "100.64.0.1", "100.127.255.255", "224.0.0.1",
        "239.1.1.1", "ff02::1", "ff0e::1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "192.88.99.1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::", "2002:c0a8:101::1", "2001::1", "2001:db8::1",
        "3fff::1", "5f00::1", "100::1",
    ],
)  # fmt: skip
def test_what_is_not_out_there(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
     "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_what_is_out_there(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4).filter(lambda ip: not is_public(str(ip))))
def test_a_private_address_in_another_dress_is_private(ip: object) -> None:
    number = int(ip)  # type: ignore[call-overload]
    high, low = number >> 16, number & 0xFFFF
    for dress in (f"::ffff:{ip}", f"::{ip}", f"64:ff9b::{high:x}:{low:x}", f"2002:{high:x}:{low:x}::1"):
        assert not is_public(dress)


@pytest.mark.parametrize(
    ("name", "host"),
    [("CRM.Example.", "crm.example"), ("[::1]", "::1"), ("::1", "::1"), ("mañana.example", "xn--maana-pta.example")],
)
def test_names_are_compared_in_one_form(name: str, host: str) -> None:
    assert host_name(name) == host


# ---------------------------------------------------------------- looking up


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "::1", "localhost"])
def test_loopback_is_found_in_every_spelling(host: str) -> None:
    with pytest.raises(PrivateAddress):
        look_up(host, 443)


def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, shop_example=[[OUT_THERE, "10.0.0.1"]])
    with pytest.raises(PrivateAddress) as caught:
        look_up("shop.example", 443)
    assert (caught.value.host, caught.value.ip) == ("shop.example", "10.0.0.1")
    assert look_up("shop.example", 443, frozenset({"shop.example"})) == [OUT_THERE, "10.0.0.1"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "tienda..example"])
def test_what_is_no_name_leads_nowhere(host: str) -> None:
    with pytest.raises(OSError):
        look_up(host, 443)


# ---------------------------------------------------------------- connecting


def test_a_private_address_needs_leave_by_name(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, crm_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with client(frozenset({"crm.example"})) as http:
        assert http.get(server.url(host="CRM.example")).status_code == 200
        for host in ("other.example", "127.0.0.1"):
            with pytest.raises(PrivateAddress, match=host):
                http.get(server.url(host=host))
    assert [call.headers["host"] for call in server.calls] == [f"crm.example:{server.server_port}"]


def test_every_new_connection_is_judged_and_the_name_is_looked_up_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(monkeypatch, crm_example=[["127.0.0.1"]])
    with client(frozenset({"crm.example"})) as http:
        for _ in range(3):
            http.get(server.url(host="crm.example"))
        assert resolver.asked == ["crm.example"]  # the second and third went over the same connection
        http.get(server.url(host="crm.example"), headers={"Connection": "close"})
        http.get(server.url(host="crm.example"))
    assert resolver.asked == ["crm.example"] * 2


def test_a_resolver_that_changes_its_mind_gains_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Public while the address is looked at, ours when it is called."""
    resolver = Resolver(monkeypatch, shop_example=[[OUT_THERE], ["127.0.0.1"]])
    shop = Http(server.url(host="shop.example"), lambda _: None, pace=Pace(1000))
    with shop, pytest.raises(UsageError, match=r"^shop.example is in a private network \(127.0.0.1\); set private=yes"):
        shop.get("orders")
    assert resolver.asked == ["shop.example"] * 2
    assert server.calls == []
    assert server.connections == set()


def test_a_name_that_is_gone_later_is_another_address(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, shop_example=[[OUT_THERE], []])
    shop = Http(server.url(host="shop.example"), lambda _: None, pace=Pace(1000))
    with shop, pytest.raises(Trouble, match="source_address_changed"):
        shop.get("orders")


def test_a_redirect_inwards_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(fine) as inner, serving(lambda call: call.answer(302, location=inner.url())) as outer:
        Resolver(monkeypatch, shop_example=[["127.0.0.1"]])
        shop = Http(outer.url(host="shop.example"), lambda _: None, pace=Pace(1000), private=True)
        with shop, pytest.raises(Trouble, match="source_address_changed"):
            shop.get("orders")
        assert inner.calls == []


def test_the_next_address_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, crm_example=[["127.0.0.2", "127.0.0.1"]])  # the server listens on the second one only
    with client(frozenset({"crm.example"})) as http:
        assert http.get(server.url(host="crm.example")).status_code == 200


def test_nobody_there_is_a_connect_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, crm_example=[["127.0.0.1", "127.0.0.2"]])
    with serving(fine) as gone:
        url = gone.url(host="crm.example")
    with client(True) as http, pytest.raises(httpx.ConnectError):
        http.get(url)


def test_a_socket_of_this_machine_is_nobodys_address() -> None:
    backend = Guarded()._pool._network_backend
    assert backend is not None
    with pytest.raises(httpcore.UnsupportedProtocol):
        backend.connect_unix_socket("/run/docker.sock")


def test_the_name_decides_whose_certificate_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = certificate(tmp_path)
    ours = ssl.create_default_context(cafile=str(pair[0]))
    Resolver(monkeypatch, localhost=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with serving(fine, tls=pair) as server:
        with client(True, ours) as http:
            assert http.get(server.url(host="localhost", scheme="https")).status_code == 200
            with pytest.raises(httpx.ConnectError, match=r"other\.example"):
                http.get(server.url(host="other.example", scheme="https"))
        with client(True) as http, pytest.raises(httpx.ConnectError, match="self-signed"):
            http.get(server.url(host="localhost", scheme="https"))


def test_one_byte_now_and_then_does_not_keep_anybody(tmp_path: Path) -> None:
    def dripping(call: Call) -> None:
        call.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not call.server.closing.wait(0.02):
            call.wfile.write(b"x: y\r\n")
            call.wfile.flush()

    for tls in (None, certificate(tmp_path)):
        with (
            serving(dripping, tls=tls) as server,
            client(True, verify=False) as http,
            within(0.3),
            pytest.raises(httpx.ReadTimeout),
        ):
            http.get(server.url(scheme="https" if tls else "http"))


def test_time_that_is_over_is_over(server: Server) -> None:
    with client(True) as http:
        with within(0), pytest.raises(httpx.TimeoutException):
            http.get(server.url())
        assert http.get(server.url()).status_code == 200
