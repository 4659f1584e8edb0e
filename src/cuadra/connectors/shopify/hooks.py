"""What reaches us from a shop's webhooks: is it from there, and what does it speak of? Pure.

Facts: the signature is over the raw bytes, with the app's client secret; headers are not signed. After the secret was
changed the old one is still used for up to an hour. A delivery carries the whole thing, as it was when it was triggered: a
repeated one is as old as the first. The three requests of data protection come to every public app, and all shops of an
app share one address for them; they are to be done within 30 days. That of a whole shop comes 48 hours after the app was
thrown out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from cuadra.connectors.base import Delivery, Evidence, Ping, Rejected, Told
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
OF_US = {
    "app/uninstalled": "uninstalled", "customers/redact": "erase_person", "customers/data_request": "export_person",
    "shop/redact": "erase_store",
}  # fmt: skip


def judge(headers: Mapping[str, str], body: bytes, secrets: str, shop: str) -> Ping | Delivery | Told | Rejected:
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
    if topic in OF_US:
        return _told(topic, headers, body, shop)
    entity = _ENTITIES.get(topic.partition("/")[0]) if topic not in GONE else None
    return Delivery(entity if topic in TOPICS else None, topic, _short(headers, "webhook-id"))


def _told(topic: str, headers: Mapping[str, str], body: bytes, shop: str) -> Told | Rejected:
    """What is of no order. The topic is no part of what is signed, so that the body itself must say what it is, and of which
    shop: a genuine notice of something else, sent again under this topic, is none."""
    kind = OF_US[topic]
    try:
        said = msgspec.json.decode(body, type=_Request)
    except msgspec.MsgspecError as error:
        return Rejected("payload_unreadable", {"position": None, "message": str(error)})
    named = said.shop_domain or said.myshopify_domain
    if not named or not _fits(kind, said):
        return Rejected("payload_unreadable", {"position": None, "message": f"no body of {topic}"})
    if named.casefold() != shop.casefold():
        return Rejected("store_unexpected", {"store_named": named[:100], "store_expected": shop})
    webhook = f"{_short(headers, 'webhook-id')}:{hashlib.sha256(body).hexdigest()[:32]}"
    if kind == "uninstalled":
        return Told(kind, topic, webhook, {"at": _short(headers, "triggered-at") or None})
    if kind == "erase_store":
        return Told(kind, topic, webhook)
    buyer = said.customer or _Buyer()
    return Told(kind, topic, webhook, {
        "id": None if buyer.id is None else str(buyer.id), "email": buyer.email, "phone": buyer.phone,
        "orders": [str(one) for one in said.orders_to_redact or said.orders_requested or []],
    })  # fmt: skip


def _fits(kind: str, said: _Request) -> bool:
    """Whether a body is of this kind."""
    if kind == "uninstalled":
        return said.myshopify_domain is not None and said.line_items is None
    if kind == "erase_store":
        return said.shop_id is not None and said.customer is None and said.line_items is None
    if kind == "erase_person":
        return said.customer is not None and said.orders_to_redact is not None
    return said.customer is not None and (said.data_request is not None or said.orders_requested is not None)


class _Buyer(msgspec.Struct):
    id: int | str | None = None
    email: str | None = None
    phone: str | None = None


class _Request(msgspec.Struct):
    shop_id: int | str | None = None
    shop_domain: str | None = None
    myshopify_domain: str | None = None
    """Of the shop itself, which is the body of `app/uninstalled`."""
    customer: _Buyer | None = None
    orders_to_redact: list[int | str] | None = None
    orders_requested: list[int | str] | None = None
    data_request: dict[str, Any] | None = None
    line_items: list[Any] | None = None
    """Only an order has them."""


def genuine(body: bytes, secrets: str, given: str) -> bool:
    """Whether the signature is that of these bytes, by one of the secrets. Each is tried, whichever fits."""
    found = [hmac.compare_digest(signature(body, one).encode(), given.strip().encode()) for one in secrets.split("\n")]
    return any(found)


def signature(body: bytes, secret: str) -> str:
    """The signature of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _short(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-shopify-{name}", "")[:100]
