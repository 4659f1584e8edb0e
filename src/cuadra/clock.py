"""What time it is: the database's time, as soon as a program has spoken with one.

Many hosts work on one ledger, and what they decide by time (which answer is newer, what is due) must not depend on whose
clock is wrong. So each program takes the hour from the database when it connects, and counts on from there with a clock
that nobody sets. From then on time never goes back within a program, even if the database's does.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

__all__ = ["anchor", "utc_now"]


class _Clock:
    """The time of another clock, counted on with the monotonic one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset: float | None = None
        self._last = 0.0

    def now(self) -> datetime:
        with self._lock:
            seconds = time.time() if self._offset is None else time.monotonic() + self._offset
            self._last = max(self._last, seconds)
            return datetime.fromtimestamp(self._last, UTC)

    def anchor(self, moment: datetime) -> None:
        with self._lock:
            if self._offset is None:  # this machine's clock may be ahead: no reason to stand still until it is right
                self._last = 0.0
            self._offset = moment.timestamp() - time.monotonic()


_clock = _Clock()


def utc_now() -> datetime:
    """The time, in UTC; of this machine until `anchor` was called."""
    return _clock.now()


def anchor(moment: datetime) -> None:
    """It is this late by the clock that counts."""
    _clock.anchor(moment)
