"""What is said of an attempt: ids, codes and where it stands. Nothing that a source wrote is in it, not even an order's
number: that of a customer may be an address. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cuadra.model import Outcome
from cuadra.pipeline.working import Item

JUDGED = frozenset({Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED})
"""Outcomes of receipts that say where the order stands."""


def line(item: Item) -> dict[str, Any]:
    """The facts of one attempt, without those that all of its batch have in common."""
    state = item.state
    return {
        "receipt": item.receipt_id, "entity": item.read.entity.value, "order": state.order_id if state else None,
        "outcome": item.outcome.value, "standing": state.standing.value if state and item.outcome in JUDGED else None,
        "reason": item.reason, "warnings": [code for code in item.evidence if code != item.reason],
        "steps": "".join(item.steps),
    }  # fmt: skip


def lines(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Those of a batch."""
    return [line(item) for item in items]
