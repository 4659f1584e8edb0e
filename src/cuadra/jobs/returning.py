"""Bad rows on their way back to whoever can correct them, corrected ones on their way in, and the search through
everything ever received in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Raw
from cuadra.connectors.files import returns
from cuadra.connectors.files.returns import Bad, Correction
from cuadra.connectors.files.spool import unframe
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.model import Entity


class Written(Struct, frozen=True):
    """A file of bad rows: of which set, where it is, how many rows, and whether they may name people."""

    set: str
    file: Path
    rows: int
    personal: bool


def names_people(role: str) -> bool:
    """Whether rows of such a file may say who bought. Whatever belongs to an order may, in columns that nobody maps."""
    return role not in ("products", "categories", "stores")


def write(db: Database, account: Account, integration: Integration, target: Path,
          remedy: Callable[[str], str]) -> list[Written]:  # fmt: skip
    """Write the bad rows of each file. Rows that have been corrected since are left out."""
    key = {"account": account.account_id, "integration": integration.integration_id}
    written = []
    with db.transaction(account.account_id) as conn:
        sets = conn.execute(sql("sets_with_rejects"), key).fetchall()
        for set_id, name, files in sets:
            rows = [
                Bad(*row) for row in conn.execute(sql("list_rejects"), {"account": account.account_id, "set": set_id})
            ]
            described = returns.files_of(files)
            folder = target / _safe(name)
            for path in returns.write(folder, set_id, described, rows, remedy):
                number = next(at for at, file in enumerate(described) if file.name == path.name)
                count = len({row.line for row in rows if row.file_no == number})
                written.append(Written(name, path, count, names_people(described[number].role)))
    return written


def _safe(name: str) -> str:
    """A set's name as a folder's: no way up, nothing hidden."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in name).strip(".") or "set"


def corrected(db: Database, account_id: int, fixes: list[Correction], sequence: int) -> list[tuple[int, list[Raw]]]:
    """Receipts anew, by the set they came in, with the corrected rows in place of the bad ones."""
    groups: dict[tuple[int, int], list[Correction]] = {}
    with db.transaction(account_id) as conn:
        for fix in fixes:
            row = conn.execute(sql("reject_receipt"), {
                "account": account_id, "set": fix.set_id, "file_no": fix.file_no, "line": fix.line,
            }).fetchone()  # fmt: skip
            if row is not None and row[0] is not None:
                groups.setdefault((fix.set_id, int(row[0])), []).append(fix)
        found: dict[int, list[Raw]] = {}
        for (set_id, receipt), together in groups.items():
            row = conn.execute(sql("get_receipt"), {"account": account_id, "receipt": receipt}).fetchone()
            described = conn.execute(sql("get_set"), {"account": account_id, "set": set_id}).fetchone()
            if row is None or described is None:
                continue
            kind, file_no, line, body = row
            mended = returns.mend(bytes(body), returns.files_of(described[3]), together)
            found.setdefault(set_id, []).append(Raw(Entity(kind), mended, sequence, file_no, line))
            conn.execute(sql("settle_rejects"), {"account": account_id, "receipt": receipt})
    return list(found.items())


def search(db: Database, account: Account, text: str, limit: int) -> list[dict[str, Any]]:
    """Rows of files that hold a text: role of the file, its name, line, the row itself, and what became of it."""
    wanted, latin = text.encode(), text.encode("cp1252", "replace")
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("search_files"), {
            "account": account.account_id, "text": wanted, "latin": latin, "limit": limit,
        }).fetchall()  # fmt: skip
    found = []
    for set_name, at, files, file_no, line, receipt, body, order_id, outcome, reason in rows:
        for part_file, part_line, raw in _parts(files, file_no, line, bytes(body)):
            if wanted in raw or latin in raw:
                found.append({
                    "set": set_name, "file": files[part_file]["name"], "line": part_line, "received_at": at,
                    "role": files[part_file]["role"],
                    "sha256": files[part_file]["sha256"], "row": raw[:300].decode("utf-8", "replace").strip(),
                    "receipt": receipt, "order": order_id, "outcome": outcome, "reason": reason,
                })  # fmt: skip
    return found[:limit]


def _parts(files: list[dict[str, Any]], file_no: int, line: int, body: bytes) -> list[tuple[int, int, bytes]]:
    if files[file_no]["nested"]:
        return [(file_no, line, body)]
    try:
        return unframe(body)
    except ValueError:
        return [(file_no, line, body)]


def received(db: Database, account: Account) -> tuple[int, int]:
    """(file sets, files) ever received."""
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("count_files"), {"account": account.account_id}).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
