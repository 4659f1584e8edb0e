"""The line between the two processes that decide an import in turns: what each of them says to the other, and waits for.

Messages are pickled: both ends are this program, and nobody else can write into their pipe. A line that breaks, whoever
has died, wakes everybody who waits on it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from cuadra.jobs.messages import Given, Ready, Wrote
from cuadra.ledger.shared import Gone, Turn


class Line:
    """One end; see `ledger.shared.Peer`. Without a pipe there is nobody at the other."""

    def __init__(self, *, leads: bool, wrote: Callable[[int], None] = lambda receipts: None) -> None:
        """`wrote` is told of the receipts of each batch that the other one has written, in a thread of ours."""
        self._leads, self._told = leads, wrote
        self._pipe: Connection | None = None
        self._opened = False
        self._sending = threading.Lock()
        self._change = threading.Condition()
        self._turn: Turn | None = Turn([]) if leads else None
        """Ours, unless the other one has it."""
        self._unsaid = Turn([])
        self._owed = 0
        """Batches given to the helper that it has not decided yet."""
        self._decided = self._landed = 0
        """Batches since both began that are decided, as far as we know, and that are in the database."""
        self._restless = False
        self._joined = False
        self.ready = False
        """The helper waits for work."""
        self.work: queue.SimpleQueue[Given | None] = queue.SimpleQueue()

    # ---------------------------------------------------------------- being together

    def open(self, pipe: Connection) -> None:
        """Listen to the other end from now on."""
        self._pipe, self._opened = pipe, True
        threading.Thread(target=self._listen, args=(pipe,), name="listen", daemon=True).start()

    def join(self) -> None:
        """Take turns from now on."""
        self._joined = True

    def anew(self) -> None:
        """Facts have changed that are told to nobody: both forget what they know before the next turn."""
        self._restless = True

    def leave(self) -> None:
        """See `Peer`. Whoever waits for the other one is woken. The pipe itself is closed by the thread that listens, once
        the other end is."""
        with self._change:
            self._pipe, self._restless = None, True
            self._change.notify_all()
        self.work.put(None)

    @property
    def broken(self) -> bool:
        """Whether there was somebody, and is not any more."""
        return self._opened and self._pipe is None

    @property
    def alone(self) -> bool:
        """See `Peer`. A helper never is: without the other one it has nothing to do."""
        return self._leads and (not self._joined or self._pipe is None)

    @property
    def restless(self) -> bool:
        """See `Peer`."""
        return self._restless

    @property
    def written(self) -> int:
        """See `Peer`."""
        return self._landed

    # ---------------------------------------------------------------- speaking

    def send(self, message: Any) -> None:
        """Raises Gone."""
        pipe = self._pipe
        if pipe is None:
            raise Gone
        try:
            with self._sending:
                pipe.send(message)
        except OSError as err:
            self.leave()
            raise Gone from err

    def give(self, work: Given) -> None:
        """Receipts for the helper, which it decides after the next turn of ours. Raises Gone."""
        self.send(work)
        with self._change:
            self._owed += 1

    def over(self, turn: Turn) -> None:
        """See `Peer`. Who leads keeps the turn, and what is to be told with it, while the helper has nothing to decide."""
        told = self._unsaid
        told.news += turn.news
        told.generation = turn.generation if turn.generation is not None else told.generation
        told.full = turn.full
        with self._change:
            self._decided += len(turn.news)
            if self._leads and not self._owed:
                return
            self._turn, self._unsaid = None, Turn([])
        self.send(told)

    def wrote(self, sequence: int, receipts: int) -> None:
        """See `Peer`."""
        self._land(sequence + 1)
        with contextlib.suppress(Gone):
            if not self.alone:
                self.send(Wrote(sequence, receipts))

    # ---------------------------------------------------------------- waiting

    def turn(self) -> Turn:
        """See `Peer`."""
        with self._change:
            self._wait(lambda: self._turn is not None)
            found = self._turn
            assert found is not None
            self._turn = Turn([])
        return found

    def greeted(self, seconds: float) -> None:
        """Wait until the helper is ready, but not longer."""
        with self._change:
            self._change.wait_for(lambda: self.ready or self._pipe is None, seconds)

    def landed(self, sequence: int) -> None:
        """See `Peer`."""
        with self._change:
            self._wait(lambda: self._landed >= sequence)

    def quiet(self) -> None:
        """Wait until everything given is in the database. Where the line is broken, there is nothing to wait for."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self.alone or self._at_rest())
                if self.alone or not self._owed:
                    return
            with contextlib.suppress(Gone):
                self.over(Turn([]))

    def _at_rest(self) -> bool:
        return self._turn is not None and self._landed >= self._decided

    def restart(self) -> None:
        """See `Peer`. Where the line is broken, there is nothing to wait for."""
        with self._change:
            self._change.wait_for(lambda: self.alone or self._at_rest())
            self._decided = self._landed = 0
            self._turn, self._unsaid = Turn([]), Turn([])
            self._restless = False

    def _wait(self, ready: Callable[[], bool]) -> None:
        self._change.wait_for(lambda: ready() or self._pipe is None)
        if not ready():
            raise Gone

    # ---------------------------------------------------------------- listening

    def _listen(self, pipe: Connection) -> None:
        try:
            while True:
                self._heard(pipe.recv())
        except (EOFError, OSError):
            self.leave()
        finally:
            with self._sending:  # whoever is at it finds out that nobody listens
                pipe.close()

    def _heard(self, message: Any) -> None:
        if isinstance(message, Wrote):
            self._told(message.receipts)
            self._land(message.sequence + 1)
        elif isinstance(message, Turn):
            with self._change:
                if message.generation is not None:
                    self._decided = self._landed = 0
                self._decided += len(message.news)
                self._owed -= 1
                self._restless = self._restless or message.full
                self._turn = message
                self._change.notify_all()
        elif isinstance(message, Given) or message is None:
            self.work.put(message)
        elif isinstance(message, Ready):
            with self._change:
                self.ready = True
                self._change.notify_all()

    def _land(self, sequence: int) -> None:
        with self._change:
            self._landed = max(self._landed, sequence)
            self._change.notify_all()
