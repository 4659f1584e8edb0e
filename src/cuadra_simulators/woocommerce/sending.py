"""One POST to a receiver, as WordPress's HTTP library makes it."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from cuadra_simulators.woocommerce.rest.wire import Headers
from cuadra_simulators.woocommerce.settings import WC_VERSION, WP_VERSION

AGENT = f"WooCommerce/{WC_VERSION} Hookshot (WordPress/{WP_VERSION})"
PORTS = (80, 443, 8080)
Answered = tuple[int, str]
"""Status, and where a redirection points to."""
Sender = Callable[[str, Headers, bytes, float], Answered]
"""(address, headers, body, timeout) → what was answered. Raises OSError when nothing was."""


def post(url: str, headers: Headers, body: bytes, timeout: float) -> Answered:
    """Send it over the network. No redirection is followed here."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        path = parts.path or "/"
        connection.putrequest("POST", f"{path}?{parts.query}" if parts.query else path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
    except http.client.HTTPException as problem:
        raise OSError(str(problem)) from problem
    finally:
        connection.close()
    return answer.status, answer.getheader("Location") or ""


def follow(send: Sender, url: str, headers: Headers, body: bytes, timeout: float) -> Answered:
    """The same, following up to five redirections: what a ping does and a delivery does not."""
    answered = send(url, headers, body, timeout)
    for _ in range(5):
        if answered[0] not in (301, 302, 303, 307, 308) or not answered[1]:
            break
        url = urljoin(url, answered[1])
        answered = send(url, headers, body, timeout)
    return answered


def acceptable(url: str) -> bool:
    """WordPress's own rule: a public host, and no port but three."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username or (parts.port or 80) not in PORTS or host == "localhost":
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return bool(host)


def common_headers() -> Headers:
    """What every request of the shop begins with, after its host."""
    return [("User-Agent", AGENT), ("Accept", "*/*"), ("Accept-Encoding", "deflate, gzip, br, zstd")]
