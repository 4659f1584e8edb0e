"""All connectors: the built-in ones, and those that other packages bring as entry points of `cuadra.connectors`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import cast

from cuadra.connectors.base import Connector, LiveConnector
from cuadra.connectors.files import FilesConnector
from cuadra.connectors.shopify import ShopifyConnector
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.errors import NotFound

BUILT_IN: tuple[Connector, ...] = (FilesConnector(), WooCommerceConnector(), ShopifyConnector())
NAMES = tuple(connector.info.name for connector in BUILT_IN)


@cache
def registry() -> dict[str, Connector]:
    """Every connector by its name."""
    found = {connector.info.name: connector for connector in BUILT_IN}
    for point in entry_points(group="cuadra.connectors"):
        connector: Connector = point.load()()
        found[connector.info.name] = connector
    return found


def live(name: str) -> LiveConnector | None:
    """The connector of that name, if its source can be asked."""
    connector = get(name)
    return cast(LiveConnector, connector) if connector.info.live else None


def get(name: str) -> Connector:
    """The connector of that name."""
    connector = registry().get(name)
    if connector is None:
        known = ", ".join(sorted(registry()))
        raise NotFound("There is no connector «{name}»; there are {known}.", name=name, known=known)
    return connector
