"""Pauses grow, and how much is sent at once follows what the destination bears."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuadra.destinations.wait import ATTEMPTS, JITTER, LONGEST, PAUSES, Flow, pause

RNGS = st.integers(0, 1 << 30).map(random.Random)


@given(st.integers(1, 200), RNGS)
def test_a_pause_is_the_usual_one_give_or_take(tries: int, rng: random.Random) -> None:
    usual = PAUSES[min(tries, len(PAUSES)) - 1]
    assert usual * (1 - JITTER) <= pause(tries, rng) <= usual * (1 + JITTER)


@given(RNGS)
def test_pauses_grow(rng: random.Random) -> None:
    made = [pause(tries, rng) for tries in range(1, len(PAUSES) + 1)]
    assert made == sorted(made)


def test_pauses_of_the_same_try_differ() -> None:
    rng = random.Random(1)
    assert len({pause(3, rng) for _ in range(20)}) == 20


def test_a_whole_series_takes_about_ten_hours() -> None:
    rng = random.Random(1)
    whole = sum((pause(tries, rng) for tries in range(1, ATTEMPTS)), timedelta())
    assert timedelta(hours=8) < whole < timedelta(hours=13)


@given(st.integers(1, 20), RNGS, st.floats(allow_nan=False))
def test_a_destination_is_given_the_time_it_asks_for(tries: int, rng: random.Random, asked: float) -> None:
    given_ = pause(tries, rng, asked)
    assert min(timedelta(seconds=min(max(asked, 0), 1e6)), LONGEST) <= given_ <= LONGEST


@given(st.lists(st.booleans(), max_size=300))
def test_the_flow_stays_within_its_bounds(answers: list[bool]) -> None:
    flow = Flow()
    for good in answers:
        before = flow.limit
        flow = flow.succeeded() if good else flow.pushed_back()
        assert 1 <= flow.limit <= 16
        assert flow.limit in ((before, before + 1) if good else (max(1, before // 2),))


def test_the_flow_grows_slowly_and_shrinks_at_once() -> None:
    flow, limits = Flow(), [4]
    for _ in range(4 + 5 + 6):
        flow = flow.succeeded()
        limits.append(flow.limit)
    assert limits == [4] * 4 + [5] * 5 + [6] * 6 + [7]
    assert [flow.pushed_back().limit, flow.pushed_back().pushed_back().limit] == [3, 1]


@pytest.mark.parametrize(("good", "end"), [(True, 16), (False, 1)])
def test_the_flow_ends_at_its_bounds(good: bool, end: int) -> None:
    flow = Flow()
    for _ in range(500):
        flow = flow.succeeded() if good else flow.pushed_back()
    assert flow.limit == end


def test_a_destination_that_bears_six_gets_about_six() -> None:
    flow, seen = Flow(), []
    for _ in range(2000):
        flow = flow.succeeded() if flow.limit <= 6 else flow.pushed_back()
        seen.append(flow.limit)
    assert 4 <= sum(seen) / len(seen) <= 6
