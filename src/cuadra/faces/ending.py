"""A program that was started by another ends with it, however that one ended."""

from __future__ import annotations

import os
import signal
import time

LOOK_SECONDS = 0.5


def end_with(parent: int) -> None:
    """Wait until `parent` is no longer our parent, then ask this process to end. Made for a thread of its own."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)  # whoever comes next must find the port free
