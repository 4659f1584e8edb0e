"""Memory of an import whose rows stand in no order: four CSV files, orders brought together by Cuadra itself."""

from __future__ import annotations

from bench.data import unsorted
from bench.ingest import cuadra_import, prepare, temporary_home
from bench.results import Line, conditions, save, show
from cuadra.db import embedded


def bench(orders: int, *, keep: bool) -> bool:
    """Import the set, count what is there, print and save the peak of memory. False above the floor."""
    path, expected = unsorted(orders)
    with temporary_home(keep) as home:
        prepare(home, path)
        receipts = expected.orders + expected.customers
        ours = cuadra_import(home, expected, {
            "customers": expected.customers, "receipts": receipts, "attempts": receipts,
        })  # fmt: skip
        around = conditions(embedded.admin_conninfo(home)) | {"unsorted_bytes": expected.bytes}
    line = Line("cuadra", ours.seconds, orders, ours.peak_mib, "unsorted_peak_mib", 700, 500, below=True)
    save({
        "unsorted_orders": orders, "unsorted_orders_per_s": round(orders / ours.seconds),
        line.key: round(line.figure, 1),
    }, around)  # fmt: skip
    return show(f"Import of an unsorted set of CSV files ({expected.bytes / 2**20:,.0f} MiB)", [line])
