"""From a notice to a present order: signed webhooks at a steady rate into `cuadra serve`, all of it on this machine.

The time of an order is taken by the database alone: from the moment its receipt was stored to the commit that made it
present (`track_commit_timestamp`). Every order counts, from the first to the last one; none may be missing. Beside it the
age of the oldest thing in the inbox is looked at each second: it must not grow.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from bench.ingest import LOGS, temporary_home
from bench.listening import listening
from bench.measure import agree, counts, run
from bench.results import Line, conditions, save, show
from cuadra import accounts, secrets
from cuadra.db import Database, embedded, migrate
from cuadra.db.embedded_process import DATABASE
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings

ACCOUNTS = 5
RATE = 500
PRODUCTS = 40
SHOP = "http://127.0.0.1:900{n}"

_TIMES = """
    SELECT percentile_cont(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (
        ORDER BY extract(epoch FROM pg_xact_commit_timestamp(o.xmin) - r.received_at))
    FROM orders o JOIN receipt r ON r.account_id = o.account_id AND r.receipt_id = o.receipt_id
    WHERE o.standing = 'present' AND r.arrival = 'webhook'"""
_INBOX = "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0) FROM inbox"


def _integrations(home: Path) -> list[dict[str, Any]]:
    """Accounts with a shop each, and what its notices need."""
    settings = Settings.load({"CUADRA_HOME": str(home), "HOME": str(home)})
    found = []
    with Database(embedded.start(home)) as db:
        migrate.migrate(db)
        for n in range(1, ACCOUNTS + 1):
            account = accounts.get(db, accounts.add(db, f"bench-{n}", "ARS", "AR", "UTC", 12))
            secret = f"bench secret {n}"
            values = {"url": SHOP.format(n=n), "private": "yes"}
            one = accounts.add_integration(db, account, "shop", "woocommerce", values, "bench", store=SHOP.format(n=n))
            accounts.set_mode(db, account, one, "manual", "bench")
            accounts.move(db, account, one, "active", "bench")
            secrets.put(
                db, KeyFile.of(settings), account.account_id, one.integration_id, "webhook_secret", Secret(secret)
            )
            found.append({"address": one.address, "secret": secret, "url": values["url"]})
    with psycopg.connect(embedded.admin_conninfo(home), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    embedded.stop(home)
    return found


def _serve(port: int) -> list[str]:
    program = "from cuadra.faces.cli.main import main; main()"
    return [sys.executable, "-c", program, "serve", "--intake", f"127.0.0.1:{port}"]


class _Watch(threading.Thread):
    """Looks each second how old the oldest thing in the inbox is."""

    def __init__(self, info: str) -> None:
        super().__init__(daemon=True)
        self._info, self._ended = info, threading.Event()
        self.ages: list[float] = []

    def run(self) -> None:
        with psycopg.connect(self._info, autocommit=True) as conn:
            while not self._ended.wait(1.0):
                row = conn.execute(_INBOX.encode()).fetchone()
                self.ages.append(float(row[0]) if row else 0.0)

    def stop(self) -> list[float]:
        self._ended.set()
        self.join()
        return self.ages


def bench(orders: int, *, keep: bool) -> bool:
    """Send so many orders at the rate, wait until all are in, and print the times. False below a floor."""
    with temporary_home(keep) as home:
        plan = home / "plan.json"
        plan.write_text(
            json.dumps({"shops": _integrations(home), "orders": orders, "rate": RATE, "products": PRODUCTS})
        )
        with listening(home, _serve, "live") as port:
            info = make_conninfo(embedded.admin_conninfo(home), dbname=DATABASE)
            watch = _Watch(info)
            watch.start()
            sent = json.loads(
                run([sys.executable, "-m", "bench.live_client", str(port), str(plan)], log=LOGS / "live-client").output
            )
            agree("The listener", sent["statuses"], {"200": orders + ACCOUNTS * PRODUCTS})
            _settled(info, orders)
            ages = watch.stop()
            with psycopg.connect(info, autocommit=True) as conn:
                row = conn.execute(_TIMES.encode()).fetchone()
        assert row is not None
        around = conditions(embedded.admin_conninfo(home)) | {"live_orders": orders, "live_rate": RATE}
    return _told(orders, sent, [float(one) for one in row[0]], ages, around)


def _settled(info: str, orders: int) -> None:
    queries = {
        "present": "SELECT count(*) FROM orders WHERE standing = 'present'",
        "inbox": "SELECT count(*) FROM inbox",
    }
    for _ in range(600):
        if counts(info, queries) == {"present": orders, "inbox": 0}:
            return
        time.sleep(0.1)
    agree("The worker", counts(info, queries), {"present": orders, "inbox": 0})


def _told(orders: int, sent: dict[str, Any], times: list[float], ages: list[float], around: dict[str, Any]) -> bool:
    median, p99, most = times
    half = len(ages) // 2
    first, second = (statistics.mean(part or [0.0]) for part in (ages[:half], ages[half:]))
    save({
        "live_p50_s": round(median, 3), "live_p99_s": round(p99, 3), "live_max_s": round(most, 3),
        "live_per_s": round(orders / sent["seconds"]), "live_inbox_age_first_half_s": round(first, 3),
        "live_inbox_age_second_half_s": round(second, 3), "live_inbox_age_max_s": round(max(ages, default=0.0), 3),
    }, around)  # fmt: skip
    print(
        f"{orders:,} notices at {orders / sent['seconds']:.0f}/s in {sent['seconds']:.0f} s; answered p99 {sent['p99_ms']:.0f} ms"
    )
    print(f"from stored to present: p50 {median:.2f} s, p99 {p99:.2f} s, longest {most:.2f} s")
    print(
        f"oldest in the inbox: {first:.2f} s in the first half, {second:.2f} s in the second, at most {max(ages, default=0):.2f} s"
    )
    return show("From a notice to a present order", (
        Line("cuadra serve", sent["seconds"], orders, p99, "live_p99_s", 2, 1, below=True),
    ))  # fmt: skip
