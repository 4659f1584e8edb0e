"""The pace of calls to one source, shared by all programs on all hosts: whoever wants to call draws a turn in the
database. Without its answer nobody calls."""

from __future__ import annotations

import time
from collections.abc import Callable

from cuadra.db import Database
from cuadra.db.queries import sql


class SharedPace:
    """See `connectors.http.Pacing`. Has a connection of its own, for the one who calls may be in a transaction."""

    def __init__(self, db: Database, account_id: int, integration_id: int, per_second: float, *,
                 sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        self._db, self._sleep = db.again(), sleep
        self._account = account_id
        self._values = {"account": account_id, "integration": integration_id, "rate": per_second}

    def wait(self) -> None:
        """Wait for one's turn."""
        with self._db.transaction(self._account) as conn:
            conn.execute("SET LOCAL synchronous_commit = off")  # a turn that a crash forgets is no loss
            row = conn.execute(sql("take_turn"), self._values).fetchone()
        assert row is not None
        if row[0] > 0:
            self._sleep(row[0])

    def pause(self, seconds: float) -> None:
        """Nobody calls for so long, on whatever host."""
        with self._db.transaction(self._account) as conn:
            conn.execute(sql("pause_pace"), {**self._values, "seconds": seconds})

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()
