"""The shop's clockwork: a system cron each few seconds, and a delivery queue that runs once a minute."""

from __future__ import annotations

from cuadra_simulators.program import Follower
from cuadra_simulators.woocommerce import orders
from cuadra_simulators.woocommerce.webhooks import Delivery, Dispatcher
from cuadra_simulators.woocommerce.world import World


class Cron:
    """Moves the clock with everything that the passing time sets going, or follows it in a thread."""

    def __init__(self, world: World, dispatcher: Dispatcher) -> None:
        self._world = world
        self._dispatcher = dispatcher
        self._next_queue = world.now + world.settings.queue_seconds
        self.housekeeping = True
        """Whether a run of the queue tidies up, too; whoever keeps a diary does that at moments that are written down."""
        self._follower = Follower(self.tick, "cron")

    def advance(self, seconds: int) -> list[Delivery]:
        """Let time pass in steps of the system cron; returns what was delivered meanwhile."""
        done: list[Delivery] = []
        step = self._world.settings.system_cron_seconds
        end = self._world.now + seconds
        while self._world.now < end:
            self._world.clock.advance(min(step - self._world.now % step, end - self._world.now))
            if self._world.now % step == 0:
                done += self.tick()
        return done

    def tick(self) -> list[Delivery]:
        """One visit of the system cron: the queue if its minute has come, then the housekeeping."""
        done: list[Delivery] = []
        if self._world.now >= self._next_queue:
            self._next_queue = self._world.now + self._world.settings.queue_seconds
            done = self._dispatcher.run()
            if self.housekeeping:
                self.keep_house()
        return done

    def keep_house(self) -> None:
        """Old drafts go, unpaid orders are cancelled."""
        with self._world.request():
            orders.clean_drafts(self._world)
            orders.cancel_unpaid(self._world)

    def start(self, every: float = 1.0) -> None:
        """Follow the clock in a thread until `stop`."""
        self._follower.start(every)

    def stop(self) -> None:
        """End the thread, if there is one."""
        self._follower.stop()
