"""A shop that is the same after a restart: everything that changes it is written down, and happens again.

The first line says when the shop opened, and with what: its past of two months follows from that. Then one line for each
event of its life and for each request that wrote, with the second in which it was; a seeded shop that lives through the
same lines has the same orders under the same numbers. While nobody runs it nothing happens: a shop that was closed for
a night has no orders of that night. Accidents (`faults`) are not part of it: they befall answers and webhooks, never the
shop itself.
"""

from __future__ import annotations

import fcntl
import json
import os
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cuadra_simulators.woocommerce.life import Event
from cuadra_simulators.woocommerce.rest.wire import Request
from cuadra_simulators.woocommerce.shop import Shop


class Kept(Exception):
    """The diary is another shop's at this moment."""


class Diary:
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

    def relive(self, shop: Shop) -> None:
        """Take a shop that has just opened through what is written, in silence; then its clock runs, and the diary goes
        on."""
        shop.cron.housekeeping = False
        send, shop.dispatcher.send = shop.dispatcher.send, lambda *_: (200, "")
        for line in self._past[1:]:
            shop.clock.set(datetime.fromtimestamp(line["at"], UTC))
            if "method" in line:
                shop.api.answer(_request(shop, line))
            else:
                _live(shop)
        shop.dispatcher.queue.clear()
        shop.dispatcher.sent.clear()
        shop.dispatcher.send = send
        shop.calls.clear()
        self._past.clear()
        shop.clock.run()
        shop.api.written = lambda request: self._write(_line(shop, request))

    def step(self, shop: Shop) -> Event:
        """One event of the shop's life, written down before anybody sees it."""
        with shop.world.lock, shop.clock.still():
            event = _live(shop)
            self._write({"at": shop.clock.now})
        return event

    def close(self) -> None:
        """Let another program have it."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")


def _live(shop: Shop) -> Event:
    shop.cron.keep_house()
    return shop.life.step()


def _line(shop: Shop, request: Request) -> dict[str, Any]:
    """A request without what signed it: whoever was let in once is let in again."""
    query = [(name, value) for name, value in request.query if not name.startswith(("oauth_", "consumer_"))]
    return {"at": shop.clock.now, "method": request.method, "path": request.path, "query": urlencode(query),
            "type": request.header("Content-Type"), "body": b64encode(request.body).decode()}  # fmt: skip


def _request(shop: Shop, line: dict[str, Any]) -> Request:
    key = b64encode(":".join(shop.key.basic).encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Content-Type": line["type"]}
    return Request(line["method"], line["path"], line["query"], headers, b64decode(line["body"]), secure=True)
