"""One real PostgreSQL for the whole run, one fresh database per test, and a small world to import into."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cuadra.db import Database, embedded, migrate
from cuadra.settings import Settings
from tests.world import World

SKIPPED: list[str] = []


def shared_home(config: pytest.Config) -> Path:
    """The home of the server that all workers of this run share."""
    factory = config._tmp_path_factory  # type: ignore[attr-defined]
    base = factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "server"


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Path:
    """Home of a running embedded server with a migrated template database."""
    home = shared_home(request.config)
    home.mkdir(parents=True, exist_ok=True)
    info = embedded.start(home)
    with (home / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(embedded.admin_conninfo(home), autocommit=True) as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = 'cuadra_template'").fetchone():
                # no crash of the machine is tested here, and every test makes a database
                admin.execute("ALTER SYSTEM SET fsync = off")
                admin.execute("SELECT pg_reload_conf()")
                with Database(info) as db:
                    migrate.migrate(db)
                admin.execute("CREATE DATABASE cuadra_template TEMPLATE cuadra OWNER cuadra")
    return home


@pytest.fixture
def info(server: Path) -> Iterator[str]:
    """Connection string of a database of this test's own."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(embedded.admin_conninfo(server), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE cuadra_template OWNER cuadra")
        admin.execute(f"GRANT TEMPORARY, CONNECT ON DATABASE {name} TO cuadra, cuadra_app")
    yield embedded.start(server).replace("dbname=cuadra", f"dbname={name}")
    with psycopg.connect(embedded.admin_conninfo(server), autocommit=True) as admin:
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The run's server stops with the run, and leaves nothing."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    home = shared_home(session.config)
    if not home.exists():
        return
    data = embedded.data_folder(home)
    embedded.stop(home)
    if not data.is_relative_to(home):  # as root the data lies under a system path
        shutil.rmtree(data.parent.parent, ignore_errors=True)
