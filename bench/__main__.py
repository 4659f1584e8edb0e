"""`python -m bench [bench …]`: measure, print a table, write bench/results.json. Exit code 1 below a floor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench import asking, bulk, ingest, intake, live, unsorted
from bench.measure import BenchError
from cuadra.errors import CuadraError

#: name → (what it measures, usual number of orders, the bench)
BENCHES: dict[str, tuple[str, int, Callable[..., bool]]] = {
    "ingest": ("backfill of nested orders against raw COPY and dlt", 200_000, ingest.bench),
    "bulk": ("backfill from a Shopify bulk file against raw COPY and dlt", 100_000, bulk.bench),
    "intake": ("durable intake of notices against a listener that stores nothing", 20_000, intake.bench),
    "live": ("from a notice to a present order, at 500 a second", 30_000, live.bench),
    "asking": ("how long `why` and pages of lists take, at a tenth of the orders and at all", 1_000_000, asking.bench),
    "unsorted": ("memory of an import of unsorted CSV files", 2_000_000, unsorted.bench),
    "tune": ("every setting of dlt that was tried, to keep the fastest", 50_000, ingest.tune),
}
USUAL = ("ingest", "bulk", "intake", "live", "asking")


def main() -> int:
    known = "; ".join(f"{name}: {what} ({orders:,} orders)" for name, (what, orders, _) in BENCHES.items())
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Cuadra.", epilog=known)
    parser.add_argument(
        "benches", nargs="*", metavar="bench", help=f"{', '.join(BENCHES)} (usually: {', '.join(USUAL)})"
    )
    parser.add_argument("--orders", type=int, help="how many orders, where it is not the usual number")
    parser.add_argument("--keep", action="store_true", help="leave home and database of each bench for a look")
    given = parser.parse_args()
    unknown = [name for name in given.benches if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench «{unknown[0]}»; known are {', '.join(BENCHES)}")
    if given.orders is not None and given.orders < 1:
        parser.error("--orders must be above 0")
    good = True
    for name in given.benches or USUAL:
        _, orders, bench = BENCHES[name]
        try:
            good = bench(given.orders or orders, keep=given.keep) and good
        except (BenchError, CuadraError) as err:
            print(f"{name}: {err}", file=sys.stderr)
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
