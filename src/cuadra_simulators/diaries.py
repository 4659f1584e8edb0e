"""The file in which a simulated shop writes down what changed it, line by line, so that it can live through it again."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Kept(Exception):
    """The diary is another shop's at this moment."""


class Lines:
    """The diary of one shop, its own while the program runs. `opening`: its first line, made if there is none."""

    def __init__(self, path: Path, **opening: Any) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise Kept(f"{path} is kept by a shop that is open") from error
        lines = self._file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        os.ftruncate(descriptor, sum(map(len, whole)))  # the last word of a program that was killed
        self._past = [json.loads(line) for line in whole]
        if not self._past:
            self._past = [{"opened": datetime.now(UTC).replace(microsecond=0).isoformat(), **opening}]
            self._write(self._past[0])
        self.opening: dict[str, Any] = self._past[0]

    @property
    def opened(self) -> datetime:
        """When the shop opened for the first time."""
        return datetime.fromisoformat(self.opening["opened"])

    def close(self) -> None:
        """Let another program have it."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
