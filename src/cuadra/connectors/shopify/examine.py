"""The test of a connection: everything the integration needs, looked at in under a minute, nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cuadra.connectors.base import Finding, Raw
from cuadra.connectors.examining import answering, as_read, base_of
from cuadra.connectors.shopify import queries
from cuadra.connectors.shopify.client import WALL
from cuadra.connectors.shopify.orders import hidden
from cuadra.connectors.shopify.reader import read
from cuadra.connectors.trouble import Trouble
from cuadra.model import Entity

if TYPE_CHECKING:
    from cuadra.connectors.shopify.shop import ShopifyShop

NEEDED = {
    "read_orders": "Orders can be read", "read_products": "Products can be read", "read_customers": "Customers can be read",
}  # fmt: skip


def examine(shop: ShopifyShop, address: str | None) -> Iterator[Finding]:
    """Findings as they are made; see `connectors.base.Shop`."""
    try:
        about = shop.about()["shop"]
    except Trouble as trouble:
        yield _explained(trouble, shop.client.base)
        return
    yield Finding(True, "{shop} answers, and knows the token", {"shop": about["myshopifyDomain"]})
    if about["myshopifyDomain"].casefold() != shop.client.shop.casefold():
        yield Finding(False, "The shop calls itself {name}, and its notices say so: set shop={name}, else they are refused",
                      {"name": about["myshopifyDomain"]}, "store_unexpected")  # fmt: skip
    if shop.client.answered_by:
        yield Finding(None, "The shop answers with version {said} of its API instead of {asked}: Cuadra wants to be renewed",
                      {"said": shop.client.answered_by, "asked": shop.client.version}, "source_structure_changed")  # fmt: skip
    yield from _scopes(shop)
    yield from _money(shop, about)
    yield Finding(True, "Time zone {zone}", {"zone": about.get("ianaTimezone") or "?"})
    yield from _order(shop)
    yield from _reach(address)


def _scopes(shop: ShopifyShop) -> Iterator[Finding]:
    scopes = shop.scopes()
    for scope, what in NEEDED.items():
        if scope in scopes:
            yield Finding(True, what)
        else:
            yield Finding(False, "The app lacks the permission {scope}", {"scope": scope}, "scope_missing")
    if WALL in scopes:
        yield Finding(True, "Orders of any age can be read")
        return
    wall = shop.wall()
    yield Finding(None, "Orders created before {day} cannot be seen: the app lacks the permission {scope}, which Shopify gives on "
                  "request", {"day": f"{wall:%Y-%m-%d}", "scope": WALL}, "history_beyond_platform_window")  # fmt: skip


def _money(shop: ShopifyShop, about: dict[str, Any]) -> Iterator[Finding]:
    code = about.get("currencyCode") or ""
    yield Finding(True, "Currency {currency}", {"currency": code})
    if shop.currency and code != shop.currency:
        yield Finding(None, "The shop sells in {currency} and the account keeps {own}: the rule «currency» says what "
                      "becomes of its orders", {"currency": code, "own": shop.currency})  # fmt: skip


def _order(shop: ShopifyShop) -> Iterator[Finding]:
    """The newest order, read to its end."""
    try:
        data = shop.client.brief(queries.NUMBERED, {"query": None, "first": 1}, patient=False)
    except Trouble as trouble:
        yield _explained(trouble, shop.client.base)
        return
    nodes = data.data["orders"]["nodes"]
    if not nodes:
        yield Finding(None, "There is no order to try reading")
        return
    (body,) = shop.orders(nodes, data, ("orders", "nodes"))
    found = read(Raw(Entity.ORDER, body, int(shop.now().timestamp() * 1_000_000)))
    yield as_read(found)
    if kept := hidden(nodes[0]):
        yield Finding(None, "The plan «{plan}» keeps data of buyers to itself: {fields}",
                      {"plan": kept.get("plan") or "?", "fields": ", ".join(kept["fields"])},
                      "customer_data_hidden_by_plan")  # fmt: skip


def _reach(address: str | None) -> Iterator[Finding]:
    if not address:
        yield Finding(None, "No address for notices is set («notices»): changes are seen only when the shop is asked")
        return
    if urlsplit(address).scheme != "https":
        yield Finding(
            False, "Shopify sends notices to addresses with https only, not to {url}", {"url": base_of(address)}
        )
    yield answering(base_of(address))


def _explained(trouble: Trouble, address: str) -> Finding:
    """What keeps a shop from answering, in words that say what to do."""
    proof, reason = trouble.evidence, trouble.reason
    why = proof.get("message") or proof.get("body") or ""
    if reason == "credentials_invalid":
        return Finding(
            False, "The shop does not take the token, or gives none for these credentials: {why}", {"why": why}, reason
        )
    if reason == "scope_missing":
        return Finding(False, "The app lacks a permission: {why}", {"why": why}, reason)
    if reason == "platform_plan_lacks_api":
        return Finding(
            False, "The shop's plan has no access by API, or the shop is frozen: {why}", {"why": why}, reason
        )
    if reason == "source_address_changed":
        return Finding(
            False, "There is no shop at {url}; check its name (NAME.myshopify.com)", {"url": address}, reason
        )
    if reason == "source_timeout":
        return Finding(False, "The shop did not answer within {seconds} seconds",
                       {"seconds": round(float(proof.get("limit") or 0))}, reason)  # fmt: skip
    return Finding(False, "The shop does not give what was asked for: {status} {code}",
                   {"status": proof.get("status") or "", "code": why or reason}, reason)  # fmt: skip
