"""The platform's clockwork: deliveries, their retries, and bulk operations, as time passes."""

from __future__ import annotations

from cuadra_simulators.program import Follower
from cuadra_simulators.shopify.bulk import GOING, Bulks
from cuadra_simulators.shopify.webhooks import Delivery, Hooks
from cuadra_simulators.shopify.world import World


class Cron:
    """Moves the clock with everything that the passing time sets going, or follows it in a thread."""

    def __init__(self, world: World, hooks: Hooks, bulks: Bulks) -> None:
        self._world = world
        self._hooks = hooks
        self._bulks = bulks
        self._follower = Follower(self.tick, "platform")

    def advance(self, seconds: int) -> list[Delivery]:
        """Let time pass, from one due thing to the next; returns what was delivered meanwhile."""
        end = self._world.now + seconds
        done = self.tick()
        while self._world.now < end:
            self._world.clock.advance(max(1, min(self._next(), end) - self._world.now))
            done += self.tick()
        return done

    def _next(self) -> int:
        """When something is due next."""
        moments = [it.due for it in self._hooks.queue]
        moments += [
            it.created + self._world.settings.bulk_seconds for it in self._bulks.all.values() if it.status in GOING
        ]
        later = [moment for moment in moments if moment > self._world.now]
        return min(later, default=1 << 40)

    def tick(self) -> list[Delivery]:
        """Whatever is due now."""
        self._bulks.tick()
        return self._hooks.run()

    def start(self, every: float = 0.5) -> None:
        """Follow the clock in a thread until `stop`."""
        self._bulks.followed = True
        self._follower.start(every)

    def stop(self) -> None:
        """End the thread, if there is one."""
        self._follower.stop()
        self._bulks.followed = False
