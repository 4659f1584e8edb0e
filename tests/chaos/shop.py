"""The simulated shops, each a process of its own, lived in, made to fail and asked for its truth through a pipe."""

from __future__ import annotations

import multiprocessing
import random
import signal
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cuadra_simulators import shopify, woocommerce

SECONDS = 60.0


class Served(ABC):
    """The shop's side of the pipe. `settings` and `secrets` are those of an integration that follows it."""

    def __init__(self, shop: Any, seed: int, settings: dict[str, str], secrets: dict[str, str]) -> None:
        self.shop, self._seed = shop, seed
        self._facts = {"url": shop.url, "private": "yes", **settings}, secrets
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
        self.expired(False)
        self.shop.cron.stop()
        self.deliver()
        return dict(self.shop.faults.happened)

    def fault(self, name: str, kind: str, values: dict[str, Any]) -> None:
        """Switch one on, under a name."""
        self._faults[name] = self.shop.faults.add(kind, **values)

    def cure(self, name: str) -> None:
        """Switch it off."""
        over = self._faults.pop(name, None)
        self.shop.faults.active = [one for one in self.shop.faults.active if one is not over]

    def truth(self) -> dict[int, Any]:
        """Its orders by number."""
        found: dict[int, Any] = self.shop.truth.orders()
        return found

    def facts(self) -> tuple[dict[str, str], dict[str, str]]:
        """Settings and secrets of who follows it."""
        return self._facts

    @abstractmethod
    def expired(self, yes: bool) -> None:
        """The shop does not know our key, or knows it again."""

    @abstractmethod
    def deliver(self) -> None:
        """What is queued is delivered now, whatever it waits for."""


class WooCommerce(Served):
    """A shop on WooCommerce."""

    def __init__(self, shop: woocommerce.Shop, seed: int) -> None:
        key, secret = shop.key.basic
        super().__init__(shop, seed, {"pace": "1000"}, {"consumer_key": key, "consumer_secret": secret})

    @staticmethod
    def make(seed: int, orders: int) -> woocommerce.Shop:
        """One with so many orders."""
        settings = replace(woocommerce.ARGENTINA, queue_seconds=1, system_cron_seconds=1)
        return woocommerce.Shop(seed, orders=orders, customers=max(20, orders // 8), settings=settings,
                                clock=woocommerce.Clock(running=True), webhook_timeout=3.0)  # fmt: skip

    def expired(self, yes: bool) -> None:
        key = self.shop.key
        if yes:
            self.shop.revoke(key)
        else:
            self.shop.world.keys[key.consumer_key] = key

    def deliver(self) -> None:
        for one in self.shop.dispatcher.queue:
            one.due = 0
        self.shop.deliver()


class Shopify(Served):
    """A shop on Shopify, on a plan whose limits nobody meets: throttling is a fault that is switched on."""

    def __init__(self, shop: shopify.Shop, seed: int) -> None:
        self._token = shop.tokens.known[shop.token]
        super().__init__(shop, seed, {"shop": shop.domain, "points": "2000"},
                         {"access_token": shop.token, "client_secret": shop.app.client_secret})  # fmt: skip

    @staticmethod
    def make(seed: int, orders: int) -> shopify.Shop:
        """One with so many orders."""
        settings = replace(shopify.ARGENTINA, plan="enterprise", bulk_seconds=0, webhook_seconds=3.0)
        return shopify.Shop(seed, orders=orders, customers=max(20, orders // 8), settings=settings,
                            clock=shopify.Clock(running=True))  # fmt: skip

    def expired(self, yes: bool) -> None:
        if yes:
            self.shop.revoke()
        else:
            self.shop.tokens.known[self._token.text] = self._token

    def deliver(self) -> None:
        with self.shop.world.lock:
            for one in self.shop.hooks.queue:
                one.due = 0
        self.shop.hooks.run()


SERVED: dict[str, type[WooCommerce | Shopify]] = {"woocommerce": WooCommerce, "shopify": Shopify}
"""By the name of the connector that follows it."""


def _serve(pipe: Connection, platform: str, seed: int, orders: int, folder: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = folder  # a process that is killed tidies nothing up
    kind = SERVED[platform]
    with kind.make(seed, orders) as made:
        made.cron.start(0.5)
        served = kind(made, seed)
        while True:
            try:
                name, values = pipe.recv()
            except EOFError:  # the harness has gone
                return
            pipe.send(getattr(served, name)(*values))


class RemoteShop:
    """The harness's side. `settings` and `secrets`: of an integration that follows it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self.settings, self.secrets = self.ask("facts", seconds=600.0)  # its past has to be lived first

    def ask(self, name: str, *values: Any, seconds: float = SECONDS) -> Any:
        """Have it do something; what it says."""
        with self._lock:
            self._pipe.send((name, values))
            if not self._pipe.poll(seconds):
                raise TimeoutError(f"the shop does not answer: {name}")
            return self._pipe.recv()

    @property
    def port(self) -> int:
        return int(self.settings["url"].rpartition(":")[2])


@contextmanager
def opened(seed: int, listed: dict[str, int], folder: Path) -> Iterator[dict[str, RemoteShop]]:
    """Shops with so many orders each, by platform, each in a process of its own, until the end of the block. `folder`: for
    their files."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for platform, orders in listed.items():
        pipes[platform], theirs = context.Pipe()
        given = (theirs, platform, seed, orders, str(folder))
        processes.append(context.Process(target=_serve, args=given, daemon=True, name=platform))
        processes[-1].start()
        theirs.close()
    try:
        yield {platform: RemoteShop(pipe) for platform, pipe in pipes.items()}
    finally:
        for pipe in pipes.values():
            pipe.close()
        for process in processes:
            process.kill()
            process.join()
