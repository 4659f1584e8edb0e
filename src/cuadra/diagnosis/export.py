"""Orders as files: CSV for spreadsheets, JSON lines for programs, Parquet for warehouses. In constant memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Literal

import msgspec

from cuadra.accounts import Account
from cuadra.connectors.files.returns import harmless
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.diagnosis import masking

Format = Literal["csv", "jsonl", "parquet"]
BLOCK = 5_000
Row = tuple[Any, ...]

COLUMNS = (
    "order", "number", "integration", "store", "date", "state", "payment_state", "currency", "total",
    "total_converted", "rate", "customer_id", "customer", "email", "products", "standing", "reason", "warnings",
    "incomplete", "first_seen", "changed_at", "frozen_at",
)  # fmt: skip
_TIMES = ("date", "first_seen", "changed_at", "frozen_at")
_DECIMALS = ("total", "total_converted", "rate")
_CUSTOMER, _EMAIL, _WARNINGS = (COLUMNS.index(name) for name in ("customer", "email", "warnings"))


def export(db: Database, account: Account, form: Format, target: IO[bytes], *, personal: bool = False,
           standing: str | None = None, progress: Callable[[int], None] = lambda done: None) -> int:  # fmt: skip
    """Write all orders of an account; returns how many. Contacts are masked unless `personal`."""
    write = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[form]
    done = 0

    def blocks() -> Iterator[list[Row]]:
        nonlocal done
        for block in _blocks(db, account, standing):
            yield block if personal else [_masked(row) for row in block]
            done += len(block)
            progress(done)

    write(blocks(), target)
    return done


def _blocks(db: Database, account: Account, standing: str | None) -> Iterator[list[Row]]:
    with db.transaction(account.account_id) as conn, conn.cursor("export") as cursor:
        cursor.itersize = BLOCK
        cursor.execute(sql("export_orders"), {"account": account.account_id, "standing": standing})
        while block := cursor.fetchmany(BLOCK):
            yield block


def _masked(row: Row) -> Row:
    values = list(row)
    values[_CUSTOMER], values[_EMAIL] = masking.name(row[_CUSTOMER]), masking.email(row[_EMAIL])
    return tuple(values)


def _csv(blocks: Iterator[list[Row]], target: IO[bytes]) -> None:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for block in blocks:
        writer.writerows([[_cell(value) for value in row] for row in block])
    text.flush()
    text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    return harmless("; ".join(value)) if isinstance(value, list) else value


def _jsonl(blocks: Iterator[list[Row]], target: IO[bytes]) -> None:
    encode = msgspec.json.Encoder().encode
    for block in blocks:
        for row in block:
            target.write(encode(dict(zip(COLUMNS, row, strict=True))) + b"\n")


def _parquet(blocks: Iterator[list[Row]], target: IO[bytes]) -> None:
    """Decimals are written as text: a decimal type of one scale would round what a source says exactly."""
    import pyarrow as pa  # large, and nothing else is written with it
    import pyarrow.parquet as pq

    kinds: dict[str, Any] = dict.fromkeys(COLUMNS, pa.string())
    kinds |= dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC")) | {"customer_id": pa.int64(), "incomplete": pa.bool_()}
    kinds |= dict.fromkeys(_DECIMALS, pa.string()) | {"warnings": pa.list_(pa.string())}
    schema = pa.schema(list(kinds.items()))
    with pq.ParquetWriter(target, schema) as writer:
        for block in blocks:
            columns = list(zip(*block, strict=True))
            for name in _DECIMALS:
                at = COLUMNS.index(name)
                columns[at] = tuple(None if value is None else format(value, "f") for value in columns[at])
            arrays = [pa.array(values, type=kind.type) for values, kind in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
