"""The listener: a request is read, judged by its integration's connector, stored, and answered in this order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from litestar import Litestar, Response, asgi, get

import cuadra
import cuadra.db as database
from cuadra import connectors, observing
from cuadra.connectors.base import Delivery, Evidence, Ping, Rejected, Told
from cuadra.db import embedded
from cuadra.db.queries import sql
from cuadra.faces.intake import notices
from cuadra.faces.intake.directory import EVERY_SECONDS, REMOVED, Directory, Owner
from cuadra.faces.intake.link import Link
from cuadra.faces.intake.notices import Answer, Notice, Of
from cuadra.faces.intake.refusals import Refusals
from cuadra.faces.intake.writer import BatchWriter, NotStored, Writer
from cuadra.pipeline.run import fingerprint
from cuadra.secrets import KeyFile
from cuadra.settings import Settings

BODY_SECONDS = 30
"""How long a sender may take for its body."""
SILENT_SECONDS = 10.0
"""The database is taken to be away when it has done nothing for so long."""
PARTITIONS_SECONDS = 6 * 3600
TICK_SECONDS = 1.0

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Free = Callable[[], int | None]
"""Bytes free where the database is; None: not known here."""

log = logging.getLogger("cuadra.intake")


class Gone(Exception):
    """The sender went away before it had sent everything."""


class TooLarge(Exception):
    """There is more of the body than is admitted. `size`: as said, or as far as it was read."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(size)


class Intake:
    """Everything that a listener needs; `answer` is its whole behaviour."""

    def __init__(
        self, settings: Settings, info: str, *, writer: Writer | None = None, free: Free | None = None
    ) -> None:
        self._limit = settings.intake_body_mb << 20
        self._least_free = settings.intake_free_mb << 20
        self._free = free or _free_of(settings)
        self._link, self._writing = Link(info), Link(info)
        self._directory = Directory(self._link, KeyFile.of(settings))
        self._refusals = Refusals()
        self._writer = writer or BatchWriter(self._writing)
        self._short: int | None = None
        """Bytes that are free, while they are too few."""
        self._partitions = float("-inf")
        self._parent = os.getppid()

    # ------------------------------------------------------------ a request

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application below `/in`."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive) if scope["method"] == "POST" else notices.ONLY_POST
        except Gone:
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.word})

    async def _answer(self, scope: Any, receive: Receive) -> Answer:
        address: str = scope["path"].strip("/")
        headers = notices.names(scope["headers"])
        client = scope["client"][0] if scope.get("client") else ""
        owner = self._directory.find(address)
        if owner is None or not owner.ready:
            owner = await self._directory.find_again(address)
        if owner is None and not self._directory.known:
            return notices.refused("intake_unavailable")  # nobody can say yet whose it is
        try:
            if owner is None:
                return self._unknown(address, headers, client)
            body = await self._body(headers, receive)
        except TooLarge as error:
            assert owner is not None
            seen = notices.seen(headers, client, None) | {"size": error.size, "limit": self._limit}
            return self._refuse(owner, "payload_too_large", seen)
        read_at = time.time_ns() // 1000
        return await self._judged(owner, headers, client, body, read_at)

    async def _judged(self, owner: Owner, headers: dict[str, str], client: str, body: bytes, read_at: int) -> Answer:
        def refuse(reason: str, evidence: Evidence) -> Answer:
            return self._refuse(owner, reason, notices.seen(headers, client, body) | evidence)

        # without a secret nothing is genuine: judged by one that nobody knows
        secret = owner.secret.reveal() if owner.secret is not None else os.urandom(16).hex()
        try:
            found = owner.connector.judge(owner.settings, headers, body, secret)
            told = self._told(owner, headers, body, found)
        except Exception as error:  # noqa: BLE001 - whatever a connector does with a request, it is answered, and the next one too
            mark = fingerprint(error)
            log.error("the connector of integration %d failed: %s %s", owner.integration_id, type(error).__name__, mark)
            return refuse("internal_error", {"fingerprint": mark, "version": cuadra.__version__, "step": "intake"})
        if isinstance(found, Ping):
            return notices.PONG
        if told:
            return await self._keep(told, refuse)
        if owner.state == REMOVED:
            return self._unknown(owner.address, headers, client)
        if isinstance(found, Rejected):
            if owner.secret is None and owner.key_id is not None:
                return refuse("intake_unavailable", {"cause": "credentials", "at": _now().isoformat()})
            known = {} if owner.secret is not None else {"expected_prefix": None}
            return refuse(found.reason, {**found.evidence, "key_version": owner.key_id, **known}
                          if found.reason == "signature_invalid" else found.evidence)  # fmt: skip
        assert isinstance(found, Delivery)
        if found.entity is None:
            return notices.NOT_USED
        if not owner.ready:
            return refuse("integration_is_draft", {"state": owner.state})
        return await self._store(owner, found, headers, body, read_at, refuse)

    def _told(
        self, owner: Owner, headers: dict[str, str], body: bytes, found: Ping | Delivery | Told | Rejected
    ) -> list[Of]:
        """What is of no order, for whom: all shops of an app have one address for it, and a shop may be in several accounts.
        It is of everybody whose own shop and secret say so."""
        if not isinstance(found, Told) and (not isinstance(found, Rejected) or found.reason != "store_unexpected"):
            return []
        made = [Of(owner.account_id, owner.integration_id, found)] if isinstance(found, Told) else []
        for one in self._directory.beside(owner):
            if one.secret is not None:
                other = one.connector.judge(one.settings, headers, body, one.secret.reveal())
                if isinstance(other, Told):
                    made.append(Of(one.account_id, one.integration_id, other))
        return made

    async def _keep(self, told: list[Of], refuse: Callable[[str, Evidence], Answer]) -> Answer:
        """Of no order, and not many: each is stored by itself; what is sent again is the same."""
        if self._short is not None:
            return refuse("intake_refused_for_space", self._no_room())
        try:
            for one in told:
                await self._writer.keep(one)
        except NotStored as error:
            return refuse("intake_unavailable", {"cause": error.cause, "at": _now().isoformat()})
        return notices.TAKEN

    async def _store(self, owner: Owner, found: Delivery, headers: dict[str, str], body: bytes, read_at: int,
                     refuse: Callable[[str, Evidence], Answer]) -> Answer:  # fmt: skip
        assert found.entity is not None
        if self._short is not None:
            return refuse("intake_refused_for_space", self._no_room())
        try:
            await self._writer.store(Notice(owner.account_id, owner.integration_id, owner.retention, found.entity,
                                            read_at, notices.kept(headers, owner.connector.info.headers), body))  # fmt: skip
        except NotStored as error:
            if error.cause == "space":
                return refuse("intake_refused_for_space", self._no_room())
            return refuse("intake_unavailable", {"cause": error.cause, "at": _now().isoformat()})
        return notices.TAKEN

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        """The body. Raises TooLarge as soon as that is known, and Gone."""
        said = headers.get("content-length", "")
        size = int(said) if said.isdecimal() and len(said) < 20 else -1
        if size > self._limit:
            raise TooLarge(size)
        message = await receive()
        body: bytes = message.get("body", b"")
        if len(body) == size:
            return body  # the usual case: all of it has come with the head
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._rest(message, receive)
        except TimeoutError as error:
            raise Gone from error

    async def _rest(self, message: Message, receive: Receive) -> bytes:
        parts, size = [], 0
        while message["type"] == "http.request":
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                raise TooLarge(size)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()
        raise Gone

    # ------------------------------------------------------------ what is refused

    def _refuse(self, owner: Owner, reason: str, evidence: Evidence) -> Answer:
        self._refusals.note(owner.account_id, owner.integration_id, reason, evidence, _now())
        return notices.refused(reason)

    def _unknown(self, address: str, headers: dict[str, str], client: str) -> Answer:
        reason, now = "intake_address_unknown", _now()
        evidence = {"address": address[:8], **notices.seen(headers, client, None),
                    "count_per_hour": self._refusals.in_this_hour(0, 0, reason, now) + 1}  # fmt: skip
        self._refusals.note(0, 0, reason, evidence, now)
        return notices.refused(reason)

    def _no_room(self) -> Evidence:
        return {"free": self._short, "limit": self._least_free, "at": _now().isoformat()}

    # ------------------------------------------------------------ what goes on beside requests

    @asynccontextmanager
    async def working(self, _app: object = None) -> AsyncIterator[None]:
        """Look, write and count while this lasts; at its end what waits is stored."""
        await self._tick()
        writing = asyncio.create_task(self._writer.run())
        ending = asyncio.Event()
        ticking = asyncio.create_task(self._keep_ticking(ending))
        try:
            yield
        finally:
            ending.set()  # a tick comes to its end: one that is cut off may have written down what is then counted again
            await self._writer.close()
            await asyncio.gather(ticking, writing, return_exceptions=True)
            with contextlib.suppress(psycopg.Error):
                await self._refusals.flush(self._link)
            await self._link.close()
            await self._writing.close()

    async def _keep_ticking(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), TICK_SECONDS)
                return
            await self._tick()

    async def _tick(self) -> None:
        """What is done every second; a database that is away is found back by the next one."""
        if os.getppid() != self._parent:
            os.kill(os.getpid(), signal.SIGTERM)  # whoever started us was killed: a new one must find the port free
        free = self._free()
        self._short = free if free is not None and free < self._least_free else None
        try:
            await self._refusals.flush(self._link)
            if time.monotonic() - self._directory.looked_at >= EVERY_SECONDS:
                await self._directory.look()
            if time.monotonic() - self._partitions >= PARTITIONS_SECONDS:
                await self._link.run_as_app(sql("make_partitions"))
                self._partitions = time.monotonic()
        except psycopg.Error as error:
            log.error("the database does not answer: %s", (str(error).strip().splitlines() or ["?"])[0])

    def health(self) -> tuple[int, dict[str, Any]]:
        """Whether notices can be taken now."""
        answered = max(self._link.answered, self._writing.answered)
        failed = max(self._link.failed, self._writing.failed)
        away = failed > answered or time.monotonic() - answered > SILENT_SECONDS
        status = "database_away" if away else "no_space" if self._short is not None else "ok"
        return (200 if status == "ok" else 503), {"status": status, "version": cuadra.__version__}


def _now() -> datetime:
    return datetime.now(UTC)


def _free_of(settings: Settings) -> Free:
    """Where the database is our own, its disk can be asked."""
    if settings.database_url:
        return lambda: None
    folder = embedded.data_folder(settings.home)
    return lambda: shutil.disk_usage(folder if folder.exists() else settings.home).free


def application(intake: Intake) -> Litestar:
    """The ASGI application with everything of it."""

    @asgi("/in", is_mount=True, copy_scope=False)
    async def receive_notice(scope: Any, receive: Any, send: Any) -> None:
        await intake(scope, receive, send)

    @get("/health", sync_to_thread=False)
    def health() -> Response[dict[str, Any]]:
        status, said = intake.health()
        return Response(said, status_code=status)

    return Litestar([receive_notice, health], lifespan=[intake.working], openapi_config=None, logging_config=None)


def build() -> Litestar:
    """The application of this process's settings; its database must be there and migrated."""
    settings = Settings.load()
    observing.configure(settings.log or observing.OFF)
    for name in connectors.known():
        connectors.get(name)  # imported now, while no notice waits
    made = application(Intake(settings, database.conninfo(settings)))
    settled()
    return made


def settled() -> None:
    """What is here by now stays: without this a look for garbage goes through all of it, and everybody waits for it."""
    gc.collect()
    gc.freeze()
