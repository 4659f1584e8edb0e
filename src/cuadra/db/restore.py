"""Restore: what a backup holds, in place of what is there, all of it or nothing.

    restore(settings, source, progress, replace=False)   -> RestoreReport

It is one transaction, whose last statement is sent only when the whole dump has come through, its digest is right and
the rows are as many as they were. The embedded server gets it as a new database, which then takes the place and the
name of the old one.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql as quoted
from psycopg.conninfo import make_conninfo

from cuadra.db import Database, conninfo, embedded, migrate
from cuadra.db.backup import (
    COUNTED,
    DUMP,
    FORMAT,
    MANIFEST,
    PIECE,
    Manifest,
    Programs,
    Ticker,
    address_of,
    amount,
    find_programs,
    last_words,
    lost_connections,
    one_value,
    process_of,
    silent,
)
from cuadra.db.embedded_process import DATABASE, LOGIN
from cuadra.errors import InputError, Refused, Unreachable
from cuadra.settings import Settings

_NEW, _OLD = "cuadra_restoring", "cuadra_replaced"
_MANIFEST_LIMIT = 1 << 20
_LEAVE_TRIES = 6  # PostgreSQL itself waits five seconds in each

_SESSIONS = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{DATABASE}' AND backend_type = 'client backend'"  # noqa: S608
_BEGIN = """\
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '60s';
SET ROLE cuadra_owner;
DROP OWNED BY cuadra_owner;
RESET ROLE;
GRANT CREATE, USAGE ON SCHEMA public TO cuadra_owner;
"""
_COUNT = """
DO $$ BEGIN
    IF (SELECT count(*) FROM public.{table}) <> {rows} THEN
        RAISE EXCEPTION 'table {table} does not have the {rows} rows that the backup counted';
    END IF;
END $$;
"""
_SINCE_17 = b"\nSET transaction_timeout = 0;\n"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored. `key_ids`: the keys that its credentials need, which must be in the file `keys`."""

    path: Path
    seconds: float
    manifest: Manifest
    migrated: list[str]
    key_ids: list[str]
    keys: Path


def restore(
    settings: Settings, source: Path, progress: Callable[[str], None] = silent, *, replace: bool = False
) -> RestoreReport:
    """Bring back what `source` holds; whatever interrupts this, the database is then the old one or the new one.

    No other program may be connected to an embedded server's database, this one included. Raises InputError (not a
    whole backup), Refused (accounts are there and not `replace`; newer than this program; an older PostgreSQL; in
    use) and Unreachable (what psql or pg_restore said).
    """
    began = time.monotonic()
    with lost_connections(), _open(source, progress) as (archive, manifest):
        _check_schema(manifest)
        info = conninfo(settings, progress)
        with Database(info) as db:
            major = db.connection().info.server_version // 10000
            if manifest.server > major:
                raise Refused("The backup is of PostgreSQL {saved} and this server is {major}; use one of {saved} "
                              "or later.", saved=manifest.server, major=major)  # fmt: skip
            programs = find_programs(settings, max(major, manifest.programs))
            if not replace and _holds_accounts(db):
                raise Refused("The database already holds accounts; say that they are to be replaced, or restore "
                              "into an empty one.")  # fmt: skip
        if settings.database_url:
            migrated, key_ids = _fill(info, archive, manifest, programs, major, progress)
        else:
            with _beside(settings, info, progress) as new:
                migrated, key_ids = _fill(new, archive, manifest, programs, major, progress)
    return RestoreReport(source, time.monotonic() - began, manifest, migrated, key_ids, settings.keys)


def read_manifest(source: Path) -> Manifest:
    """What the backup says of itself, unverified. Raises InputError."""
    with _damage(source), zipfile.ZipFile(source) as archive:
        return _manifest(archive, source)


@contextmanager
def _open(source: Path, progress: Callable[[str], None]) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """The backup, after all of it was read once and is what its manifest says."""
    with _damage(source):
        archive = zipfile.ZipFile(source)
    with archive:
        with _damage(source):
            manifest = _manifest(archive, source)
            ticker, size, digest = Ticker(progress), 0, hashlib.sha256()
            with archive.open(DUMP) as dump:
                while piece := dump.read(PIECE):
                    size += len(piece)
                    digest.update(piece)
                    ticker.tell(f"Checking the backup … {amount(size)} of {amount(manifest.size)}")
            if size != manifest.size or digest.hexdigest() != manifest.sha256:
                raise zipfile.BadZipFile("its content is not what its manifest says")
        yield archive, manifest


@contextmanager
def _damage(source: Path) -> Iterator[None]:
    """Say in a sentence why a file cannot be taken for a backup."""
    try:
        yield
    except OSError as error:
        raise InputError("{path} cannot be read: {cause}.", path=source, cause=error.strerror or error) from error
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, msgspec.MsgspecError) as error:
        raise InputError(
            "{path} is not a whole backup ({cause}); nothing was changed.", path=source, cause=str(error).strip("'\"")
        ) from error


def _manifest(archive: zipfile.ZipFile, source: Path) -> Manifest:
    if archive.getinfo(MANIFEST).file_size > _MANIFEST_LIMIT:
        raise zipfile.BadZipFile("its manifest is too large")
    raw = archive.read(MANIFEST)
    if msgspec.json.decode(raw, type=dict[str, Any]).get("format") != FORMAT:
        raise Refused("{path} was made by a newer Cuadra; restore it with that one.", path=source)
    manifest = msgspec.json.decode(raw, type=Manifest)
    if set(manifest.rows) != set(COUNTED):
        raise zipfile.BadZipFile("its manifest counts other tables")
    return manifest


def _check_schema(manifest: Manifest) -> None:
    unknown = sorted(set(manifest.schema) - {one.version for one in migrate.migrations()})
    if unknown:
        raise Refused("The backup was made by Cuadra {maker} and has {unknown}, which this program ({own}) does not "
                      "know; restore it with that version or a later one.", maker=manifest.cuadra,
                      unknown=", ".join(unknown), own=version("cuadra"))  # fmt: skip


def _holds_accounts(db: Database) -> bool:
    if not migrate.applied(db):
        return False
    with db.transaction(role="cuadra_owner") as conn:
        return bool(one_value(conn, "SELECT EXISTS (SELECT FROM account)"))


def _fill(
    info: str, archive: zipfile.ZipFile, manifest: Manifest, programs: Programs, major: int,
    progress: Callable[[str], None],
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Put the backup into that database, in place of what is there; returns migrations applied and keys needed."""
    with Database(info) as db:
        migrate._roles(db.connection())
    _load(info, archive, manifest, programs, major, progress)
    with Database(info) as db:
        migrated = migrate.migrate(db)
        with db.transaction(role="cuadra_owner") as conn:
            keys = [row[0] for row in conn.execute("SELECT DISTINCT key_id FROM secret ORDER BY 1")]
        progress("Measuring what was restored …")
        conn = db.connection()
        conn.execute("SET client_min_messages = error")  # it names every table of the system that it may not look at
        conn.execute("SET ROLE cuadra_owner")
        conn.execute("ANALYZE")
    return migrated, keys


def _load(
    info: str, archive: zipfile.ZipFile, manifest: Manifest, programs: Programs, major: int,
    progress: Callable[[str], None],
) -> None:  # fmt: skip
    """The dump through pg_restore and psql into one transaction.

    COMMIT is sent when everything went well: without it, an end of the input is the end of the transaction, and
    psql's own --single-transaction would commit what an interrupted sender had sent so far.
    """
    address, environment = address_of(info)
    reading = programs.command(
        "pg_restore", "--file=-", "--schema=public", "--no-owner", "--role=cuadra_owner", "--exit-on-error"
    )
    loading = programs.command(
        "psql", "--dbname", address, "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1",
        "--set=VERBOSITY=terse", "--output=/dev/null", "--file=-",
    )  # fmt: skip
    with (
        process_of(loading, environment, stdin=subprocess.PIPE) as (loader, loader_said),
        process_of(reading, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as (reader, reader_said),
    ):
        feeder = _Feeder(archive, reader)
        pump = _Pump(feeder, reader, loader, manifest, major)
        try:
            feeder.start()
            pump.start()
            ticker = Ticker(progress)
            while pump.is_alive() or loader.poll() is None:
                time.sleep(0.02)
                ticker.tell(
                    f"Restoring … {amount(feeder.size)} of {amount(manifest.size)}"
                    if feeder.is_alive()
                    else "Restoring … everything is read; the database builds its indexes"
                )
        finally:
            reader.kill()  # does nothing to one that has ended
            loader.kill()
            for thread in (pump, feeder):
                thread.join(2)  # a file system that hangs is not waited for
        if loader.returncode or not pump.committed:
            if loader.returncode:
                cause = last_words(loader_said, loader)
            else:
                cause = feeder.trouble or pump.trouble or last_words(reader_said, reader)
            raise Unreachable("The backup was not restored, and nothing was changed: {cause}", cause=cause)


class _Feeder(threading.Thread):
    """Gives the dump to pg_restore, and knows afterwards whether it was the right one."""

    def __init__(self, archive: zipfile.ZipFile, reader: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self._archive, self._reader = archive, reader
        self._digest = hashlib.sha256()
        self.size = 0
        self.trouble = ""

    def run(self) -> None:
        assert self._reader.stdin is not None
        try:
            with self._archive.open(DUMP) as dump:
                while piece := dump.read(PIECE):
                    self._digest.update(piece)
                    self._reader.stdin.write(piece)
                    self.size += len(piece)
        except BrokenPipeError:
            return  # pg_restore ended; it says why
        except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
            self.trouble = f"the file cannot be read any more ({error})"
        finally:
            with suppress(OSError):
                self._reader.stdin.close()

    def whole(self, manifest: Manifest) -> bool:
        """Whether all of the dump went through, with the manifest's digest. Waits for the end."""
        self.join()
        return not self.trouble and self.size == manifest.size and self._digest.hexdigest() == manifest.sha256


class _Pump(threading.Thread):
    """Gives pg_restore's statements to psql, between ours; the last of ours only after a whole dump."""

    def __init__(
        self, feeder: _Feeder, reader: subprocess.Popen[bytes], loader: subprocess.Popen[bytes], manifest: Manifest,
        major: int,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self._feeder, self._reader, self._loader = feeder, reader, loader
        self._manifest, self._major = manifest, major
        self.committed = False
        self.trouble = ""

    def run(self) -> None:
        source, target = self._reader.stdout, self._loader.stdin
        assert isinstance(source, io.BufferedReader)
        assert target is not None
        try:
            target.write(_BEGIN.encode())
            head = source.read(1 << 16)
            if self._major < 17:  # a setting that older servers do not know; it stands before any data
                head = head.replace(_SINCE_17, b"\n", 1)
            target.write(head)
            while piece := source.read1(PIECE):
                target.write(piece)
            if self._reader.wait():
                return  # it says why
            if not self._feeder.whole(self._manifest):
                self.trouble = "the file was changed while it was read"
                return
            for table, rows in sorted(self._manifest.rows.items()):
                target.write(_COUNT.format(table=table, rows=int(rows)).encode())
            target.write(b"COMMIT;\n")
            target.flush()
            self.committed = True
        except OSError as error:
            self.trouble = error.strerror or str(error)
            self._reader.kill()  # psql ended; it says why
        finally:
            with suppress(OSError):
                target.close()


@contextmanager
def _beside(settings: Settings, info: str, progress: Callable[[str], None]) -> Iterator[str]:
    """A new, empty database of the embedded server, which takes the old one's place if the block ends well."""
    with psycopg.connect(embedded.admin_conninfo(settings.home), autocommit=True) as admin:
        if not one_value(admin, "SELECT pg_try_advisory_lock(7207, 2)"):
            raise Refused("Another restore is at work on this database; wait for its end.")
        _refuse_if_used(admin)
        _drop(admin, _NEW, _OLD)
        new = quoted.Identifier(_NEW)
        admin.execute(quoted.SQL("CREATE DATABASE {} OWNER {}").format(new, quoted.Identifier(LOGIN)))
        try:
            admin.execute(quoted.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(new))
            yield make_conninfo(info, dbname=_NEW)
            _swap(admin, progress)
        except BaseException:
            with suppress(psycopg.Error):
                _drop(admin, _NEW)
            raise
        _drop(admin, _OLD)


def _swap(admin: psycopg.Connection[Any], progress: Callable[[str], None]) -> None:
    """Both names change in one transaction."""
    rename = quoted.SQL("ALTER DATABASE {} RENAME TO {}")
    current = quoted.Identifier(DATABASE)
    for _ in range(_LEAVE_TRIES):
        try:
            with admin.transaction():
                admin.execute(rename.format(current, quoted.Identifier(_OLD)))
                admin.execute(rename.format(quoted.Identifier(_NEW), current))
            return
        except psycopg.errors.ObjectInUse:
            progress("Waiting until other programs leave the database …")
    raise _in_use("?")


def _refuse_if_used(admin: psycopg.Connection[Any]) -> None:
    until = time.monotonic() + 2  # who has just left is listed a moment longer
    while count := one_value(admin, _SESSIONS):
        if time.monotonic() > until:
            raise _in_use(count)
        time.sleep(0.05)


def _in_use(count: object) -> Refused:
    return Refused("Other programs are connected to the database ({count}); end them, then restore again. "
                   "Nothing was changed.", count=count)  # fmt: skip


def _drop(admin: psycopg.Connection[Any], *names: str) -> None:
    for name in names:
        admin.execute(quoted.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted.Identifier(name)))
