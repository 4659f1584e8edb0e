"""Backup and restore on real servers: the embedded one, and an ordinary PostgreSQL at a URL."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from cuadra import secrets
from cuadra.db import Database, backup, conninfo, embedded, restore
from cuadra.db import migrate as migrating
from cuadra.db.backup import BackupReport
from cuadra.db.migrate import Migration, applied, migrate
from cuadra.errors import InputError, Refused, Unreachable, UsageError
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings

DEBIAN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "p ss'word"


@dataclass
class Server:
    """One database to save and restore, and how to look into it."""

    settings: Settings
    folder: Path

    def db(self) -> Database:
        return Database(conninfo(self.settings))

    def owner(self, statement: str) -> list[tuple[object, ...]]:
        with self.db() as db, db.transaction(role="cuadra_owner") as conn:
            found = conn.execute(statement)  # type: ignore[call-overload]
            return found.fetchall() if found.description else []

    def content(self) -> dict[str, tuple[object, ...]]:
        """Number and digest of the rows of every table."""
        tables = self.owner(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            " AND relowner = 'cuadra_owner'::regrole ORDER BY 1"
        )
        return {
            str(name): self.owner(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")[0]
            for (name,) in tables
        }

    def schema(self) -> str:
        """Everything that pg_dump says of tables, functions, rights and policies."""
        with self.db() as db:
            major = db.connection().info.server_version // 10000
            programs = backup.find_programs(self.settings, major)
            address, environment = backup.address_of(db.info)
        command = programs.command("pg_dump", "-d", address, "--schema-only", "--schema=public", "--role=cuadra_owner")
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if not line.startswith(("\\", "--"))]
        return "\n".join(line for line in lines if "SCHEMA public" not in line)

    def fill(self, orders: int = 200) -> None:
        """Two accounts with orders, receipts of two months and a credential."""
        keys = KeyFile.of(self.settings)
        with self.db() as db:
            migrate(db)
            for account in (1, 2):
                with db.transaction(account) as conn:
                    conn.execute(
                        "INSERT INTO account (account_id, name, currency, country) VALUES (%s, %s, 'EUR', 'ES')",
                        (account, f"account «{account}»"),
                    )
                    conn.execute(FILL_ORDERS, {"account": account, "orders": orders})
                    conn.execute(FILL_RECEIPTS, {"account": account, "orders": orders})
                secrets.put(db, keys, account, 10, "token", Secret(f"credential {account}"))

    def wipe(self) -> None:
        with self.db() as db:
            if applied(db):
                with db.transaction(role="cuadra_owner") as conn:
                    conn.execute("DROP OWNED BY cuadra_owner")

    def databases(self) -> list[str]:
        if self.settings.database_url:
            return ["cuadra"]
        with psycopg.connect(embedded.admin_conninfo(self.settings.home)) as conn:
            return [
                name for (name,) in conn.execute("SELECT datname FROM pg_database WHERE datname ~ 'cuadra' ORDER BY 1")
            ]


FILL_ORDERS = """
INSERT INTO orders (account_id, order_id, store_id, source_id, integration_id, standing, reason, evidence, sequence,
                    digest, version, rule_version, first_seen, changed_at, content, total)
SELECT %(account)s, nextval('entity_id'), 1, n::text, 10,
       CASE WHEN n %% 7 = 0 THEN 'held' ELSE 'present' END, CASE WHEN n %% 7 = 0 THEN 'brand_missing' END,
       CASE WHEN n %% 7 = 0 THEN '{"brand_missing": {"line": 1}}'::jsonb END, n, sha256(n::text::bytea), 1, 1, now(),
       now(), json_build_object('note', E'tab\\t\\\\ «ñ» ' || md5(n::text)), n / 3.0
FROM generate_series(1, %(orders)s) n"""
FILL_RECEIPTS = """
INSERT INTO receipt (account_id, receipt_id, retention, received_at, integration_id, arrival, kind, sequence, body)
SELECT %(account)s, nextval('entity_id'), (ARRAY[3, 12, 36])[1 + n %% 3],
       now() - CASE WHEN n %% 2 = 0 THEN interval '0' ELSE interval '28 days' END, 10, 'file', 'order', n,
       convert_to(repeat(md5(n::text), 20), 'UTF8')
FROM generate_series(1, %(orders)s) n"""


def remove_server(home: Path) -> None:
    """Root's server has its files outside the home."""
    socket = embedded.status(home).socket
    embedded.stop(home)
    for folder in (embedded.data_folder(home).parent.parent, socket):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def embedded_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp"))
    home = folder / "home"
    embedded.start(home)
    yield Server(Settings(home=home), folder)
    remove_server(home)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def url_server() -> Iterator[Server]:
    """An ordinary cluster; its database belongs to a login role that may make roles, and is no superuser."""
    if not (DEBIAN / "initdb").exists():
        pytest.skip(f"no PostgreSQL 15 in {DEBIAN}")
    folder = Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp"))
    (folder / "home").mkdir()
    (folder / "cluster").mkdir()
    rights: dict[str, object] = {"cwd": "/", "check": True, "capture_output": True}
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        folder.chmod(0o711)
        os.chown(folder / "cluster", user.pw_uid, user.pw_gid)
        rights |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def run(*command: str | Path) -> None:
        subprocess.run(command, **rights)  # type: ignore[call-overload]

    data, cluster = folder / "cluster" / "data", folder / "cluster"
    run(DEBIAN / "initdb", "-D", data, "-U", "boss", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-N")
    (data / "pg_hba.conf").write_text("local all boss trust\nlocal all all scram-sha-256\n")
    options = f"-c listen_addresses= -c unix_socket_directories={cluster} -c fsync=off"
    run(DEBIAN / "pg_ctl", "-D", data, "-w", "-o", options, "-l", cluster / "log", "start")
    try:
        with psycopg.connect(host=str(cluster), user="boss", dbname="postgres", autocommit=True) as boss:
            secret = psycopg.sql.Literal(PASSWORD)
            boss.execute(psycopg.sql.SQL("CREATE ROLE shop LOGIN CREATEROLE PASSWORD {}").format(secret))
            boss.execute("CREATE DATABASE cuadra OWNER shop")
        url = f"postgresql://shop:{quote(PASSWORD)}@/cuadra?host={quote(str(cluster), safe='')}"
        yield Server(Settings(home=folder / "home", database_url=url), folder)
    finally:
        run(DEBIAN / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["embedded_server", "url_server"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    found.wipe()
    found.fill()
    return found


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "saved.cuadra"


def save(server: Server, target: Path) -> BackupReport:
    return backup.backup(server.settings, target)


def test_backup_wipe_restore_is_the_same(server: Server, target: Path) -> None:
    content, schema = server.content(), server.schema()
    report = save(server, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert report.size == target.stat().st_size
    assert report.keys == server.settings.home / "keys"
    key = KeyFile(report.keys).current()
    assert key.line().split()[1] not in target.read_bytes()
    assert report.manifest.rows == {"orders": 400, "receipt": 400, "attempt": 0}
    assert report.manifest.schema[0] == "0001_start"
    assert restore.read_manifest(target) == report.manifest
    server.wipe()
    done = restore.restore(server.settings, target)
    assert done.migrated == []
    assert done.key_ids == sorted({str(row[0]) for row in server.owner("SELECT key_id FROM secret")})
    assert done.keys == report.keys
    assert server.content() == content
    assert server.schema() == schema
    assert server.databases() == ["cuadra"]
    with server.db() as db:
        assert secrets.get(db, KeyFile.of(server.settings), 2, 10, "token") == Secret("credential 2")
        with db.transaction(1) as conn:
            assert conn.execute("SELECT count(*) FROM orders").fetchone() == (200,)  # the policies are back
            (largest,) = conn.execute("SELECT max(order_id) FROM orders").fetchone() or (0,)
            (drawn,) = conn.execute("SELECT nextval('entity_id')").fetchone() or (0,)
            assert drawn > largest
        assert db.connection().execute("SELECT reltuples FROM pg_class WHERE relname = 'orders'").fetchone() == (400,)


def test_refused_where_accounts_are_unless_replaced(server: Server, target: Path) -> None:
    content = server.content()
    save(server, target)
    server.owner("DELETE FROM orders WHERE order_id % 2 = 0")
    server.owner("SELECT ensure_partitions('2031-01-01', 2)")
    fewer = server.content()
    with pytest.raises(Refused, match="already holds accounts"):
        restore.restore(server.settings, target)
    assert server.content() == fewer
    restore.restore(server.settings, target, replace=True)
    assert server.content() == content


def test_the_backup_is_of_one_moment(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = server.content()
    dump = backup._dump

    def while_work_goes_on(*arguments: object) -> tuple[int, str]:
        server.owner("DELETE FROM orders WHERE account_id = 1")
        return dump(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(backup, "_dump", while_work_goes_on)
    save(server, target)
    restore.restore(server.settings, target, replace=True)
    assert server.content() == content


def test_tables_of_others_are_left_out(server: Server, target: Path) -> None:
    with server.db() as db:
        db.connection().execute('CREATE TABLE IF NOT EXISTS "a ""note""" (text text)')
    try:
        save(server, target)
    finally:
        with server.db() as db:
            db.connection().execute('DROP TABLE "a ""note"""')
    restore.restore(server.settings, target, replace=True)
    assert server.content()["orders"][0] == 400


def damage_bit(raw: bytes) -> bytes:
    at = len(raw) // 3
    return raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :]


def change_dump(raw: bytes) -> bytes:
    """Well-formed, with a dump that is not the manifest's."""
    return rebuild(raw, lambda dump: dump + b"more", lambda manifest: manifest)


def rebuild(raw: bytes, dump: Callable[[bytes], bytes], manifest: Callable[[dict[str, object]], object]) -> bytes:
    with tempfile.TemporaryFile() as old, tempfile.TemporaryFile() as new:
        old.write(raw)
        with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w") as made:
            made.writestr("dump", dump(source.read("dump")))
            made.writestr("manifest.json", json.dumps(manifest(json.loads(source.read("manifest.json")))))
        new.seek(0)
        return new.read()


@pytest.mark.parametrize(
    "harm",
    [
        damage_bit, change_dump, lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: b"SELECT 1;" * 99,
        lambda raw: rebuild(raw, lambda dump: dump, lambda manifest: {"format": 1}),
        lambda raw: rebuild(raw, lambda dump: dump, lambda manifest: manifest | {"rows": {"account; DROP": 1}}),
    ],
    ids=["one bit", "another dump", "half", "empty", "no zip", "bare manifest", "strange manifest"],
)  # fmt: skip
def test_a_damaged_file_is_refused(
    embedded_server: Server, target: Path, harm: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_server.db() as db:
        filled = bool(applied(db))
    if not filled:
        embedded_server.fill()
    content = embedded_server.content()
    save(embedded_server, target)
    target.write_bytes(harm(target.read_bytes()))
    monkeypatch.setattr(restore, "_fill", lambda *_: pytest.fail("touched"))
    with pytest.raises(InputError, match="nothing was changed"):
        restore.restore(embedded_server.settings, target, replace=True)
    assert embedded_server.content() == content


def test_a_dump_with_other_rows_than_counted_is_not_kept(server: Server, target: Path) -> None:
    content = server.content()
    save(server, target)
    raw = rebuild(
        target.read_bytes(),
        lambda dump: dump,
        lambda manifest: manifest | {"rows": {**manifest["rows"], "orders": 399}},
    )  # type: ignore[dict-item]
    target.write_bytes(raw)
    with pytest.raises(Unreachable, match=r"nothing was changed: .*orders does not have the 399 rows"):
        restore.restore(server.settings, target, replace=True)
    assert server.content() == content
    assert server.databases() == ["cuadra"]


def test_a_dump_that_pg_restore_cannot_read_changes_nothing(server: Server, target: Path) -> None:
    """Rightly signed, and cut: pg_restore ends in the middle of the rows."""
    content = server.content()
    save(server, target)
    with zipfile.ZipFile(target) as archive:
        dump = archive.read("dump")
    half = dump[: len(dump) * 2 // 3]
    digest = backup.hashlib.sha256(half).hexdigest()
    signed = {"size": len(half), "sha256": digest}
    target.write_bytes(rebuild(target.read_bytes(), lambda dump: half, lambda manifest: manifest | signed))
    with pytest.raises(Unreachable, match="nothing was changed: pg_restore: error"):
        restore.restore(server.settings, target, replace=True)
    assert server.content() == content


def test_a_newer_one_is_refused(embedded_server: Server, target: Path) -> None:
    embedded_server.wipe()
    embedded_server.fill()
    save(embedded_server, target)
    raw = target.read_bytes()
    for change, words in (
        ({"schema": ["0001_start", "9999_later"]}, "9999_later"),
        ({"server": 99}, "PostgreSQL 99"),
        ({"format": 2}, "newer Cuadra"),
    ):
        target.write_bytes(rebuild(raw, lambda dump: dump, lambda manifest, new=change: manifest | new))
        with pytest.raises(Refused, match=words):
            restore.restore(embedded_server.settings, target, replace=True)


KILLED = """
import sys, time
from pathlib import Path
from cuadra.db import restore
from cuadra.settings import Settings

class Slow:
    def __init__(self, dump): self.dump = dump
    def __enter__(self): return self
    def __exit__(self, *exc): pass
    def read(self, size):
        if self.dump.tell() > int(sys.argv[2]):
            print("half", flush=True)
            time.sleep(60)
        return self.dump.read(4096)

class Archive:
    def __init__(self, archive): self.archive = archive
    def open(self, name): return Slow(self.archive.open(name))

made = restore._Feeder.__init__
restore._Feeder.__init__ = lambda self, archive, reader: made(self, Archive(archive), reader)
restore.restore(Settings.load(), Path(sys.argv[1]), replace=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_an_interrupted_restore_leaves_the_old(server: Server, target: Path, number: signal.Signals) -> None:
    save(server, target)
    saved = server.content()
    server.owner("DELETE FROM orders WHERE order_id % 3 = 0")
    content = server.content()
    environment = os.environ | {
        "CUADRA_HOME": str(server.settings.home), "CUADRA_DATABASE_URL": server.settings.database_url,
    }  # fmt: skip
    command = [sys.executable, "-c", KILLED, str(target), str(target.stat().st_size * 2 // 3)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        time.sleep(0.3)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode != 0
    assert server.content() == content
    if number is signal.SIGINT:
        assert server.databases() == ["cuadra"]
    restore.restore(server.settings, target, replace=True)
    assert server.content() == saved
    assert server.databases() == ["cuadra"]


def test_a_failed_backup_leaves_no_file(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.write_text("the one before")

    def full(*_: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_dump", full)
    with pytest.raises(Unreachable, match="No space left"):
        save(server, target)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_text() == "the one before"


def test_what_pg_dump_says_is_told(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = backup.address_of
    monkeypatch.setattr(backup, "address_of", lambda info: address(make_conninfo(info, user="nobody_here")))
    with pytest.raises(Unreachable, match=r"pg_dump failed: .*nobody_here"):
        save(server, target)
    assert not target.exists()


def test_the_password_is_not_on_the_command_line() -> None:
    address, environment = backup.address_of("postgresql://shop:very-secret@localhost/cuadra")
    assert "very-secret" not in address
    assert environment["PGPASSWORD"] == "very-secret"
    with pytest.raises(Refused, match="sslpassword"):
        backup.address_of("host=a sslpassword=b")


def test_who_uses_the_database_is_not_thrown_out(embedded_server: Server, target: Path) -> None:
    embedded_server.wipe()
    embedded_server.fill()
    save(embedded_server, target)
    with embedded_server.db() as db:
        db.connection()
        with pytest.raises(Refused, match="Other programs are connected"):
            restore.restore(embedded_server.settings, target, replace=True)
        assert db.connection().execute("SELECT 1").fetchone() == (1,)


def test_programs_that_are_missing_or_too_old(
    embedded_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"PostgreSQL 19 or later on PATH; found: 18 in "):
        backup.find_programs(embedded_server.settings, 19)
    for name, major in (("pg_dump", 19), ("pg_restore", 19), ("psql", 19)):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.1'\n")
        (tmp_path / name).chmod(0o755)
    assert backup.find_programs(embedded_server.settings, 19).folder == tmp_path
    assert backup.find_programs(embedded_server.settings, 15).major == 18


def test_from_the_ordinary_server_to_the_embedded_one_and_not_back(
    embedded_server: Server, url_server: Server, target: Path
) -> None:
    url_server.wipe()
    url_server.fill()
    save(url_server, target)
    restore.restore(embedded_server.settings, target, replace=True)
    assert embedded_server.content() == url_server.content()
    save(embedded_server, target)
    with pytest.raises(Refused, match="PostgreSQL 18 and this server is 15"):
        restore.restore(url_server.settings, target, replace=True)


def test_an_older_backup_is_brought_to_this_version(
    embedded_server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded_server.wipe()
    embedded_server.fill()
    save(embedded_server, target)
    later = Migration("9000_later", "", "CREATE TABLE later (a int)")
    have = migrating.migrations()
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda: [*have, later])
        assert restore.restore(embedded_server.settings, target, replace=True).migrated == ["9000_later"]
        assert embedded_server.content()["later"] == (0, None)
    restore.restore(embedded_server.settings, target, replace=True)
    assert "later" not in embedded_server.content()


def test_into_a_server_that_never_had_cuadra(embedded_server: Server, target: Path) -> None:
    embedded_server.wipe()
    embedded_server.fill()
    save(embedded_server, target)
    fresh = Server(Settings(home=embedded_server.folder / "fresh"), embedded_server.folder)
    try:
        restore.restore(fresh.settings, target)
        assert fresh.content() == embedded_server.content()
        assert fresh.schema() == embedded_server.schema()
        with fresh.db() as db, pytest.raises(Refused, match=r"key .* is not in"):
            secrets.get(db, KeyFile.of(fresh.settings), 1, 10, "token")
    finally:
        remove_server(fresh.settings.home)


def test_programs_newer_than_the_server(url_server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded server's programs serve an older server: what its machine does not have."""
    url_server.wipe()
    url_server.fill()
    content = url_server.content()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert save(url_server, target).manifest.programs == 18
    restore.restore(url_server.settings, target, replace=True)
    assert url_server.content() == content


def test_nothing_there(tmp_path: Path, url_server: Server) -> None:
    url_server.wipe()
    with pytest.raises(Refused, match="nothing of Cuadra"):
        save(url_server, tmp_path / "file")
    with pytest.raises(UsageError, match="a folder that exists"):
        save(url_server, tmp_path / "none" / "file")
    with pytest.raises(InputError, match="cannot be read"):
        restore.restore(url_server.settings, tmp_path / "none")
    gone = replace(url_server.settings, database_url="host=/nonexistent dbname=cuadra")
    with pytest.raises(Unreachable):
        save(Server(gone, tmp_path), tmp_path / "file")


def test_progress_every_second(embedded_server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded_server.wipe()
    embedded_server.fill()
    moments = iter(range(10**6))
    told: list[str] = []

    def tell(text: str, /, **values: object) -> None:
        told.append(text.format(**values))

    monkeypatch.setattr(backup.time, "monotonic", lambda: float(next(moments)))
    backup.backup(embedded_server.settings, target, tell)
    restore.restore(embedded_server.settings, target, tell, replace=True)
    assert any(text.startswith("Saving … ") and text.endswith(" MB so far") for text in told)
    assert any(text.startswith("Checking the backup … ") for text in told)
    assert any(text.startswith("Restoring … ") for text in told)
