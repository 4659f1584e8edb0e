"""A small world for tests: an account, integrations over drop folders, and orders made of few words."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.db import Database
from cuadra.diagnosis import why
from cuadra.jobs import importing, releasing
from cuadra.pipeline import rules
from cuadra.runs import Report
from cuadra.settings import Settings

_numbers = itertools.count(1)


def line(**values: Any) -> dict[str, Any]:
    """A line worth 10.00."""
    return {"id": "1", "sku": "SKU-1", "name": "Product one", "quantity": "1", "unit_price": "10.00", **values}


def order(id: str, **values: Any) -> dict[str, Any]:
    """A paid order of today with one line worth 10.00 and a customer of its own."""
    made = {
        "id": id, "state": "paid", "currency": "ARS", "total": "10.00",
        "created_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
        "customer": {"email": f"buyer-{id.lower()}@example.com", "name": f"Buyer {id}"}, "lines": [line()],
    }  # fmt: skip
    return {name: value for name, value in {**made, **values}.items() if value is not ...}


class World:
    """See the module. `...` as a value of an order leaves the field out (unknown)."""

    def __init__(self, db: Database, settings: Settings, tmp_path: Path, name: str = "acme") -> None:
        self.db, self.settings, self.tmp, self.name = db, settings, tmp_path, name
        accounts.add(db, name, "ARS", "AR", "America/Argentina/Buenos_Aires", 12)
        self.shop = self.integration("shop")

    @property
    def account(self) -> Account:
        return accounts.pick(self.db, self.name)

    def integration(self, name: str, *, mapping: Path | None = None, path: Path | None = None, store: str | None = None,
                    same_store: bool = False, active: bool = True, **changes: str) -> Integration:  # fmt: skip
        """An integration over a drop folder of its own; `changes` are rules, with `__` for the dots."""
        folder = path or self.tmp / f"drop-{name}"
        folder.mkdir(exist_ok=True)
        values: dict[str, Any] = {"path": str(folder)}
        if mapping is not None:
            values["mapping"] = str(mapping)
        made = accounts.add_integration(self.db, self.account, name, "files", values, "test", store=store,
                                        same_store=same_store)  # fmt: skip
        if active:
            accounts.move(self.db, self.account, made, "active", "test")
        if changes:
            self.rules(name, **changes)
        return accounts.integration_named(self.db, self.account, name)

    def rules(self, name: str = "shop", **changes: str) -> None:
        """Set rules of an integration and judge again, as `cuadra rules set` does."""
        one = accounts.integration_named(self.db, self.account, name)
        with self.db.transaction(self.account.account_id) as conn:
            stored = accounts.stored_rules(conn, self.account.account_id, one.integration_id, one.rule_version)
        current = rules.load(stored)
        for key, value in changes.items():
            current = rules.change(current, key.replace("__", "."), value)
        accounts.add_rules(self.db, self.account, one, msgspec.to_builtins(current), "test", "")
        one = accounts.integration_named(self.db, self.account, name)
        releasing.after_rules(self.db, self.account, one, lambda *_: None)

    def drop(self, name: str = "shop") -> Path:
        """The drop folder of an integration."""
        return Path(accounts.integration_named(self.db, self.account, name).settings["path"])

    def import_now(self, name: str = "shop", **options: Any) -> Report:
        """Import what the drop folder holds."""
        one = accounts.integration_named(self.db, self.account, name)
        return importing.import_now(self.settings, self.db, self.account, one, "test", lambda *_: None, **options)

    def take(self, *orders: dict[str, Any] | bytes, name: str = "shop") -> Report:
        """Drop these orders as one JSONL file and import it."""
        self.write(*orders, name=name)
        return self.import_now(name)

    def write(self, *orders: dict[str, Any] | bytes, name: str = "shop") -> None:
        """Drop these orders as one JSONL file."""
        lines = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in orders]
        past = datetime.now().timestamp() - 10  # settled: nobody is writing it any more
        path = self.drop(name) / f"{next(_numbers):06}.jsonl"
        made = path.with_suffix(".part")
        made.write_bytes(b"\n".join(lines) + b"\n")
        os.utime(made, (past, past))
        made.rename(path)

    def take_csv(self, files: dict[str, str | bytes], *, name: str = "shop", set: str | None = None) -> Report:
        """Drop these files as one set (a sub-folder) and import it."""
        folder = self.drop(name) / (set or f"set-{next(_numbers):06}")
        folder.mkdir(exist_ok=True)
        past = datetime.now().timestamp() - 10

        for file, content in files.items():
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
            os.utime(folder / file, (past, past))
        return self.import_now(name)

    def why(self, text: str, **options: Any) -> Any:
        """The answer for an identifier."""
        return why.why(self.db, self.account, text, **options)

    def standing(self, text: str) -> tuple[str | None, str | None]:
        """(standing, reason) of an identifier."""
        answer = self.why(text)
        return answer.standing, answer.reason

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query as the app role, in the account."""
        with self.db.transaction(self.account.account_id) as conn:
            return conn.execute(statement, values).fetchall()  # type: ignore[arg-type]
