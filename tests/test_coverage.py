"""What may be called proven. A source that shows orders late, slices that fail, filters, and what a token may see."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from cuadra.coverage import SETTLE, absence, holes, union
from cuadra.model import Axis, Covered

T0 = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return T0 + minutes * MINUTE


def look(axis: Axis, start: float, end: float, read: float, **more: object) -> Covered:
    return Covered(axis, at(start), at(end), at(read), **more)  # type: ignore[arg-type]


def test_a_listing_by_creation_answers_for_what_had_settled() -> None:
    listing = [look(Axis.CREATED, 0, 100, 100)]
    assert absence(at(69), listing)
    assert absence(at(71), listing) is None  # the shop may not have shown it yet
    assert absence(at(100), listing) is None
    assert absence(at(-1), listing) is None


def test_a_filtered_listing_proves_nothing_and_a_token_proves_nothing_beyond_its_reach() -> None:
    assert absence(at(10), [look(Axis.CREATED, 0, 100, 200, filter="status=paid")]) is None
    assert absence(at(10), [look(Axis.CREATED, 0, 100, 200, reach=at(20))]) is None
    assert absence(at(30), [look(Axis.CREATED, 0, 100, 200, reach=at(20))])


def test_changes_prove_only_without_a_hole_up_to_the_last_look() -> None:
    whole = [look(Axis.UPDATED, 0, 60, 60), look(Axis.UPDATED, 25, 120, 120), look(Axis.UPDATED, 85, 180, 180)]
    assert absence(at(10), whole)
    assert absence(at(10), whole[:1] + whole[2:]) is None
    assert absence(at(100), whole[:1] + whole[2:])  # created behind the hole
    assert absence(at(160), whole) is None  # the last look had not settled there


def test_a_scan_shorter_than_its_settling_covers_nothing() -> None:
    assert absence(at(1), [look(Axis.UPDATED, 0, 10, 10)]) is None
    assert holes(at(0), at(10), [look(Axis.UPDATED, 0, 10, 10)], Axis.UPDATED) == [(at(0), at(10))]


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12)


@given(spans)
def test_a_union_has_every_point_once(pairs: list[tuple[int, int]]) -> None:
    found = union((at(a), at(b)) for a, b in pairs)
    for point in range(51):
        inside = any(a <= point < b for a, b in pairs)
        assert sum(low <= at(point) < high for low, high in found) == inside
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(spans, st.integers(0, 50), st.integers(0, 50))
def test_holes_and_coverage_are_the_whole(pairs: list[tuple[int, int]], start: int, end: int) -> None:
    covered = [look(Axis.CREATED, a, b, 1000) for a, b in pairs]
    missing = holes(at(start), at(end), covered, Axis.CREATED)
    for point in range(start, end):
        read = any(a <= point < b for a, b in pairs)
        assert any(low <= at(point) < high for low, high in missing) == (not read)


def test_a_source_with_a_late_index_and_failing_slices_is_never_believed_too_much() -> None:
    """A shop whose listings show changes up to *settle* late, scanned with overlap, a third of the looks failing: of
    every order that the scans missed, its absence is never called proven."""
    rng = random.Random(7)
    for _ in range(60):
        stamps = {n: [created := rng.uniform(0, 900), *(created + rng.expovariate(1 / 200) for _ in range(rng.randrange(3)))]
                  for n in range(60)}  # fmt: skip
        shown = {n: [one + rng.uniform(0, SETTLE / MINUTE) for one in times] for n, times in stamps.items()}
        known: set[int] = set()
        covered: list[Covered] = []
        watermark = 0.0
        for read in range(40, 1000, 40):
            if rng.random() < 0.33:
                continue
            start = watermark if rng.random() < 0.9 else float(read - 20)  # sometimes an outage is skipped over
            known |= {n for n in stamps if start <= _stamp(stamps[n], shown[n], read) < read}
            covered.append(look(Axis.UPDATED, start, read, read))
            watermark = read - SETTLE / MINUTE
        for n, times in stamps.items():
            if n not in known:
                assert absence(at(min(times)), covered) is None, (times, shown[n])


def _stamp(stamps: list[float], shown: list[float], now: float) -> float:
    """The stamp under which the source's index lists an order by now: an older one until it has caught up."""
    return max((stamp for stamp, then in zip(stamps, shown, strict=True) if then <= now), default=float("nan"))
