"""The connection test says what is wrong in words, in every way a shop can be wrong, and writes nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cuadra.connectors.base import Finding, Place
from cuadra.connectors.examining import answering
from cuadra.connectors.trouble import Trouble
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.connectors.woocommerce.explain import explain
from cuadra.connectors.woocommerce.reach import reach
from cuadra.errors import UsageError
from cuadra.faces.cli.simulated import any_port
from cuadra_simulators.woocommerce import ARGENTINA, Shop
from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.model import ApiKey
from tests.connectors.shops import opened, secrets, settings

RUNNING: dict[str, Any] = {"orders": 12, "customers": 4}


@pytest.fixture(params=[False, True], ids=["http", "tls"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop over plain HTTP, and the same over TLS."""
    with Shop(1, tls=request.param, clock=Clock(running=True), **RUNNING) as made:
        yield made


@pytest.fixture
def plain() -> Iterator[Shop]:
    with Shop(1, clock=Clock(running=True), **RUNNING) as made:
        yield made


def look(shop: Shop, key: ApiKey | None = None, address: str | None = None, **more: Any) -> list[Finding]:
    """The findings of a test that has written nothing: neither orders nor webhooks are others than before."""
    shop.subscribe("order.updated", "https://somebody.example/", secret="s")
    before = shop.truth.orders(), deepcopy(shop.world.webhooks), shop.deliveries
    began = time.monotonic()
    with closing(opened(shop, key, **more)) as open_shop:
        found = list(open_shop.examine(address))
    assert time.monotonic() - began < 60
    shop.deliver()
    assert (shop.truth.orders(), shop.world.webhooks, shop.deliveries) == before
    return found


def said(found: list[Finding], good: bool | None = False) -> list[str]:
    return [one.text.format(**one.values) for one in found if one.good is good]


def only(found: list[Finding], reason: str) -> str:
    """The one failure there is, for this reason."""
    bad = [one for one in found if one.good is False]
    assert [one.reason for one in bad] == [reason]
    return said(found)[0]


# ---------------------------------------------------------------- the key


def test_a_good_key_finds_everything_in_order(shop: Shop) -> None:
    found = look(shop)
    assert said(found) == []
    good = said(found, True)
    assert f"{shop.url} answers, and knows the key" in good
    for text in ("Orders can be read", "Products can be read", "Customers can be read", "Webhooks can be read",
                 "Orders can be given a state", "Webhooks can be asked for", "Changes since a moment can be listed",
                 "WooCommerce 9.2.5 on WordPress 6.6.4", "Currency ARS, 2 decimals",
                 "Time zone America/Argentina/Buenos_Aires"):  # fmt: skip
        assert text in good
    assert any("plain HTTP" in text for text in said(found, None)) is shop.url.startswith("http:")


def test_a_sample_order_is_read_to_its_end_and_nobody_is_named(shop: Shop) -> None:
    found = look(shop)
    newest = max(shop.truth.orders().values(), key=lambda order: (order.created, order.id))
    text = next(text for text in said(found, True) if text.startswith("Order "))
    assert text == (f"Order {newest.id} was read to its end: {newest.status}, {newest.total} ARS, {len(newest.lines)} "
                    "lines")  # fmt: skip
    everything = " ".join(one.text.format(**one.values) for one in found)
    for order in shop.truth.orders().values():
        assert order.email not in everything
        assert order.name not in everything


def test_a_shop_without_orders_has_no_sample() -> None:
    with Shop(1, orders=0, clock=Clock(running=True)) as shop:
        found = look(shop)
    assert said(found) == []
    assert "There is no order to try reading" in said(found, None)


def test_an_order_that_cannot_be_read_is_a_failure(plain: Shop) -> None:
    newest = max(plain.world.orders.values(), key=lambda order: (order.created, order.id))
    newest.total = Decimal(10) ** 20
    found = look(plain)
    assert only(found, "field_format_invalid").startswith(f"Order {newest.id} cannot be read: ")


def test_a_key_for_reading_lacks_writing(shop: Shop) -> None:
    assert "may only read" in only(look(shop, shop.read_key), "scope_missing")


def test_a_key_for_writing_lacks_everything_else(shop: Shop) -> None:
    found = look(shop, shop.write_key)
    bad = said(found)
    assert {one.reason for one in found if one.good is False} == {"scope_missing"}
    for what in ("orders: it is for writing only", "products", "customers", "webhooks"):
        assert any(f"may not read {what}" in text for text in bad)
    assert "Orders can be given a state" in said(found, True)
    assert not any("There is no order" in text for text in said(found, None))


def test_a_key_of_a_user_without_rights_lacks_all(shop: Shop) -> None:
    found = look(shop, shop.powerless_key)
    assert len(said(found)) == 6
    assert {one.reason for one in found if one.good is False} == {"scope_missing"}
    assert any("shop manager" in text for text in said(found))
    assert any("system status" in text for text in said(found, None))


def test_a_user_who_loses_his_rights_takes_them_from_the_key(plain: Shop) -> None:
    plain.demote(plain.admin)
    assert len(said(look(plain))) == 6


def test_a_revoked_key_is_not_known(shop: Shop) -> None:
    shop.revoke(shop.key)
    text = only(look(shop), "credentials_invalid")
    assert ("does not know the key" if shop.ca else "refuses the key") in text


def test_a_wrong_secret_is_refused(shop: Shop) -> None:
    wrong = replace(shop.key, consumer_secret="cs_wrong")
    assert "refuses the key" in only(look(shop, wrong), "credentials_invalid")


def test_without_credentials_the_shop_is_not_even_opened(plain: Shop) -> None:
    half = secrets(plain.key)
    del half["consumer_secret"]
    with pytest.raises(UsageError, match="consumer_secret is missing"):
        WooCommerceConnector().open(settings(plain), Place("ARS", "UTC", Path("/nonexistent"), half))


# ---------------------------------------------------------------- clocks


def test_a_clock_that_is_wrong_is_proven_by_signing_with_it() -> None:
    clock = Clock(running=True)
    clock.skew = 3600
    with Shop(1, clock=clock, **RUNNING) as shop:
        text = only(look(shop), "credentials_invalid")
        assert "clock is 60 minutes away" in text
        shop.revoke(shop.key)
        assert "refuses the key" in only(look(shop), "credentials_invalid")


def test_over_tls_a_wrong_clock_is_a_remark() -> None:
    clock = Clock(running=True)
    clock.skew = -3600
    with Shop(1, clock=clock, tls=True, **RUNNING) as shop:
        found = look(shop)
    assert said(found) == []
    assert any("clock is 60 minutes away" in text for text in said(found, None))


# ---------------------------------------------------------------- what stands in between


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        ("plugin_off", "source_address_changed", "the plugin is switched off"),
        ("plain_permalinks", "source_address_changed", "plain permalinks"),
        ("maintenance", "source_unavailable", "in maintenance"),
        ("firewall", "source_blocked_by_firewall", "status 403"),
        ("too_many", "source_rate_limited", "«pace»"),
        ("fatal", "source_unavailable", "status 500"),
        ("error_500", "source_unavailable", "status 500"),
        ("php_warning", "payload_unreadable", "<b>Warning</b>"),
        ("cut_body", "payload_unreadable", "no JSON"),
    ],
)
def test_what_stands_in_between_is_named(shop: Shop, fault: str, reason: str, words: str) -> None:
    shop.faults.add(fault)
    assert words in only(look(shop), reason)


def test_a_fault_in_the_middle_ends_the_test_with_what_was_found(plain: Shop) -> None:
    plain.faults.add("firewall", path="system_status")
    found = look(plain)
    assert "Orders can be read" in said(found, True)
    assert only(found, "source_blocked_by_firewall")
    assert found[-1].text.startswith("No address for notices")


def test_slow_shops_do_not_hold_anybody(plain: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuadra.connectors.woocommerce.examine.CALL_SECONDS", 0.3)
    plain.faults.add("timeout", seconds=5)
    began = time.monotonic()
    assert only(look(plain), "source_timeout").startswith("The shop did not answer within")
    assert time.monotonic() - began < 3
    plain.faults.clear()
    monkeypatch.setattr("cuadra.connectors.woocommerce.examine.ALL_SECONDS", -1.0)
    assert only(look(plain), "source_timeout")


def test_nothing_there_and_a_certificate_that_nobody_knows() -> None:
    with Shop(1, tls=True, **RUNNING) as shop:
        assert "certificate" in only(look(shop, certificate=""), "source_unavailable")
        here = opened(shop)
    found = list(here.examine(None))
    here.close()
    assert only(found, "source_unavailable").startswith("Nothing answers at ")


def test_an_address_without_a_shop(plain: Shop) -> None:
    assert "check the address" in only(look(plain, url=f"{plain.url}/otra"), "source_address_changed")


def test_a_shop_that_has_moved_says_where(plain: Shop) -> None:
    proof = {"address": "https://www.tienda.example/wp-json/wc/v3/orders?oauth_signature=x", "answer": 301}
    found = explain(Trouble("source_address_changed", proof), plain.url)
    assert found.values == {"address": "https://www.tienda.example"}


def test_a_certificate_that_is_no_file_is_refused(plain: Shop) -> None:
    with pytest.raises(UsageError, match="cannot be read as a certificate"):
        opened(plain, certificate="/nonexistent/ca.pem")


def test_a_private_address_needs_leave(plain: Shop) -> None:
    with pytest.raises(UsageError, match="private network"):
        opened(plain, private="")


# ---------------------------------------------------------------- what kind of shop


def test_lists_without_totals_are_a_remark(plain: Shop) -> None:
    plain.faults.add("no_totals")
    found = look(plain)
    assert said(found) == []
    assert any("X-WP-Total" in text for text in said(found, None))


@pytest.mark.parametrize(("on", "good"), [(True, True), (False, None)])
def test_the_cron_of_wordpress(on: bool, good: bool | None) -> None:
    with Shop(1, settings=replace(ARGENTINA, wp_cron=on), clock=Clock(running=True), **RUNNING) as shop:
        assert any("own cron is" in text for text in said(look(shop), good))


def test_another_currency_than_the_account_s_is_a_remark(plain: Shop) -> None:
    found = look(plain, currency="COP")
    assert said(found) == []
    assert any("sells in ARS and the account keeps COP" in text for text in said(found, None))


def test_without_the_system_status_the_currency_is_asked_for(plain: Shop) -> None:
    plain.api._patterns = [(route, it) for route, it in plain.api._patterns if route.pattern != "system_status"]
    found = look(plain)
    assert said(found) == []
    assert any("system status" in text for text in said(found, None))
    assert "Currency ARS" in said(found, True)


def test_a_shop_that_calls_itself_otherwise_would_send_notices_in_vain() -> None:
    port = any_port()
    named = replace(ARGENTINA, site_url="https://www.tienda.example")
    with Shop(1, settings=named, port=port, tls=True, clock=Clock(running=True), **RUNNING) as shop:
        found = look(shop, url=f"https://127.0.0.1:{port}", address="http://127.0.0.1:1/in/x")
        assert "set url=https://www.tienda.example" in only(found, "source_address_changed")
        assert said(look(shop, url=f"https://127.0.0.1:{port}")) == []


# ---------------------------------------------------------------- the address of notices


@pytest.fixture
def listening() -> Iterator[Callable[[int, str], str]]:
    """An intake on loopback that answers with this status: `listening(200, "")`."""
    servers: list[HTTPServer] = []

    def start(status: int, location: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/health" else 404)
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(json.dumps({}).encode())

            def log_message(self, *_args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked whether he answers."""
    monkeypatch.setattr("cuadra.connectors.woocommerce.reach.answering", lambda base: Finding(None, "unheard"))


def test_no_address_is_a_remark() -> None:
    (one,) = reach(None, private=False)
    assert one.good is None


@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://10.0.0.5/in/x", "10.0.0.5 is a private address"),
        ("https://localhost/in/x", "is a private address"),
        ("https://[::1]/in/x", "::1 is a private address"),
        ("https://1.1.1.1:8443/in/x", "port 8443"),
        ("https://hooks.invalid/in/x", "is not known"),
    ],
)
def test_what_wordpress_refuses(address: str, words: str) -> None:
    found = list(reach(address, private=False))
    assert any(words in text for text in said(found))


@pytest.mark.usefixtures("unheard")
def test_what_wordpress_takes() -> None:
    for address in ("https://1.1.1.1/in/x", "https://1.1.1.1:8080/in/x", "https://1.1.1.1:443/in/x"):
        found = list(reach(address, private=False))
        assert [one.good for one in found] == [True, None]
    (good, readable, _) = reach("http://1.1.1.1/in/x", private=False)
    assert (good.good, readable.good) == (True, None)


@pytest.mark.usefixtures("unheard")
def test_inside_one_s_own_network_a_private_address_is_a_remark() -> None:
    assert said(list(reach("https://10.0.0.5:8000/in/x", private=True))) == []


def test_whether_the_intake_answers(listening: Callable[[int, str], str]) -> None:
    assert answering(listening(200, "")).good is True
    assert answering(listening(301, "https://elsewhere.example/health")).good is False
    assert answering(listening(404, "")).good is None
    assert answering("http://127.0.0.1:1").good is None


def test_the_whole_test_looks_at_the_address_of_notices(plain: Shop, listening: Callable[[int, str], str]) -> None:
    base = listening(200, "")
    found = look(plain, address=f"{base}/in/abc")
    assert said(found) == []  # a private shop may have a plugin that lets it send to private addresses
    assert f"Somebody answers at {base}" in said(found, True)
    plain.revoke(plain.key)
    assert f"Somebody answers at {base}" in said(look(plain, address=f"{base}/in/abc"), True)
