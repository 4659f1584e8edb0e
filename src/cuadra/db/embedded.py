"""The embedded PostgreSQL: one server for each home folder, started when needed, outliving who started it.

    start(home)            a conninfo string for the program's login role
    stop(home)             ends the server
    status(home)           what runs, where, how large
    admin_conninfo(home)   the bootstrap superuser, for backup and restore

Nobody connects without being the right user of the machine: the socket is in a closed folder, `peer` with a
map of names decides who is who, and there is no network address. The program logs in as `cuadra`, which
owns the database of that name and may make roles.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cuadra.db import embedded_files as files
from cuadra.db import embedded_process as process
from cuadra.db import embedded_programs as programs
from cuadra.db.embedded_files import Place
from cuadra.db.embedded_process import ADMIN, DATABASE, LOGIN
from cuadra.errors import Unreachable

_ANSWER_LIMIT = 10  # seconds for one connection to a server that says it is ready


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` found. `size`: bytes on disk, write-ahead log included. `pid`: None when stopped."""

    running: bool
    version: str
    data: Path
    socket: Path
    pid: int | None
    size: int


def _silent(text: str) -> None:
    """Progress that nobody wants to see."""


def start(home: Path, progress: Callable[[str], None] = _silent) -> str:
    """Make sure that the server of `home` runs; return the conninfo string of the login role.

    Any number of processes may call it at once. `progress` is told that a database is created, and what
    takes longer than two seconds, at most once a second. Raises Refused (another owner's folder, another
    version, no way to run as root) and Unreachable (the server dies, or the folder cannot be used).
    """
    place = files.locate(home)
    with _os_errors(place):
        if _answers(place):
            return _conninfo(place, LOGIN, DATABASE)
        _prepare(place, progress)
        with files.locked(place.base / "lock", progress):
            files.check(place)
            process.remove_half_made(place)
            if not place.data.exists():
                progress("Creating the database …")
                process.create(place)
            process.bring_up(place, progress)
            _furnish(place)
        return _conninfo(place, LOGIN, DATABASE)


def stop(home: Path, limit: float = 120.0) -> None:
    """End the server of `home` if it runs; transactions that are open are undone.

    Raises Unreachable if it still runs after `limit` seconds, Refused if it is another owner's.
    """
    place = files.locate(home)
    with _os_errors(place):
        if place.data.is_dir():
            files.check(place)
            with files.locked(place.base / "lock", _silent):
                process.end(place, limit)


def status(home: Path) -> Status:
    """What is there, without starting or changing anything. Raises Refused if it is another owner's."""
    place = files.locate(home)
    with _os_errors(place):
        if place.data.is_dir():
            files.check(place)
        found = process.running(place)
        version = ""
        if found is not None and found.ready:
            with suppress(psycopg.OperationalError), _connect(place, ADMIN, "postgres") as connection:
                version = _version_text(connection.info.server_version)
        return Status(
            running=found is not None,
            version=version or process.program_version(place),
            data=place.data,
            socket=found.socket if found else files.socket_folder(place),
            pid=found.pid if found else None,
            size=_size(place.data),
        )


def data_folder(home: Path) -> Path:
    """Where the data of `home` is, or would be."""
    return files.locate(home).data


def binaries(home: Path) -> Path:
    """The folder with pg_dump, pg_restore and psql of the server's version. Raises Refused without them."""
    return programs.program_folder(files.locate(home))


def admin_conninfo(home: Path) -> str:
    """The conninfo string of the bootstrap superuser, database `postgres`. The server should run."""
    return _conninfo(files.locate(home), ADMIN, "postgres")


@contextmanager
def exclusive(home: Path, progress: Callable[[str], None] = _silent) -> Iterator[None]:
    """Keep other processes from starting or stopping the server, as a restore needs. Not re-entrant:
    `start` and `stop` of the same home wait for it. The home must have been started before."""
    with files.locked(files.locate(home).base / "lock", progress):
        yield


def _prepare(place: Place, progress: Callable[[str], None]) -> None:
    """Make what stands around the data folder, after refusing what must be refused."""
    files.check_other_layout(place)
    if place.as_root:
        files.roots_folder(files.SYSTEM_FOLDER)
        with files.locked(files.SYSTEM_FOLDER / "lock", progress):
            programs.make_system_user(place)
            programs.install()
    files.check(place)
    files.make_folders(place)


def _answers(place: Place) -> bool:
    """Whether the login role gets into its database right now. Raises Refused if it is another owner's."""
    found = process.running(place)
    if found is None or not found.ready:
        return False
    files.check(place)
    try:
        with _connect(place, LOGIN, DATABASE):
            return True
    except psycopg.OperationalError:
        return False


def _furnish(place: Place) -> None:
    """Make the login role and its database where they are missing, also after a start that was killed.

    With createrole_self_grant the role can SET ROLE to the roles it makes, and inherits nothing from them.
    PUBLIC keeps TEMPORARY on the database: COPY goes through temporary tables, under roles that cannot log
    in.
    """
    try:
        with _connect(place, ADMIN, "postgres") as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [LOGIN]).fetchone():
                with connection.transaction():
                    connection.execute(f"CREATE ROLE {LOGIN} LOGIN NOSUPERUSER CREATEROLE NOINHERIT")
                    connection.execute(f"ALTER ROLE {LOGIN} SET createrole_self_grant = 'set'")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {LOGIN}")
            open_to_all = connection.execute(
                "SELECT datname FROM pg_database WHERE datname <> 'template0'"
                " AND has_database_privilege('public', oid, 'CONNECT')"
            ).fetchall()
            for (name,) in open_to_all:
                assert isinstance(name, str)
                revoke = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
                connection.execute(revoke)
    except psycopg.OperationalError as error:
        found = process.running(place)
        raise Unreachable(
            "The database server (process {pid}) runs, but its socket in {folder} does not answer: {cause} "
            "If something removed the socket, stop the server with `kill -INT {pid}` and start again.",
            pid=found.pid if found else "?",
            folder=found.socket if found else files.socket_folder(place),
            cause=str(error).strip(),
        ) from error


def _connect(place: Place, role: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(_conninfo(place, role, database), autocommit=True, connect_timeout=_ANSWER_LIMIT)


def _conninfo(place: Place, role: str, database: str) -> str:
    found = process.running(place)
    socket = found.socket if found else files.socket_folder(place)
    return make_conninfo(host=str(socket), port=files.PORT, user=role, dbname=database)


def _version_text(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"


def _size(folder: Path) -> int:
    """Bytes on disk of all files in `folder`; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.lstat().st_blocks * 512
    return total


@contextmanager
def _os_errors(place: Place) -> Iterator[None]:
    """Say in a sentence what the operating system refuses us on the way to the data folder."""
    try:
        yield
    except OSError as error:
        path = Path(error.filename or place.base)
        raise (
            files.closed_to_us(path, error) if error.errno == errno.EACCES else files.unusable(path, error)
        ) from error
