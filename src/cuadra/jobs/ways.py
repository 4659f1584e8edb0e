"""Everything a batch of one integration needs, loaded once per run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import structs

from cuadra import accounts, connectors, coverage, folders, secrets
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Connector, PaceMaker, Pacing, Place, Revealed, Shop
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.errors import Refused
from cuadra.jobs.pacing import SharedPace
from cuadra.ledger import Way
from cuadra.pipeline import rules
from cuadra.pipeline.rules import AccountFacts
from cuadra.settings import Settings

NOWHERE = Path("/nonexistent")
"""The folder of a reader that needs none: it reads what is stored."""
Watch = Callable[[str, int, int | None], None]
"""Told of progress: (what is going on, done, total or None)."""


def way(db: Database, account: Account, integration: Integration) -> Way:
    """The integration with its current rules, as the ledger wants it."""
    with db.transaction(account.account_id) as conn:
        stored = accounts.stored_rules(conn, account.account_id, integration.integration_id, integration.rule_version)
        key = {"account": account.account_id, "integration": integration.integration_id}
        began = conn.execute(sql("first_import"), key).fetchone()
    facts = AccountFacts(account.currency, account.country, account.time_zone, account.retention,
                         connectors.live(integration.connector) is not None, began[0] if began else None)  # fmt: skip
    return Way(account.account_id, integration.integration_id, integration.store_id, integration.name, facts,
               rules.load(stored), integration.rule_version)  # fmt: skip


def place(db: Database, settings: Settings, account: Account, integration: Integration, work: Path) -> Place:
    """What a connector may know of the account, its credentials and what it has read so far."""
    known: dict[str, Revealed] = {}
    for name, *_ in secrets.names(db, account.account_id, integration.integration_id):
        found = secrets.get(db, secrets.KeyFile.of(settings), account.account_id, integration.integration_id, name)
        if found is not None:
            known[name] = found
    covered = coverage.load(db, account.account_id, integration.integration_id)
    day = way(db, account, integration).rules.first.day()
    since = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(account.time_zone)) if day else None
    return Place(account.currency, account.time_zone, work, known, covered, since=since,
                 vault=KeptCredentials(db, settings, account, integration))  # fmt: skip


@contextmanager
def shop(db: Database, settings: Settings, account: Account, integration: Integration,
         patience: float | None = None) -> Iterator[Shop]:  # fmt: skip
    """An open connection to the shop of an integration; `patience`: seconds that an answer may take. Raises Refused for a
    source that cannot be asked."""
    live = connectors.live(integration.connector)
    if live is None:
        raise Refused("The integration {name} reads files: there is no shop behind it that could be asked.",
                      name=integration.name)  # fmt: skip
    base = settings.home / "work"
    folders.private(base)
    with tempfile.TemporaryDirectory(dir=base, prefix="shop-") as work, ExitStack() as stack:
        where = place(db, settings, account, integration, Path(work))
        where = structs.replace(where, patience=patience, pace=shared_pace(db, account, integration, stack, patience))
        opened = live.open(integration.settings, where)
        try:
            yield opened
        finally:
            opened.close()


def shared_pace(db: Database, account: Account, integration: Integration,
                stack: ExitStack, patience: float | None = None) -> PaceMaker:  # fmt: skip
    """Makes the pace that all who ask this integration's source keep together. `patience`: seconds that a turn may be
    away, where somebody waits for it."""

    def make(per_second: float, burst: float = 0.0) -> Pacing:
        made = SharedPace(db, account.account_id, integration.integration_id, per_second, burst, patience)
        stack.callback(made.close)
        return made

    return make


class KeptCredentials:
    """See `connectors.base.Vault`. Has a connection of its own while it is used: who calls may be in a transaction."""

    def __init__(self, db: Database, settings: Settings, account: Account, integration: Integration) -> None:
        self._db, self._keys = db, secrets.KeyFile.of(settings)
        self._account, self._integration = account.account_id, integration.integration_id

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Under a lock that dies with its session."""
        with self._db.again() as db, db.transaction(self._account) as conn:
            conn.execute(sql("lock_credentials"), {"integration": self._integration})
            yield

    def get(self, name: str) -> str | None:
        """As it is kept now."""
        with self._db.again() as db:
            found = secrets.get(db, self._keys, self._account, self._integration, name)
        return None if found is None else found.reveal()

    def put(self, name: str, value: str) -> None:
        """Sealed, and committed."""
        with self._db.again() as db:
            secrets.put(db, self._keys, self._account, self._integration, name, secrets.Secret(value))


def connector(integration: Integration) -> Connector:
    """The code of its platform."""
    return connectors.get(integration.connector)


def way_by_id(db: Database, account: Account, integration_id: int) -> Way:
    """The integration of that id with its current rules."""
    return way(db, account, accounts.integration_by_id(db, account, integration_id))


def connector_name(db: Database, account: Account, integration_id: int) -> str:
    """The connector of an integration, by id."""
    return accounts.integration_by_id(db, account, integration_id).connector
