"""A shop that is the same after a restart: everything that changes it is written down, and happens again.

The first line says when the shop opened, and with what: its past of two months follows from that. Then one line for each
event of its life and for each request that wrote, with the second in which it was; a seeded shop that lives through the
same lines has the same orders under the same numbers. While nobody runs it nothing happens: a shop that was closed for
a night has no orders of that night. Accidents (`faults`) are not part of it: they befall answers and webhooks, never the
shop itself.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from cuadra_simulators.diaries import Kept as Kept
from cuadra_simulators.diaries import Lines
from cuadra_simulators.woocommerce.life import Event
from cuadra_simulators.woocommerce.rest.wire import Request
from cuadra_simulators.woocommerce.shop import Shop


class Diary(Lines):
    """The diary of one shop."""

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
