"""Backfill of nested orders into the ledger, as a user would do it, against raw COPY of the same bytes and against dlt.

All three write to the same embedded PostgreSQL, one after the other, a checkpoint before each. What each left in the
database is counted before any ratio is printed. COPY runs before and after Cuadra, and its best time counts.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bench import peers
from bench.data import FOLDER, Expected, nested
from bench.measure import BenchError, Measured, agree, counts, run
from bench.results import Line, conditions, save, show
from cuadra.db import embedded
from cuadra.db.embedded_process import DATABASE

#: the program, and what is asked of it; {path} is a file or a folder
CUADRA = [str(Path(sys.executable).with_name("cuadra"))]
PREPARE = (
    ["account", "add", "bench", "--currency", "ARS", "--country", "AR"],
    ["integration", "add", "shop", "--connector", "files", "--set", "path={path}"],
    ["integration", "activate", "shop"],
)
IMPORT = ["import", "shop", "--json"]

#: what the ledger holds, counted in the database `cuadra`
LEDGER = {
    "orders": "SELECT count(*) FROM orders",
    "present": "SELECT count(*) FROM orders WHERE standing = 'present'",
    "with warnings": "SELECT count(*) FROM orders WHERE warnings <> '{}'",
    "cents": "SELECT coalesce(sum(total_minor), 0) FROM orders",
    "lines": "SELECT count(*) FROM order_line",
    "payments": "SELECT count(*) FROM payment",
    "refunds": "SELECT count(*) FROM refund",
    "shipments": "SELECT count(*) FROM shipment",
    "customers": "SELECT count(*) FROM customer",
    "receipts": "SELECT count(*) FROM receipt",
    "attempts": "SELECT count(*) FROM attempt",
    "versions": "SELECT count(*) FROM order_version",
}
COPIED = {
    "rows": "SELECT count(*) FROM raw_line",
    "bytes": "SELECT coalesce(sum(octet_length(body)), 0) FROM raw_line",
}
LOADED = {
    "orders": f"SELECT count(DISTINCT id) FROM {peers.DATASET}.orders",
    "lines": f"SELECT count(*) FROM {peers.DATASET}.orders__lines",
    "payments": f"SELECT count(*) FROM {peers.DATASET}.orders__payments",
}

LOGS = FOLDER / "logs"


def environment(home: Path) -> dict[str, str]:
    """Where the program keeps its things, whatever the caller's own settings are."""
    unset = {name: "" for name in os.environ if name.startswith("CUADRA_")}
    unset["PYTHONDONTWRITEBYTECODE"] = ""  # an installed program is not compiled anew at each start
    return {**unset, "CUADRA_HOME": str(home), "CUADRA_DATABASE_URL": "", "CUADRA_LANG": "en", "CUADRA_WEB": "no"}


@contextmanager
def temporary_home(keep: bool) -> Iterator[Path]:
    """A home with an embedded server of its own; both are gone afterwards, unless they are to be kept."""
    FOLDER.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="home-", dir=FOLDER))
    try:
        embedded.start(home, lambda text: print(text, flush=True))
        yield home
    finally:
        if keep:
            print(f"Kept: CUADRA_HOME={home} (its server still runs)")
        else:
            data = embedded.data_folder(home)
            embedded.stop(home)
            shutil.rmtree(data.parent.parent, ignore_errors=True)  # this home's own folder, also where root's lie
            shutil.rmtree(home, ignore_errors=True)


def prepare(home: Path, path: Path) -> None:
    """Make the account and the integration on the file or folder."""
    for number, arguments in enumerate(PREPARE, 1):
        command = [*CUADRA, *(part.format(path=path) for part in arguments)]
        run(command, log=LOGS / f"prepare-{number}", environ=environment(home))


def checkpoint(home: Path) -> None:
    """Leave nothing of what was written before to whoever comes next."""
    with psycopg.connect(embedded.admin_conninfo(home), autocommit=True) as conn:
        conn.execute("CHECKPOINT")


def cuadra_import(home: Path, expected: Expected, more: Mapping[str, int]) -> Measured:
    """The import itself, measured and counted. `more`: what else must be true of the ledger."""
    return imported(home, IMPORT, {
        "orders": expected.orders, "present": expected.orders, "with warnings": 0, "cents": expected.cents,
        "lines": expected.lines, "payments": expected.payments, "versions": expected.orders, **more,
    })  # fmt: skip


def imported(home: Path, command: list[str], wanted: Mapping[str, int]) -> Measured:
    """An import by the program, measured; `wanted`: what the ledger must hold then."""
    checkpoint(home)
    measured = run([*CUADRA, *command], log=LOGS / "import", environ=environment(home))
    agree("Cuadra", counts(make_conninfo(embedded.admin_conninfo(home), dbname=DATABASE), LEDGER), wanted)
    print(
        f"cuadra: {measured.seconds:.1f} s, processor {measured.cpu:.1f} s, peak {measured.peak_mib:.0f} MiB",
        flush=True,
    )
    return measured


def _peer(home: Path, name: str, command: Callable[[str], list[str]]) -> tuple[str, float]:
    """Run a peer against an empty database of its own: (how to reach that, seconds by its own watch)."""
    info = peers.database(embedded.admin_conninfo(home), f"peer_{name}")
    checkpoint(home)
    measured = run(command(info), log=LOGS / name)
    seconds: float = json.loads(measured.output.strip().splitlines()[-1])["seconds"]
    print(f"{name}: {seconds:.1f} s, processor {measured.cpu:.1f} s, peak {measured.peak_mib:.0f} MiB", flush=True)
    return info, seconds


def copied(home: Path, path: Path, rows: int, size: int) -> float:
    """Seconds of a raw COPY of a file's lines, all of which are there afterwards."""
    info, seconds = _peer(home, "copy", lambda info: peers.command("copy", info, path))
    agree("COPY", counts(info, COPIED), {"rows": rows, "bytes": size})
    return seconds


def loaded(home: Path, path: Path, queries: Mapping[str, str], wanted: Mapping[str, int], *,
           shape: str = peers.NESTED, setting: str = peers.BEST) -> float:  # fmt: skip
    """Seconds that dlt takes for a file of a shape; what it left is counted with `queries`."""
    work = FOLDER / "dlt"
    info, seconds = _peer(
        home, "dlt", lambda info: peers.command("dlt", info, path, work=work, setting=setting, shape=shape)
    )
    shutil.rmtree(work, ignore_errors=True)
    agree("dlt", counts(info, queries), wanted)
    return seconds


def _dlt(home: Path, path: Path, expected: Expected, setting: str = peers.BEST) -> float:
    wanted = {"orders": expected.orders, "lines": expected.lines, "payments": expected.payments}
    return loaded(home, path, LOADED, wanted, setting=setting)


def bench(orders: int, *, keep: bool) -> bool:
    """Measure all three, print and save the figures. False below a floor."""
    path, expected = nested(orders)
    with temporary_home(keep) as home:
        prepare(home, path)
        copy = [copied(home, path, expected.orders, expected.bytes)]
        ours = cuadra_import(home, expected, {
            "customers": expected.customers, "receipts": expected.orders, "attempts": expected.orders,
        })  # fmt: skip
        copy += [copied(home, path, expected.orders, expected.bytes) for _ in range(2)]
        dlt = _dlt(home, path, expected)
        around = conditions(embedded.admin_conninfo(home)) | {
            "orders": orders, "bytes": expected.bytes,
            "dlt": peers.version(), "dlt_settings": peers.describe(peers.BEST),
        }  # fmt: skip
    rate = orders / ours.seconds
    lines = (
        Line("cuadra", ours.seconds, orders, ours.peak_mib, "import_peak_mib", 700, 500, below=True),
        Line("raw COPY", min(copy), orders, rate * min(copy) / orders, "ingest_vs_copy", 0.12, 0.35),
        Line("dlt", dlt, orders, rate * dlt / orders, "ingest_vs_dlt", 4, 10),
    )
    save({
        "ingest_orders": orders, "ingest_orders_per_s": round(rate),
        "dlt_orders_per_s": round(orders / dlt), "copy_orders_per_s": round(orders / min(copy)),
        **{line.key: round(line.figure, 3) for line in lines},
    }, around)  # fmt: skip
    return show("Backfill of nested orders", lines)


def tune(orders: int, *, keep: bool) -> bool:
    """Try every setting of dlt, so that the bench can use the fastest."""
    path, expected = nested(orders)
    found: dict[str, float] = {}
    with temporary_home(keep) as home:
        for name in peers.DLT_SETTINGS:
            try:
                found[name] = orders / _dlt(home, path, expected, name)
            except BenchError as err:
                print(f"{name}: {err}")
    for name, rate in sorted(found.items(), key=lambda item: -item[1]):
        print(f"{rate:8,.0f} orders/s  {name:18} {peers.describe(name)}")
    return True
