"""Credentials: what sealing promises, the key file, and the database that holds only sealed values."""

from __future__ import annotations

import copy
import io
import os
import pickle
import shutil
import stat
import tempfile
import traceback
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuadra import secrets
from cuadra.db import Database, embedded
from cuadra.db.migrate import migrate
from cuadra.errors import Refused, UsageError
from cuadra.secrets import Key, KeyFile, Secret, bound_to, read_secret, seal, unseal
from cuadra.settings import Settings

KEY = Key.new()
PLAIN = "plain-credential-5f3a"
ids = st.integers(1, 2**63 - 1)
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
places = st.tuples(ids, ids, texts)


# --- sealing ---


@given(value=st.binary(max_size=300), place=places)
def test_what_is_sealed_opens_in_its_place(value: bytes, place: tuple[int, int, str]) -> None:
    assert unseal(seal(value, KEY, bound_to(*place)), KEY, bound_to(*place)) == value


@given(value=st.binary(max_size=300), place=places, other=places)
def test_it_opens_nowhere_else(value: bytes, place: tuple[int, int, str], other: tuple[int, int, str]) -> None:
    if place == other:
        return
    with pytest.raises(Refused, match="belongs to another place"):
        unseal(seal(value, KEY, bound_to(*place)), KEY, bound_to(*other))


@given(value=st.binary(max_size=300), data=st.data())
def test_one_flipped_bit_does_not_open(value: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(value, KEY, b"here"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refused):
        unseal(bytes(sealed), KEY, b"here")


@given(sealed=st.binary(max_size=80))
def test_anything_else_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Refused):
        unseal(sealed, KEY, b"here")


@given(value=st.binary(max_size=300))
def test_another_key_does_not_open_and_the_same_value_looks_different(value: bytes) -> None:
    sealed = seal(value, KEY, b"here")
    assert sealed != seal(value, KEY, b"here")
    with pytest.raises(Refused):
        unseal(sealed, Key.new(), b"here")


# --- a secret shows itself to nobody ---


def test_a_secret_hides() -> None:
    secret = Secret(PLAIN)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{[secret]}", "%s" % secret]  # noqa: UP031
    assert all(PLAIN not in text for text in shown)
    assert repr(secret) == "•••"
    assert secret.reveal() == PLAIN
    assert secret == Secret(PLAIN)
    assert secret != Secret("other")
    for form in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied"):
            form(secret)
    assert KEY.material.hex() not in repr(KEY)
    assert repr(KEY.material) not in repr(KEY)


# --- the key file ---


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "home" / "keys")


def test_the_file_is_made_when_first_needed(keys: KeyFile) -> None:
    assert keys.all() == []
    assert not keys.path.exists()
    old = os.umask(0)
    try:
        key = keys.current()
    finally:
        os.umask(old)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert keys.current() == key
    assert keys.path.read_bytes() == key.line()
    assert keys.find(key.key_id) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_read_is_refused(keys: KeyFile, mode: int) -> None:
    keys.current()
    keys.path.chmod(mode)
    for use in (keys.all, keys.current, keys.add):
        with pytest.raises(Refused, match=f"chmod 600 {keys.path}"):
            use()


def test_a_new_key_is_current_and_old_ones_stay(keys: KeyFile) -> None:
    first = keys.current()
    second = keys.add()
    assert keys.all() == [first, second]
    assert keys.current() == second
    assert keys.find(first.key_id) == first


def test_an_interrupted_append_is_passed_over_and_then_removed(keys: KeyFile) -> None:
    first = keys.current()
    line = Key.new().line()
    for cut in range(1, 55):
        keys.path.write_bytes(first.line() + line[:cut])
        assert keys.all() == [first]
        second = keys.add()
        assert keys.path.read_bytes() == first.line() + second.line()
    keys.path.write_bytes(first.line().rstrip())  # somebody's editor
    third = keys.add()
    assert keys.all() == [first, third]
    keys.path.write_bytes(line[:20])
    assert keys.path.read_bytes() != keys.current().line()
    assert len(keys.all()) == 1


def test_a_bad_line_is_named_and_not_shown(keys: KeyFile) -> None:
    first = keys.current()
    keys.path.write_bytes(b"# saved in the safe\n\n" + first.line().replace(b" ", b" x", 1) + first.line())
    with pytest.raises(Refused, match="Line 3 of the key file") as refusal:
        keys.all()
    assert first.line().split()[1].decode() not in str(refusal.value)


def test_a_missing_key_is_named_with_its_file(keys: KeyFile) -> None:
    keys.current()
    with pytest.raises(Refused, match=f"key 0badcafe .* {keys.path}"):
        keys.find("0badcafe")


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be used"):
        KeyFile(tmp_path).all()
    with pytest.raises(Refused, match="cannot be used"):
        KeyFile(tmp_path).add()


def _current(path: Path) -> str:
    return KeyFile(path).current().key_id


def test_processes_that_need_the_first_key_at_once_get_the_same(keys: KeyFile) -> None:
    with get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_current, [keys.path] * 40, chunksize=1))) == 1


def test_the_settings_name_the_file(tmp_path: Path) -> None:
    assert Settings.load({"HOME": str(tmp_path)}).keys == tmp_path / ".cuadra" / "keys"
    named = Settings.load({"HOME": str(tmp_path), "CUADRA_KEY_FILE": "/etc/cuadra.keys"})
    assert KeyFile.of(named).path == Path("/etc/cuadra.keys")


# --- where a command gets one ---


def test_the_three_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"first line\r\nsecond\n")))
    assert read_secret("-").reveal() == "first line"
    (tmp_path / "token").write_text("a\nb ñ\n")
    assert read_secret(f"file:{tmp_path / 'token'}").reveal() == "a\nb ñ"
    monkeypatch.setenv("A_TOKEN", PLAIN)
    assert read_secret("env:A_TOKEN") == Secret(PLAIN)


@pytest.mark.parametrize("argument", [PLAIN, "", "file:", "env:", "--", f"stdin:{PLAIN}"])
def test_a_secret_is_never_an_argument(argument: str) -> None:
    with pytest.raises(UsageError, match=r"`-` .*`file:PATH` or `env:NAME`") as refusal:
        read_secret(argument)
    assert PLAIN not in "".join(traceback.format_exception(refusal.value))


def test_what_cannot_be_read_is_said_without_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no environment variable NONE_SUCH"):
        read_secret("env:NONE_SUCH")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_secret(f"file:{tmp_path / 'none'}")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(UsageError, match="is empty"):
        read_secret(f"file:{tmp_path / 'empty'}")
    (tmp_path / "latin").write_bytes(PLAIN.encode() + b"\xf1")
    with pytest.raises(UsageError, match="not UTF-8") as refusal:
        read_secret(f"file:{tmp_path / 'latin'}")
    assert refusal.value.__context__ is None
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(UsageError, match="is empty"):
        read_secret("-")


# --- the database ---


def remove_server(home: Path) -> None:
    """Root's server has its files outside the home."""
    socket = embedded.status(home).socket
    embedded.stop(home)
    for folder in (embedded.data_folder(home).parent.parent, socket):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp"))
    home = folder / "home"
    embedded.start(home)
    yield home
    remove_server(home)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def db(home: Path) -> Iterator[Database]:
    with Database(embedded.start(home)) as db:
        migrate(db)
        with db.transaction(role="cuadra_owner") as conn:
            conn.execute("TRUNCATE secret, audit, account")
        for account in (1, 2):
            with db.transaction(account) as conn:
                conn.execute(
                    "INSERT INTO account (account_id, name, currency, country) VALUES (%s, %s, 'EUR', 'ES')",
                    (account, f"account {account}"),
                )
        yield db


def stored(db: Database) -> list[tuple[int, int, str, str, bytes]]:
    with db.transaction(role="cuadra_owner") as conn:
        return list(
            conn.execute("SELECT account_id, integration_id, name, key_id, sealed FROM secret ORDER BY 1, 2, 3")
        )


def test_put_get_names_remove(db: Database, keys: KeyFile) -> None:
    assert secrets.get(db, keys, 1, 10, "token") is None
    secrets.put(db, keys, 1, 10, "token", Secret("old"))
    secrets.put(db, keys, 1, 10, "token", Secret(PLAIN), actor="ana")
    secrets.put(db, keys, 1, 10, "hook", Secret("ñ€"))
    found = secrets.get(db, keys, 1, 10, "token")
    assert found == Secret(PLAIN)
    assert [(name, key) for name, key, _ in secrets.names(db, 1, 10)] == [
        ("hook", keys.current().key_id), ("token", keys.current().key_id),
    ]  # fmt: skip
    assert secrets.get(db, keys, 2, 10, "token") is None  # another account's
    assert secrets.names(db, 2, 10) == []
    assert not secrets.remove(db, 2, 10, "token")
    assert secrets.remove(db, 1, 10, "token", actor="ana")
    assert not secrets.remove(db, 1, 10, "token")
    assert secrets.get(db, keys, 1, 10, "token") is None
    with db.transaction(1) as conn:
        trail = conn.execute("SELECT actor, action, object, detail::text FROM audit ORDER BY at").fetchall()
    assert [row[:3] for row in trail] == [
        ("system", "secret_set", "10/token"), ("ana", "secret_set", "10/token"),
        ("system", "secret_set", "10/hook"), ("ana", "secret_removed", "10/token"),
    ]  # fmt: skip
    assert PLAIN not in str(trail)


def test_the_database_does_not_hold_it(db: Database, keys: KeyFile) -> None:
    secrets.put(db, keys, 1, 10, "token", Secret(PLAIN))
    ((*_, sealed),) = stored(db)
    assert PLAIN.encode() not in sealed


def test_moved_to_another_row_it_does_not_open(db: Database, keys: KeyFile) -> None:
    secrets.put(db, keys, 1, 10, "token", Secret(PLAIN))
    for column, value in (("account_id", 2), ("integration_id", 11), ("name", "other")):
        with db.transaction(role="cuadra_owner") as conn:
            conn.execute("DELETE FROM secret WHERE NOT (account_id = 1 AND integration_id = 10 AND name = 'token')")
            place: dict[str, object] = {"account_id": 1, "integration_id": 10, "name": "token", column: value}
            conn.execute(
                "INSERT INTO secret SELECT %(account_id)s, %(integration_id)s, %(name)s, key_id, sealed FROM secret",
                place,
            )
        with pytest.raises(Refused, match="belongs to another place"):
            secrets.get(db, keys, *place.values())  # type: ignore[arg-type]


def test_without_the_key_it_says_which(db: Database, keys: KeyFile, tmp_path: Path) -> None:
    secrets.put(db, keys, 1, 10, "token", Secret(PLAIN))
    others = KeyFile(tmp_path / "other")
    others.current()
    with pytest.raises(Refused) as refusal:
        secrets.get(db, others, 1, 10, "token")
    assert keys.current().key_id in str(refusal.value)
    assert str(others.path) in str(refusal.value)
    assert PLAIN not in "".join(traceback.format_exception(refusal.value))
    before = others.path.read_bytes()
    with pytest.raises(Refused, match=keys.current().key_id):
        secrets.rotate(db, others, [1, 2])
    assert others.path.read_bytes() == before


def test_rotation(db: Database, keys: KeyFile) -> None:
    for account in (1, 2):
        for name in ("a", "b", "c"):
            secrets.put(db, keys, account, 10, name, Secret(f"{account}{name}"))
    before = secrets.names(db, 1, 10)
    old = keys.current().key_id
    assert secrets.rotate(db, keys, [1, 2], actor="ana") == 6
    new = keys.current().key_id
    assert new != old
    assert {row[3] for row in stored(db)} == {new}
    assert secrets.get(db, keys, 2, 10, "b") == Secret("2b")
    assert [changed for *_, changed in secrets.names(db, 1, 10)] == [changed for *_, changed in before]


@pytest.mark.parametrize("after", range(4))
def test_an_interrupted_rotation_loses_nothing(
    db: Database, keys: KeyFile, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Interrupted between any two values: an account has all old or all new, and all open; then it is repeated."""
    for account in (1, 2):
        for name in ("a", "b"):
            secrets.put(db, keys, account, 10, name, Secret(f"{account}{name}"))
    calls = 0

    def interrupted(value: bytes, key: Key, bound: bytes) -> bytes:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return seal(value, key, bound)

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "seal", interrupted)
        with pytest.raises(KeyboardInterrupt):
            secrets.rotate(db, keys, [1, 2])
    for account in (1, 2):
        assert len({row[3] for row in stored(db) if row[0] == account}) == 1
        for name in ("a", "b"):
            assert secrets.get(db, keys, account, 10, name) == Secret(f"{account}{name}")
    assert secrets.rotate(db, keys, [1, 2]) == 4
    assert {row[3] for row in stored(db)} == {keys.current().key_id}
    assert secrets.get(db, keys, 1, 10, "a") == Secret("1a")
