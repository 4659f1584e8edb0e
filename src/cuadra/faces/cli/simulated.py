"""The demo's simulated shop: a process of its own, started when something is to be asked of it.

It keeps a diary in `CUADRA_HOME/demo` and is the same shop after a restart: it lives through its diary again, second by
second, and goes on from there. Every order keeps its number, its keys and webhooks stay, and of the time in which it was
not running it has no orders. Its process holds a lock on the diary for as long as it lives; so whoever finds the lock
held knows that the shop runs, and that the place written beside it is the shop's, whoever answers elsewhere.

It ends with the demo. Started by another command, it ends by itself when nobody has asked it anything for ten minutes.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
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

ORDERS = 600
SEED = 7
START_SECONDS = 60.0
STOP_SECONDS = 5.0
IDLE_SECONDS = 600
ACCIDENTS = ("webhook_drop=0.1", "webhook_duplicate=0.1", "webhook_delay=0.15", "error_500=0.02")
"""What goes wrong with such a platform on any day."""

_started: list[subprocess.Popen[bytes]] = []


class Place(Struct, frozen=True):
    """Where the shop is, its process, and the keys to its API."""

    url: str
    pid: int
    key: str
    secret: str


def installed() -> None:
    """Raises Refused without the simulators, which are an extra: a production install has none."""
    if any(importlib.util.find_spec(name) is None for name in ("cuadra_simulators", "werkzeug")):
        raise Refused("The demo's shop is not installed; install it with: pip install 'cuadra[demo]'.")


def open_shop(settings: Settings, *, new: bool = False) -> Place:
    """Where the shop is; it is started unless it runs. `new`: it may open for the first time."""
    installed()
    folder = _folder(settings)
    with _alone(folder):
        if not new and not _diary(folder).exists():
            raise Refused("The diary of the simulated shop is gone, and with it the shop: {file}. Make the demo anew with "
                          "another CUADRA_HOME.", file=_diary(folder))  # fmt: skip
        if not _running(folder):
            _start(folder)
        return _place(folder)


def close_shop(settings: Settings) -> None:
    """End its process, if it runs; its diary stays."""
    folder = _folder(settings)
    with _alone(folder):
        if not _running(folder):
            return
        pid = _place(folder).pid
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if _until(lambda: not _running(folder), STOP_SECONDS):
                break
    for process in _started:
        process.poll()


def awake(s: Session, account: Account, one: Integration) -> Integration:
    """The integration with its simulated shop running; it is told where, if that has changed."""
    return settle(s, account, one, open_shop(s.settings))


def settle(s: Session, account: Account, one: Integration, place: Place) -> Integration:
    """Tell an integration where its shop is, and the keys."""
    keys, ids = KeyFile.of(s.settings), (account.account_id, one.integration_id)
    for name, value in (("consumer_key", place.key), ("consumer_secret", place.secret)):
        known = secrets.get(s.db, keys, *ids, name)
        if known is None or known.reveal() != value:
            secrets.put(s.db, keys, *ids, name, Secret(value), actor=author())
    accounts.set_settings(s.db, account, one, {"url": place.url}, author())
    return s.integration(account, one.name)


# ---------------------------------------------------------------- the process


def _folder(settings: Settings) -> Path:
    folder = settings.home / "demo"
    folders.private(folder)
    return folder


def _diary(folder: Path) -> Path:
    return folder / "shop.diary"


def _start(folder: Path) -> None:
    port = _same_port(folder)
    place = folder / "shop.json"
    place.unlink(missing_ok=True)
    words = ["--port", str(port), "--seed", str(SEED), "--orders", str(ORDERS), "--country", "AR", "--idle",
             str(IDLE_SECONDS), "--diary", str(_diary(folder)), "--place", str(place)]  # fmt: skip
    words += [word for accident in ACCIDENTS for word in ("--fault", accident)]
    said = os.open(folder / "shop.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "cuadra_simulators.woocommerce", *words], stdin=subprocess.DEVNULL,
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(said)
    _started.append(process)
    _until(lambda: place.exists() or process.poll() is not None, START_SECONDS)
    if process.poll() is not None or not place.exists():
        raise Refused("The simulated shop does not start; what it said is in {file}.", file=folder / "shop.log")


def _same_port(folder: Path) -> int:
    """That of the last time, so that addresses stay; any, where it is taken."""
    try:
        port = int(_place(folder).url.rpartition(":")[2])
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
    except (OSError, Refused):
        return 0
    return port


def _place(folder: Path) -> Place:
    file = folder / "shop.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=Place)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused("It cannot be read where the simulated shop is: {file}.", file=file) from error


def _running(folder: Path) -> bool:
    """Whether a process holds the diary. Asked by one at a time (`_alone`): who asks holds it for a moment, too."""
    try:
        handle = os.open(_diary(folder), os.O_RDONLY | os.O_CLOEXEC)
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
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or ends the shop."""
    handle = os.open(folder / "shop.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
