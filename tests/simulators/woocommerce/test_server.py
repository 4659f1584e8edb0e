"""The shop on the network: real sockets, the official client, TLS, gzip, broken connections, real receivers."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError
from urllib.parse import urlsplit

import httpx
import pytest
from werkzeug.test import Client
from woocommerce import API

from cuadra_simulators.woocommerce import COLOMBIA, ApiKey, Shop
from cuadra_simulators.woocommerce.webhooks import signature

SECRET = "secreto"


def fetch(
    url: str, key: ApiKey | None = None, *, context: ssl.SSLContext | None = None, **headers: str
) -> http.client.HTTPResponse:
    """GET, with Basic authentication."""
    if key:
        headers["Authorization"] = f"Basic {b64encode(':'.join(key.basic).encode()).decode()}"
    request = urllib.request.Request(url, headers=headers)
    opened: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=20, context=context)
    return opened


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Somebody on loopback who takes everything."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nowhere."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_official_client_works_over_plain_http() -> None:
    with Shop(1, orders=30, settings=COLOMBIA) as shop:
        api = API(shop.url, *shop.key.basic, timeout=20)
        orders = api.get("orders", params={"per_page": 5, "orderby": "modified", "order": "asc"})
        assert orders.status_code == 200
        assert len(orders.json()) == 5
        since = api.get("orders", params={"modified_after": "2026-01-01T00:00:00", "dates_are_gmt": "true"})
        assert since.headers["X-WP-Total"] == orders.headers["X-WP-Total"]
        number = orders.json()[0]["id"]
        assert api.put(f"orders/{number}", {"customer_note": "¿Sí?"}).json()["customer_note"] == "¿Sí?"
        made = api.post("products", {"name": "Nuevo", "regular_price": "1000"})
        assert made.status_code == 201
        assert api.delete(f"products/{made.json()['id']}", params={"force": True}).status_code == 200
        assert api.get("orders/999999").json()["code"] == "woocommerce_rest_shop_order_invalid_id"
        wrong = API(shop.url, shop.key.consumer_key, "cs_wrong", timeout=20)
        assert wrong.get("orders").json()["message"].startswith("Invalid signature")
        read_only = API(shop.url, *shop.read_key.basic, timeout=20)
        assert read_only.get("products").status_code == 200
        assert read_only.post("orders", {}).status_code == 401


def test_the_official_client_works_over_tls() -> None:
    with Shop(1, orders=5, settings=COLOMBIA, tls=True) as shop:
        assert shop.url.startswith("https://127.0.0.1:")
        api = API(shop.url, *shop.key.basic, timeout=20, verify_ssl=str(shop.ca))
        answer = api.get("orders")
        assert answer.status_code == 200
        assert answer.json()[0]["_links"]["self"][0]["href"].startswith(f"{shop.url}/wp-json/wc/v3/orders/")
        by_query = API(shop.url, *shop.key.basic, timeout=20, verify_ssl=str(shop.ca), query_string_auth=True)
        assert by_query.get("customers").status_code == 200
        with pytest.raises(ssl.SSLError), fetch_unverified(shop.url):
            pass


@contextmanager
def fetch_unverified(url: str) -> Iterator[None]:
    """Meet the self-signed certificate without knowing it."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=20, context=ssl.create_default_context()
    )
    try:
        connection.connect()
        yield
    finally:
        connection.close()


def test_plain_http_counts_as_tls_behind_a_proxy() -> None:
    with Shop(1, orders=3) as shop, pytest.raises(HTTPError, match="401"):
        fetch(f"{shop.url}/wp-json/wc/v3/orders", shop.key)
    with Shop(1, orders=3, secure=True) as shop:
        url = f"{shop.url}/wp-json/wc/v3/orders?per_page=1"
        for page in range(3):  # the links lead somewhere
            with fetch(url, shop.key) as answer:
                assert len(json.load(answer)) == 1
                links = [link for link in answer.headers["Link"].split(", ") if "next" in link]
                url = links[0].partition(">")[0].strip("<") if links else ""
            assert bool(url) == (page < 2)
    with Shop(1, orders=3, forwarded=True) as shop:
        headers = {"X-Forwarded-Proto": "https"}
        with fetch(f"{shop.url}/wp-json/wc/v3/orders", shop.key, **headers) as answer:
            assert answer.status == 200
        with pytest.raises(HTTPError, match="401"):
            fetch(f"{shop.url}/wp-json/wc/v3/orders", shop.key)


def test_answers_look_as_from_the_recorded_server() -> None:
    with Shop(1, orders=30, secure=True) as shop:
        with fetch(f"{shop.url}/wp-json/wc/v3/orders", shop.key) as answer:
            body = answer.read()
            assert answer.headers["Server"] == "nginx/1.22.1"
            assert answer.headers["Date"] == "Wed, 20 May 2026 15:00:00 GMT"
            assert "Content-Encoding" not in answer.headers
        with fetch(f"{shop.url}/wp-json/wc/v3/orders", shop.key, **{"Accept-Encoding": "gzip"}) as answer:
            packed = answer.read()
            assert answer.headers["Content-Encoding"] == "gzip"
        assert packed[:2] == b"\x1f\x8b"
        assert len(packed) < len(body)


def test_connections_break_on_command() -> None:
    with Shop(1, orders=3, secure=True) as shop:
        url = f"{shop.url}/wp-json/wc/v3/orders"
        shop.faults.add("reset", times=1)
        with pytest.raises(OSError, match=r"reset|closed|aborted"):
            fetch(url, shop.key)
        shop.faults.add("timeout", times=1, seconds=0.05)
        with pytest.raises(OSError):
            fetch(url, shop.key)
        with fetch(url, shop.key) as answer:
            assert answer.status == 200


def test_a_connection_that_is_kept_alive_breaks_at_once() -> None:
    with Shop(1, orders=3, secure=True) as shop, httpx.Client(trust_env=False, timeout=10) as client:
        url = f"{shop.url}/wp-json/wc/v3/orders"
        assert client.get(url).status_code == 401
        shop.faults.add("reset")
        with pytest.raises(httpx.ReadError):
            client.get(url)


def test_webhooks_go_over_the_network() -> None:
    with receiver() as (url, got), Shop(1, orders=3, settings=COLOMBIA) as shop:
        webhook = shop.subscribe("order.created", url, secret=SECRET)
        number = shop.desk.place()
        (delivery,) = shop.deliver()
        assert (delivery.status, delivery.ok) == (200, True)
        (ping_headers, ping), (headers, body) = got
        assert ping == b"webhook_id=%d" % webhook.id
        assert not [name for name in ping_headers if name.startswith("X-Wc")]
        assert json.loads(body)["id"] == number
        assert headers["X-WC-Webhook-Signature"] == signature(SECRET, body)
        assert headers["X-WC-Webhook-Source"] == f"{shop.url}/"
        assert headers["User-Agent"] == "WooCommerce/9.2.5 Hookshot (WordPress/6.6.4)"


def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    with receiver() as (url, _):
        pass
    shop = Shop(1, orders=2)
    webhook = shop.subscribe("order.created", url)
    assert webhook.pending
    shop.desk.place()
    (delivery,) = shop.deliver()
    assert (delivery.status, delivery.ok) == (0, False)
    assert delivery.error
    assert webhook.failures == 1


def test_a_receiver_may_ask_back_while_it_is_told() -> None:
    with Shop(1, orders=3, secure=True) as shop:
        seen: list[int] = []

        def send(url: str, headers: list[tuple[str, str]], body: bytes, timeout: float) -> tuple[int, str]:
            number = json.loads(body)["id"] if body.startswith(b"{") else next(iter(shop.world.orders))
            with fetch(f"{shop.url}/wp-json/wc/v3/orders/{number}", shop.key) as answer:
                seen.append(json.load(answer)["id"])
            return 200, ""

        shop.dispatcher.send = send
        shop.subscribe("order.created", "https://hub.example/x")
        number = shop.desk.place()
        shop.deliver()
        assert seen[-1] == number


def test_the_shop_is_an_application_without_a_network() -> None:
    shop = Shop(1, orders=30, secure=True)
    client = Client(shop.wsgi())
    answer = client.get("/wp-json/wc/v3/orders?per_page=3", auth=shop.key.basic)
    assert (answer.status_code, len(answer.get_json())) == (200, 3)
    shop.faults.add("reset")
    with pytest.raises(ConnectionAbortedError):
        client.get("/wp-json/wc/v3/orders", auth=shop.key.basic)
