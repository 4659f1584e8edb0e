"""The pace of calls to one source, shared by all programs on all hosts: whoever wants to call draws a turn in the
database. Without its answer nobody calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cuadra.connectors.base import Evidence
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql


class SharedPace:
    """See `connectors.base.Pacing`. Has a connection of its own, for the one who calls may be in a transaction."""

    def __init__(self, db: Database, account_id: int, integration_id: int, per_second: float, burst: float = 0.0,
                 patience: float | None = None, *, sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        """`burst`: see `connectors.http.Pace`; `patience`: seconds that a turn may be away; None: as long as it takes."""
        self._db, self._patience, self._sleep = db.again(), patience, sleep
        self._account = account_id
        self._values: dict[str, Any] = {"account": account_id, "integration": integration_id, "rate": per_second,
                                        "saved": burst / per_second, "free": 0.0 if burst else 1 / per_second}  # fmt: skip

    def wait(self, cost: float = 1.0) -> None:
        """Wait for one's turn. Raises Trouble where it is further away than there is patience for: the source has asked
        somebody else for a long pause, and whoever waits here has other things to do."""
        with self._db.transaction(self._account) as conn:
            conn.execute("SET LOCAL synchronous_commit = off")  # a turn that a crash forgets is no loss
            row = conn.execute(sql("take_turn"), {**self._values, "cost": cost}).fetchone()
        assert row is not None
        seconds = float(row[0])
        if self._patience is not None and seconds > self._patience:
            self.give_back(cost)
            proof: Evidence = {"status": None, "wait": round(seconds, 1), "budget": self._values["rate"]}
            raise Trouble("source_rate_limited", proof, transient=True, wait=seconds)
        if seconds > 0:
            self._sleep(seconds)

    def give_back(self, cost: float, left: float | None = None) -> None:
        """So much less was used than had been drawn; `left`: what the platform says is left."""
        with self._db.transaction(self._account) as conn:
            conn.execute("SET LOCAL synchronous_commit = off")
            conn.execute(sql("give_back_turn"), {**self._values, "cost": cost, "left": left})

    def pause(self, seconds: float) -> None:
        """Nobody calls for so long, on whatever host."""
        with self._db.transaction(self._account) as conn:
            conn.execute(sql("pause_pace"), {**self._values, "seconds": seconds})

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()
