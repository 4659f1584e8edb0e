"""A server in a process of its own, for as long as it is measured."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ingest import LOGS, environment
from bench.measure import BenchError

WAIT_SECONDS = 60
STOP_SECONDS = 90


@contextmanager
def listening(home: Path, command: Callable[[int], list[str]], log: str) -> Iterator[int]:
    """Run the command of a free port; the port, once its `/health` answers. What it prints goes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    LOGS.mkdir(parents=True, exist_ok=True)
    kept = LOGS / f"{log}.err"
    with kept.open("wb") as errors:
        process = subprocess.Popen(command(port), env={**os.environ, **environment(home)}, stdout=errors, stderr=errors)
        try:
            _await(port, process, kept)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


def _await(port: int, process: subprocess.Popen[bytes], kept: Path) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise BenchError(f"the server ended: {kept.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise BenchError("the listener does not answer")
