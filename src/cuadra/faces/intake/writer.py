"""Stores notices: everything that waits goes into the database in one transaction, whoever's it is.

While one batch is written the next one gathers, so that many senders share one commit and a single one waits for
nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import psycopg

from cuadra import observing
from cuadra.db.queries import sql
from cuadra.faces.intake.link import Link
from cuadra.faces.intake.notices import Notice, Of

MOST = 500
"""Notices of one transaction."""
BUSY = 8
"""A batch as large as this shows that many are sending: the next one then gathers a moment longer. A commit costs the
same for one notice and for fifty, so that everybody gains; a single sender never waits for it."""
GATHER_SECONDS = 0.001
STEADY, STEADY_SECONDS = 15, 0.1
"""So many notices in so short a time, and the next ones gather for some milliseconds although none waits yet: a commit for
each of them would take more of the machine than everything that is done with them afterwards."""
STEADY_GATHER_SECONDS = 0.006
MOST_BYTES = 8 << 20
"""Bytes after which a batch takes no more."""
MOST_WAITING = 5000
MOST_WAITING_BYTES = 64 << 20

log = logging.getLogger("cuadra.intake")


class NotStored(Exception):
    """A notice that could not be stored; its sender is to try again. `cause`: database, busy, space."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


class Writer(Protocol):
    """Where notices go."""

    async def store(self, notice: Notice) -> None:
        """Returns when it is stored for good. Raises NotStored."""
        ...

    async def keep(self, notice: Of) -> None:
        """The same for one that is of no order."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    async def close(self) -> None:
        """Store what waits, and end."""
        ...


_Waiting = tuple[Notice, "asyncio.Future[None]"]


class BatchWriter:
    """Writes what waits, batch after batch."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._wake: asyncio.Future[None] | None = None
        self._ending = False

    async def store(self, notice: Notice) -> None:
        """Wait until the notice is committed. Raises NotStored."""
        if self._ending or len(self._waiting) >= MOST_WAITING or self._bytes + len(notice.body) > MOST_WAITING_BYTES:
            raise NotStored("busy")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((notice, done))
        self._bytes += len(notice.body)
        self._rouse()
        await done

    async def keep(self, notice: Of) -> None:
        """Store one that is of no order, at once. Raises NotStored."""
        told = notice.told
        values = {"account": notice.account_id, "integration": notice.integration_id, "kind": told.kind,
                  "webhook": told.webhook, "subject": msgspec.json.encode(told.subject).decode()}  # fmt: skip
        try:
            await self._link.run(sql("keep_platform_notice"), values)
        except psycopg.Error as error:
            log.error("the database did not store a notice: %s", _first_line(error))
            raise NotStored("database") from error

    async def run(self) -> None:
        """Write until closed, then until nothing waits."""
        busy = False
        stored: deque[tuple[float, int]] = deque()
        while True:
            if self._waiting:
                if busy:
                    await asyncio.sleep(GATHER_SECONDS)
                elif _steady(stored):
                    await asyncio.sleep(STEADY_GATHER_SECONDS)
                batch = self._next()
                busy = len(batch) >= BUSY
                stored.append((time.monotonic(), len(batch)))
                try:
                    await self._write(batch)
                finally:
                    _tell(batch, NotStored("database"))  # whoever has been told already is not told again
            elif self._ending:
                self._ending = False  # it can be begun again
                return
            else:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake

    async def close(self) -> None:
        """Take nothing more; `run` ends after what waits."""
        self._ending = True
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < MOST and size < MOST_BYTES:
            one = self._waiting.popleft()
            batch.append(one)
            size += len(one[0].body)
        self._bytes -= size
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        """Write a batch; where one notice of it cannot be stored, all the others are."""
        began = time.monotonic()
        try:
            await self._send([notice for notice, _done in batch])
        except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory):
            _tell(batch, NotStored("space"))
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.error("the database did not store %d notices: %s", len(batch), _first_line(error))
            _tell(batch, NotStored("database"))
        except psycopg.Error as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._write(batch[:middle])
                await self._write(batch[middle:])
                return
            log.error("a notice cannot be stored: %s", _first_line(error))
            _tell(batch, NotStored("database"))
        else:
            _tell(batch, None)
            if observing.attempts:
                accounts = len({notice.account_id for notice, _ in batch})
                ms = round((time.monotonic() - began) * 1000, 1)
                observing.say_attempts([{"notices": len(batch), "accounts": accounts, "ms": ms}], "intake")

    async def _send(self, notices: list[Notice]) -> None:
        """One transaction; once more on a new connection if this one turns out to be lost. It may be that the first
        was committed: then notices are stored twice, and the second ones turn out to be duplicates."""
        values = pack(notices)
        try:
            await self._link.run(sql("take_notices"), values)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            if not self._link.lost:
                raise
            await self._link.run(sql("take_notices"), values)


def _steady(stored: deque[tuple[float, int]]) -> bool:
    """Whether notices come one after the other."""
    since = time.monotonic() - STEADY_SECONDS
    while stored and stored[0][0] < since:
        stored.popleft()
    return sum(many for _, many in stored) >= STEADY


def _tell(batch: Sequence[_Waiting], error: NotStored | None) -> None:
    for _notice, done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def pack(notices: Sequence[Notice]) -> dict[str, Any]:
    """What `take_notices` takes. Lists of numbers and plain words go as PostgreSQL writes them itself: that is the
    cheapest form on both sides."""
    parts: dict[tuple[int, int, int], int] = {}
    counts: list[int] = []
    part_of, places, starts, at = [], [], [], 1
    for one in notices:
        part = parts.setdefault((one.account_id, one.integration_id, one.retention), len(parts))
        if part == len(counts):
            counts.append(0)
        part_of.append(part + 1)
        places.append(counts[part])
        counts[part] += 1
        starts.append(at)
        at += len(one.body)
    return {
        "accounts": _listed(account for account, _, _ in parts),
        "integrations": _listed(integration for _, integration, _ in parts),
        "retentions": _listed(retention for _, _, retention in parts),
        "counts": _listed(counts), "parts": _listed(part_of), "places": _listed(places),
        "kinds": _listed(one.kind.value for one in notices), "sequences": _listed(one.sequence for one in notices),
        "starts": _listed(starts), "sizes": _listed(len(one.body) for one in notices),
        "headers": msgspec.json.encode([one.headers for one in notices]).decode(),
        "bodies": b"".join([one.body for one in notices]),
    }  # fmt: skip


def _listed(values: Any) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
