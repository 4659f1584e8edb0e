"""What the test of a connection looks at alike for every platform: an order that was read, and our own public address."""

from __future__ import annotations

import httpx

from cuadra.connectors.base import Finding, Read
from cuadra.model import OrderRead

SECONDS = 5.0


def as_read(found: Read) -> Finding:
    """What became of an order that was read to its end."""
    if not isinstance(found.value, OrderRead):
        reason, proof = found.refused or ("payload_unreadable", {})
        return Finding(False, "Order {number} cannot be read: {why}",
                       {"number": found.identifier or "?", "why": proof.get("rule") or proof.get("message") or reason},
                       reason)  # fmt: skip
    order = found.value
    return Finding(True, "Order {number} was read to its end: {status}, {total} {currency}, {lines} lines", {
        "number": order.number or order.id, "status": order.state or "?", "total": str(order.total),
        "currency": order.currency or "", "lines": len(order.lines or []),
    })  # fmt: skip


def base_of(address: str) -> str:
    """The public address of our intake, from that of an integration's notices."""
    return address.rpartition("/in/")[0]


def answering(base: str) -> Finding:
    """Whether our intake answers at its public address, as far as it can be seen from this machine. WordPress takes a
    redirection for delivered, Shopify for a failure; neither follows."""
    try:
        answer = httpx.get(f"{base}/health", timeout=SECONDS, follow_redirects=False, trust_env=False)
    except httpx.HTTPError as error:
        return Finding(None, "Whether anybody takes notices at {url} cannot be told from here: {why}",
                       {"url": base, "why": str(error) or type(error).__name__})  # fmt: skip
    if answer.is_redirect:
        return Finding(False, "{url} redirects to {target}; shops do not follow a redirection: every notice would be lost",
                       {"url": base, "target": answer.headers.get("location", "")[:200]})  # fmt: skip
    if answer.status_code != 200:
        return Finding(None, "{url}/health answers {status}: is that where notices are taken?",
                       {"url": base, "status": answer.status_code})  # fmt: skip
    return Finding(True, "Somebody answers at {url}", {"url": base})
