"""A connection of the intake's own role that comes back by itself."""

from __future__ import annotations

import time
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

PATIENCE_SECONDS = 15
"""A statement that takes longer is given up: the sender waits, and will not for ever."""
_CONNECT_SECONDS = 5
_PAUSE_SECONDS = 1.0


class Link:
    """One connection, opened when it is needed; after a failure not again at once. One statement, one transaction."""

    def __init__(self, info: str) -> None:
        self._info = info
        self._conn: AsyncConnection[TupleRow] | None = None
        self._pause = 0.0
        self.answered = float("-inf")
        """When the database last did what it was asked (`time.monotonic`)."""

        self.failed = float("-inf")
        """When it last came to nothing because of the database."""

    async def run(self, statement: LiteralString, values: dict[str, Any] | None = None) -> list[TupleRow]:
        """Run a statement as `cuadra_intake`; its rows. Raises psycopg.Error."""
        try:
            conn = await self._connection()
            cursor = await conn.execute(statement, values, prepare=True)
            rows = await cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            self.failed = time.monotonic()
            raise
        self.answered = time.monotonic()
        return rows

    async def run_as_app(self, statement: LiteralString) -> None:
        """Run a statement of the administration as `cuadra_app`."""
        conn = await self._connection()
        async with conn.transaction():
            await conn.execute("SET LOCAL ROLE cuadra_app")
            await conn.execute(statement)

    @property
    def lost(self) -> bool:
        """Whether there is no connection now."""
        return self._conn is None or self._conn.closed

    async def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            await self._conn.close()
            self._conn = None

    async def _connection(self) -> AsyncConnection[TupleRow]:
        if self._conn is None or self._conn.closed:
            if time.monotonic() < self._pause:
                raise psycopg.OperationalError("the database did not answer a moment ago")
            try:
                self._conn = await self._open()
            except psycopg.OperationalError:
                self._pause = time.monotonic() + _PAUSE_SECONDS
                raise
        return self._conn

    async def _open(self) -> AsyncConnection[TupleRow]:
        conn = await AsyncConnection.connect(self._info, autocommit=True, connect_timeout=_CONNECT_SECONDS,
                                             application_name="cuadra intake")  # fmt: skip
        try:
            await conn.execute("SET ROLE cuadra_intake")
            await conn.execute("SELECT set_config('statement_timeout', %s, false)", (f"{PATIENCE_SECONDS}s",))
        except BaseException:
            await conn.close()
            raise
        return conn
