"""Accidents, in small: the plan is a pure function of its seed, a dead or cut off worker's work is taken over, a week in
which nothing ran is made up for, and a short run of everything. The long one is `make chaos`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from cuadra import coverage
from cuadra.db import Database
from cuadra.model import Axis
from tests.chaos import hosts
from tests.chaos.__main__ import execute
from tests.chaos.checking import check, left
from tests.chaos.plan import FAULTS, draw
from tests.chaos.scene import NAMES, Scene, scene

PATIENCE = 150.0
"""After so long something hangs; how long anything takes is printed, and asserted nowhere."""


def say(text: str) -> None:
    """Figures for whoever runs this with -s."""
    sys.stdout.write(text + "\n")


def until(true: Callable[[], bool], what: str) -> float:
    """Wait until it is so; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE, f"waited in vain: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


def test_the_same_seed_is_the_same_plan() -> None:
    asked = {"orders": 3000, "kills": 30, "pg_kills": 3, "minutes": 3.0}
    one = draw(7, **asked)
    assert one == draw(7, **asked)
    assert one != draw(8, **asked)
    killed = [accident.what for accident in one.accidents if accident.kind == "kill"]
    assert (len(killed), killed.count("postgres")) == (30, 3)
    assert {"cut", "disk", "clock", "shop", "crm", "shop_down", "crm_expired"} <= {it.kind for it in one.accidents}
    assert all(0 <= it.at <= one.seconds for it in one.accidents)
    for shop, kinds in FAULTS.items():
        assert {it.what for it in one.accidents if it.kind == "shop" and it.shop == shop} == set(kinds)
        assert {it.kind for it in one.accidents if it.shop == shop} == {"shop", "shop_down", "shop_expired"}
    without = draw(7, namespaces=False, disks=False, clocks=False, **asked)
    assert [it for it in one.accidents if it.kind not in ("cut", "disk", "clock")] == list(without.accidents)


@pytest.mark.timeout(420)
def test_a_minute_of_accidents(capfd: pytest.CaptureFixture[str]) -> None:
    """What this machine cannot do is named in what is printed."""
    code = execute(3, orders=400, kills=5, pg_kills=1, minutes=0.4)
    said = capfd.readouterr().out
    say(said)
    assert code == 0, said


@pytest.mark.long
@pytest.mark.timeout(420)
@pytest.mark.skipif(bool(hosts.why_no_namespaces()), reason=hosts.why_no_namespaces() or "there are namespaces")
@pytest.mark.parametrize("shop", ["woocommerce", "shopify"])
@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_what_a_lost_worker_was_at_is_taken_over(how: str, shop: str) -> None:
    """Two hosts; the one that is in the middle of an import is lost, and the other one goes on with it."""
    several = {shop: 3000}  # chunks: it is lost in the middle
    with scene(say, seed=11, listed=several, namespaces=2, disk=0) as stage:
        stage.write_files(100, 11)
        stage.shops[shop].ask("fault", "slow", "timeout", {"rate": 0.5, "seconds": 0.4})
        for number, host in enumerate(stage.hosts):
            stage.program(f"worker-{number}", ["cuadra", "worker"], host).start()
        with stage.admin() as conn:
            until(lambda: conn.execute("SELECT count(*) > 100 FROM orders").fetchone()[0], "a first batch")
            pid = _whose_poll(stage, NAMES[shop])
            lost = next(one for one in stage.keeper.programs.values() if one.pid == pid)
            assert stage.watcher.lost(pid, how)
            if how == "killed":
                lost.kill(None)
            else:
                assert lost.host is not None
                lost.host.cut()
            until(lambda: any("poll" in what for what, *_ in stage.watcher.took), "another worker")
            say(f"{how}: {stage.watcher.took}")
            stage.shops[shop].ask("end")
            _rest(stage)
            found = check(conn, stage.truths(), None, None, stage.crm)
        assert found.good, found
        assert found.compared[shop] >= 3000


def _whose_poll(stage: Scene, name: str) -> int:
    """The process that imports from the shop."""
    text = ("SELECT w.pid FROM schedule s JOIN worker w USING (worker_id) JOIN integration i USING (integration_id)"
            " WHERE s.task = 'poll' AND i.name = %s AND (s.ended_at IS NULL OR s.ended_at < s.begun_at)")  # fmt: skip
    with stage.admin() as conn:
        until(lambda: conn.execute(text, (name,)).fetchone() is not None, "an import at work")
        until(lambda: any("poll" in name and it[2] is not None for name, it in stage.watcher._tasks.items()), "a look")
        return int(conn.execute(text, (name,)).fetchone()[0])


def _rest(stage: Scene) -> None:
    with stage.admin() as conn:
        since = conn.execute("SELECT clock_timestamp()").fetchone()[0]
        until(lambda: not left(conn, since), "rest")


@pytest.mark.timeout(420)
def test_after_a_week_in_which_nothing_ran_each_task_runs_once_and_the_gap_is_read() -> None:
    week = timedelta(days=7)
    with (
        scene(say, seed=12, listed={"woocommerce": 120, "shopify": 60}, namespaces=0, disk=0, notices=False) as stage,
        stage.admin() as conn,
    ):
        stage.write_files(100, 12)
        worker = stage.program("worker-0", ["cuadra", "worker"])
        worker.start()
        _rest(stage)
        conn.execute("UPDATE integration SET mode = 'every 1h'")
        until(lambda: conn.execute("SELECT count(*) FROM schedule WHERE cadence = 'every 1h' AND task = 'poll'"
                                   " AND begun_at <= ended_at").fetchone() == (3,), "the new cadence")  # fmt: skip
        worker.kill(None)
        for text in (
            "UPDATE schedule SET due_at = due_at - %(w)s, begun_at = begun_at - %(w)s, ended_at = ended_at - %(w)s",
            "UPDATE coverage SET read_at = read_at - %(w)s,"
            " span = tstzrange(lower(span) - %(w)s, upper(span) - %(w)s, '[)')",
            "UPDATE run SET started_at = started_at - %(w)s, ended_at = ended_at - %(w)s",
        ):
            conn.execute(text, {"w": week})
        for one in stage.shops.values():
            one.ask("begin", 60, 3.0)
        time.sleep(4)
        (began,) = conn.execute("SELECT clock_timestamp()").fetchone()
        worker.start()
        _rest(stage)
        runs = conn.execute(
            "SELECT integration_id, count(*) FROM run WHERE started_at > %s GROUP BY 1", (began,)
        ).fetchall()
        assert sorted(many for _, many in runs) == [1, 1, 1], runs
        late = "SELECT task FROM schedule WHERE begun_at < %s OR due_at < clock_timestamp() - interval '30 seconds'"
        assert conn.execute(late, (began,)).fetchall() == []
        for name in NAMES.values():
            (live,) = conn.execute("SELECT integration_id FROM integration WHERE name = %s", (name,)).fetchone()
            with Database(stage.near) as db:
                covered = coverage.load(db, 1, live)
            last = max(one.read_at for one in covered if one.axis is Axis.UPDATED and not one.filter)
            assert last >= began.replace(microsecond=0)  # the time of an answer, which has whole seconds
            assert coverage.holes(began - week, last, covered, Axis.UPDATED, timedelta(0)) == []
        found = check(conn, stage.truths(), None, None, stage.crm)
        assert found.good, found
        assert found.compared["woocommerce"] > 120
        assert found.compared["shopify"] > 60
