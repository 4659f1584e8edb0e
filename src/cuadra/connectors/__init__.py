"""All connectors: the built-in ones, and those that other packages bring as entry points of `cuadra.connectors`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import cast

from cuadra.connectors.base import Connector, LiveConnector
from cuadra.errors import NotFound

# Each is imported when it is asked for: those that ask shops bring a client of HTTP, which others need not wait for.


def _files() -> Connector:
    from cuadra.connectors.files import FilesConnector

    return FilesConnector()


def _woocommerce() -> Connector:
    from cuadra.connectors.woocommerce import WooCommerceConnector

    return WooCommerceConnector()


def _shopify() -> Connector:
    from cuadra.connectors.shopify import ShopifyConnector

    return ShopifyConnector()


BUILT_IN: dict[str, Callable[[], Connector]] = {"files": _files, "woocommerce": _woocommerce, "shopify": _shopify}
NAMES = tuple(BUILT_IN)


@cache
def registry() -> dict[str, Connector]:
    """The connectors at hand, by name: those that other packages bring, and the built-in ones that were asked for."""
    brought: list[Connector] = [point.load()() for point in entry_points(group="cuadra.connectors")]
    return {connector.info.name: connector for connector in brought}


def known() -> list[str]:
    """The names of all connectors."""
    return sorted({*NAMES, *registry()})


def live(name: str) -> LiveConnector | None:
    """The connector of that name, if its source can be asked."""
    connector = get(name)
    return cast(LiveConnector, connector) if connector.info.live else None


def get(name: str) -> Connector:
    """The connector of that name."""
    at_hand = registry()
    if name not in at_hand and name in BUILT_IN:
        at_hand[name] = BUILT_IN[name]()
    if name not in at_hand:
        raise NotFound("There is no connector «{name}»; there are {known}.", name=name, known=", ".join(known()))
    return at_hand[name]
