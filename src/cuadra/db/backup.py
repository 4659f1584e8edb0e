"""Backup and restore: one file with everything of the database, and without the keys.

    backup(settings, target, progress)                   -> BackupReport
    restore(settings, source, progress, replace=False)   -> RestoreReport

The file is an uncompressed zip of two entries: `dump`, which is pg_dump's custom format, and `manifest.json`. The
dump is of one snapshot, in which the manifest's rows are counted too.

pg_dump reads as cuadra_owner: the owner is not subject to the policies, and pg_dump turns row_security off, so that
whoever is would get an error and never a part of the rows. A restore is one transaction, whose last statement is
sent only when the whole dump has come through, its digest is right and the rows are as many as they were. The
embedded server gets it as a new database, which then takes the place and the name of the old one.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from psycopg import IsolationLevel
from psycopg import sql as quoted
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cuadra.db import Database, conninfo, embedded, migrate
from cuadra.db.embedded_process import DATABASE, LOGIN
from cuadra.errors import InputError, Refused, Unreachable, UsageError
from cuadra.settings import Settings

COUNTED = ("orders", "receipt", "attempt")
FORMAT = 1
_DUMP, _MANIFEST = "dump", "manifest.json"
_PROGRAMS = ("pg_dump", "pg_restore", "psql")
_NEW, _OLD = "cuadra_restoring", "cuadra_replaced"
_PIECE = 1 << 20
_MANIFEST_LIMIT = 1 << 20
_LEAVE_TRIES = 6  # PostgreSQL itself waits five seconds in each

_STRANGERS = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND c.relowner <> 'cuadra_owner'::regrole ORDER BY 1"""
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


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself. `server` and `programs` are major versions of PostgreSQL."""

    format: int
    cuadra: str
    schema: list[str]
    server: int
    programs: int
    created_at: datetime
    size: int
    sha256: str
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was saved. The keys (`keys`: their file) are not in it and must be saved apart."""

    path: Path
    size: int
    seconds: float
    manifest: Manifest
    keys: Path


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored. `key_ids`: the keys that its credentials need, which must be in the file `keys`."""

    path: Path
    seconds: float
    manifest: Manifest
    migrated: list[str]
    key_ids: list[str]
    keys: Path


@dataclass(frozen=True, slots=True)
class _Programs:
    """PostgreSQL's programs in one folder, of one major version."""

    folder: Path
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        return [str(self.folder / name), *arguments]


def _silent(text: str) -> None:
    """Progress that nobody wants to see."""


class _Ticker:
    """Tells progress at most once a second."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._next = time.monotonic() + 1

    def tell(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._progress(text)
            self._next = now + 1


def _amount(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@contextmanager
def _lost_connections() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        why = str(error).strip().splitlines()[-1]
        raise Unreachable("The database does not answer any more: {why}", why=why) from error


# --- backup ---


def backup(settings: Settings, target: Path, progress: Callable[[str], None] = _silent) -> BackupReport:
    """Write a backup to `target`, which appears whole or not at all, readable for its owner only.

    Work may go on meanwhile. Raises Refused (nothing of Cuadra there, no programs of that version), UsageError
    and Unreachable (pg_dump failed, the disk is full).
    """
    began = time.monotonic()
    target = target.absolute()
    if target.is_dir() or not target.parent.is_dir():
        raise UsageError("{path} must be a file in a folder that exists.", path=target)
    with _lost_connections(), Database(conninfo(settings, progress)) as db:
        if not migrate.applied(db):
            raise Refused("The database holds nothing of Cuadra yet; there is nothing to save.")
        conn = db.connection()
        major = conn.info.server_version // 10000
        programs = _find_programs(settings, major)
        conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
        with _new_file(target) as file, db.transaction(role="cuadra_owner") as conn:
            progress("Counting what there is …")
            conn.execute("SELECT set_config(s, '0', true) FROM unnest(ARRAY['statement_timeout', "
                         "'idle_in_transaction_session_timeout']) s")  # fmt: skip
            schema = [row[0] for row in conn.execute("SELECT version FROM schema_version ORDER BY 1")]
            rows = {table: _one(conn, f"SELECT count(*) FROM {table}") for table in COUNTED}  # noqa: S608 - ours
            options = [f'--exclude-table=public."{name.replace(chr(34), chr(34) * 2)}"'
                       for (name,) in conn.execute(_STRANGERS)]  # fmt: skip
            options.append(f"--snapshot={_one(conn, 'SELECT pg_export_snapshot()')}")
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                with archive.open(_entry(_DUMP), "w", force_zip64=True) as out:
                    size, digest = _dump(db.info, programs, options, out, progress)
                manifest = Manifest(
                    format=FORMAT, cuadra=version("cuadra"), schema=schema, server=major, programs=programs.major,
                    created_at=datetime.now(UTC), size=size, sha256=digest, rows=rows,
                )  # fmt: skip
                archive.writestr(_entry(_MANIFEST), msgspec.json.format(msgspec.json.encode(manifest)))
            whole = file.tell()
    return BackupReport(target, whole, time.monotonic() - began, manifest, settings.keys)


def _one(conn: psycopg.Connection[Any], statement: str) -> Any:
    row = conn.execute(statement).fetchone()
    return row[0] if row else None


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.gmtime()[:6])
    entry.external_attr = 0o600 << 16
    return entry


@contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all is written and on disk; removed if that fails."""
    made: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        made = Path(name)
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        made.replace(target)
        made = None
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unreachable("{path} cannot be written: {cause}.", path=target, cause=error.strerror or error) from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def _dump(
    info: str, programs: _Programs, options: list[str], out: IO[bytes], progress: Callable[[str], None]
) -> tuple[int, str]:
    """Copy what pg_dump writes to `out`; returns its size and digest."""
    address, environment = _address(info)
    command = programs.command(
        "pg_dump", "--dbname", address, "--format=custom", "--compress=1", "--schema=public", "--role=cuadra_owner",
        "--no-password", "--lock-wait-timeout=60s", *options,
    )  # fmt: skip
    ticker, size, digest = _Ticker(progress), 0, hashlib.sha256()
    with _process(command, environment, stdout=subprocess.PIPE) as (process, said):
        assert process.stdout is not None
        source = process.stdout.fileno()
        poll = select.poll()
        poll.register(source, select.POLLIN)
        while True:
            ticker.tell(f"Saving … {_amount(size)} so far")
            if poll.poll(1000):
                piece = os.read(source, _PIECE)
                if not piece:
                    break
                digest.update(piece)
                out.write(piece)
                size += len(piece)
        if process.wait():
            raise Unreachable("pg_dump failed: {cause}", cause=_last_words(said, process))
    return size, digest.hexdigest()


# --- restore ---


def restore(
    settings: Settings, source: Path, progress: Callable[[str], None] = _silent, *, replace: bool = False
) -> RestoreReport:
    """Bring back what `source` holds; whatever interrupts this, the database is then the old one or the new one.

    No other program may be connected to an embedded server's database, this one included. Raises InputError (not a
    whole backup), Refused (accounts are there and not `replace`; newer than this program; an older PostgreSQL; in
    use) and Unreachable (what psql or pg_restore said).
    """
    began = time.monotonic()
    with _lost_connections(), _open(source, progress) as (archive, manifest):
        _check_schema(manifest)
        info = conninfo(settings, progress)
        with Database(info) as db:
            major = db.connection().info.server_version // 10000
            if manifest.server > major:
                raise Refused("The backup is of PostgreSQL {saved} and this server is {major}; use one of {saved} "
                              "or later.", saved=manifest.server, major=major)  # fmt: skip
            programs = _find_programs(settings, max(major, manifest.programs))
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
            ticker, size, digest = _Ticker(progress), 0, hashlib.sha256()
            with archive.open(_DUMP) as dump:
                while piece := dump.read(_PIECE):
                    size += len(piece)
                    digest.update(piece)
                    ticker.tell(f"Checking the backup … {_amount(size)} of {_amount(manifest.size)}")
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
    if archive.getinfo(_MANIFEST).file_size > _MANIFEST_LIMIT:
        raise zipfile.BadZipFile("its manifest is too large")
    raw = archive.read(_MANIFEST)
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
        return bool(_one(conn, "SELECT EXISTS (SELECT FROM account)"))


def _fill(
    info: str, archive: zipfile.ZipFile, manifest: Manifest, programs: _Programs, major: int,
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
    info: str, archive: zipfile.ZipFile, manifest: Manifest, programs: _Programs, major: int,
    progress: Callable[[str], None],
) -> None:  # fmt: skip
    """The dump through pg_restore and psql into one transaction.

    COMMIT is sent when everything went well: without it, an end of the input is the end of the transaction, and
    psql's own --single-transaction would commit what an interrupted sender had sent so far.
    """
    address, environment = _address(info)
    reading = programs.command(
        "pg_restore", "--file=-", "--schema=public", "--no-owner", "--role=cuadra_owner", "--exit-on-error"
    )
    loading = programs.command(
        "psql", "--dbname", address, "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1",
        "--set=VERBOSITY=terse", "--output=/dev/null", "--file=-",
    )  # fmt: skip
    with (
        _process(loading, environment, stdin=subprocess.PIPE) as (loader, loader_said),
        _process(reading, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as (reader, reader_said),
    ):
        feeder = _Feeder(archive, reader)
        pump = _Pump(feeder, reader, loader, manifest, major)
        try:
            feeder.start()
            pump.start()
            ticker = _Ticker(progress)
            while pump.is_alive() or loader.poll() is None:
                time.sleep(0.02)
                ticker.tell(
                    f"Restoring … {_amount(feeder.size)} of {_amount(manifest.size)}"
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
                cause = _last_words(loader_said, loader)
            else:
                cause = feeder.trouble or pump.trouble or _last_words(reader_said, reader)
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
            with self._archive.open(_DUMP) as dump:
                while piece := dump.read(_PIECE):
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
            while piece := source.read1(_PIECE):
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
        if not _one(admin, "SELECT pg_try_advisory_lock(7207, 2)"):
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
    while count := _one(admin, _SESSIONS):
        if time.monotonic() > until:
            raise _in_use(count)
        time.sleep(0.05)


def _in_use(count: object) -> Refused:
    return Refused("Other programs are connected to the database ({count}); end them, then restore again. "
                   "Nothing was changed.", count=count)  # fmt: skip


def _drop(admin: psycopg.Connection[Any], *names: str) -> None:
    for name in names:
        admin.execute(quoted.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted.Identifier(name)))


# --- PostgreSQL's programs ---


def _find_programs(settings: Settings, least: int) -> _Programs:
    """The oldest programs that know PostgreSQL `least`: the embedded server's or those on PATH."""
    folders = []
    with suppress(Refused):
        folders.append(embedded.binaries(settings.home))
    if on_path := shutil.which("pg_dump"):
        folders.append(Path(on_path).parent)
    found = [_Programs(folder, major) for folder in folders if (major := _major(folder))]
    usable = [programs for programs in found if programs.major >= least]
    if not usable:
        raise Refused(
            "This needs pg_dump, pg_restore and psql of PostgreSQL {least} or later on PATH; found: {found}.",
            least=least,
            found=", ".join(f"{programs.major} in {programs.folder}" for programs in found) or "none",
        )
    return min(usable, key=lambda programs: programs.major)


def _major(folder: Path) -> int | None:
    """The major version of the programs there; None if one of them is missing or does not run."""
    if not all((folder / name).is_file() for name in _PROGRAMS):
        return None
    try:
        done = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(match[1]) if match else None


def _address(info: str) -> tuple[str, dict[str, str]]:
    """The conninfo string to name on a command line, and the environment that holds the password instead."""
    options = conninfo_to_dict(info)
    if options.pop("sslpassword", None) is not None:
        raise Refused("A backup cannot use `sslpassword` of CUADRA_DATABASE_URL: others could see it. Use a client "
                      "key without a password, in a file that only you can read.")  # fmt: skip
    password = options.pop("password", None)
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return make_conninfo("", **options), environment


@contextmanager
def _process(
    command: list[str],
    environment: dict[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A running program and the file of what it says; it has ended when the block has, killed if need be."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, env=environment, stderr=said, cwd="/", stdin=stdin, stdout=stdout)
        except OSError as error:
            raise Unreachable("{program} does not start: {cause}.", program=command[0], cause=error.strerror) from error
        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _last_words(said: IO[bytes], process: subprocess.Popen[bytes]) -> str:
    """The error that a program ended with, without the row that it happened in."""
    said.seek(0)
    lines = [line.strip() for line in said.read()[-65536:].decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\b(ERROR|FATAL|error|fatal)\b:", line)]
    return (errors or lines or [f"it ended with {process.returncode}"])[0]
