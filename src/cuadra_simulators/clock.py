"""A shop's own time: whole seconds, moved by whoever holds the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

START = datetime(2026, 5, 20, 15, 0, 0, tzinfo=UTC)


class Clock:
    """Seconds since 1970. Stands still until moved, or follows the wall clock from its start when `running`."""

    def __init__(self, start: datetime | None = None, *, running: bool = False) -> None:
        self._base = (start or (datetime.now(UTC) if running else START)).timestamp()
        self._begun = time.monotonic() if running else None
        self._still: int | None = None
        self.skew = 0
        """Seconds by which the shop's server is wrong: ahead when positive. Seen in stamps and in signed requests."""

    @property
    def now(self) -> int:
        """What the shop believes the time to be."""
        still = self._still
        return (int(self._base + self._passed()) if still is None else still) + self.skew

    def _passed(self) -> float:
        return time.monotonic() - self._begun if self._begun is not None else 0.0

    @property
    def wall(self) -> float:
        """The real time as this server would tell it: what signatures are judged by."""
        return time.time() + self.skew

    @contextmanager
    def still(self) -> Iterator[None]:
        """What happens inside happens at one moment."""
        before = self._still
        if before is None:
            self._still = int(self._base + self._passed())
        try:
            yield
        finally:
            self._still = before

    def run(self) -> None:
        """From now on follow the wall clock; not behind what the time is already."""
        self._base = max(self._base + self._passed(), datetime.now(UTC).timestamp())
        self._begun = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the shop's time. Backwards too: servers do that when they are put right."""
        self._base += seconds

    def set(self, moment: datetime) -> None:
        """Put the shop's time to a moment."""
        self._base += moment.timestamp() - (self.now - self.skew)
