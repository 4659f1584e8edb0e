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
        return _told(topic, headers, body)
    entity = _ENTITIES.get(topic.partition("/")[0]) if topic not in GONE else None
    return Delivery(entity if topic in TOPICS else None, topic, _short(headers, "webhook-id"))


def _told(topic: str, headers: Mapping[str, str], body: bytes) -> Told | Rejected:
    """What is of no order. Numbers become texts, as everywhere."""
    kind, webhook = OF_US[topic], _short(headers, "webhook-id")
    try:
        said = msgspec.json.decode(body, type=_Request)
    except msgspec.MsgspecError as error:
        return Rejected("payload_unreadable", {"position": None, "message": str(error)})
    if kind == "uninstalled":
        return Told(kind, topic, webhook, {"at": _short(headers, "triggered-at") or None})
    if kind == "erase_store":
        return Told(kind, topic, webhook)
    buyer = said.customer
    orders = said.orders_to_redact or said.orders_requested or []
    return Told(kind, topic, webhook, {
        "id": None if buyer.id is None else str(buyer.id), "email": buyer.email, "phone": buyer.phone,
        "orders": [str(one) for one in orders],
    })  # fmt: skip


class _Buyer(msgspec.Struct):
    id: int | str | None = None
    email: str | None = None
    phone: str | None = None


class _Request(msgspec.Struct):
    customer: _Buyer = msgspec.field(default_factory=_Buyer)
    orders_to_redact: list[int | str] | None = None
    orders_requested: list[int | str] | None = None


def genuine(body: bytes, secrets: str, given: str) -> bool:
    """Whether the signature is that of these bytes, by one of the secrets. Each is tried, whichever fits."""
    found = [hmac.compare_digest(signature(body, one).encode(), given.strip().encode()) for one in secrets.split("\n")]
    return any(found)


def signature(body: bytes, secret: str) -> str:
    """The signature of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _short(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-shopify-{name}", "")[:100]
