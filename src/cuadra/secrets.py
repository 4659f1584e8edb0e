"""Credentials of integrations: sealed with a key that is in a file, kept in the database.

Who has only the database, or only a backup of it, has no credential. Who loses the key file has none either:
it must be saved apart.

The key file has one line per key, `key_id base64key created_at`. The last one seals; all of them open. A sealed
value is bound to its account, integration and name, and opens nowhere else.
"""

from __future__ import annotations

import base64
import fcntl
import getpass
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.types.json import Jsonb

from cuadra import folders
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.errors import Refused, UsageError
from cuadra.settings import Settings

_NONCE = 12  # bytes
_TAG = 16
_KEY = 32


class Secret:
    """A text that shows itself to nobody: `reveal()` where it is used, and nowhere before."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied into other forms")


# --- keys ---


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the key file."""

    key_id: str
    material: bytes = field(repr=False)
    created_at: datetime

    @classmethod
    def new(cls, taken: Iterable[str] = ()) -> Key:
        """A random key with an id that none of `taken` has."""
        others = set(taken)
        while (key_id := os.urandom(4).hex()) in others:
            continue
        return cls(key_id, AESGCM.generate_key(8 * _KEY), datetime.now(UTC).replace(microsecond=0))

    def line(self) -> bytes:
        return f"{self.key_id} {base64.b64encode(self.material).decode()} {self.created_at.isoformat()}\n".encode()


class KeyFile:
    """The keys. Every call reads the file anew: another process may have added a key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: Settings) -> KeyFile:
        """The key file that these settings name."""
        return cls(settings.keys)

    def all(self) -> list[Key]:
        """All keys, the current one last; none if there is no file. Raises Refused if others can read it."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._check(handle)
                content = _read(handle)
            finally:
                os.close(handle)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error
        return self._parse(content)

    def current(self) -> Key:
        """The key that seals; the first call of all makes the file. Raises Refused."""
        keys = self.all()
        if not keys:
            with self._writing() as (handle, keys):
                if not keys:
                    keys.append(self._append(handle, keys))
        return keys[-1]

    def add(self) -> Key:
        """Append a new key, which is current once this returns: it is on disk then. Raises Refused."""
        with self._writing() as (handle, keys):
            return self._append(handle, keys)

    def find(self, key_id: str) -> Key:
        """The key of that id. Raises Refused naming the id and the file."""
        for key in self.all():
            if key.key_id == key_id:
                return key
        raise Refused(
            "The key {key} that sealed this credential is not in {file}; bring back the key file that was saved, "
            "or set the credential again.",
            key=key_id,
            file=self.path,
        )

    @contextmanager
    def _writing(self) -> Iterator[tuple[int, list[Key]]]:
        """The open file with its keys, for one process at a time; made if it is not there."""
        try:
            folders.private(self.path.parent)
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                handle = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._check(handle)
            yield handle, self._parse(_read(handle))
        finally:
            os.close(handle)

    def _append(self, handle: int, keys: list[Key]) -> Key:
        key = Key.new(one.key_id for one in keys)
        content = _read(handle)
        whole, _, rest = content.rpartition(b"\n")
        start = len(content)
        lead = b""
        if rest and _key(rest) is None:  # what an interrupted writer left; nothing was ever sealed with it
            start = len(whole) + 1 if whole else 0
        elif rest:
            lead = b"\n"
        try:
            os.ftruncate(handle, start)
            data = lead + key.line()
            while data:
                written = os.pwrite(handle, data, start)
                data, start = data[written:], start + written
            os.fsync(handle)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unusable(error) from error
        return key

    def _check(self, handle: int) -> None:
        if os.fstat(handle).st_mode & 0o077:
            raise Refused("Others can read the key file; run `chmod 600 {file}`.", file=self.path)

    def _parse(self, content: bytes) -> list[Key]:
        lines = content.split(b"\n")
        keys: list[Key] = []
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            key = _key(line)
            if key is not None:
                keys.append(key)
            elif number < len(lines):  # the last one without an end is that of an interrupted writer
                raise Refused(
                    "Line {line} of the key file {file} is not `id key date`; bring back the file that was saved.",
                    line=number,
                    file=self.path,
                )
        return keys

    def _unusable(self, error: OSError) -> Refused:
        return Refused("The key file {file} cannot be used: {cause}.", file=self.path, cause=error.strerror or "?")


def _key(line: bytes) -> Key | None:
    """The key of a line; None if it is not one."""
    parts = line.split()
    if len(parts) != 3:
        return None
    try:
        material = base64.b64decode(parts[1], validate=True)
        created_at = datetime.fromisoformat(parts[2].decode())
        return Key(parts[0].decode("ascii"), material, created_at) if len(material) == _KEY else None
    except ValueError:
        return None


def _read(handle: int) -> bytes:
    parts, at = [], 0
    while part := os.pread(handle, 1 << 16, at):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


# --- sealing ---


def seal(value: bytes, key: Key, bound: bytes) -> bytes:
    """AES-256-GCM under a random nonce, which comes first; `bound` must be the same when it is opened."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key.material).encrypt(nonce, value, bound)


def unseal(sealed: bytes, key: Key, bound: bytes) -> bytes:
    """The value. Raises Refused if a bit was changed, or it was sealed for another place or with another key."""
    if len(sealed) >= _NONCE + _TAG:
        try:
            return AESGCM(key.material).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except InvalidTag:
            pass
    raise Refused(
        "A credential sealed with the key {key} does not open: it was changed, or belongs to another place. "
        "Set the credential again.",
        key=key.key_id,
    )


def bound_to(account_id: int, integration_id: int, name: str) -> bytes:
    """What a sealed value is bound to."""
    return f"cuadra secret\0{account_id}\0{integration_id}\0{name}".encode()


# --- the database ---


def put(
    db: Database, keys: KeyFile, account_id: int, integration_id: int, name: str, value: Secret,
    *, actor: str = "system",
) -> None:  # fmt: skip
    """Keep a credential, in the place of one of the same name."""
    with db.transaction(account_id) as conn:
        key = keys.current()
        sealed = seal(value.reveal().encode(), key, bound_to(account_id, integration_id, name))
        conn.execute(
            sql("put_secret"),
            {"account": account_id, "integration": integration_id, "name": name, "key": key.key_id, "sealed": sealed},
        )
        _audit(conn, account_id, actor, "secret_set", f"{integration_id}/{name}", {"key": key.key_id})


def get(db: Database, keys: KeyFile, account_id: int, integration_id: int, name: str) -> Secret | None:
    """The credential, if there is one. Raises Refused without its key, or if it does not open."""
    with db.transaction(account_id) as conn:
        row = conn.execute(
            sql("load_secret"), {"account": account_id, "integration": integration_id, "name": name}
        ).fetchone()
    if row is None:
        return None
    key_id, sealed = row
    return Secret(unseal(sealed, keys.find(key_id), bound_to(account_id, integration_id, name)).decode())


def names(db: Database, account_id: int, integration_id: int) -> list[tuple[str, str, datetime]]:
    """Name, key id and time of change of each credential of an integration."""
    with db.transaction(account_id) as conn:
        found = conn.execute(sql("list_secrets"), {"account": account_id, "integration": integration_id})
        return [(name, key_id, changed_at) for name, key_id, changed_at in found]


def remove(db: Database, account_id: int, integration_id: int, name: str, *, actor: str = "system") -> bool:
    """Forget a credential; False if there was none."""
    with db.transaction(account_id) as conn:
        done = conn.execute(
            sql("delete_secret"), {"account": account_id, "integration": integration_id, "name": name}
        ).rowcount
        if done:
            _audit(conn, account_id, actor, "secret_removed", f"{integration_id}/{name}", {})
    return bool(done)


def rotate(db: Database, keys: KeyFile, account_ids: Iterable[int], *, actor: str = "system") -> int:
    """Make a new key and seal every credential of these accounts with it; returns how many.

    The new key is on disk before anything is sealed with it, each account is one transaction, and old keys stay in
    the file: wherever this is interrupted, every credential opens, and it can be run again. Raises Refused before
    it changes anything if a key is missing.
    """
    accounts = list(account_ids)
    for account_id in accounts:
        with db.transaction(account_id) as conn:
            for (key_id,) in conn.execute(sql("list_secret_keys"), {"account": account_id}).fetchall():
                keys.find(key_id)
    new = keys.add()
    return sum(_reseal(db, keys, account_id, new, actor) for account_id in accounts)


def _reseal(db: Database, keys: KeyFile, account_id: int, new: Key, actor: str) -> int:
    with db.transaction(account_id) as conn:
        rows = conn.execute(sql("lock_secrets"), {"account": account_id}).fetchall()
        known = {key.key_id: key for key in keys.all()}
        for integration_id, name, key_id, sealed in rows:
            bound = bound_to(account_id, integration_id, name)
            value = unseal(sealed, known.get(key_id) or keys.find(key_id), bound)
            conn.execute(
                sql("reseal_secret"),
                {"account": account_id, "integration": integration_id, "name": name, "key": new.key_id,
                 "sealed": seal(value, new, bound)},
            )  # fmt: skip
        if rows:
            _audit(conn, account_id, actor, "secrets_rotated", "", {"key": new.key_id, "secrets": len(rows)})
    return len(rows)


def _audit(conn: Conn, account_id: int, actor: str, action: str, thing: str, detail: dict[str, object]) -> None:
    conn.execute(
        sql("audit_secret"),
        {"account": account_id, "actor": actor, "action": action, "object": thing, "detail": Jsonb(detail)},
    )


# --- where a command gets one ---


def read_secret(argument: str) -> Secret:
    """What a command was told to read: `-` one line of standard input, `file:PATH`, `env:NAME`.

    A terminal does not show what is typed. Raises UsageError, which never repeats the argument: it may be the
    credential itself.
    """
    kind, _, rest = argument.partition(":")
    if argument == "-":
        if sys.stdin.isatty():
            return _secret(getpass.getpass("").encode(errors="surrogateescape"), "-")
        return _secret(sys.stdin.buffer.readline(), "-")
    if kind == "file" and rest:
        try:
            return _secret(Path(rest).expanduser().read_bytes(), argument)
        except OSError as error:
            raise UsageError("{file} cannot be read: {cause}.", file=rest, cause=error.strerror or "?") from error
    if kind == "env" and rest:
        if rest not in os.environ:
            raise UsageError("There is no environment variable {name}.", name=rest)
        return _secret(os.fsencode(os.environ[rest]), argument)
    raise UsageError(
        "A credential is never written on the command line, where others can see it; say where it is: "
        "`-` (one line of standard input), `file:PATH` or `env:NAME`."
    )


def _secret(raw: bytes, origin: str) -> Secret:
    text: str | None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None  # raised below: this exception holds the bytes
    if text is None:
        raise UsageError("What {origin} holds is not UTF-8 text.", origin=origin)
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise UsageError("What {origin} holds is empty.", origin=origin)
    return Secret(text)
