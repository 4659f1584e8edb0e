"""The simulated shop as a process of its own, lived in, made to fail and asked for its truth through a pipe."""

from __future__ import annotations

import multiprocessing
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from cuadra_simulators.woocommerce import ARGENTINA, Clock, Shop, TrueOrder

SECONDS = 60.0


class _Served:
    """The shop's side of the pipe."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self._seed = shop, seed
        self._faults: dict[str, Any] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, events: int, seconds: float) -> None:
        """So many events of its life, in so many seconds."""
        pauses = random.Random(f"pauses {self._seed}")

        def live() -> None:
            for _ in range(events):
                if self._stop.wait(pauses.expovariate(events / seconds)):
                    return
                self.shop.life.step()

        self._thread = threading.Thread(target=live, name="life", daemon=True)
        self._thread.start()

    def end(self) -> dict[str, int]:
        """Nothing happens any more; what is queued is delivered. How often each fault struck."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.shop.faults.clear()
        self.shop.world.keys[self.shop.key.consumer_key] = self.shop.key
        self.shop.cron.stop()
        for one in self.shop.dispatcher.queue:
            one.due = 0
        self.shop.deliver()
        return dict(self.shop.faults.happened)

    def fault(self, name: str, kind: str, values: dict[str, Any]) -> None:
        """Switch one on, under a name."""
        self._faults[name] = self.shop.faults.add(kind, **values)

    def cure(self, name: str) -> None:
        """Switch it off."""
        over = self._faults.pop(name, None)
        self.shop.faults.active = [one for one in self.shop.faults.active if one is not over]

    def expired(self, yes: bool) -> None:
        """The shop does not know our key, or knows it again."""
        if yes:
            self.shop.revoke(self.shop.key)
        else:
            self.shop.world.keys[self.shop.key.consumer_key] = self.shop.key

    def truth(self) -> dict[int, TrueOrder]:
        return self.shop.truth.orders()

    def facts(self) -> tuple[str, str, str]:
        """Address and key."""
        return self.shop.url, *self.shop.key.basic


def _serve(pipe: Connection, seed: int, orders: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = replace(ARGENTINA, queue_seconds=1, system_cron_seconds=1)
    made = Shop(seed, orders=orders, customers=max(20, orders // 8), clock=Clock(running=True), settings=settings,
                webhook_timeout=3.0)  # fmt: skip
    with made:
        made.cron.start(0.5)
        served = _Served(made, seed)
        while True:
            try:
                name, values = pipe.recv()
            except EOFError:  # the harness has gone
                return
            pipe.send(getattr(served, name)(*values))


class RemoteShop:
    """The harness's side."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self.url, self.key, self.secret = self.ask("facts", seconds=600.0)  # its past has to be lived first

    def ask(self, name: str, *values: Any, seconds: float = SECONDS) -> Any:
        """Have it do something; what it says."""
        with self._lock:
            self._pipe.send((name, values))
            if not self._pipe.poll(seconds):
                raise TimeoutError(f"the shop does not answer: {name}")
            return self._pipe.recv()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def opened(seed: int, orders: int) -> Iterator[RemoteShop]:
    """A shop in a process of its own, until the end of the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, seed, orders), daemon=True, name="shop")
    process.start()
    theirs.close()
    try:
        yield RemoteShop(ours)
    finally:
        ours.close()
        process.kill()
        process.join()
