"""Programs of the product as processes, killed and started again. What ends by itself is started again too, as any service
manager does, and counted: a program that was up and falls is a defect."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.chaos import hosts

ROOT = Path(__file__).parents[2]
UP = ("is at work", "Notices are taken")
"""What a program says when it is up. One that ends before has not found its database."""
AGAIN = 1.0


class Program:
    """One of them. `host`: where it runs, if not here."""

    def __init__(self, name: str, words: list[str], environ: dict[str, str], log: Path,
                 host: hosts.Host | None = None) -> None:  # fmt: skip
        self.name, self.words, self.host = name, words, host
        self.extra: dict[str, str] = {}
        self._environ, self._log = environ, log
        self._process: subprocess.Popen[bytes] | None = None
        self._said = 0
        self._again_at: float | None = None
        self.fell: list[str] = []

    @property
    def pid(self) -> int | None:
        """Its number while it is alive."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Begin."""
        here = ["ip", "netns", "exec", self.host.name] if self.host is not None else []
        environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **self._environ, **self.extra}
        with self._log.open("ab") as log:
            self._said = log.tell()
            self._process = subprocess.Popen(
                [*here, sys.executable, "-m", "tests.chaos.program", *self.words], cwd=ROOT, env=environ,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._again_at = None

    def kill(self, again: float | None) -> None:
        """SIGKILL for all of it; started again after so many seconds, or never."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._again_at = None if again is None else time.monotonic() + again
        if again is None:
            self._process = None

    def tick(self) -> None:
        """Start it again if its time has come, or it has ended by itself."""
        now = time.monotonic()
        if self._again_at is not None:
            if now >= self._again_at:
                self.start()
        elif self._process is not None and self._process.poll() is not None:
            if self.up:
                self.fell.append(f"{self.name} ended by itself ({self._process.returncode}): {self.last_words()}")
            self.kill(AGAIN)

    @property
    def up(self) -> bool:
        """Whether it has begun to work since it was started."""
        said = self._log.read_bytes()[self._said :].decode(errors="replace")
        return any(words in said for words in UP)

    def last_words(self) -> str:
        """The end of what it said."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing"


class Keeper:
    """All programs."""

    def __init__(self) -> None:
        self.programs: dict[str, Program] = {}
        self.kills: Counter[str] = Counter()

    def add(self, program: Program) -> Program:
        self.programs[program.name] = program
        return program

    def kill(self, name: str, again: float) -> None:
        self.kills[name.partition("-")[0]] += 1
        self.programs[name].kill(again)

    def tick(self) -> None:
        for one in self.programs.values():
            one.tick()

    @property
    def fell(self) -> list[str]:
        return [text for one in self.programs.values() for text in one.fell]

    def end(self) -> None:
        """All of them, at once."""
        for one in self.programs.values():
            one.kill(None)
