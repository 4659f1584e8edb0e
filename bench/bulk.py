"""Backfill from a Shopify bulk file, of which each line is an order or something inside one, as a user would do it who has
connected his shop: catalogue and customers are known. Against raw COPY of the same bytes and against dlt, as in `ingest`.

The shop is simulated, on loopback: what it sells and who buys there is imported before anything is measured. From then on
it must not be asked for anything, or its own time would be measured too: what is given back of the file's orders is money
only, of which a bulk file tells enough.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import peers
from bench.ingest import CUADRA, LOGS, copied, environment, imported, loaded, temporary_home
from bench.measure import BenchError, Measured, run
from bench.results import Line, conditions, save, show
from cuadra import accounts, secrets
from cuadra.connectors.shopify import queries
from cuadra.db import Database, embedded, migrate
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings
from cuadra_simulators.shopify import ARGENTINA, Clock, Shop, write_orders_of
from cuadra_simulators.shopify.model import Order

QUERY = queries.BULK % '""'
LOADED = {
    "orders": f"SELECT count(DISTINCT id) FROM {peers.DATASET}.orders",
    "lines": f"SELECT count(DISTINCT id) FROM {peers.DATASET}.line_items",
    "transactions": f"SELECT count(*) FROM {peers.DATASET}.orders__transactions",
    "refunds": f"SELECT count(*) FROM {peers.DATASET}.orders__refunds",
    "parcels": f"SELECT count(*) FROM {peers.DATASET}.orders__fulfillments",
}


class Written(Counter[str]):
    """What a file holds, counted while it is written: first as the file has it, then as the ledger must."""

    def note(self, order: Order) -> None:
        """One more order."""
        kinds = [one.kind for one in order.transactions]
        self["orders"] += 1
        self["lines"] += len(order.lines)
        self["transactions"] += len(kinds)
        self["refunds"] += len(order.refunds)
        self["parcels"] += len(order.fulfillments)
        self["sold"] += sum(order.cancelled is not None or one.current > 0 for one in order.lines)
        self["payments"] += sum(kind in ("SALE", "CAPTURE", "AUTHORIZATION") for kind in kinds)
        self["shipments"] += len(order.shipping) + sum(max(len(one.tracking), 1) for one in order.fulfillments)
        self["cents"] += order.totals.total if order.cancelled is not None else order.totals.current_total
        paid = order.cancelled is None and order.totals.financial in ("PAID", "PARTIALLY_REFUNDED")
        self["present"] += paid and order.customer_id is not None


def _follow(home: Path, shop: Shop) -> None:
    """An account, and an active integration with the shop."""
    settings = Settings.load({"CUADRA_HOME": str(home), "HOME": str(home)})
    with Database(embedded.start(home)) as db:
        migrate.migrate(db)
        account = accounts.get(db, accounts.add(db, "bench", shop.settings.currency, shop.settings.country, "UTC", 12))
        where = {"shop": shop.domain, "url": shop.url, "private": "yes", "points": "10000"}
        one = accounts.add_integration(db, account, "shop", "shopify", where, "bench")
        accounts.move(db, account, one, "active", "bench")
        secrets.put(
            db, KeyFile.of(settings), account.account_id, one.integration_id, "access_token", Secret(shop.token)
        )
    run([*CUADRA, "rules", "set", "shop", "first.since", "2015-01-01"], log=LOGS / "prepare", environ=environment(home))
    run([*CUADRA, "import", "shop", "--json"], log=LOGS / "catalogue", environ=environment(home))


def bench(orders: int, *, keep: bool) -> bool:
    """Measure all three, print and save the figures. False below a floor."""
    shop = Shop(1, orders=0, settings=replace(ARGENTINA, plan="enterprise"), clock=Clock())
    shop.past.units_back = False
    written = Written()
    with temporary_home(keep) as home, shop:
        path = home / "bulk.jsonl"
        print(f"Writing a bulk file of {orders:,} orders …", flush=True)
        _, rows, size = write_orders_of(shop, path, orders, query=QUERY, told=written.note)
        shop.clock.run()
        os.sync()  # what was just written must not be on its way to the disk while something is measured
        _follow(home, shop)
        copy = [copied(home, path, rows, size)]
        asked = shop.calls.total()
        ours = imported(home, ["import", "shop", "--from-file", str(path), "--json"], {
            "orders": orders, "present": written["present"], "lines": written["sold"], "payments": written["payments"],
            "refunds": written["refunds"], "shipments": written["shipments"], "cents": written["cents"],
        })  # fmt: skip
        if shop.calls.total() != asked:
            raise BenchError(f"the shop was asked while the import was measured: {shop.calls}")
        copy += [copied(home, path, rows, size) for _ in range(2)]
        dlt = loaded(home, path, LOADED, {name: written[name] for name in LOADED}, shape=peers.BULK)
        around = conditions(embedded.admin_conninfo(home)) | {"bulk_orders": orders, "bulk_bytes": size}
    return _told(orders, ours, min(copy), dlt, around)


def _told(orders: int, ours: Measured, copy: float, dlt: float, around: dict[str, Any]) -> bool:
    rate = orders / ours.seconds
    lines = (
        Line("cuadra", ours.seconds, orders, ours.peak_mib, "bulk_import_peak_mib", 700, 500, below=True),
        Line("raw COPY", copy, orders, rate * copy / orders, "bulk_vs_copy", 0.12, 0.35),
        Line("dlt", dlt, orders, rate * dlt / orders, "bulk_vs_dlt", 4, 10),
    )
    save({
        "bulk_orders_per_s": round(rate), "bulk_dlt_orders_per_s": round(orders / dlt),
        "bulk_copy_orders_per_s": round(orders / copy), **{line.key: round(line.figure, 3) for line in lines},
    }, around)  # fmt: skip
    return show("Backfill from a Shopify bulk file", lines)
