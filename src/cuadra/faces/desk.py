"""What every answer over HTTP needs: settings, a database for each thread that answers, the account that is meant, and a
log of what was shown on purpose."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cuadra import accounts
from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.errors import NotFound
from cuadra.settings import Settings

THREADS = 16
"""Requests that are answered side by side; each has a database session of its own."""
PERSON = "web"
"""Who acts, as long as nobody signs in: whoever sits at this machine."""


class Desk:
    """One for the program; any number of threads answer at it."""

    def __init__(self, settings: Settings, info: str) -> None:
        self.settings = settings
        self._info = info
        self._mine = threading.local()
        self._all: list[Database] = []
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")

    @property
    def db(self) -> Database:
        """The database of this thread."""
        found: Database | None = getattr(self._mine, "db", None)
        if found is None:
            found = self._mine.db = Database(self._info)
            self._all.append(found)
        return found

    def close(self) -> None:
        """Answer nothing more."""
        self.threads.shutdown()
        for one in self._all:
            one.close()

    def accounts(self) -> list[str]:
        """The names of all accounts."""
        return [name for _, name in accounts.names(self.db)]

    def account(self, name: str) -> Account:
        """The account of that name. Raises NotFound."""
        for number, known in accounts.names(self.db):
            if known == name:
                return accounts.get(self.db, number)
        raise NotFound("There is no account «{name}» here.", name=name)

    def only(self) -> Account | None:
        """The account, where there is only one; what belongs to none is then shown among its pages."""
        known = self.accounts()
        return self.account(known[0]) if len(known) == 1 else None

    def audit(self, account: Account, action: str, what: str, **detail: Any) -> None:
        """One line of the account's log."""
        with self.db.transaction(account.account_id) as conn:
            accounts.audit(conn, account.account_id, PERSON, action, what, detail)
