"""A program that was started by another ends with it, however that one ended."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_SECONDS = 0.5
LAST_SECONDS = 6.0
"""How long it may take to end well; somebody may be listening to events that never end."""


def end_with(parent: int, last: float = LAST_SECONDS) -> None:
    """See to it that this process ends when `parent` is no longer its parent, well or after so many seconds. Returns at once."""
    threading.Thread(target=_watch, args=(parent, last), daemon=True).start()


def _watch(parent: int, last: float) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)  # whoever comes next must find the port free
    time.sleep(last)
    os._exit(1)
