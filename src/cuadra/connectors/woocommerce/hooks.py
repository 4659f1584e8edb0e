"""What reaches us from a shop's webhooks: is it from there, and what does it speak of? Pure.

Facts: the signature is over the raw bytes, with the secret HTML-unescaped; a ping is a form without signature; the
delivery id is the same for everything that one webhook sends within a second, so nothing is told apart by it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Mapping

from cuadra.connectors.base import Delivery, Evidence, Ping, Rejected
from cuadra.model import Entity

TOPICS = (
    "order.created", "order.updated", "order.deleted", "order.restored", "product.created", "product.updated",
    "customer.created", "customer.updated",
)  # fmt: skip
"""Notices that are of use: a deleted product stays known, and a deleted customer's orders are still his."""
_PING = re.compile(rb"webhook_id=\d{1,20}")
_ENTITIES = {"order": Entity.ORDER, "product": Entity.PRODUCT, "customer": Entity.CUSTOMER}


def judge(headers: Mapping[str, str], body: bytes, secret: str, source: str) -> Ping | Delivery | Rejected:
    """What a request is. `headers` have lower-case names; `source` is the site's address as the shop writes it."""
    given = headers.get("x-wc-webhook-signature", "")
    if not given and _PING.fullmatch(body.strip()):
        return Ping()
    if not genuine(body, secret, given):
        proof: Evidence = {"header": given[:60] or None, "expected_prefix": signature(body, secret)[:6],
                           "key_version": None, "topic": _short(headers, "topic"),
                           "webhook": _short(headers, "id")}  # fmt: skip
        return Rejected("signature_invalid", proof)
    said = headers.get("x-wc-webhook-source", "")
    if said and site(said) != site(source):
        return Rejected("store_unexpected", {"store_named": said[:200], "store_expected": source})
    return Delivery(_ENTITIES.get(_short(headers, "resource")), _short(headers, "topic"), _short(headers, "id"))


def genuine(body: bytes, secret: str, given: str) -> bool:
    """Whether the signature is that of these bytes."""
    return hmac.compare_digest(signature(body, secret).encode(), given.strip().encode())


def signature(body: bytes, secret: str) -> str:
    """The signature of a body."""
    key = html.unescape(secret).encode()
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


def _short(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-wc-webhook-{name}", "")[:100]


def site(address: str) -> str:
    """A site, however its address is written: a shop may be reached with and without TLS."""
    return address.split("://", 1)[-1].rstrip("/").casefold()
