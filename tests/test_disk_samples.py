"""How much the database holds is noted, whoever may connect to it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from psycopg import sql as quoted

from cuadra.jobs import tasks
from cuadra.jobs.schedules import DISK, Due
from tests.world import World


def test_the_size_is_noted_where_not_everybody_may_connect(world: World) -> None:
    """As on the embedded server, which lets nobody in but its own roles."""
    conn = world.db.connection()
    conn.execute(quoted.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(quoted.Identifier(conn.info.dbname)))
    bench = tasks.Bench(world.settings, world.db, threading.Event(), lambda *_: None)
    tasks.do(bench, Due(0, 0, DISK, "every 1h", "UTC", datetime.now(UTC)))
    with world.db.transaction(role="cuadra_clock") as conn:
        assert conn.execute("SELECT used > 1000000 FROM disk_sample").fetchall() == [(True,)]
