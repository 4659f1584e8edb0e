"""What goes wrong with a CRM on command."""

from __future__ import annotations

from cuadra_simulators import faults

BEFORE = ("reset", "timeout", "unavailable", "too_many", "error_500")
"""Instead of an answer, to readers too: reset, nothing in time and then a reset, 503, 429, 500. Nothing is stored."""
DELIVERIES = ("amnesia", "refuse", "forget", "lost_answer")
"""All webhook-ids forgotten before this one is looked at; 422 to good content; 201 for what is not kept; what was taken
is not answered."""
KINDS = (*BEFORE, *DELIVERIES)


class Faults(faults.Faults):
    """The faults of a CRM.

    `path` is searched in «POST orders/{key} {type}», «GET orders/{key}» or «GET orders»; for a delivery that cannot be
    read, in «POST orders». `seconds` is how long a timeout holds, and what `Retry-After` says with 503 and 429.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, KINDS)
