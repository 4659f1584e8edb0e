"""Watches, through PostgreSQL itself, who is at what: how long work lay that a killed or cut off worker was at."""

from __future__ import annotations

import threading
import time
from typing import Any

import psutil
import psycopg

EVERY = 0.1
SCHEDULES = """
SELECT s.account_id || '/' || s.integration_id || '/' || s.task, s.begun_at, s.worker_id, w.pid
FROM schedule s LEFT JOIN worker w USING (worker_id)
WHERE s.begun_at IS NOT NULL AND (s.ended_at IS NULL OR s.ended_at < s.begun_at)"""
DELIVERING = """
SELECT 'deliver/' || d.destination_id,
       (SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7210
          AND l.objid = (hashtextextended('deliver:' || d.destination_id, 0)::bit(32)::int)::oid),
       EXISTS (SELECT FROM delivery x WHERE x.destination_id = d.destination_id AND x.due_at <= clock_timestamp())
FROM destination d"""


class Watcher(threading.Thread):
    """Looks ten times a second, while it can. `took`: (what, seconds until another one was at it, how it was lost)."""

    def __init__(self, admin: str) -> None:
        super().__init__(name="watch", daemon=True)
        self._admin = admin
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._tasks: dict[str, tuple[Any, int | None, int | None]] = {}
        self._holders: dict[str, int | None] = {}
        self._lost: dict[str, tuple[float, str, Any]] = {}
        self.took: list[tuple[str, float, str]] = []

    def lost(self, pid: int | None, how: str) -> int:
        """This process is about to be killed, or was cut off; returns how much it was at."""
        if pid is None:
            return 0
        try:
            ports = {one.laddr.port for one in psutil.Process(pid).net_connections("tcp")}
        except psutil.Error:
            ports = set()
        with self._lock:
            before = len(self._lost)
            for name, (begun, worker, whose) in self._tasks.items():
                if whose == pid:
                    self._lost[name] = (time.monotonic(), how, (begun, worker))
            for name, port in self._holders.items():
                if port is not None and port in ports:
                    self._lost[name] = (time.monotonic(), how, port)
            return len(self._lost) - before

    def run(self) -> None:
        while not self._over.is_set():
            try:
                with psycopg.connect(self._admin, autocommit=True, connect_timeout=3) as conn:
                    while not self._over.wait(EVERY):
                        self._look(conn)
            except psycopg.Error:
                self._over.wait(EVERY)

    def stop(self) -> None:
        self._over.set()
        self.join(5)

    @property
    def open(self) -> list[str]:
        """What nobody has taken over yet."""
        with self._lock:
            return sorted(self._lost)

    def _look(self, conn: psycopg.Connection[Any]) -> None:
        tasks = {name: (begun, worker, pid) for name, begun, worker, pid in conn.execute(SCHEDULES)}
        holders = {name: (port, due) for name, port, due in conn.execute(DELIVERING)}
        with self._lock:
            self._tasks, self._holders = tasks, {name: port for name, (port, _) in holders.items()}
            for name, (since, how, before) in list(self._lost.items()):
                if name in holders:
                    port, due = holders[name]
                    taken, over = port not in (None, before), port is None and not due
                else:
                    found = tasks.get(name)
                    taken, over = found is not None and found[:2] != before, found is None
                if taken:
                    self.took.append((name, time.monotonic() - since, how))
                if taken or over:
                    del self._lost[name]
