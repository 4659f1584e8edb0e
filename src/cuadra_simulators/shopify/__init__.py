"""A Shopify store on loopback, as its Admin API and its webhooks show it, able to fail on command."""

from cuadra_simulators.clock import Clock
from cuadra_simulators.faults import Fault
from cuadra_simulators.shopify.bulkfile import write_orders, write_orders_of
from cuadra_simulators.shopify.faults import Faults
from cuadra_simulators.shopify.graph.access import ALL_SCOPES, GROUPS, App
from cuadra_simulators.shopify.graph.costs import DOCUMENTED, MEASURED, Weights, cost
from cuadra_simulators.shopify.life import ACTS, Event
from cuadra_simulators.shopify.settings import ARGENTINA, COLOMBIA, COUNTRIES, MEXICO, SPAIN, ShopSettings
from cuadra_simulators.shopify.shop import Shop
from cuadra_simulators.shopify.truth import TrueCustomer, TrueOrder, TrueProduct
from cuadra_simulators.shopify.webhooks import Delivery, signature

__all__ = [
    "ACTS", "ALL_SCOPES", "ARGENTINA", "COLOMBIA", "COUNTRIES", "DOCUMENTED", "GROUPS", "MEASURED", "MEXICO", "SPAIN",
    "App", "Clock", "Delivery", "Event", "Fault", "Faults", "Shop", "ShopSettings", "TrueCustomer", "TrueOrder",
    "TrueProduct", "Weights", "cost", "signature", "write_orders", "write_orders_of",
]  # fmt: skip
