"""When something runs by itself: a daily hour once on each day of the calendar, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuadra.cadence import first_due, next_due, parse
from cuadra.errors import UsageError

ZONES = ["America/New_York", "America/Santiago", "America/Sao_Paulo", "Europe/Madrid", "Europe/London", "UTC",
         "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Argentina/Buenos_Aires"]  # fmt: skip
moments = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
hours = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def daily(at: time) -> str:
    return f"daily {at:%H:%M}"


@pytest.mark.parametrize(("zone", "first", "second"), [
    ("Europe/Madrid", "2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00+00:00"),  # 02:30 is left out: 03:30 that day
    ("Europe/Madrid", "2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"),  # 02:30 comes twice: the first
    ("America/New_York", "2026-03-08T07:00:00+00:00", "2026-03-09T06:30:00+00:00"),
    ("America/New_York", "2026-11-01T06:30:00+00:00", "2026-11-02T07:30:00+00:00"),
])  # fmt: skip
def test_row_2_once_on_both_clock_change_days(zone: str, first: str, second: str) -> None:
    cadence = parse("daily 02:30")
    begin = datetime.fromisoformat(first) - timedelta(hours=20)
    runs = []
    moment: datetime | None = begin
    while moment is not None and len(runs) < 2:
        moment = next_due(cadence, zone, moment)
        assert moment is not None
        runs.append(moment)
    assert runs[1] == datetime.fromisoformat(second)
    assert runs[0].astimezone(ZoneInfo(zone)).date() + timedelta(days=1) == runs[1].astimezone(ZoneInfo(zone)).date()


@given(moments, hours, st.sampled_from(ZONES))
@settings(deadline=None)
def test_each_local_day_has_one_run(start: datetime, at: time, zone: str) -> None:
    cadence, local = parse(daily(at)), ZoneInfo(zone)
    days, moment = [], start
    for _ in range(12):
        following = next_due(cadence, zone, moment)
        assert following is not None
        assert following > moment
        days.append(following.astimezone(local).date())
        moment = following
    assert len(set(days)) == len(days)
    gaps = {(later - earlier).days for earlier, later in pairwise(days)}
    assert gaps <= {1, 2}  # 2 only where the calendar itself leaves a day out (Samoa, 30 December 2011)
    assert gaps == {1} or zone == "Pacific/Apia"


@given(moments, hours, st.sampled_from(sorted(available_timezones())), st.integers(0, 14 * 86400))
@settings(deadline=None)
def test_however_many_were_missed_there_is_one_next(start: datetime, at: time, zone: str, off: int) -> None:
    cadence = parse(daily(at))
    back = start + timedelta(seconds=off)
    following = next_due(cadence, zone, back)
    assert following is not None
    assert back < following <= back + timedelta(hours=50)


@pytest.mark.parametrize(("text", "seconds"), [
    ("every 90s", 90), ("every 15m", 900), (" Every  2H ", 7200), ("realtime", 900), ("every 168h", 7 * 86400),
])  # fmt: skip
def test_every_so_often(text: str, seconds: int) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert next_due(parse(text), "UTC", now) == now + timedelta(seconds=seconds)
    assert first_due(parse(text), "UTC", now) == now


def test_by_hand_is_never_due() -> None:
    assert next_due(parse("manual"), "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert first_due(parse("manual"), "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "text", ["", "daily", "daily 24:00", "daily 3:00", "every 0m", "every 169h", "every m", "hourly", "every 5 m"]
)
def test_what_is_no_cadence_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(UsageError, match="daily 03:00"):
        parse(text)
