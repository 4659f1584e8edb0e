"""Who owns which address, with the secret that its notices are signed with; kept in memory."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import psycopg
from msgspec import Struct

from cuadra import connectors
from cuadra.connectors.base import LiveConnector
from cuadra.db.queries import sql
from cuadra.errors import CuadraError
from cuadra.faces.intake.link import Link
from cuadra.secrets import KeyFile, Secret, bound_to, unseal

EVERY_SECONDS = 2.0
"""How old what is in memory becomes."""
GAP_SECONDS = 0.5
"""Looks that requests ask for are no closer together: who guesses addresses costs no query each."""
MOST_WAITING = 100
"""Requests that wait for such a look; more are answered from memory."""

REMOVED = "removed"
TAKES = frozenset({"validating", "active", "paused", "broken"})
"""States in which notices are kept: those of a paused integration wait until it is resumed."""

log = logging.getLogger("cuadra.intake")


class Owner(Struct, frozen=True):
    """An integration that notices may be sent to."""

    address: str
    account_id: int
    integration_id: int
    connector: LiveConnector
    settings: dict[str, Any]
    state: str
    retention: int
    key_id: str | None
    """Which key sealed its secret; None: no secret was ever set."""
    secret: Secret | None
    """None with a `key_id`: it cannot be opened, its key is missing."""

    @property
    def ready(self) -> bool:
        """Whether its notices can be judged and kept."""
        return self.secret is not None and self.state in TAKES


class Directory:
    """Looks every few seconds, and once more for an address that is not known or not ready."""

    def __init__(self, link: Link, keys: KeyFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._link, self._keys, self._clock = link, keys, clock
        self._owners: dict[str, Owner] = {}
        self._opened: dict[tuple[int, int, str, bytes], Secret] = {}
        self._looking: asyncio.Task[None] | None = None
        self._begun = float("-inf")
        self._waiting = 0
        self._troubles: set[str] = set()
        self.known = False
        """Whether the database has been asked with success, ever."""

    def find(self, address: str) -> Owner | None:
        """The owner, from memory."""
        return self._owners.get(address)

    def beside(self, owner: Owner) -> list[Owner]:
        """Everybody else of the same platform, of any account."""
        name = owner.connector.info.name
        return [one for one in self._owners.values() if one is not owner and one.connector.info.name == name]

    @property
    def looked_at(self) -> float:
        """When the last look began (`time.monotonic`)."""
        return self._begun

    async def find_again(self, address: str) -> Owner | None:
        """The owner after a look that began no earlier than this call; from memory when too many want one."""
        if self._waiting < MOST_WAITING:
            self._waiting += 1
            try:
                await self._look_after(self._clock())
            except psycopg.Error:
                return self._owners.get(address)  # what is known stays known while the database is away
            finally:
                self._waiting -= 1
        return self._owners.get(address)

    async def _look_after(self, moment: float) -> None:
        while self._begun < moment:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look_spaced())
            await asyncio.shield(self._looking)

    async def _look_spaced(self) -> None:
        await asyncio.sleep(max(0.0, self._begun + GAP_SECONDS - self._clock()))
        await self.look()

    async def look(self) -> None:
        """Read the directory. Raises psycopg.Error; what is in memory stays then."""
        self._begun = self._clock()
        rows = await self._link.run(sql("load_directory"))
        found, opened, troubles = {}, {}, set()
        for address, account, integration, name, settings, state, retention, key_id, sealed in rows:
            try:
                connector = connectors.live(name)
            except CuadraError as error:
                troubles.add(str(error))
                continue
            if connector is None:
                continue
            secret = None
            if key_id is not None:
                mark = (account, integration, key_id, bytes(sealed))
                try:
                    secret = self._opened.get(mark) or self._open(*mark)
                    opened[mark] = secret
                except CuadraError as error:
                    troubles.add(str(error))
            found[address] = Owner(address, account, integration, connector, settings, state, retention, key_id, secret)
        for text in sorted(troubles - self._troubles):
            log.error("%s", text)
        self._owners, self._opened, self._troubles, self.known = found, opened, troubles, True

    def _open(self, account: int, integration: int, key_id: str, sealed: bytes) -> Secret:
        bound = bound_to(account, integration, "webhook_secret")
        return Secret(unseal(sealed, self._keys.find(key_id), bound).decode())
