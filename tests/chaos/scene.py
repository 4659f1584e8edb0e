"""The stage of an accident run: hosts, PostgreSQL, shops, a CRM, a drop folder, and the programs of the product."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg

from cuadra import accounts, secrets
from cuadra.db import Database, migrate
from cuadra.faces.cli.simulated import any_port
from cuadra.jobs import sending
from cuadra.settings import Settings
from cuadra_simulators import shop_files
from tests.chaos import hosts, server, shop
from tests.chaos.hurry import CENSUS
from tests.chaos.programs import Keeper, Program
from tests.chaos.watching import Watcher

ZONE = "America/Argentina/Buenos_Aires"
NAMES = {"woocommerce": "tienda", "shopify": "cafe"}
"""What the merchant calls what follows a shop, by platform."""


class Scene:
    """Everything that stands. `near`: how programs of this machine reach the database."""

    def __init__(self, folder: Path, stack: ExitStack, say: Callable[[str], object]) -> None:
        self.folder, self._stack, self.say = folder, stack, say
        self.home = folder / "home"
        self.drop = folder / "drop"
        self.keeper = Keeper()
        self.hosts: list[hosts.Host] = []
        self.disk: hosts.Disk | None = None
        self.truth: shop_files.Truth | None = None

    def open(self, *, seed: int, listed: dict[str, int], namespaces: int, disk: int, notices: bool,
             history: str) -> None:  # fmt: skip
        """PostgreSQL with its schema, the shops, and who follows them."""
        stack, self._census = self._stack, max(4, min(15, sum(listed.values()) // 250))
        for path in (self.home, self.drop):
            path.mkdir(mode=0o700)
        self.hosts = stack.enter_context(hosts.hosts(namespaces))
        if disk:
            self.disk = stack.enter_context(hosts.disk(self.folder / "disk", disk))
        self.port = any_port()
        here = f"127.77.{self.port % 250 + 1}.{self.port // 250 % 250 + 1}"  # nobody else's server listens there
        self.server = stack.enter_context(
            server.server(
                self.home, self.disk.folder if self.disk else self.folder, [here, *(one.gate for one in self.hosts)]
            )
        )
        self.near = self.server.url(here)
        self.settings = Settings.load({"CUADRA_HOME": str(self.home), "CUADRA_DATABASE_URL": self.near,
                                       "HOME": str(self.folder)})  # fmt: skip
        self.shops = stack.enter_context(shop.opened(seed, listed, self.folder))
        stack.callback(self.keeper.end)
        with Database(self.near) as db:
            migrate.migrate(db)
            crm_port, secret = self._accounts(db, notices, history)
        self.crm = f"http://127.0.0.1:{crm_port}"
        self.program("crm", ["crm", "--secret", secret, "--port", str(crm_port)]).start()
        for one in self.hosts:
            one.forward(*(it.port for it in self.shops.values()), crm_port)
        self.watcher = Watcher(self.server.admin)
        self.watcher.start()
        stack.callback(self.watcher.stop)

    def _accounts(self, db: Database, notices: bool, history: str) -> tuple[int, str]:
        """One merchant with shops, a drop folder and a CRM; the CRM's port, and the secret it knows."""
        accounts.add(db, "acme", "ARS", "AR", ZONE, 12)
        account, keys = accounts.pick(db, "acme"), secrets.KeyFile.of(self.settings)
        told = {"notices": f"http://127.0.0.1:{self.port}"} if notices else {}
        own = {"shopify": {"history": history}}
        followed: list[tuple[str, str, dict[str, str], dict[str, str]]] = [
            ("erp", "files", {"path": str(self.drop)}, {}),
            *((NAMES[one], one, it.settings | told | own.get(one, {}), it.secrets) for one, it in self.shops.items()),
        ]
        for name, connector, given, hidden in followed:
            made = accounts.add_integration(db, account, name, connector, given, "harness")
            accounts.set_mode(db, account, made, "every 5s", "harness")
            if hidden:  # a shop that is asked
                accounts.add_rules(db, account, made, {"first": {"since": "2015-01-01"}}, "harness", "")
            for key, value in hidden.items():
                secrets.put(db, keys, account.account_id, made.integration_id, key, secrets.Secret(value))
            accounts.move(db, account, made, "active", "harness")
        port = any_port()
        url = f"http://127.0.0.1:{port}/orders"
        _, secret = sending.add(
            db, self.settings, account, "crm", url, {"private": "127.0.0.1", "timeout": "3"}, "harness"
        )
        return port, secret

    def program(self, name: str, words: list[str], host: hosts.Host | None = None) -> Program:
        """A program of the product, not yet started."""
        url = self.server.url(host.gate) if host is not None else self.near
        environ = {"CUADRA_HOME": str(self.home), "CUADRA_DATABASE_URL": url, "CUADRA_LANG": "en", "CUADRA_WEB": "no",
                   CENSUS: str(self._census)}  # fmt: skip
        return self.keeper.add(Program(name, words, environ, self.folder / f"{name}.log", host))

    def programs(self, workers: int) -> None:
        """Start the intake, and so many workers; the last of them on other hosts, as many as there are."""
        self.program("intake", ["cuadra", "serve", "--intake", f"127.0.0.1:{self.port}"])
        here = workers - len(self.hosts)
        for number in range(workers):
            self.program(
                f"worker-{number}", ["cuadra", "worker"], self.hosts[number - here] if number >= here else None
            )
        for name, one in self.keeper.programs.items():
            if name != "crm":
                one.start()
        for url in (f"{self.crm}/_truth", f"http://127.0.0.1:{self.port}/health"):
            _answering(url)

    def write_files(self, orders: int, seed: int) -> None:
        """A file set in the drop folder; the ERP's own folder keeps the same for the comparison."""
        self.truth = shop_files.write_set(self.folder / "erp", orders=orders, seed=seed, today=date.today())

    def drop_files(self) -> None:
        """The ERP drops it, the orders last."""
        for role in shop_files.COLUMNS:
            new = self.drop / f"{role}.csv.tmp"
            shutil.copyfile(self.folder / "erp" / f"{role}.csv", new)
            new.rename(self.drop / f"{role}.csv")

    def truths(self) -> dict[str, dict[int, Any]]:
        """What is true at each shop, by platform."""
        return {platform: one.ask("truth", seconds=600.0) for platform, one in self.shops.items()}

    def control(self, **asked: Any) -> None:
        """Have something go wrong at the CRM, or nothing any more."""
        httpx.post(f"{self.crm}/_control", json=asked, timeout=30).raise_for_status()

    def admin(self) -> psycopg.Connection[Any]:
        """A connection as superuser, through no network; waits for a server that is starting."""
        end = time.monotonic() + 60
        while True:
            try:
                return psycopg.connect(self.server.admin, autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)


@contextmanager
def scene(say: Callable[[str], object], *, seed: int, listed: dict[str, int], namespaces: int, disk: int,
          notices: bool = True, history: str = "auto") -> Iterator[Scene]:  # fmt: skip
    """Set up, and cleared away whatever happens. `listed`: the platforms of its shops, and how many orders each has;
    `history`: how a Shopify shop's are fetched."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="cuadra-accidents-"))
        folder.chmod(0o711)  # the system user passes through to its data
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = Scene(folder, stack, say)
        made.open(seed=seed, listed=listed, namespaces=namespaces, disk=disk, notices=notices, history=history)
        yield made


def _answering(url: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            httpx.get(url, timeout=5).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
