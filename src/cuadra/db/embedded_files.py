"""Where the embedded server keeps its files, to whom they belong, and what is refused before it is touched.

An ordinary user's server lives in `HOME/postgres/18`. PostgreSQL refuses to run as root, so root's server
belongs to a system user and lives in `/var/lib/cuadra/<digest of the home's path>/18`; the programs are
copied there as well, because the folder of the installed package may be closed to that user. In root's
layout every folder above the data folder is root's own, so a server that is broken into cannot make root
write anywhere else.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cuadra import folders
from cuadra.errors import CuadraError, Refused, Unreachable

MAJOR = 18
PORT = 5432  # only names the socket file; the server listens on no network address
SYSTEM_USER = "cuadra"
SYSTEM_FOLDER = Path("/var/lib/cuadra")
_SOCKET_PATH_LIMIT = 107  # bytes: sizeof(sockaddr_un.sun_path) - 1
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # libpq splits a host at commas, settings at quotes


@dataclass(frozen=True, slots=True)
class Account:
    """The user whom the server's processes and data belong to."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """All paths of one home's server. Nothing of it needs to exist."""

    home: Path
    base: Path
    digest: str
    as_root: bool

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def log_folder(self) -> Path:
        return self.base / "log"

    @property
    def start_log(self) -> Path:
        """What the server says before it opens its own log."""
        return self.base / "start.log"

    @property
    def cluster_name(self) -> str:
        """Stands in the title of every process of this server."""
        return f"cuadra-{self.digest}"


def locate(home: Path) -> Place:
    """The place of the server of `home`, for whoever runs this process. Reads nothing but symlinks."""
    real = home.resolve()
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    as_root = os.geteuid() == 0
    root = SYSTEM_FOLDER / digest if as_root else real / "postgres"
    return Place(real, root / str(MAJOR), digest, as_root)


def account(place: Place) -> Account:
    """Whom this place belongs to. Raises Refused if the machine knows no such user."""
    try:
        entry = pwd.getpwnam(SYSTEM_USER) if place.as_root else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise Refused(
            "The user {user} has no entry in the machine's list of users, and PostgreSQL needs one; "
            "add it, or set CUADRA_DATABASE_URL to a server of yours.",
            user=SYSTEM_USER if place.as_root else os.geteuid(),
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def owner_name(path: Path) -> str:
    """The owner's name, or the number of one without a name. Symlinks are not followed."""
    uid = path.lstat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def belongs_to_another(folder: Path) -> Refused:
    """The refusal of a folder that is not ours."""
    return Refused(
        "The data folder {folder} belongs to {owner}; run as that user or set CUADRA_HOME to a folder of yours.",
        folder=folder,
        owner=owner_name(folder),
    )


def closed_to_us(path: Path, cause: OSError) -> CuadraError:
    """What to say of a path that we may not enter or write: names the innermost folder that can be seen."""
    folder = path
    while folder != folder.parent:
        try:
            if folder.lstat().st_uid != os.geteuid():
                return belongs_to_another(folder)
            break
        except OSError:
            folder = folder.parent
    return unusable(path, cause)


def unusable(path: Path, cause: OSError) -> Unreachable:
    """What to say of a path that the operating system refuses for another reason than its owner."""
    return Unreachable("The database cannot use {path}: {cause}", path=path, cause=cause.strerror or cause)


def check(place: Place) -> None:
    """Refuse data of another owner or of another major version, and a second database for the same home.

    Raises Refused with one sentence that names the folder.
    """
    check_other_layout(place)
    if not place.data.is_dir():
        _check_older(place)
        return
    if place.data.stat().st_uid != account(place).uid:
        raise belongs_to_another(place.data.resolve())
    _check_version(place.data)


def check_other_layout(place: Place) -> None:
    """Refuse to shadow what an ordinary user made by an empty database of root's, or the other way round."""
    if place.as_root:
        theirs = place.home / "postgres" / str(MAJOR) / "data"
        if theirs.is_dir() and theirs.lstat().st_uid != 0:
            raise belongs_to_another(theirs)
        return
    roots = SYSTEM_FOLDER / place.digest / str(MAJOR) / "data"
    if roots.exists() and not place.data.exists():
        raise Refused(
            "The database of {home} was made by root and lies in {folder}; "
            "run as root or set CUADRA_HOME to a folder of yours.",
            home=place.home,
            folder=roots,
        )


def _check_older(place: Place) -> None:
    if place.base.parent.is_dir():
        for version_file in sorted(place.base.parent.glob("*/data/PG_VERSION")):
            _check_version(version_file.parent)


def _check_version(data: Path) -> None:
    try:
        found = (data / "PG_VERSION").read_text("utf-8").strip()
    except FileNotFoundError:
        raise Refused(
            "The data folder {folder} holds no database that this program knows; move it away and start again.",
            folder=data,
        ) from None
    if found != str(MAJOR):
        raise Refused(
            "The data folder {folder} is of PostgreSQL {found}, and this program brings {major}. Run "
            "`cuadra backup FILE` with the version of Cuadra that made it, move the folder away, then run "
            "`cuadra restore FILE` with this one.",
            folder=data,
            found=found,
            major=MAJOR,
        )


def make_folders(place: Place) -> None:
    """Make the folders around the data folder; changes none that it did not make. Raises Refused, OSError."""
    if place.as_root:
        roots_folder(place.base.parent)
        roots_folder(place.base)
        (place.base.parent / "home").write_bytes(os.fsencode(place.home) + b"\n")
    else:
        folders.private(place.home)
        for folder in (place.base.parent, place.base):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_uid != os.geteuid():
                raise belongs_to_another(folder)
    private_folder(place, place.log_folder)


def roots_folder(folder: Path) -> None:
    """Make a folder that the system user may pass, whatever root's umask. Refuse one that is not root's."""
    folder.mkdir(exist_ok=True)
    if folder.lstat().st_uid != 0:
        raise belongs_to_another(folder)
    folder.chmod(0o755)


def private_folder(place: Place, folder: Path) -> None:
    """Make `folder` with mode 0700 for the server's user, or check that it is exactly that.

    Raises Refused if something else stands there: in a shared folder such as /tmp it may be a trap.
    """
    owner = account(place)
    owners = {owner.uid, 0} if place.as_root else {owner.uid}  # root's: killed between mkdir and chown
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        closed = stat.S_ISDIR(found.st_mode) and found.st_mode & 0o777 == 0o700
        if not closed or found.st_uid not in owners:
            raise Refused(
                "The folder {folder} must belong to {user} and be closed to others, but belongs to {owner} "
                "and has mode {mode}; remove it and start again.",
                folder=folder,
                user=owner.name,
                owner=owner_name(folder),
                mode=stat.filemode(found.st_mode),
            ) from None
    if place.as_root:
        os.chown(folder, owner.uid, owner.gid, follow_symlinks=False)


def socket_folder(place: Place) -> Path:
    """Where the server's socket goes when it is started: short, plain characters.

    Beside the data if that fits; not in XDG_RUNTIME_DIR, which a cron job does not see and a logout removes
    together with the socket of a server that still runs.
    """
    if place.as_root:
        folder = Path("/run") / place.cluster_name
        if folder.parent.is_dir() and os.access(folder.parent, os.W_OK):
            return folder
    else:
        folder = place.base / "socket"
        fits = len(os.fsencode(socket_file(folder))) <= _SOCKET_PATH_LIMIT
        if fits and _PLAIN_PATH.fullmatch(str(folder)):
            return folder
    return Path("/tmp") / f"cuadra-{account(place).uid}-{place.digest}"  # noqa: S108 - see private_folder


def socket_file(folder: Path) -> Path:
    return folder / f".s.PGSQL.{PORT}"


@contextmanager
def locked(path: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path` (made if absent); the kernel releases it with the process that dies."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        tell_at = time.monotonic() + 2
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= tell_at:
                    progress("Waiting for another process that works on the database server …")
                    tell_at = time.monotonic() + 1
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)
