"""What really arrived at a CRM, whatever it answered and whatever it forgot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counts:
    """Counts of deliveries. What comes while the CRM is down does not arrive, and does not count."""

    received: Counter[int] = field(default_factory=Counter)
    """By the status of the answer, 0 when none was given."""
    deliveries: Counter[str] = field(default_factory=Counter)
    """By webhook-id, whatever was answered."""
    duplicates: int = 0
    """Repetitions that the CRM knew for such."""
    unrecognised: int = 0
    """Repetitions of what it had taken, that it no longer knew (`amnesia`) and that changed nothing."""
    out_of_order: int = 0
    """Deliveries never taken before that were no newer than what it held."""
    regressions: int = 0
    """Those of them with a lower sequence: a sender that keeps the order of each order's deliveries makes none."""
    bad_signatures: int = 0
    """Without a good signature, or with a time too far away."""
    forgotten: Counter[str] = field(default_factory=Counter)
    """By key: deliveries answered with 201 of which nothing was kept."""

    def shape(self) -> dict[str, Any]:
        """As JSON has it."""
        numbers = ("duplicates", "unrecognised", "out_of_order", "regressions", "bad_signatures")
        return {
            "received": {str(status): many for status, many in sorted(self.received.items())},
            **{name: getattr(self, name) for name in numbers},
            "deliveries": dict(self.deliveries),
            "forgotten": dict(self.forgotten),
        }
