"""How WordPress's HTTP library sends: its redirections, its rule of addresses, its headers."""

from __future__ import annotations

import ipaddress
from urllib.parse import urljoin, urlsplit

from cuadra_simulators.web import Answered, Headers
from cuadra_simulators.web import Sender as Sender
from cuadra_simulators.web import post as post
from cuadra_simulators.woocommerce.settings import WC_VERSION, WP_VERSION

AGENT = f"WooCommerce/{WC_VERSION} Hookshot (WordPress/{WP_VERSION})"
PORTS = (80, 443, 8080)


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
