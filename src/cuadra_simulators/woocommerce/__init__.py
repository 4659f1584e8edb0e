"""A WooCommerce shop on loopback, as its REST API and its webhooks show it, able to fail on command."""

from cuadra_simulators.faults import Fault
from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.faults import Faults
from cuadra_simulators.woocommerce.life import ACTS, Event
from cuadra_simulators.woocommerce.model import ApiKey
from cuadra_simulators.woocommerce.settings import ARGENTINA, COLOMBIA, MADRID, ShopSettings
from cuadra_simulators.woocommerce.shop import Shop
from cuadra_simulators.woocommerce.truth import TrueOrder
from cuadra_simulators.woocommerce.webhooks import Delivery

__all__ = [
    "ACTS", "ARGENTINA", "COLOMBIA", "MADRID", "ApiKey", "Clock", "Delivery", "Event", "Fault", "Faults", "Shop",
    "ShopSettings", "TrueOrder",
]  # fmt: skip
