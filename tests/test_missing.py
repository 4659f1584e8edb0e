"""What is not here, by its reasons."""

from __future__ import annotations

import pytest

from cuadra import accounts
from cuadra.diagnosis import missing as counting
from cuadra.diagnosis.missing import missing
from cuadra.jobs import status
from tests.world import World, order


def counted(world: World) -> list[tuple[str, str, int, bool]]:
    return [(one.standing, one.reason, one.count, one.more) for one in missing(world.db, world.account)]


def test_orders_are_counted_by_what_keeps_them_away_the_most_urgent_first(world: World) -> None:
    assert counted(world) == []
    world.take(
        order("P-1"), order("P-2"),
        order("W-1", state="pending"), order("W-2", state="pending"), order("W-3", state="pending"),
        order("H-1", state="nobody knows"),
        order("E-1", lines=[]), order("E-2", lines=[]),
        order("C-1", state="cancelled"),
        order("F-1", total="abc"),
    )  # fmt: skip
    assert counted(world) == [
        ("failed", "field_format_invalid", 1, False),
        ("held", "order_without_products", 2, False),
        ("held", "status_not_mapped", 1, False),
        ("waiting", "payment_not_verified", 3, False),
        ("skipped", "cancelled_at_source", 1, False),
    ]
    found = status.status(world.db, world.account)
    assert (found.needing, found.uncounted) == (4, False)
    first = found.missing[0]
    assert (first.text["es"], first.fixed_by) == ("Un campo del pedido tiene un valor que no se puede leer.", "it")


def test_what_waits_or_is_skipped_needs_nobody(world: World) -> None:
    world.take(order("W-1", state="pending"), order("C-1", state="cancelled"))
    assert status.status(world.db, world.account).needing == 0


def test_a_reason_is_counted_up_to_a_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST", 2)
    world.take(
        *(order(f"H-{n}", state="nobody knows") for n in range(3)), *(order(f"E-{n}", lines=[]) for n in range(2))
    )
    assert counted(world) == [
        ("held", "order_without_products", 2, False),
        ("held", "status_not_mapped", 2, True),
    ]
    assert status.status(world.db, world.account).uncounted


def test_nobody_counts_orders_of_somebody_else(world: World) -> None:
    world.take(order("E-1", lines=[]))
    accounts.add(world.db, "other", "EUR", "ES", "Europe/Madrid", 12)
    assert missing(world.db, accounts.pick(world.db, "other")) == []
