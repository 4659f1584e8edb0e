"""What the faces of one shop share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cuadra_simulators.shopify.faults import Faults
from cuadra_simulators.shopify.world import World

if TYPE_CHECKING:
    from cuadra_simulators.shopify.bulk import Bulks
    from cuadra_simulators.shopify.graph.fields import Lists
    from cuadra_simulators.shopify.webhooks import Hooks


@dataclass(slots=True)
class Services:
    """One shop's parts."""

    world: World
    faults: Faults
    lists: Lists
    hooks: Hooks
    bulks: Bulks
