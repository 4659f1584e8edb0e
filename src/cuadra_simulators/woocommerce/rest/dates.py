"""The bounds of time that lists accept, with WordPress's trap: what the text means depends on two things at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Within = Callable[[int], bool]


def bound(text: str, zone: ZoneInfo, *, are_gmt: bool) -> int:
    """The second a bound stands for.

    Without a zone the text is site time, or UTC when `dates_are_gmt`. With one it is first turned into site time, and
    that is then read as UTC when `dates_are_gmt`: wrong by the site's offset, and what the platform does.
    """
    plain = re.sub(r"\.\d+", "", text.replace(" ", "T").replace("t", "T").replace("Z", "+00:00"))
    moment = datetime.fromisoformat(plain)
    if moment.tzinfo is None:
        return int(moment.replace(tzinfo=UTC if are_gmt else zone).timestamp())
    local = moment.astimezone(zone).replace(tzinfo=None)
    return int(local.replace(tzinfo=UTC).timestamp()) if are_gmt else int(moment.timestamp())


def within(values: dict[str, Any], zone: ZoneInfo) -> tuple[Within, Within]:
    """Two tests, of creation and of modification. Bounds are exclusive, to the whole second."""
    are_gmt = bool(values.get("dates_are_gmt"))

    def test(after: str, before: str) -> Within:
        low = bound(values[after], zone, are_gmt=are_gmt) if values.get(after) else None
        high = bound(values[before], zone, are_gmt=are_gmt) if values.get(before) else None
        return lambda moment: (low is None or moment > low) and (high is None or moment < high)

    return test("after", "before"), test("modified_after", "modified_before")
