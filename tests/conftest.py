"""One real PostgreSQL for the whole run, one fresh database per test, and a small world to import into."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from cuadra.db import Database, embedded, embedded_files, migrate
from cuadra.settings import Settings
from tests.world import World

SKIPPED: list[str] = []
os.environ["CUADRA_WEB"] = "no"  # programs of tests that run side by side must not want one place for their pages
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # begun in the background; what is started here must be interruptible
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Server(NamedTuple):
    """How to reach the run's server: the program's way, and the administrator's."""

    info: str
    admin: str


def _memory() -> Path | None:
    """A folder in memory with room for the run's server, which makes and drops some files for every test; None where
    there is none, or where programs do not run in it."""
    folder = Path("/dev/shm")
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize > 4 << 30
    return folder if roomy and not found.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK | os.X_OK) else None


@contextmanager
def run_server(config: pytest.Config) -> Iterator[Path]:
    """The home of the server that all workers of this run share, while root's data lies beside it."""
    factory = config._tmp_path_factory  # type: ignore[attr-defined]
    base = factory.getbasetemp()
    base = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    memory = _memory()
    if memory is None:
        yield base / "server"
        return
    place = memory / f"cuadra-{hashlib.sha256(os.fsencode(base)).hexdigest()[:12]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_files, "SYSTEM_FOLDER", place / "root")
        yield place / "server"


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Server:
    """A running embedded server with a migrated template database."""
    with run_server(request.config) as home:
        home.mkdir(parents=True, exist_ok=True)
        info, admin_info = embedded.start(home), embedded.admin_conninfo(home)
    with (home / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(admin_info, autocommit=True) as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = 'cuadra_template'").fetchone():
                # no crash of the machine is tested here, and every test makes a database
                admin.execute("ALTER SYSTEM SET fsync = off")
                admin.execute("SELECT pg_reload_conf()")
                with Database(info) as db:
                    migrate.migrate(db)
                admin.execute("CREATE DATABASE cuadra_template TEMPLATE cuadra OWNER cuadra")
    return Server(info, admin_info)


@pytest.fixture
def info(server: Server) -> Iterator[str]:
    """Connection string of a database of this test's own."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE cuadra_template OWNER cuadra")
        admin.execute(f"GRANT TEMPORARY, CONNECT ON DATABASE {name} TO cuadra, cuadra_app")
    yield server.info.replace("dbname=cuadra", f"dbname={name}")
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def db(info: str) -> Iterator[Database]:
    """An open, migrated, empty database."""
    with Database(info) as database:
        yield database


@pytest.fixture
def settings(tmp_path: Path, info: str) -> Settings:
    """Settings with a home of this test's own."""
    return Settings.load({"CUADRA_HOME": str(tmp_path / "home"), "CUADRA_DATABASE_URL": info, "HOME": str(tmp_path)})


@pytest.fixture
def world(db: Database, settings: Settings, tmp_path: Path) -> World:
    """An account (ARS, Argentina) with an active integration «shop» over a drop folder."""
    return World(db, settings, tmp_path)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material; where it is required (CUADRA_SHARED) its absence is a failure, else a skip."""
    named = os.environ.get("CUADRA_SHARED")
    path = Path(named) if named else Path(__file__).parents[2] / "shared"
    if path.is_dir():
        return path
    if named:
        pytest.fail(f"CUADRA_SHARED names {named}, which is not there")
    pytest.skip("needs the reference material (CUADRA_SHARED)")


LONGEST = ("test_chaos", "test_concurrency", "test_absence", "test_woocommerce_truth", "test_backup", "test_demo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that nobody waits for it at the end."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The run's server stops with the run, and leaves nothing."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    with run_server(session.config) as home:
        if not home.exists():
            return
        data = embedded.data_folder(home)
        embedded.stop(home)
    shutil.rmtree(home, ignore_errors=True)
    if not data.is_relative_to(home):  # as root the data lies under a path of its own
        shutil.rmtree(data.parent.parent, ignore_errors=True)
    if home.parent.parent == Path("/dev/shm"):
        shutil.rmtree(home.parent, ignore_errors=True)
