"""The demo's simulated shops: each a process of its own, started when something is to be asked of it.

Each keeps a diary in `CUADRA_HOME/demo` and is the same shop after a restart: it lives through its diary again, second by
second, and goes on from there. Every order keeps its number, its keys and webhooks stay, and of the time in which it was
not running it has no orders. Its process holds a lock on the diary for as long as it lives; so whoever finds the lock
held knows that the shop runs, and that the place written beside it is the shop's, whoever answers elsewhere.

It ends with the demo. Started by another command, it ends by itself when nobody has asked it anything for ten minutes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from cuadra import accounts, folders, secrets
from cuadra.accounts import Account, Integration
from cuadra.errors import Refused
from cuadra.faces.cli.context import Session, author
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 5.0
IDLE_SECONDS = 600
ACCIDENTS = ("webhook_drop=0.1", "webhook_duplicate=0.1", "webhook_delay=0.15", "error_500=0.02")
"""What goes wrong with such a platform on any day."""

_started: list[subprocess.Popen[bytes]] = []


class Kind(Struct, frozen=True):
    """A platform that is simulated."""

    connector: str
    file: str
    """How its files are called."""
    words: tuple[str, ...]
    """Which shop it is."""
    secrets: dict[str, str]
    """Credential of the integration → where the shop's place has it."""
    settings: dict[str, str]
    """Setting of the integration → the same."""


KINDS = {
    one.connector: one
    for one in (
        Kind("woocommerce", "shop", ("--seed", "7", "--orders", "600", "--country", "AR"),
             {"consumer_key": "key", "consumer_secret": "secret"}, {"url": "url"}),
        Kind("shopify", "store", ("--seed", "11", "--orders", "300", "--country", "AR", "--pace", "6"),
             {"access_token": "token", "client_secret": "client_secret"}, {"url": "url", "shop": "domain"}),
    )
}  # fmt: skip


class Place(Struct, frozen=True):
    """Where the shop is, its process, and the keys to its API; which of them there are depends on the platform."""

    url: str
    pid: int
    key: str = ""
    secret: str = ""
    domain: str = ""
    token: str = ""
    client_secret: str = ""


def installed() -> None:
    """Raises Refused without the simulators, which are an extra: a production install has none."""
    if any(importlib.util.find_spec(name) is None for name in ("cuadra_simulators", "werkzeug", "graphql")):
        raise Refused("The demo's shop is not installed; install it with: pip install 'cuadra[demo]'.")


def open_shop(settings: Settings, connector: str = "woocommerce", *, new: bool = False) -> Place:
    """Where the shop is; it is started unless it runs. `new`: it may open for the first time."""
    installed()
    kind = KINDS[connector]
    files = _Files(_folder(settings), kind.file)
    with _alone(files):
        if not new and not files.diary.exists():
            raise Refused("The diary of the simulated shop is gone, and with it the shop: {file}. Make the demo anew with "
                          "another CUADRA_HOME.", file=files.diary)  # fmt: skip
        if not _running(files):
            _start(kind, files)
        return _place(files)


def close_shops(settings: Settings) -> None:
    """End their processes, if they run; their diaries stay."""
    for kind in KINDS.values():
        files = _Files(_folder(settings), kind.file)
        with _alone(files):
            if _running(files):
                _end(files)
    for process in _started:
        process.poll()


def _end(files: _Files) -> None:
    pid = _place(files).pid
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _until(lambda: not _running(files), STOP_SECONDS):
            break


def awake(s: Session, account: Account, one: Integration) -> Integration:
    """The integration with its simulated shop running; it is told where, if that has changed."""
    return settle(s, account, one, open_shop(s.settings, one.connector))


def settle(s: Session, account: Account, one: Integration, place: Place) -> Integration:
    """Tell an integration where its shop is, and the keys."""
    keys, ids = KeyFile.of(s.settings), (account.account_id, one.integration_id)
    kind = KINDS[one.connector]
    for name, where in kind.secrets.items():
        known, value = secrets.get(s.db, keys, *ids, name), getattr(place, where)
        if known is None or known.reveal() != value:
            secrets.put(s.db, keys, *ids, name, Secret(value), actor=author())
    accounts.set_settings(s.db, account, one, told(kind, place), author())
    return s.integration(account, one.name)


def told(kind: Kind, place: Place) -> dict[str, str]:
    """Settings that say where a shop is."""
    return {name: getattr(place, where) for name, where in kind.settings.items()}


# ---------------------------------------------------------------- the process


class _Files(Struct, frozen=True):
    """The files of one shop."""

    folder: Path
    name: str

    @property
    def diary(self) -> Path:
        return self.folder / f"{self.name}.diary"

    @property
    def place(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.name}.lock"


def _folder(settings: Settings) -> Path:
    folder = settings.home / "demo"
    folders.private(folder)
    return folder


def _start(kind: Kind, files: _Files) -> None:
    port = _same_port(files)
    files.place.unlink(missing_ok=True)
    words = ["--port", str(port), *kind.words, "--idle", str(IDLE_SECONDS), "--diary", str(files.diary), "--place",
             str(files.place)]  # fmt: skip
    words += [word for accident in ACCIDENTS for word in ("--fault", accident)]
    said = os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", f"cuadra_simulators.{kind.connector}", *words], stdin=subprocess.DEVNULL,
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(said)
    _started.append(process)
    _until(lambda: files.place.exists() or process.poll() is not None, START_SECONDS)
    if process.poll() is not None or not files.place.exists():
        raise Refused("The simulated shop does not start; what it said is in {file}.", file=files.log)


def _same_port(files: _Files) -> int:
    """That of the last time, so that addresses stay; any, where it is taken."""
    try:
        return free_port(int(_place(files).url.rpartition(":")[2]))
    except Refused:
        return 0


def free_port(wanted: int) -> int:
    """This port of loopback if nobody listens there; else 0, which is any."""
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", wanted))
    except OSError:
        return 0
    return wanted


def any_port() -> int:
    """A port of loopback where nobody listens: one of those that the system gives nobody unasked, so that it is still
    free when it is used. Raises OSError if there is none."""
    drawn = random.sample(range(20_000, 32_000), 200)
    found = next((port for port in drawn if free_port(port)), None)
    if found is None:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    return found


def _place(files: _Files) -> Place:
    try:
        return msgspec.json.decode(files.place.read_bytes(), type=Place)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused("It cannot be read where the simulated shop is: {file}.", file=files.place) from error


def _running(files: _Files) -> bool:
    """Whether a process holds the diary. Asked by one at a time (`_alone`): who asks holds it for a moment, too."""
    try:
        handle = os.open(files.diary, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _alone(files: _Files) -> Iterator[None]:
    """One process at a time starts or ends the shop."""
    handle = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _until(done: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
