"""Webhooks of a shop: listing, asking for them, ending them.

Facts: an app sees its own subscriptions only. One whose deliveries failed eight times in a row is deleted, and says so to
nobody: it is gone from the list, or there. What is sent is signed with the app's client secret.
"""

from __future__ import annotations

from collections.abc import Sequence

from cuadra.connectors.base import Subscription
from cuadra.connectors.shopify import queries
from cuadra.connectors.shopify.client import LIGHT_PAGE, Client
from cuadra.connectors.trouble import Trouble


def listed(client: Client) -> list[Subscription]:
    """All of this app."""
    return [
        Subscription(one["id"], topic_of(one["topic"]), one["uri"], "active")
        for nodes, _ in client.walk(queries.HOOKS, "webhookSubscriptions", {}, LIGHT_PAGE) for one in nodes
    ]  # fmt: skip


def subscribe(client: Client, topics: Sequence[str], url: str) -> list[Subscription]:
    """One for each topic at this address; those that are there are used again, a second one is ended."""
    there = [one for one in listed(client) if one.url == url]
    found = []
    for topic in dict.fromkeys(topics):
        ours = [one for one in there if one.topic == topic]
        found.append(ours[0] if ours else _made(client, topic, url))
        unsubscribe(client, [one.id for one in ours[1:]])
    return found


def unsubscribe(client: Client, ids: Sequence[str]) -> None:
    """End them. One that is gone already is no error."""
    for one in ids:
        try:
            client.change(queries.UNHOOK, {"id": one})
        except Trouble as trouble:
            if trouble.reason != "destination_rejected":
                raise


def _made(client: Client, topic: str, url: str) -> Subscription:
    found = client.change(queries.HOOK, {"topic": enum_of(topic), "uri": url})["webhookSubscription"]
    return Subscription(found["id"], topic_of(found["topic"]), found["uri"], "active")


_TOPICS = {"APP_UNINSTALLED": "app/uninstalled", "ORDER_TRANSACTIONS_CREATE": "order_transactions/create"}


def topic_of(enum: str) -> str:
    """`ORDERS_CREATE` → `orders/create`."""
    return _TOPICS.get(enum) or "/".join(enum.lower().rsplit("_", 1))


def enum_of(topic: str) -> str:
    """`orders/create` → `ORDERS_CREATE`."""
    return topic.replace("/", "_").replace(".", "_").upper()
