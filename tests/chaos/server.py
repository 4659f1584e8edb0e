"""PostgreSQL for the harness: the embedded server, listening to other hosts too; killed, and started again."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from cuadra.db import embedded, embedded_files, embedded_process
from cuadra.errors import CuadraError


class Server:
    """A running server. `admin` reaches it as superuser and through no network; `complaint`: why it did not start, when it
    last did not."""

    def __init__(self, home: Path, addresses: list[str]) -> None:
        self.home, self._addresses = home, addresses
        self.complaint = ""
        self._password = secrets.token_urlsafe(16)
        self._place = embedded_files.locate(home)
        embedded.start(home)
        with psycopg.connect(embedded.admin_conninfo(home), autocommit=True) as conn:
            conn.execute(f"ALTER ROLE {embedded_process.LOGIN} PASSWORD '{self._password}'")
        embedded.stop(home)
        said = f"listen_addresses = '{','.join(addresses)}'\nmax_wal_size = 256MB\nmin_wal_size = 64MB\n"
        (self._place.base / "local.conf").write_text(said)
        (self._place.base / "local.conf").chmod(0o644)
        embedded.start(home)
        self.admin = make_conninfo(embedded.admin_conninfo(home), dbname=embedded_process.DATABASE)

    def url(self, address: str) -> str:
        """For programs that come over the network."""
        return f"postgresql://{embedded_process.LOGIN}:{self._password}@{address}:{embedded_files.PORT}/{embedded_process.DATABASE}"

    @property
    def pid(self) -> int | None:
        """The postmaster, if it is alive."""
        found = embedded_process.running(self._place)
        return found.pid if found else None

    def kill(self) -> bool:
        """SIGKILL for the postmaster; whether there was one."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None

    def start(self) -> bool:
        """Have it run and answer; whether it does. One whose disk is full does not."""
        try:
            embedded.start(self.home)
        except CuadraError as error:
            self.complaint = str(error)
            return False
        return True

    def stop(self) -> None:
        """End it, and whatever is left of it."""
        with suppress(CuadraError):
            embedded.stop(self.home, 20.0)
        if self.kill():
            time.sleep(0.5)


@contextmanager
def server(home: Path, data: Path, addresses: list[str]) -> Iterator[Server]:
    """A server until the end of the block. Root's has its data in `data`; everybody else's is in the home."""
    before, patience = embedded_files.SYSTEM_FOLDER, embedded_process._OLD_PROCESSES_LIMIT
    embedded_files.SYSTEM_FOLDER = data / "root"
    embedded_process._OLD_PROCESSES_LIMIT = 3.0  # who waits here for a server lets no accident come to its end
    embedded_files.SYSTEM_FOLDER.mkdir(exist_ok=True)
    made: Server | None = None
    try:
        made = Server(home, addresses)
        yield made
    finally:
        if made is not None:
            made.stop()
        else:
            with suppress(CuadraError):
                embedded.stop(home)
        shutil.rmtree(embedded_files.socket_folder(embedded_files.locate(home)), ignore_errors=True)
        embedded_files.SYSTEM_FOLDER, embedded_process._OLD_PROCESSES_LIMIT = before, patience
