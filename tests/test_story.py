"""The story in short: a file goes in, an order comes out, and questions have answers."""

from __future__ import annotations

import msgspec

from cuadra.pipeline.steps import STEPS
from tests.world import World, line, order


def test_an_order_is_present_and_why_tells_its_journey(world: World) -> None:
    report = world.take(order("A-1", number="#1043", lines=[line(quantity="2")], total="20.00"))
    assert report.items.seen == report.items.created == 1
    assert report.orders["present"] == 1
    answer = world.why("#1043")
    assert (answer.standing, answer.reason) == ("present", None)
    assert answer.kind_of_identifier == "number"
    assert [step.name for step in answer.steps] == list(STEPS)
    assert [step.outcome for step in answer.steps] == ["success"] * 7 + ["not_reached"]
    assert answer.order["email"] == "b••••@example.com"


def test_what_was_never_heard_of_is_said_with_what_was_searched(world: World) -> None:
    world.take(order("A-1"))
    answer = world.why("999")
    assert (answer.standing, answer.reason) == (None, "identifier_unknown_everywhere")
    assert answer.evidence["searched"]["file_sets"] == 1


def test_the_same_file_again_is_known_and_the_same_orders_again_are_unchanged(world: World) -> None:
    world.take(order("A-1", created_at="2026-11-01T10:00:00Z"))
    again = world.import_now()
    assert again.items.seen == 0
    assert again.notes[0]["already"]
    other_bytes = msgspec.json.encode(order("A-1", created_at="2026-11-01T10:00:00Z")) + b" "
    third = world.take(other_bytes)
    assert third.items.unchanged == 1
