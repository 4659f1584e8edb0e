"""Webhooks of a shop: listing, asking for them, ending them.

Facts: the shop never shows a webhook's secret nor how often it failed, so a secret is always written, and `state` is the
only sign of trouble. A webhook that was disabled for its failures keeps their count when it is made active again: the next
failure disables it at once, and only a success forgets. A new one begins with none, so a disabled one is not woken: a new
one takes its place, made before the old one is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Subscription
from cuadra.connectors.trouble import Trouble
from cuadra.connectors.woocommerce.client import Client, error_of

GONE = "woocommerce_rest_shop_webhook_invalid_id"


class _Webhook(Struct):
    id: int
    topic: str = ""
    delivery_url: str = ""
    status: str = ""


_decode = msgspec.json.Decoder(_Webhook).decode


def listed(client: Client) -> list[Subscription]:
    """All webhooks of the shop, whoever made them, oldest first."""
    return [_subscription(item) for items in client.numbered("webhooks", {}) for item in items]


def subscribe(client: Client, topics: Sequence[str], url: str, secret: str) -> list[Subscription]:
    """One active webhook for each topic at this address, signed with this secret. Those for the same topic and address
    are ours: one is used again, the others are ended. Nobody else's is touched."""
    there = [one for one in listed(client) if one.url == url]
    found = []
    for topic in dict.fromkeys(topics):
        ours = [one for one in there if one.topic == topic]
        kept = next((one for state in ("active", "paused") for one in ours if one.state == state), None)
        current = _renewed(client, kept, secret) if kept else None
        found.append(current or _made(client, topic, url, secret))
        unsubscribe(client, [one.id for one in ours if current is None or one.id != current.id])
    return found


def unsubscribe(client: Client, ids: Sequence[str]) -> None:
    """End webhooks; the shop has no trash for them. One that is gone already is no error."""
    for number in ids:
        try:
            client.http.send("DELETE", f"webhooks/{number}", params={"force": "true"})
        except Trouble as trouble:
            if not _gone(trouble):
                raise


def _renewed(client: Client, one: Subscription, secret: str) -> Subscription | None:
    """The same webhook, active and with this secret; None if it is gone meanwhile."""
    try:
        answer = client.http.send("PUT", f"webhooks/{one.id}", {"status": "active", "secret": secret})
    except Trouble as trouble:
        if _gone(trouble):
            return None
        raise
    return _subscription(answer.body)


def _made(client: Client, topic: str, url: str, secret: str) -> Subscription:
    asked = {"name": f"Cuadra {topic}", "topic": topic, "delivery_url": url, "secret": secret, "status": "active"}
    return _subscription(client.http.send("POST", "webhooks", asked).body)


def _subscription(body: bytes) -> Subscription:
    try:
        found = _decode(body)
    except msgspec.DecodeError as error:
        proof = {"announced": None, "read": 0, "limit": 1, "message": str(error)[:300]}
        raise Trouble("source_answer_truncated", proof) from error
    return Subscription(str(found.id), found.topic, found.delivery_url, found.status)


def _gone(trouble: Trouble) -> bool:
    """Reading says 404, changing 400, both with the same code."""
    error = error_of(trouble.answer) if trouble.answer else None
    return error is not None and error.code == GONE
