"""A shop that is the same after a restart: everything that changes it is written down, and happens again.

The first line says when the shop opened, and with what. Then one line for each event of its life and for each mutation,
with the second in which it was. Accidents are not part of it: they befall answers and webhooks, never the shop itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cuadra_simulators.clock import Clock
from cuadra_simulators.diaries import Kept as Kept
from cuadra_simulators.diaries import Lines
from cuadra_simulators.shopify.life import Event
from cuadra_simulators.shopify.shop import Shop


class Diary(Lines):
    """The diary of one shop."""

    @staticmethod
    def clock(diary: Diary | None) -> Clock:
        """The clock of a shop with a diary, which stands at its opening; without one, a clock that runs."""
        return Clock(running=True) if diary is None else Clock(diary.opened)

    def relive(self, shop: Shop) -> None:
        """Take a shop that has just opened through what is written, in silence; then its clock runs, and the diary goes
        on."""
        send, shop.hooks.send = shop.hooks.send, lambda *_: (200, "")
        for line in self._past[1:]:
            shop.clock.set(datetime.fromtimestamp(line["at"], UTC))
            if "query" in line:
                shop.graphql(line["query"], line["variables"])
            else:
                shop.life.step()
            shop.deliver()
        shop.hooks.queue.clear()
        shop.hooks.sent.clear()
        shop.hooks.send = send
        shop.calls.clear()
        self._past.clear()
        shop.clock.run()
        shop.api.written = self._noted(shop)

    def step(self, shop: Shop) -> Event:
        """One event of the shop's life, written down before anybody sees it."""
        with shop.world.lock, shop.clock.still():
            event = shop.life.step()
            self._write({"at": shop.clock.now})
        return event

    def _noted(self, shop: Shop) -> Any:
        return lambda query, variables: self._write({"at": shop.clock.now, "query": query, "variables": variables})
