"""The embedded server as a process: made, configured, started, watched, ended.

Whoever calls `create`, `bring_up` or `end` holds the lock of the place.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cuadra.db.embedded_files import (
    PORT,
    Place,
    account,
    private_folder,
    socket_file,
    socket_folder,
)
from cuadra.db.embedded_programs import program_folder, run_as_owner
from cuadra.errors import Unreachable

ADMIN = "cuadra_admin"
LOGIN = "cuadra"
DATABASE = "cuadra"
_START_LIMIT = 900.0  # seconds; recovery replays at most max_wal_size, and every second of it is shown
_OLD_PROCESSES_LIMIT = 60.0  # seconds
_WRITTEN = 1.0  # seconds; a pid file is written as soon as it is there
_POLL = 0.01  # seconds

_SETTINGS = """\
# Written by Cuadra at every start. Settings of yours go into local.conf beside this file.
include 'data/postgresql.conf'

cluster_name = '{cluster}'
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 100

fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = {buffers}MB
effective_cache_size = {cache}MB
dynamic_shared_memory_type = {sharing}
wal_buffers = 16MB
min_wal_size = 256MB
max_wal_size = 2GB
jit = off
timezone = 'UTC'

logging_collector = on
log_directory = '../log'
log_filename = 'postgresql-%a.log'  # a ring of seven days
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_min_messages = warning
log_checkpoints = off
log_startup_progress_interval = 1s
# People's data stays out of the log: no statements, no values of violated keys.
log_min_error_statement = panic
log_error_verbosity = terse

include_if_exists 'local.conf'
"""
_HBA = """\
# Written by Cuadra at every start.
local all all peer map=cuadra
host all all all scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class PidFile:
    """What postmaster.pid says."""

    pid: int
    socket: Path
    ready: bool


def read_pid_file(place: Place) -> PidFile | None:
    """None if there is no such file, or it is being written."""
    try:
        lines = os.fsdecode(place.pid_file.read_bytes()).split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(lines) < 5 or not lines[0].strip().isdecimal():
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return PidFile(int(lines[0]), Path(lines[4]), ready)


def running(place: Place) -> PidFile | None:
    """The pid file if the process it names is alive and is the server of this data folder.

    After a crash the number may be that of another process, or of a dead one whom nobody has waited for.
    """
    found = read_pid_file(place)
    if found is None:
        return None
    arguments = _command_line(found.pid).split(b"\0")
    if b"-D" not in arguments[:-1]:
        return None
    try:
        same = Path(os.fsdecode(arguments[arguments.index(b"-D") + 1])).samefile(place.data)
    except OSError:
        return None
    return found if same else None


def _command_line(pid: int | str) -> bytes:
    """Empty for a process that is gone or dead and not yet waited for."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _remaining(place: Place) -> bool:
    """Whether any process of this server is left, by the title that PostgreSQL gives to its children."""
    title = f"postgres: {place.cluster_name}: ".encode()
    return any(
        _command_line(entry.name).startswith(title) for entry in Path("/proc").iterdir() if entry.name.isdecimal()
    )


def remove_half_made(place: Place) -> None:
    """Remove what killed attempts to create left. An initdb that outlived its starter fails on what it misses,
    and may leave a few files for the next start to remove."""
    for leftover in place.base.glob("data.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def create(place: Place) -> None:
    """Make the data folder. It appears whole or not at all. Raises Unreachable with what initdb said."""
    fresh = Path(tempfile.mkdtemp(prefix="data.new-", dir=place.base))
    if place.as_root:
        owner = account(place)
        os.chown(fresh, owner.uid, owner.gid)
    command: list[str | Path] = [
        program_folder(place) / "initdb", "-D", fresh, "-U", ADMIN,
        "--auth-local=peer", "--auth-host=scram-sha-256", "--encoding=UTF8",
        "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, **run_as_owner(place))
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unreachable(
            "The database cannot be created in {folder}: {cause}",
            folder=place.data,
            cause=said[-1] if said else f"initdb ended with {done.returncode}",
        )
    fresh.rename(place.data)
    handle = os.open(place.base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def bring_up(place: Place, progress: Callable[[str], None]) -> PidFile:
    """Start the server unless it runs, and wait until it takes connections, recovery after a crash included.

    Progress is told once a second after two seconds. Raises Unreachable if the server dies or takes too long.
    """
    began = time.monotonic()
    told = began + 1
    pid, ours, text = 0, False, ""
    while True:
        now = time.monotonic()
        found = running(place)
        if found is not None and found.ready:
            return found
        if found is not None and not ours and found.pid != pid:
            pid, text = found.pid, "Waiting for the database server …"
        elif not pid or not _alive(pid):
            if ours:
                _explain_death(place, patient=now - began < _OLD_PROCESSES_LIMIT)
            crashed = place.pid_file.exists()
            text = "The database recovers after a crash …" if crashed else "Starting the database …"
            pid, ours = _launch(place), True
        if now - began > _START_LIMIT:
            raise Unreachable(
                "The database server (process {pid}) does not take connections yet; its log is {log}.",
                pid=pid,
                log=_newest_log(place),
            )
        if now - told >= 1:
            progress(text)
            told = now
        time.sleep(_POLL)


def _launch(place: Place) -> int:
    """Start the server's process and return its number at once."""
    socket = socket_folder(place)
    private_folder(place, socket)
    _clear_leftovers(place, socket)
    _write_settings(place, socket)
    server: list[str | Path] = [program_folder(place) / "postgres", "-D", place.data]
    for setting, file in (("config", "cuadra.conf"), ("hba", "pg_hba.conf"), ("ident", "pg_ident.conf")):
        server += ["-c", f"{setting}_file={place.base / file}"]
    log = os.open(place.start_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        # By way of a shell that ends at once: a child of ours would stay a zombie after a crash. A session of
        # its own keeps the server away from our terminal's signals.
        done = subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *server],
            stdout=subprocess.PIPE, stderr=log, start_new_session=True, check=True, **run_as_owner(place),
        )  # fmt: skip
    finally:
        os.close(log)
    return int(done.stdout)


def _clear_leftovers(place: Place, socket: Path) -> None:
    """Remove what would make PostgreSQL take a stranger for the server that crashed.

    A pid file whose number nobody uses is left to PostgreSQL, which then looks for surviving children
    through the shared memory that the file names. An empty one stops PostgreSQL for good: whoever made it died, or
    found the disk full, before it was written.
    """
    for path in (socket_file(socket), Path(f"{socket_file(socket)}.lock")):
        path.unlink(missing_ok=True)
    found = read_pid_file(place)
    taken = found is not None and Path(f"/proc/{found.pid}").exists()
    if (taken or _left_empty(place)) and not _remaining(place):
        place.pid_file.unlink(missing_ok=True)


def _left_empty(place: Place) -> bool:
    """Whether nothing stands in the pid file, and nobody is about to write it."""
    try:
        found = place.pid_file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not found.st_size and time.time() - found.st_mtime > _WRITTEN


def _write_settings(place: Place, socket: Path) -> None:
    owner = account(place)
    memory = _memory_mib()
    settings = _SETTINGS.format(
        cluster=place.cluster_name,
        port=PORT,
        socket=socket,
        buffers=min(1024, max(128, memory // 8)),
        cache=max(256, memory // 2),
        sharing=_memory_sharing(place),
    )
    users = [owner.name, "root"] if place.as_root else [owner.name]
    identities = "".join(f'cuadra "{user}" {role}\n' for user in users for role in (LOGIN, ADMIN))
    for name, text in (("cuadra.conf", settings), ("pg_hba.conf", _HBA), ("pg_ident.conf", identities)):
        path = place.base / name
        path.write_text(text, "utf-8")
        path.chmod(0o644)


def _memory_mib() -> int:
    """Memory of this machine, or of the container if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            total = min(total, int(Path(limit).read_text("utf-8")))
    return total >> 20


def _memory_sharing(place: Place) -> str:
    """Files in the data folder, unless /dev/shm lasts and is large (with a container's 64 MB joins fail).

    An ordinary user's files there are removed by systemd when the last session ends (RemoveIPC).
    """
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108 - only measured
    except OSError:
        return "mmap"
    return "posix" if place.as_root and shared.f_frsize * shared.f_blocks >= 1 << 30 else "mmap"


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return state.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def _newest_log(place: Place) -> Path:
    """The log that was written last; the server opens its own only after the first checks."""
    logs = [path for path in place.log_folder.glob("*.log") if path.stat().st_size]
    return max([place.start_log, *logs], key=lambda path: path.stat().st_mtime_ns)


def _explain_death(place: Place, *, patient: bool) -> None:
    """Raise Unreachable with the server's last words; return if it died of old processes that are ending."""
    log = _newest_log(place)
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - 8192))
        lines = [line.decode(errors="replace").strip() for line in handle if line.strip()]
    starts = [number for number, line in enumerate(lines) if "starting PostgreSQL" in line]
    lines = lines[starts[-1] :] if starts else lines
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    last = (fatal or lines or ["it said nothing"])[-1]
    if patient and ("is still in use" in last or "postmaster.pid" in last):
        time.sleep(0.1)
        return
    raise Unreachable("The database server does not start: {cause} (log: {log})", cause=last, log=log)


def end(place: Place, limit: float) -> None:
    """Stop the server if it runs: open transactions are undone, what is committed is on disk.

    Raises Unreachable if it still runs after `limit` seconds.
    """
    found = running(place)
    if found is None:
        return
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGINT)
    until = time.monotonic() + limit
    while _alive(found.pid):
        if time.monotonic() > until:
            raise Unreachable(
                "The database server (process {pid}) has not stopped within {seconds} s; its log is {log}.",
                pid=found.pid,
                seconds=int(limit),
                log=_newest_log(place),
            )
        time.sleep(_POLL)


def program_version(place: Place) -> str:
    """The version of PostgreSQL's programs, such as «18.6»."""
    done = subprocess.run(
        [program_folder(place) / "postgres", "--version"], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.rsplit(None, 1)[-1]
