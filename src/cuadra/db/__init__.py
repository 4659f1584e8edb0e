"""The database: connections, transactions with a role and an account, and nothing of what is stored there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal, LiteralString
from weakref import WeakKeyDictionary

import psycopg
from msgspec import Struct, field
from psycopg import Connection, Copy
from psycopg._copy_base import format_row_binary
from psycopg.adapt import PyFormat
from psycopg.rows import TupleRow

from cuadra import clock
from cuadra.db import embedded
from cuadra.db.queries import sql
from cuadra.errors import Unreachable
from cuadra.settings import Settings

Role = Literal["cuadra_app", "cuadra_intake", "cuadra_clock", "cuadra_owner"]
Conn = Connection[TupleRow]


def _silent(text: str) -> None:
    """No progress to show."""


def conninfo(settings: Settings, progress: Callable[[str], None] = _silent) -> str:
    """How to reach the database; starts the embedded server where no other one is named."""
    return settings.database_url or embedded.start(settings.home, progress)


# Both sides notice within some 15 seconds that the other one's host is gone: its locks are free then, and what it was
# doing is taken by another. A process that dies says so at once; a host behind a cut cable does not.
_KEEPALIVE: dict[str, Any] = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 15_000}  # fmt: skip


class Overtaken(Exception):
    """Somebody else has changed the account's ledger since the facts at hand were loaded."""


class Database:
    """One connection at a time, opened when first needed; every transaction says as whom it works.

    A program that needs two transactions side by side makes two of these (`again()`).
    """

    def __init__(self, info: str) -> None:
        self.info = info
        self._conn: Conn | None = None
        self._staged = False

    def again(self) -> Database:
        """Another, independent one of the same database."""
        return Database(self.info)

    def connection(self) -> Conn:
        """The open connection. Raises Unreachable saying why there is none."""
        if self._conn is None or self._conn.closed:
            try:
                self._conn = psycopg.connect(self.info, autocommit=True, application_name="cuadra",
                                             connect_timeout=10, **_KEEPALIVE)  # fmt: skip
                # bytes are dumped by C; where only a column's type is given, psycopg would do it in Python
                adapters = self._conn.adapters
                adapters.register_dumper(bytes, adapters.get_dumper(bytes, PyFormat.BINARY))
                row = self._conn.execute(sql("greet")).fetchone()
                assert row is not None
                clock.anchor(row[0])
            except psycopg.OperationalError as err:
                why = str(err).strip().splitlines()[-1]
                raise Unreachable("The database does not answer: {why}. Check CUADRA_DATABASE_URL.", why=why) from err
            self._staged = False
        return self._conn

    @contextmanager
    def transaction(self, account_id: int | None = None, role: Role = "cuadra_app") -> Iterator[Conn]:
        """A transaction as that role and, for the app, of that account: no row of another one exists for it."""
        conn = self.connection()
        _SESSIONS.setdefault(conn, _Session()).transactions += 1
        with conn.transaction():
            conn.execute(
                "SELECT set_config('role', %s, true), set_config('cuadra.account', %s, true)",
                (role, "" if account_id is None else str(account_id)),
            )
            yield conn

    @contextmanager
    def writing(self, account_id: int, *, unchanged_since: int | None = None,
                before: Callable[[Conn], None] | None = None) -> Iterator[Conn]:  # fmt: skip
        """A transaction of the app that holds the account's lock: the only way to change the ledger. `before`: what it does
        before it waits for the lock.

        Raises Overtaken if the account's ledger is not of the generation it is to be unchanged since.
        """
        self.stage()
        key = {"account": account_id}
        with self.transaction(account_id) as conn:
            if before is not None:
                before(conn)
            conn.execute(sql("lock_account"), key)
            row = conn.execute(sql("next_generation"), key).fetchone()
            if unchanged_since is not None and (row is None or row[0] != unchanged_since + 1):
                raise Overtaken
            yield conn

    def stage(self) -> None:
        """Have this session's temporary tables ready: made once, and emptied when they hold much that is of no use any more.

        To empty one takes longer than to walk over some thousand rows of earlier transactions: its files are made anew
        (also by ON COMMIT DELETE ROWS, which empties all tables of the session, used or not).
        """
        conn = self.connection()
        if not self._staged:
            conn.execute(f"SET temp_buffers = '{TEMP_BUFFERS}'")  # before any temporary table is used
            with self.transaction() as conn:
                conn.execute(sql("create_staging"))
            self._staged = True
        left = _SESSIONS.setdefault(conn, _Session()).left
        full = [table for table, one in left.items() if one.rows > max(MOST_LEFT, FEW * one.last)]
        if full:
            with self.transaction() as conn:
                conn.execute(f"TRUNCATE {', '.join(full)}")
            for table in full:
                del left[table]

    def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Rows:
    """Rows on their way into a temporary table of ours, encoded for binary COPY as they come: in blocks of some 32 kB,
    never one large piece of memory that grows. The encoding is psycopg's, called without the two layers that
    `Copy.write_row` puts around it: on short rows they cost as much as the encoding itself."""

    def __init__(self, conn: Conn, table: LiteralString, types: tuple[str, ...]) -> None:
        """`conn` is only asked how values are written; it need not be the one that they are sent with."""
        self.table = table
        copy = Copy(conn.cursor(), binary=True)
        copy.set_types(types)
        self._transformer = copy.formatter.transformer
        self._block = bytearray(_SIGNATURE)
        self._blocks = [self._block]
        self.count = 0

    def add(self, rows: Collection[tuple[Any, ...]]) -> None:
        """Encode some more."""
        block, transformer = self._block, self._transformer
        for row in rows:
            format_row_binary(row, transformer, block)
            if len(block) > BLOCK:
                block = bytearray()
                self._blocks.append(block)
        self._block = block
        self.count += len(rows)

    def send(self, conn: Conn) -> None:
        """Copy all of them into the table of this session. Nothing can be added afterwards.

        The condition is always true, and volatile: PostgreSQL then takes row by row what it would collect in a thousand
        slots first, the making of which costs more than it saves.
        """
        session = _SESSIONS.setdefault(conn, _Session())
        left = session.left.setdefault(self.table, _Left())
        if left.when == session.transactions:  # what was sent before is written, and would be once more
            conn.execute(f"DELETE FROM {self.table}")  # noqa: S608 - a name of ours
        self._block += _TRAILER
        copied = f"COPY {self.table} FROM STDIN (FORMAT BINARY) WHERE random() >= 0"
        with conn.cursor() as cursor, cursor.copy(copied) as copy:
            for block in self._blocks:
                copy.write(block)
        left.rows += self.count
        left.last, left.when = self.count, session.transactions


BLOCK = 32_768
"""Bytes of encoded rows from which on a new piece of memory is begun."""
_SIGNATURE, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
"""What binary COPY begins with and ends with."""

TEMP_BUFFERS = "64MB"
"""For the temporary tables of a session: two batches of an import stay in memory, which would go through files otherwise."""
MOST_LEFT, FEW = 1000, 2
"""Rows of earlier transactions that a temporary table may hold and every look at it walk over: always so many, or so many
times as many as were of use the last time."""


class _Left(Struct):
    """What a temporary table holds that is of no use any more."""

    rows: int = 0
    """Of all transactions since it was empty."""
    last: int = 0
    """Of the last one."""
    when: int = -1
    """Which that was."""


class _Session(Struct):
    """What a session has in its temporary tables."""

    transactions: int = 0
    """Begun so far."""
    left: dict[str, _Left] = field(default_factory=dict)


_SESSIONS: WeakKeyDictionary[Conn, _Session] = WeakKeyDictionary()
