"""Looks through every row of every file ever received for a text."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from cuadra.connectors.spool import Part, unframe
from cuadra.db import Conn
from cuadra.db.queries import sql

BLOCK = 20
"""Receipts fetched at a time: one may have four megabytes."""


def rows_with(
    conn: Conn, account_id: int, text: str, until: float | None = None, *, whole: bool = False
) -> Generator[dict[str, Any], None, None]:
    """The rows that hold a text, oldest first: set, file, role, line, sha256, row, and what became of it. `whole`: not as a
    part of a longer word or number. Raises TimeoutError after `until`, a moment of the monotonic clock."""
    wanted, latin = text.encode("utf-8", "replace"), _latin(text)
    with conn.cursor("rows_with") as cursor:
        cursor.itersize = BLOCK
        cursor.execute(sql("search_files"), {"account": account_id, "text": wanted, "latin": latin})
        for set_name, at, files, file_no, line, receipt, body, order_id, outcome, reason in cursor:
            if until is not None and time.monotonic() > until:
                raise TimeoutError
            for part_file, part_line, raw in _parts(files, file_no, line, bytes(body)):
                if holds(raw, wanted, whole) or (latin is not None and holds(raw, latin, whole)):
                    yield {
                        "set": set_name, "file": files[part_file]["name"], "line": part_line, "received_at": at,
                        "role": files[part_file]["role"],
                        "sha256": files[part_file]["sha256"], "row": raw[:300].decode("utf-8", "replace").strip(),
                        "receipt": receipt, "order": order_id, "outcome": outcome, "reason": reason,
                    }  # fmt: skip


def holds(raw: bytes, wanted: bytes, whole: bool) -> bool:
    """Whether a row holds a text; `whole`: not as a part of a longer word or number."""
    at = raw.find(wanted)
    while whole and at >= 0:
        end = at + len(wanted)
        if not (_joined(raw[at - 1 : at], wanted[:1]) or _joined(wanted[-1:], raw[end : end + 1])):
            break
        at = raw.find(wanted, at + 1)
    return at >= 0


def _joined(left: bytes, right: bytes) -> bool:
    """Whether two neighbouring bytes belong to one word; beyond ASCII there are letters, in any encoding."""
    return all(one.isalnum() or one >= b"\x80" for one in (left, right))


def _latin(text: str) -> bytes | None:
    """The text as a file in Windows-1252 has it; None if it cannot be in one."""
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        return None


def _parts(files: list[dict[str, Any]], file_no: int, line: int, body: bytes) -> list[Part]:
    """The rows of a receipt. What stands between them (file, line, length) is ours, and no row holds it."""
    if files[file_no]["nested"]:
        return [(file_no, line, body)]
    try:
        return unframe(body)
    except ValueError:
        return [(file_no, line, body)]
