"""A plan, carried out: accidents at their moments, what was killed started again, and then rest, and the comparison."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import psycopg
from msgspec import Struct

from tests.chaos import checking, hosts
from tests.chaos.checking import Found
from tests.chaos.plan import ALWAYS, CRM_FAULTS, FAULTS, Accident, Plan
from tests.chaos.scene import Scene

Act = Callable[[], object]


class Result(Struct):
    """What a run found, and what it took."""

    found: Found
    kills: dict[str, int]
    accidents: dict[str, int]
    struck: dict[str, int]
    took: list[tuple[str, float, str]]
    fell: list[str]
    seconds: float
    quiet_after: float


class Run:
    """One plan on one stage."""

    def __init__(self, plan: Plan, scene: Scene) -> None:
        self.plan, self.scene = plan, scene
        self._agenda: list[tuple[float, int, Act]] = []
        self._turn = itertools.count()
        self._zero = 0.0
        self.happened: Counter[str] = Counter()

    def run(self, patience: float) -> Result:
        """All of it. `patience`: how long rest may take to come, in seconds."""
        began = time.monotonic()
        scene, plan = self.scene, self.plan
        scene.write_files(plan.filed, plan.seed)
        for platform, shop in scene.shops.items():
            for kind, rate in ALWAYS[platform].items():
                shop.ask("fault", kind, kind, {"rate": rate, "seconds": 2.0 if kind == "webhook_delay" else 0.0})
        scene.programs(plan.workers)
        self._zero = time.monotonic()
        self._at(plan.dropped_at, scene.drop_files)
        for one in plan.accidents:
            self._at(one.at, lambda one=one: self._happen(one))
        for platform, share in plan.shops.items():
            scene.shops[platform].ask("begin", share.events, plan.seconds)
        shops = ", ".join(f"{one.listed} orders and {one.events} events in {name}" for name, one in plan.shops.items())
        scene.say(f"{len(plan.accidents)} accidents in {plan.seconds:.0f} s; {shops}, {plan.filed} orders in files; history "
                  f"by {plan.history}")  # fmt: skip
        self._work_off(plan.seconds)
        struck = self._calm()
        scene.say(f"{time.monotonic() - began:.0f} s: nothing goes wrong any more; waiting for rest")
        rested = time.monotonic()
        stuck = self._rest(patience)
        quiet_after = time.monotonic() - rested
        scene.say(f"at rest after {quiet_after:.0f} s; comparing" if not stuck else f"stuck: {stuck}")
        with scene.admin() as conn:
            found = checking.check(conn, scene.truths(), scene.folder / "erp", scene.truth, scene.crm)
        found.stuck += stuck
        return Result(found, dict(scene.keeper.kills), dict(self.happened), struck, scene.watcher.took, scene.keeper.fell,
                      time.monotonic() - began, quiet_after)  # fmt: skip

    def _at(self, seconds: float, act: Act) -> None:
        heapq.heappush(self._agenda, (seconds, next(self._turn), act))

    def _work_off(self, until: float) -> None:
        """What is on the agenda, at its time; what ends later is done at the end."""
        while (now := time.monotonic() - self._zero) < until or self._agenda:
            while self._agenda and self._agenda[0][0] <= now:
                heapq.heappop(self._agenda)[2]()
            self.scene.keeper.tick()
            time.sleep(0.03)

    # ---------------------------------------------------------------- accidents

    def _happen(self, one: Accident) -> None:
        what = "" if one.kind in ("kill", "cut", "clock") else one.what
        self.happened[" ".join(filter(None, (one.shop, one.kind.removeprefix("shop").strip("_"), what)))] += 1
        getattr(self, f"_{one.kind}")(one)

    def _later(self, one: Accident, act: Act) -> None:
        self._at(time.monotonic() - self._zero + one.seconds, act)

    def _kill(self, one: Accident) -> None:
        scene = self.scene
        if one.what == "postgres":
            if scene.server.kill():
                scene.keeper.kills["postgres"] += 1
            self._later(one, self._ensure_server)
            return
        scene.watcher.lost(scene.keeper.programs[one.what].pid, "killed")
        scene.keeper.kill(one.what, one.seconds)

    def _ensure_server(self) -> None:
        if not self.scene.server.start():  # its disk is full: as soon as there is room
            self.scene.say(f"PostgreSQL: {self.scene.server.complaint}")
            self._at(time.monotonic() - self._zero + 1.0, self._ensure_server)

    def _cut(self, one: Accident) -> None:
        program = self.scene.keeper.programs[one.what]
        if program.host is not None and not program.host.cut_off:
            self.scene.watcher.lost(program.pid, "cut off")
            program.host.cut()
            self._later(one, program.host.mend)

    def _disk(self, one: Accident) -> None:
        disk = self.scene.disk
        if disk is not None:
            disk.fill()

            def over() -> None:
                disk.free()
                self._ensure_server()

            self._later(one, over)

    def _clock(self, one: Accident) -> None:
        """Its host's clock goes back two hours, and is put right later; both make the worker start anew."""
        program = self.scene.keeper.programs[one.what]

        def set_back(hours: int) -> None:
            library = hosts.faketime()
            program.extra = {"LD_PRELOAD": str(library), "FAKETIME": f"-{hours}h", "DONT_FAKE_MONOTONIC": "1",
                             "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if hours else {}  # fmt: skip
            program.kill(0.1)

        set_back(2)
        self._later(one, lambda: set_back(0))

    def _shop(self, one: Accident) -> None:
        name, shop = f"{one.what} {one.at}", self.scene.shops[one.shop]
        shop.ask("fault", name, one.what, FAULTS[one.shop][one.what])
        self._later(one, lambda: shop.ask("cure", name))

    def _crm(self, one: Accident) -> None:
        self.scene.control(faults=[{"kind": one.what, **CRM_FAULTS[one.what]}])
        self._later(one, lambda: self.scene.control(clear=True))

    def _shop_down(self, one: Accident) -> None:
        shop = self.scene.shops[one.shop]
        shop.ask("fault", "down", "reset", {})
        self._later(one, lambda: shop.ask("cure", "down"))

    def _shop_expired(self, one: Accident) -> None:
        shop = self.scene.shops[one.shop]
        shop.ask("expired", True)
        self._later(one, lambda: shop.ask("expired", False))

    def _crm_down(self, one: Accident) -> None:
        self.scene.control(down=True)
        self._later(one, lambda: self.scene.control(down=False))

    def _crm_expired(self, one: Accident) -> None:
        self.scene.control(unauthorised=True)
        self._later(one, lambda: self.scene.control(unauthorised=False))

    # ---------------------------------------------------------------- rest

    def _calm(self) -> dict[str, int]:
        """Nothing happens any more, and nothing goes wrong."""
        self.scene.control(clear=True, down=False, unauthorised=False)
        for one in self.scene.hosts:
            one.mend()
        if self.scene.disk is not None:
            self.scene.disk.free()
        self.scene.server.start()
        return {f"{platform} {kind}": many for platform, shop in self.scene.shops.items()
                for kind, many in shop.ask("end").items()}  # fmt: skip

    def _rest(self, patience: float) -> list[str]:
        """Wait until nothing is left to do; what is left if that does not come."""
        end, since, left = time.monotonic() + patience, None, ["no answer of the database"]
        told = time.monotonic()
        while time.monotonic() < end:
            self.scene.keeper.tick()
            try:
                with self.scene.admin() as conn:
                    since = since or _now(conn)
                    left = checking.left(conn, since)
            except psycopg.OperationalError as error:
                left = [str(error)]
            if not left:
                return []
            if time.monotonic() - told > 15:
                told = time.monotonic()
                self.scene.say(f"    still {', '.join(left)}")
            time.sleep(0.5)
        return left


def _now(conn: psycopg.Connection[tuple[datetime]]) -> datetime:
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]
