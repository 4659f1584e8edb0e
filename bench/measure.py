"""Runs a command in a process of its own and measures it: wall time, processor time, and the peak of its memory
together with all its descendants. PostgreSQL is not counted, even where it was started by one of them.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

ROOT = Path(__file__).parent.parent
SAMPLE_SECONDS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchError(Exception):
    """The bench cannot give a figure, or must not."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took. `cpu` is user and system time of the process and its descendants."""

    seconds: float
    cpu: float
    peak_mib: float
    output: str


def run(command: list[str], *, log: Path, environ: Mapping[str, str] | None = None) -> Measured:
    """Run and measure a command. Raises BenchError with its last words if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    out, err = log.with_suffix(".out"), log.with_suffix(".err")
    with out.open("wb") as stdout, err.open("wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
        )
        memory = _Memory(process.pid)
        memory.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            memory.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = (err.read_text("utf-8", "replace").strip() or out.read_text("utf-8", "replace").strip())[-2000:]
        raise BenchError(f"«{' '.join(command)}» ended with {process.returncode}:\n{said}")
    peak = max(memory.peak, usage.ru_maxrss * 1024)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, peak / (1 << 20), out.read_text("utf-8", "replace"))


class _Memory(threading.Thread):
    """Adds up the resident memory of a process tree, again and again, and keeps the highest sum."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._members = {root}
        self._strangers: set[int] = set()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._adopt()
            self.peak = max(self.peak, sum(map(_resident, self._members)))

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _adopt(self) -> None:
        """Look at each new process once; a parent has a lower number than its child, unless numbers began again."""
        present = {int(name) for name in os.listdir("/proc") if name.isdecimal()}  # noqa: PTH208 - twenty times a second
        self._members &= present
        self._strangers &= present
        fresh = sorted(present - self._members - self._strangers)
        for pid in (*fresh, *fresh):
            if pid in self._members:
                continue
            name, parent = _name_and_parent(pid)
            (self._members if parent in self._members and name != "postgres" else self._strangers).add(pid)
            self._strangers -= self._members


def _name_and_parent(pid: int) -> tuple[str, int]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "", 0
    name, _, rest = text.partition(" (")[2].rpartition(") ")
    return name, int(rest.split()[1])


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - twenty times a second
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0


def counts(info: str, queries: Mapping[str, str]) -> dict[str, int]:
    """One number for each query, from the database itself."""
    with psycopg.connect(info, autocommit=True) as conn:
        found = {}
        for name, query in queries.items():
            row = conn.execute(query.encode()).fetchone()
            assert row is not None
            found[name] = int(row[0])
        return found


def agree(who: str, found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """Raises BenchError naming every count that is not what it must be."""
    wrong = [f"{name}: {found.get(name)} instead of {value}" for name, value in expected.items()
             if found.get(name) != value]  # fmt: skip
    if wrong:
        raise BenchError(f"{who} did not do the whole work: {'; '.join(wrong)}")
