"""When something runs by itself: every so many minutes, or daily at an hour. Pure: from what is written to the next time.

manual         never by itself
realtime       notices, and every 15 minutes a look whether one was missed
every 10m      every ten minutes; every 2h, every 45s
daily 03:00    once on each day of the zone's calendar, on those with 23 and 25 hours too
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from cuadra.errors import UsageError

REALTIME = timedelta(minutes=15)
"""How long an order whose notice was lost may stay unseen."""
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=7)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_EVERY = re.compile(r"every (\d{1,6})([smh])")
_DAILY = re.compile(r"daily ([01]\d|2[0-3]):([0-5]\d)")


class Cadence(Struct, frozen=True):
    """`every` or `at`, or neither: then never by itself."""

    text: str
    every: timedelta | None = None
    at: time | None = None


def parse(text: str) -> Cadence:
    """Read a cadence. Raises UsageError saying how one is written."""
    words = " ".join(text.lower().split())
    if words == "manual":
        return Cadence(words)
    if words == "realtime":
        return Cadence(words, every=REALTIME)
    if match := _DAILY.fullmatch(words):
        return Cadence(words, at=time(int(match[1]), int(match[2])))
    if match := _EVERY.fullmatch(words):
        every = int(match[1]) * _UNITS[match[2]]
        if SHORTEST <= every <= LONGEST:
            return Cadence(words, every=every)
    raise UsageError("«{value}» is no cadence; write manual, realtime, «every 15m», «every 2h» or «daily 03:00».",
                     value=text)  # fmt: skip


def next_due(cadence: Cadence, zone: str, after: datetime) -> datetime | None:
    """The next time after that moment; None: never by itself. However many times were missed, there is one next one.

    A daily hour that the calendar leaves out is met as much later as the clock is moved; one that comes twice is met
    the first time.
    """
    if cadence.every is not None:
        return after + cadence.every
    if cadence.at is None:
        return None
    local = ZoneInfo(zone)
    day = after.astimezone(local).date() - timedelta(days=1)
    while (found := _moment(day, cadence.at, local)) <= after:
        day += timedelta(days=1)
    return found


def first_due(cadence: Cadence, zone: str, now: datetime) -> datetime | None:
    """When something begins that has never run: at once, or at its hour."""
    return now if cadence.every is not None else next_due(cadence, zone, now)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
