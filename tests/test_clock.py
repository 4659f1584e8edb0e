"""The time that counts is the database's, and within a program it never goes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from cuadra.clock import _Clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by the clock that nobody sets."""
    seconds = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def test_it_is_as_late_as_the_database_says_and_goes_on_from_there(
    passed: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _Clock()
    clock.anchor(NOON)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # somebody sets this machine's clock
    passed[0] += 90
    assert clock.now() == NOON + timedelta(seconds=90)


def test_it_stands_still_where_the_database_goes_back(passed: list[float]) -> None:
    clock = _Clock()
    clock.anchor(NOON)
    assert clock.now() == NOON
    clock.anchor(NOON - timedelta(seconds=60))
    passed[0] += 10
    assert clock.now() == NOON
    passed[0] += 70
    assert clock.now() == NOON + timedelta(seconds=20)


def test_a_machine_that_is_ahead_is_put_right_by_the_first_answer(
    passed: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: (NOON + timedelta(hours=2)).timestamp())
    clock = _Clock()
    assert clock.now() == NOON + timedelta(hours=2)
    clock.anchor(NOON)
    passed[0] += 1
    assert clock.now() == NOON + timedelta(seconds=1)
