"""Whether a shop's notices can reach an address: WordPress's own rules, and a look whether anybody answers there.

Facts: WordPress posts only to public hosts and to the ports 80, 443 and 8080, and says 201 to a webhook that it will never
deliver; a redirection is not followed and counts as delivered.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from cuadra.connectors.base import Finding
from cuadra.connectors.examining import answering, base_of

PORTS = (80, 443, 8080)


def reach(address: str | None, *, private: bool) -> Iterator[Finding]:
    """Findings about the address of notices. `private`: the shop is in a network of its own, where a plugin may allow what
    WordPress refuses."""
    if not address:
        yield Finding(None, "No address for notices is set («notices»): changes are seen only when the shop is asked")
        return
    parts = urlsplit(address)
    refused = list(_refusals(parts, None if private else False))
    yield from refused or [Finding(True, "WordPress sends to {host}", {"host": parts.netloc})]
    if parts.scheme != "https":
        yield Finding(None, "Notices to {url} travel readable for everybody in between; use https",
                      {"url": base_of(address)})  # fmt: skip
    yield answering(base_of(address))


def _refusals(parts: SplitResult, bad: bool | None) -> Iterator[Finding]:
    host = parts.hostname or ""
    try:
        places = {str(one[4][0]) for one in socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)}
    except OSError as error:
        yield Finding(False, "The host {host} of the address for notices is not known: {why}",
                      {"host": host, "why": error.strerror or str(error)})  # fmt: skip
        return
    inside = sorted(one for one in places if not ipaddress.ip_address(one.partition("%")[0]).is_global)
    if inside:
        yield Finding(bad, "WordPress sends nothing to {host}: {ip} is a private address",
                      {"host": host, "ip": inside[0]})  # fmt: skip
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if port not in PORTS:
        yield Finding(bad, "WordPress sends nothing to port {port}, only to 80, 443 and 8080", {"port": port})
