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


def until_terminated() -> threading.Event:
    """Set when the program is asked to end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop
