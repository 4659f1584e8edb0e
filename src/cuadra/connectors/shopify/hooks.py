"""What reaches us from a shop's webhooks: is it from there, and what does it speak of? Pure.

Facts: the signature is over the raw bytes, with the app's client secret; headers are not signed. After the secret was
changed the old one is still used for up to an hour. A delivery carries the whole thing, as it was when it was triggered: a
repeated one is as old as the first. The three notices of data protection come to every app.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from cuadra.connectors.base import Delivery, Evidence, Ping, Rejected
from cuadra.model import Entity

TOPICS = (
    "orders/create", "orders/updated", "orders/delete", "refunds/create", "fulfillments/create", "fulfillments/update",
    "order_transactions/create", "products/create", "products/update", "customers/create", "customers/update",
    "app/uninstalled",
)  # fmt: skip
"""Notices that are of use. What is done to an order in other ways is in `orders/updated` as well."""
_ENTITIES = {
    "orders": Entity.ORDER, "refunds": Entity.ORDER, "fulfillments": Entity.ORDER, "order_transactions": Entity.ORDER,
    "products": Entity.PRODUCT, "customers": Entity.CUSTOMER,
}  # fmt: skip
GONE = ("products/delete", "customers/delete", "customers/merge")
"""A deleted product stays known, and a deleted customer's orders are still his."""


def judge(headers: Mapping[str, str], body: bytes, secrets: str, shop: str) -> Ping | Delivery | Rejected:
    """What a request is. `headers` have lower-case names; `secrets` are those that count now, the newest first, a line
    each; `shop` is the shop's own name."""
    given = headers.get("x-shopify-hmac-sha256", "")
    if not genuine(body, secrets, given):
        proof: Evidence = {"header": given[:60] or None, "expected_prefix": signature(body, secrets.split("\n")[0])[:6],
                           "key_version": None, "topic": _short(headers, "topic"),
                           "webhook": _short(headers, "webhook-id")}  # fmt: skip
        return Rejected("signature_invalid", proof)
    said = _short(headers, "shop-domain")
    if said and said.casefold() != shop.casefold():
        return Rejected("store_unexpected", {"store_named": said, "store_expected": shop})
    topic = _short(headers, "topic")
    entity = _ENTITIES.get(topic.partition("/")[0]) if topic not in GONE else None
    return Delivery(entity if topic in TOPICS else None, topic, _short(headers, "webhook-id"))


def genuine(body: bytes, secrets: str, given: str) -> bool:
    """Whether the signature is that of these bytes, by one of the secrets. Each is tried, whichever fits."""
    found = [hmac.compare_digest(signature(body, one).encode(), given.strip().encode()) for one in secrets.split("\n")]
    return any(found)


def signature(body: bytes, secret: str) -> str:
    """The signature of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _short(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-shopify-{name}", "")[:100]
