"""A worker: some lanes that work side by side until they are told to stop. Any number of workers may run on any number of
hosts; each takes what nobody else is at.

    live       notices through the pipeline: nothing else is done by these lanes, so that live orders never wait for history
    ask        what platforms say of themselves and of people; questions to sources, and states for them
    clock      scheduled tasks, imports among them: the history is here
    deliver    what goes on to destinations

A lane works in turns. Whatever a turn raises is told, and the lane goes on after a pause with a new connection: there is
nobody else to do the work.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import cuadra
from cuadra import clock, observing
from cuadra.db import Database, embedded
from cuadra.db.queries import sql
from cuadra.errors import CuadraError, Refused, Unreachable
from cuadra.jobs import delivering, schedules, tasks, working
from cuadra.jobs.receiving import Interrupted
from cuadra.jobs.schedules import Due
from cuadra.jobs.tasks import Bench, Retry
from cuadra.pipeline.run import TRANSIENT, fingerprint
from cuadra.settings import Settings

SWITCH_SECONDS = 0.0005
"""How long a lane may compute while another has got the database's answer; usually ten times as long. Lanes compute
little between two answers: with the usual time each answer waits for somebody else's turn to end."""
IDLE_SECONDS = 0.1
CLOCK_SECONDS = 1.0
"""How often the clock looks what is due, and whether somebody's work is left."""
PLAN_SECONDS = 10.0
SEEN_SECONDS = 5.0
GONE_SECONDS = 30.0
"""A worker that has not been seen for so long is gone."""
AGAIN_SECONDS = 2.0
STOP_SECONDS = 60.0
"""How long the lanes have to finish what they are at; then their locks die with the program."""
AFTER_FAULT = 60.0


Told = Callable[[Exception], None]
Turn = Callable[[], bool]
"""One turn of a lane; whether there was anything to do."""
Make = Callable[[Database, ExitStack], Turn]
"""Makes a lane ready; what it opens is closed by the stack."""


def _quiet(_error: Exception) -> None:
    """Nobody to tell."""


def _unseen(_what: str, _done: int, _total: int | None) -> None:
    """Nobody watches."""


class Worker:
    """All lanes of this program, once started."""

    def __init__(
        self, settings: Settings, db: Database, *, told: Told = _quiet, live: int = 2, clocks: int = 2
    ) -> None:
        self._settings, self._db, self._told = settings, db, told
        self._live, self._clocks = live, clocks
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.worker_id: int | None = None
        self._seen_at = float("-inf")

    def start(self) -> None:
        """Begin to work."""
        sys.setswitchinterval(SWITCH_SECONDS)
        with self._db.transaction() as conn:
            conn.execute("SELECT ensure_partitions(now()::date, 2)")
        self._register(self._db)
        lanes: list[tuple[str, Make, float]] = [
            ("seen", self._seen, SEEN_SECONDS),
            ("ask", self._ask, IDLE_SECONDS),
            ("deliver", self._deliver, IDLE_SECONDS),
            *((f"live {n}", self._process, IDLE_SECONDS) for n in range(self._live)),
            *((f"clock {n}", self._tick, CLOCK_SECONDS) for n in range(self._clocks)),
        ]
        for name, make, idle in lanes:
            thread = threading.Thread(target=self._lane, args=(make, idle), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Finish what is at hand, or give it back, and end."""
        self._stop.set()
        until = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        if self.worker_id is not None:
            with self._db.transaction(role="cuadra_clock") as conn:
                conn.execute(sql("end_worker"), {"worker": self.worker_id})

    def well(self) -> bool:
        """Whether its lanes live and it has been seen of late: by the database, that is, as others see it."""
        alive = bool(self._threads) and all(one.is_alive() for one in self._threads)
        return alive and not self._stop.is_set() and time.monotonic() - self._seen_at < GONE_SECONDS

    @property
    def stopping(self) -> threading.Event:
        """Set once the worker is to stop."""
        return self._stop

    # ---------------------------------------------------------------- lanes

    def _lane(self, make: Make, idle: float) -> None:
        while not self._stop.is_set():
            try:
                with self._db.again() as db, ExitStack() as stack:
                    turn = make(db, stack)
                    while not self._stop.is_set():
                        if not turn():
                            self._stop.wait(idle)
            except Interrupted:
                pass  # told to stop, or overtaken: whoever comes next goes on
            except Exception as err:  # noqa: BLE001 - a runner: told, and begun again; nobody else does the work
                self._told(err)
                observing.fault(threading.current_thread().name, err)
                self._stop.wait(AGAIN_SECONDS)
                self._revive()

    def _revive(self) -> None:
        """An embedded server that was killed is started again: nobody else looks after it."""
        if self._settings.database_url or self._stop.is_set():
            return
        try:
            embedded.start(self._settings.home)
        except CuadraError as err:
            self._told(err)

    def _seen(self, db: Database, _stack: ExitStack) -> Turn:
        """Be seen, plan what is new, and set the clock by the database's."""
        ticks = 0

        def turn() -> bool:
            nonlocal ticks
            with db.transaction(role="cuadra_clock") as conn:
                row = conn.execute(sql("see_worker"), {"worker": self.worker_id}).fetchone()
            if row is None:  # another host took us for gone, or the database was restored
                self._register(db)
            else:
                clock.anchor(row[0])
            self._seen_at = time.monotonic()
            if ticks % int(PLAN_SECONDS // SEEN_SECONDS) == 0:
                schedules.plan(db)
            ticks += 1
            return False

        return turn

    def _register(self, db: Database) -> None:
        with db.transaction(role="cuadra_clock") as conn:
            row = conn.execute(sql("add_worker"), {
                "host": socket.gethostname(), "pid": os.getpid(), "version": cuadra.__version__,
            }).fetchone()  # fmt: skip
        assert row is not None
        self.worker_id = int(row[0])
        self._seen_at = time.monotonic()

    def _process(self, db: Database, stack: ExitStack) -> Turn:
        shops = working.Shops(self._settings, db, working.LIVE_PATIENCE)
        stack.callback(shops.close)
        return lambda: working.process(db, shops) > 0

    def _ask(self, db: Database, stack: ExitStack) -> Turn:
        shops = working.Shops(self._settings, db)
        stack.callback(shops.close)
        return lambda: working.listen(db, shops) + working.ask(db, shops, _unseen) > 0

    def _deliver(self, db: Database, stack: ExitStack) -> Turn:
        crew = delivering.Crew(self._settings, db, self._stop)
        stack.callback(crew.join, STOP_SECONDS)
        return crew.turn

    def _tick(self, db: Database, stack: ExitStack) -> Turn:
        bench = Bench(self._settings, stack.enter_context(db.again()), self._stop, _unseen)

        def turn() -> bool:
            for one in schedules.due(db):
                with schedules.locked(db, one.name) as mine:
                    tries = schedules.claim(db, one, self.worker_id) if mine else None
                    if tries is not None:
                        self._do(bench, one, tries)
                        return True
                if self._stop.is_set():
                    break
            return False

        return turn

    def _do(self, bench: Bench, one: Due, tries: int) -> None:
        """Do a task that is claimed. What is broken off stays begun: whoever comes next goes on with it."""
        with observing.job(
            one.task, account=one.account_id, integration=one.integration_id, worker=self.worker_id
        ) as line:
            retry: float | None = None
            try:
                tasks.do(bench, one)
            except Retry as again:
                retry = again.seconds
                line["retry"], line["reason"] = round(retry, 1), again.reason
            except Refused as refused:  # somebody imports by hand, or it was paused a moment ago
                line["refused"] = refused.message  # without its values: one may be what somebody wrote
            except (*TRANSIENT, Unreachable):  # the database was away: it stays begun, and is gone on with
                bench.db.close()
                raise
            except Exception as err:  # noqa: BLE001 - the same runner: one task's fault is not the others'
                bench.db.close()
                self._told(err)
                retry = AFTER_FAULT
                line["fault"] = fingerprint(err)
                observing.fault(f"task {one.task}", err)
            schedules.end(bench.db, one, tries=tries + 1 if retry else 0, retry=retry)
