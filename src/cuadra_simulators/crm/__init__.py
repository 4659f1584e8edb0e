"""A CRM on loopback that takes signed deliveries of orders, loses them on command, and knows what it really holds."""

from cuadra_simulators.crm.crm import Crm
from cuadra_simulators.crm.faults import KINDS
from cuadra_simulators.crm.orders import Stored
from cuadra_simulators.crm.truth import Counts
from cuadra_simulators.faults import Fault

__all__ = ["KINDS", "Counts", "Crm", "Fault", "Stored"]
