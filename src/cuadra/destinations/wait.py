"""When something is sent again, and how much at once. Pure: chance and time come in, nothing is waited for here."""

from __future__ import annotations

import random
from datetime import timedelta

from msgspec import Struct

ATTEMPTS = 10
"""So often is a parcel sent by itself; with the pauses between that takes a little over ten hours."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3600, 10800))
"""After the first attempt, the second, …; the last one after every further attempt."""
JITTER = 0.2
"""A pause is up to so much longer or shorter: what failed together is not to come back together."""
LONGEST = timedelta(days=1)
"""No destination is given longer, whatever it asks for."""


def pause(tries: int, rng: random.Random, asked: float | None = None) -> timedelta:
    """How long to wait after `tries` attempts that failed (1 or more). `asked`: the seconds that the destination wants,
    which are a minimum; its own wish is never shortened by chance, only by `LONGEST`."""
    usual = PAUSES[min(max(tries, 1), len(PAUSES)) - 1] * rng.uniform(1 - JITTER, 1 + JITTER)
    if asked is None:
        return usual
    wanted = timedelta(seconds=min(max(asked, 0.0), LONGEST.total_seconds()))
    return max(usual, min(wanted * rng.uniform(1, 1 + JITTER), LONGEST))


class Flow(Struct, frozen=True):
    """How many deliveries may be under way to one destination at a time. It grows by one when as many as are allowed have
    gone well, and is halved whenever the destination pushes back: so it stays just below what the destination bears.

    Each answer gives the next value: `flow = flow.succeeded()`.
    """

    limit: int = 4
    most: int = 16
    least: int = 1
    well: int = 0
    """Deliveries that went well since the limit last changed."""

    def succeeded(self) -> Flow:
        """A delivery went well."""
        if self.limit >= self.most:
            return self
        if self.well + 1 < self.limit:
            return Flow(self.limit, self.most, self.least, self.well + 1)
        return Flow(self.limit + 1, self.most, self.least)

    def pushed_back(self) -> Flow:
        """The destination was too slow, full or away."""
        return Flow(max(self.limit // 2, self.least), self.most, self.least)
