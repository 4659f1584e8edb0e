"""Figures on the screen and in `bench/results.json`, whose keys are flat and kept from bench to bench."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct

RESULTS = Path(__file__).parent / "results.json"


class Line(Struct, frozen=True):
    """One line of a bench's table: who, how long, and the figure that has a floor and a goal."""

    who: str
    seconds: float
    orders: int
    figure: float
    key: str
    floor: float
    goal: float
    below: bool = False
    """The figure must stay below floor and goal, and not above them."""

    def reaches(self, bound: float) -> bool:
        return self.figure < bound if self.below else self.figure >= bound

    def verdict(self) -> str:
        if not self.reaches(self.floor):
            return "BELOW THE FLOOR"
        return "goal reached" if self.reaches(self.goal) else "above the floor"


def show(title: str, lines: Iterable[Line]) -> bool:
    """Print the table. False if a figure is on the wrong side of its floor."""
    print(f"\n{title}")
    print(f"{'peer':20} {'seconds':>9} {'orders/s':>10} {'figure':>18} {'value':>8} {'floor':>7} {'goal':>7}  verdict")
    good = True
    for line in lines:
        sign = "<" if line.below else "≥"
        print(
            f"{line.who:20} {line.seconds:9.1f} {line.orders / line.seconds:10,.0f} {line.key:>18} {line.figure:8.2f} "
            f"{sign + format(line.floor, 'g'):>7} {sign + format(line.goal, 'g'):>7}  {line.verdict()}"
        )
        good = good and line.reaches(line.floor)
    print(flush=True)
    return good


def save(figures: Mapping[str, float], around: Mapping[str, Any]) -> None:
    """Put the figures and their conditions into the file; what other benches wrote there stays."""
    known: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    before = known.pop("conditions", {})
    text = json.dumps({**known, **figures, "conditions": {**before, **around}}, ensure_ascii=False, indent=2)
    part = RESULTS.with_suffix(".part")
    part.write_text(text + "\n", "utf-8")
    part.replace(RESULTS)


def conditions(info: str) -> dict[str, Any]:
    """The machine, the interpreter and the server."""
    with psycopg.connect(info, autocommit=True) as conn:
        settings = {}
        for name in ("server_version", "fsync", "synchronous_commit"):
            row = conn.execute(f"SHOW {name}".encode()).fetchone()
            assert row is not None
            settings[name] = row[0]
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "python": platform.python_version(),
        "postgres": settings.pop("server_version"),
        **settings,
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
