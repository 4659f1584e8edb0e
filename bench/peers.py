"""The peers, each in a process of its own (`python -m bench.peers`): what they print last is one line of JSON with the
seconds from the first byte read to the last row committed. Their start-up and imports are not counted; Cuadra's are.

    copy   raw binary COPY of the same bytes: each line one row, a number and a bytea, into a plain table
    dlt    a merge pipeline into orders and child tables, at the best setting found; the lines of a bulk file go into a table
           each by what they are, for that needs no join
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import shutil
import sys
import time
import urllib.parse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict, make_conninfo

DATASET = "shop"
NESTED, BULK = "nested", "bulk"
"""Shapes of files: whole orders; or Shopify's, where an order and each of its lines stand on lines of their own."""


class DltSetting(Struct, frozen=True):
    """One way to run dlt. `extract` and `files`: items of one intermediate file when extracting and normalising."""

    name: str
    file_format: str = "csv"
    strategy: str = "delete-insert"
    deduplicated: bool = False
    """Tell dlt that identifiers do not repeat within a load, so that it need not look."""
    page: int = 5_000
    extract: int = 10_000
    files: int | None = 25_000
    compressed: bool = False
    start_method: str = "fork"
    detect: bool = True
    """Look at texts for times; without it they stay texts, which is less work."""
    indexes: bool = True
    """Unique indexes on dlt's own row identifiers, in the tables it loads into."""


DLT_SETTINGS = {
    one.name: one
    for one in (
        DltSetting("plain", file_format="insert_values", compressed=True, extract=0, files=None, start_method=""),
        DltSetting("insert", file_format="insert_values"),
        DltSetting("csv"),
        DltSetting("csv-unique", deduplicated=True),
        DltSetting("csv-unique-texts", deduplicated=True, detect=False),
        DltSetting("csv-upsert", strategy="upsert", detect=False),
        DltSetting("csv-bare", deduplicated=True, detect=False, indexes=False),
        DltSetting("csv-upsert-bare", strategy="upsert", detect=False, indexes=False),
        DltSetting("csv-small", deduplicated=True, detect=False, indexes=False, page=1_000, extract=5_000),
        DltSetting("csv-large", deduplicated=True, detect=False, extract=50_000, files=None),
    )
}
BEST = "csv-bare"


def describe(name: str) -> str:
    """A setting in words, for the conditions of a result."""
    one = DLT_SETTINGS[name]
    return (
        f"merge ({one.strategy}), {one.file_format}, 2 normalise and 4 load workers ({one.start_method or 'default'}),"
        f" pages of {one.page}, files of {one.extract or 'no'}/{one.files or 'no'} limit, "
        f"{'gzip' if one.compressed else 'no compression'}, orjson"
        f"{', told that identifiers are unique' if one.deduplicated else ''}"
        f"{'' if one.detect else ', times left as texts'}{'' if one.indexes else ', no unique indexes'}"
    )


def version() -> str:
    """The version of dlt that is installed."""
    return importlib.metadata.version("dlt")


# ---------------------------------------------------------------- COPY


def copy(info: str, path: Path) -> float:
    """One connection, one transaction."""
    with psycopg.connect(info) as conn:
        conn.execute("DROP TABLE IF EXISTS raw_line")
        conn.execute("CREATE TABLE raw_line (line bigint NOT NULL, body bytea NOT NULL)")
        conn.commit()
        began = time.perf_counter()
        with (
            path.open("rb", buffering=1 << 20) as file,
            conn.cursor() as cursor,
            cursor.copy("COPY raw_line FROM STDIN (FORMAT BINARY)") as target,
        ):
            target.set_types(("int8", "bytea"))
            write = target.write_row
            for number, body in enumerate(file, 1):
                write((number, body))
        conn.commit()
        return time.perf_counter() - began


# ---------------------------------------------------------------- dlt


def dlt_load(info: str, path: Path, work: Path, setting: DltSetting, shape: str = NESTED) -> float:
    """A fresh pipeline into a fresh dataset."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.environ.update(_dlt_environment(work, setting))
    dlt: Any = importlib.import_module("dlt")
    make = _nested if shape == NESTED else _bulk
    source = dlt.source(lambda: make(dlt, path, setting), name="shop", max_table_nesting=1)()
    if not setting.detect:
        source.schema.remove_type_detection("iso_timestamp")
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(work / "pipelines"),
        destination=dlt.destinations.postgres(credentials=_url(info), create_indexes=setting.indexes),
        dataset_name=DATASET,
        progress=None,
    )
    began = time.perf_counter()
    pipeline.run(source)
    seconds = time.perf_counter() - began
    for step in ("extract", "normalize", "load"):
        took = next((one for one in pipeline.last_trace.steps if one.step == step), None)
        if took is not None:
            print(f"{step}: {(took.finished_at - took.started_at).total_seconds():.1f} s", file=sys.stderr)
    return seconds


def _disposition(setting: DltSetting) -> dict[str, Any]:
    found: dict[str, Any] = {"disposition": "merge", "strategy": setting.strategy}
    return {**found, "deduplicated": True} if setting.deduplicated else found


def _nested(dlt: Any, path: Path, setting: DltSetting) -> Any:
    """Whole orders; what is inside them goes into child tables."""
    decode = importlib.import_module("orjson").loads

    def pages() -> Iterator[list[dict[str, Any]]]:
        with path.open("rb", buffering=1 << 20) as file:
            while lines := list(islice(file, setting.page)):
                yield [decode(line) for line in lines]

    return dlt.resource(
        pages, name="orders", primary_key="id", write_disposition=_disposition(setting), max_table_nesting=1
    )


PLAIN = ("tags", "discountCodes", "customAttributes", "paymentGatewayNames")
"""Small lists of an order that would each be a table of their own; as JSON in its row they are less work."""


def _bulk(dlt: Any, path: Path, setting: DltSetting) -> Any:
    """Orders, with child tables for payments, refunds and parcels; and their lines, with taxes and discounts as JSON. Both
    are told apart by bytes, so that each line is decoded once."""
    decode = importlib.import_module("orjson").loads

    def pages(*, inner: bool) -> Iterator[list[dict[str, Any]]]:
        with path.open("rb", buffering=1 << 20) as file:
            wanted = (line for line in file if (b'"__parentId":' in line) is inner)
            while lines := list(islice(wanted, setting.page)):
                yield [decode(line) for line in lines]

    merged: dict[str, Any] = {"primary_key": "id", "write_disposition": _disposition(setting)}
    plain = {name: {"data_type": "json"} for name in PLAIN}
    return [
        dlt.resource(pages(inner=False), name="orders", max_table_nesting=1, columns=plain, **merged),
        dlt.resource(pages(inner=True), name="line_items", max_table_nesting=0, **merged),
    ]


def _dlt_environment(work: Path, setting: DltSetting) -> dict[str, str]:
    values = {
        "DLT_DATA_DIR": str(work / "home"),
        "DLT_USE_JSON": "orjson",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "NORMALIZE__WORKERS": "2",
        "NORMALIZE__START_METHOD": setting.start_method,
        "NORMALIZE__LOADER_FILE_FORMAT": setting.file_format,
        "LOAD__WORKERS": "4",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
        "DATA_WRITER__DISABLE_COMPRESSION": "" if setting.compressed else "true",
        "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": str(setting.extract or ""),
        "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": str(setting.files or ""),
    }
    return {name: value for name, value in values.items() if value}


def _url(info: str) -> str:
    """The address of a database in the form dlt takes; a socket's folder stands where a host would."""
    parts = conninfo_to_dict(info)
    host = urllib.parse.quote(str(parts["host"]), safe="")
    return f"postgresql://{parts['user']}:none@{host}:{parts['port']}/{parts['dbname']}"


# ---------------------------------------------------------------- the process


def command(peer: str, info: str, path: Path, *, work: Path | None = None, setting: str = BEST,
            shape: str = NESTED) -> list[str]:  # fmt: skip
    """The command line that runs a peer."""
    found = [sys.executable, "-m", "bench.peers", peer, "--database", info, "--file", str(path), "--shape", shape]
    return [*found, "--work", str(work), "--setting", setting] if work is not None else found


def database(admin: str, name: str) -> str:
    """An empty database of that name on the server; returns how to reach it."""
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} (FORCE)".encode())
        conn.execute(f"CREATE DATABASE {name}".encode())
    return make_conninfo(admin, dbname=name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Run one peer once.")
    parser.add_argument("peer", choices=("copy", "dlt"))
    parser.add_argument("--database", required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--setting", choices=tuple(DLT_SETTINGS), default=BEST)
    parser.add_argument("--shape", choices=(NESTED, BULK), default=NESTED)
    given = parser.parse_args()
    if given.peer == "copy":
        seconds = copy(given.database, given.file)
    else:
        if given.work is None:
            parser.error("dlt needs --work, a folder for its pipeline")
        seconds = dlt_load(given.database, given.file, given.work, DLT_SETTINGS[given.setting], given.shape)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
