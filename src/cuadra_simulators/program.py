"""What the programs of all simulated shops have in common."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


class Busy:
    """Whether anybody has had to do with a shop of late. `seen` changes with every request and every taken webhook."""

    def __init__(self, seen: Callable[[], object], seconds: float) -> None:
        self._seen, self._seconds = seen, seconds
        self._since, self._last = time.monotonic(), seen()

    def over(self) -> bool:
        """Nobody has, for so many seconds; never when that is 0."""
        now = self._seen()
        if now != self._last:
            self._since, self._last = time.monotonic(), now
        return bool(self._seconds) and time.monotonic() - self._since > self._seconds


def tell_place(path: Path, said: dict[str, Any]) -> None:
    """Where a shop is, its process and its keys, in a file for its owner; whole, or not there."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({**said, "pid": os.getpid()}, file)
    new.rename(path)


def fault_of(kinds: Sequence[str]) -> Callable[[str], tuple[str, float]]:
    """Reads «KIND=RATE»; a kind alone strikes always."""

    def read(text: str) -> tuple[str, float]:
        kind, _, rate = text.partition("=")
        if kind not in kinds:
            raise argparse.ArgumentTypeError(f"there is no fault «{kind}»")
        return kind, float(rate or 1)

    return read


def parser(program: str, description: str, port: int, kinds: Sequence[str]) -> argparse.ArgumentParser:
    """The options that all of them have. `kinds`: the faults that there are."""
    made = argparse.ArgumentParser(f"python -m {program}", description=description)
    made.add_argument("--port", type=int, default=port, help=f"where it listens ({port}); 0 takes any")
    made.add_argument("--seed", type=int, default=1, help="which shop it is (1)")
    made.add_argument("--orders", type=int, default=500, help="orders of the past two months (500)")
    made.add_argument("--pace", type=float, default=4.0, help="seconds between events, on average (4)")
    made.add_argument("--fault", type=fault_of(kinds), action="append", default=[], metavar="KIND=RATE",
                      help=f"what goes wrong, and how often: {', '.join(kinds)}")  # fmt: skip
    made.add_argument("--diary", type=Path, metavar="FILE",
                      help="write down what happens; a shop that opens with a diary goes on from it")  # fmt: skip
    made.add_argument("--place", type=Path, metavar="FILE", help="write there where it is, once it answers (JSON)")
    made.add_argument("--idle", type=float, default=0.0, help="end after so many seconds in which nobody asks (never)")
    return made


class Follower:
    """Does something again and again in a thread, until it is stopped."""

    def __init__(self, act: Callable[[], object], name: str) -> None:
        self._act, self._name = act, name
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, every: float) -> None:
        """Begin."""

        def run() -> None:
            while not self._stop.wait(every):
                self._act()

        self._stop.clear()
        self._thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if there is one."""
        self._stop.set()
        if self._thread:
            self._thread.join()
            self._thread = None


def until_terminated() -> threading.Event:
    """Set when the program is asked to end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop
