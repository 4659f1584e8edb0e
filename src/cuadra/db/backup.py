"""Backup: one file with everything of the database, and without the keys. `restore` brings it back.

    backup(settings, target, progress)   -> BackupReport

The file is an uncompressed zip of two entries: `dump`, which is pg_dump's custom format, and `manifest.json`. The
dump is of one snapshot, in which the manifest's rows are counted too.

pg_dump reads as cuadra_owner: the owner is not subject to the policies, and pg_dump turns row_security off, so that
whoever is would get an error and never a part of the rows.
"""

from __future__ import annotations

import hashlib
import os
import re
import select
import shutil
import subprocess
import tempfile
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
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cuadra.db import Database, conninfo, embedded, migrate
from cuadra.errors import Refused, Unreachable, UsageError
from cuadra.settings import Settings

COUNTED = ("orders", "receipt", "attempt")
FORMAT = 1
DUMP, MANIFEST = "dump", "manifest.json"
PIECE = 1 << 20
_PROGRAMS = ("pg_dump", "pg_restore", "psql")

_STRANGERS = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND c.relowner <> 'cuadra_owner'::regrole ORDER BY 1"""


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
class Programs:
    """PostgreSQL's programs in one folder, of one major version."""

    folder: Path
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        return [str(self.folder / name), *arguments]


def silent(text: str) -> None:
    """Progress that nobody wants to see."""


class Ticker:
    """Tells progress at most once a second."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._next = time.monotonic() + 1

    def tell(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._progress(text)
            self._next = now + 1


def amount(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@contextmanager
def lost_connections() -> Iterator[None]:
    """A connection that breaks inside the block is said in a sentence."""
    try:
        yield
    except psycopg.OperationalError as error:
        why = str(error).strip().splitlines()[-1]
        raise Unreachable("The database does not answer any more: {why}", why=why) from error


def backup(settings: Settings, target: Path, progress: Callable[[str], None] = silent) -> BackupReport:
    """Write a backup to `target`, which appears whole or not at all, readable for its owner only.

    Work may go on meanwhile. Raises Refused (nothing of Cuadra there, no programs of that version), UsageError
    and Unreachable (pg_dump failed, the disk is full).
    """
    began = time.monotonic()
    target = target.absolute()
    if target.is_dir() or not target.parent.is_dir():
        raise UsageError("{path} must be a file in a folder that exists.", path=target)
    with lost_connections(), Database(conninfo(settings, progress)) as db:
        if not migrate.applied(db):
            raise Refused("The database holds nothing of Cuadra yet; there is nothing to save.")
        conn = db.connection()
        major = conn.info.server_version // 10000
        programs = find_programs(settings, major)
        conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
        with _new_file(target) as file, db.transaction(role="cuadra_owner") as conn:
            progress("Counting what there is …")
            conn.execute("SELECT set_config(s, '0', true) FROM unnest(ARRAY['statement_timeout', "
                         "'idle_in_transaction_session_timeout']) s")  # fmt: skip
            schema = [row[0] for row in conn.execute("SELECT version FROM schema_version ORDER BY 1")]
            rows = {table: one_value(conn, f"SELECT count(*) FROM {table}") for table in COUNTED}  # noqa: S608 - ours
            options = [f'--exclude-table=public."{name.replace(chr(34), chr(34) * 2)}"'
                       for (name,) in conn.execute(_STRANGERS)]  # fmt: skip
            options.append(f"--snapshot={one_value(conn, 'SELECT pg_export_snapshot()')}")
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                with archive.open(_entry(DUMP), "w", force_zip64=True) as out:
                    size, digest = _dump(db.info, programs, options, out, progress)
                manifest = Manifest(
                    format=FORMAT, cuadra=version("cuadra"), schema=schema, server=major, programs=programs.major,
                    created_at=datetime.now(UTC), size=size, sha256=digest, rows=rows,
                )  # fmt: skip
                archive.writestr(_entry(MANIFEST), msgspec.json.format(msgspec.json.encode(manifest)))
            whole = file.tell()
    return BackupReport(target, whole, time.monotonic() - began, manifest, settings.keys)


def one_value(conn: psycopg.Connection[Any], statement: str) -> Any:
    """The first value of a query."""
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
    info: str, programs: Programs, options: list[str], out: IO[bytes], progress: Callable[[str], None]
) -> tuple[int, str]:
    """Copy what pg_dump writes to `out`; returns its size and digest."""
    address, environment = address_of(info)
    command = programs.command(
        "pg_dump", "--dbname", address, "--format=custom", "--compress=1", "--schema=public", "--role=cuadra_owner",
        "--no-password", "--lock-wait-timeout=60s", *options,
    )  # fmt: skip
    ticker, size, digest = Ticker(progress), 0, hashlib.sha256()
    with process_of(command, environment, stdout=subprocess.PIPE) as (process, said):
        assert process.stdout is not None
        source = process.stdout.fileno()
        poll = select.poll()
        poll.register(source, select.POLLIN)
        while True:
            ticker.tell(f"Saving … {amount(size)} so far")
            if poll.poll(1000):
                piece = os.read(source, PIECE)
                if not piece:
                    break
                digest.update(piece)
                out.write(piece)
                size += len(piece)
        if process.wait():
            raise Unreachable("pg_dump failed: {cause}", cause=last_words(said, process))
    return size, digest.hexdigest()


# --- PostgreSQL's programs, for both ways ---


def find_programs(settings: Settings, least: int) -> Programs:
    """The oldest programs that know PostgreSQL `least`: the embedded server's or those on PATH."""
    folders = []
    with suppress(Refused):
        folders.append(embedded.binaries(settings.home))
    if on_path := shutil.which("pg_dump"):
        folders.append(Path(on_path).parent)
    found = [Programs(folder, major) for folder in folders if (major := _major(folder))]
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


def address_of(info: str) -> tuple[str, dict[str, str]]:
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
def process_of(
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


def last_words(said: IO[bytes], process: subprocess.Popen[bytes]) -> str:
    """The error that a program ended with, without the row that it happened in."""
    said.seek(0)
    lines = [line.strip() for line in said.read()[-65536:].decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\b(ERROR|FATAL|error|fatal)\b:", line)]
    return (errors or lines or [f"it ended with {process.returncode}"])[0]
