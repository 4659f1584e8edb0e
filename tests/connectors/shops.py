"""Simulated shops, opened as the program opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cuadra.connectors.base import Place
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.connectors.woocommerce.shop import WooShop
from cuadra.secrets import Secret
from cuadra_simulators.woocommerce import Shop
from cuadra_simulators.woocommerce.model import ApiKey


def settings(shop: Shop, **more: Any) -> dict[str, Any]:
    """Settings of the connector for this shop: no waiting between calls, and its own certificate believed."""
    trusted = {"certificate": str(shop.ca)} if shop.ca else {}
    return {"url": shop.url, "private": "yes", "pace": "1000", **trusted, **more}


def secrets(key: ApiKey) -> dict[str, Secret]:
    """A key as credentials."""
    name, secret = key.basic
    return {"consumer_key": Secret(name), "consumer_secret": Secret(secret)}


def opened(shop: Shop, key: ApiKey | None = None, *, currency: str = "ARS", **more: Any) -> WooShop:
    """The shop, open with this key (the main one)."""
    place = Place(currency, "UTC", Path("/nonexistent"), secrets(key or shop.key))
    return WooCommerceConnector().open(settings(shop, **more), place)
