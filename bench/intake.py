"""Durable intake of signed notices against the same server that stores nothing.

Both judge the same notices of five accounts, mixed, over 64 keep-alive connections that a process of its own sends. The
one acknowledges after the commit, fsync on; the other at once. What the first has acknowledged is counted in the
database, byte for byte, before the ratio is printed. They take turns, each in a round of its own; the median of the
rounds' ratios counts, so that whatever else the machine does meanwhile slows both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import statistics
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from bench.ingest import LOGS, checkpoint, temporary_home
from bench.listening import listening
from bench.measure import agree, counts, run
from bench.results import Line, conditions, save, show
from cuadra import accounts, secrets
from cuadra.accounts import Integration
from cuadra.db import Database, embedded, migrate
from cuadra.db.embedded_process import DATABASE
from cuadra.faces.intake import app
from cuadra.faces.intake.notices import Notice, Of
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings

ACCOUNTS = 5
CONNECTIONS = 64
BODY_BYTES = 3000
DIFFERENT = 2000
ROUNDS = 5
SHOP = "http://127.0.0.1:900{n}"

_STORED = {
    "receipts": "SELECT count(*) FROM receipt WHERE arrival = 'webhook'",
    "of accounts": "SELECT count(DISTINCT account_id) FROM receipt",
    "bytes": "SELECT coalesce(sum(octet_length(body)), 0) FROM receipt",
    "in the inbox": "SELECT coalesce(sum(last_receipt - first_receipt + 1), 0) FROM inbox",
    "under another account": """SELECT count(*) FROM receipt r JOIN integration i USING (integration_id)
        WHERE i.account_id <> r.account_id OR r.body NOT LIKE ('%"shop":' || (i.settings ->> 'pace') || ',%')::bytea""",
}


class Nothing:
    """Stores nothing, and says at once that it has."""

    async def store(self, notice: Notice) -> None:
        """Done."""

    async def keep(self, notice: Of) -> None:
        """Done too."""

    async def run(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing waits."""


def nothing() -> Any:
    """The listener with all of its judging and none of its storing."""
    settings = Settings.load()
    made = app.application(app.Intake(settings, embedded.start(settings.home), writer=Nothing()))
    app.settled()
    return made


def _integrations(home: Path) -> list[tuple[Integration, str]]:
    """Accounts with a shop each, active, and the secret of its notices."""
    settings = Settings.load({"CUADRA_HOME": str(home), "HOME": str(home)})
    found = []
    with Database(embedded.start(home)) as db:
        migrate.migrate(db)
        for n in range(1, ACCOUNTS + 1):
            number = accounts.add(db, f"bench-{n}", "ARS", "AR", "UTC", 12)
            account, secret = accounts.get(db, number), f"bench secret {n}"
            values = {"url": SHOP.format(n=n), "private": "yes", "pace": str(n)}
            one = accounts.add_integration(db, account, "shop", "woocommerce", values, "bench", store=SHOP.format(n=n))
            accounts.move(db, account, one, "active", "bench")
            secrets.put(db, KeyFile.of(settings), number, one.integration_id, "webhook_secret", Secret(secret))
            found.append((one, secret))
    return found


def _request(one: Integration, secret: str, number: int) -> tuple[bytes, int]:
    """A whole request as WooCommerce sends it, and the size of its body."""
    shop = int(one.settings["pace"])
    order = {"id": number, "shop": shop, "status": "processing", "currency": "ARS", "total": "1234.50", "note": ""}
    order["note"] = "x" * (BODY_BYTES - len(json.dumps(order, separators=(",", ":"))))
    body = json.dumps(order, separators=(",", ":")).encode()
    signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    head = "\r\n".join((
        f"POST /in/{one.address} HTTP/1.1", "Host: 127.0.0.1",
        f"User-Agent: WooCommerce/9.2.5 Hookshot (WordPress/6.6.2; {one.settings['url']})", "Accept: */*",
        "Accept-Encoding: deflate, gzip, br", "Referer: http://127.0.0.1", "Content-Type: application/json",
        f"X-WC-Webhook-Source: {one.settings['url']}/", "X-WC-Webhook-Topic: order.updated",
        "X-WC-Webhook-Resource: order", "X-WC-Webhook-Event: updated", f"X-WC-Webhook-Signature: {signed}",
        "X-WC-Webhook-ID: 7", "X-WC-Webhook-Delivery-ID: 9a8b7c6d5e4f", f"Content-Length: {len(body)}", "", "",
    ))  # fmt: skip
    return head.encode() + body, len(body)


def _write_requests(integrations: list[tuple[Integration, str]], path: Path) -> list[int]:
    """Requests of all accounts in turn into a file; the size of each body."""
    sizes = []
    with path.open("wb") as file:
        for number in range(DIFFERENT):
            request, size = _request(*integrations[number % ACCOUNTS], number + 1)
            file.write(struct.pack(">I", len(request)) + request)
            sizes.append(size)
    return sizes


def _serve(home: Path, application: str) -> Callable[[int], list[str]]:
    """The listener with an application; from a file, since its processes import what started them."""

    def command(port: int) -> list[str]:
        script = home / f"listen-{port}.py"
        script.write_text(
            "from cuadra.faces import server\nif __name__ == '__main__':\n"
            f"    server.serve('127.0.0.1', {port}, lambda: None, {application!r})\n"
        )
        return [sys.executable, str(script)]

    return command


def _send(port: int, many: int, path: Path) -> dict[str, Any]:
    """One measured round; everything must have been taken."""
    command = [sys.executable, "-m", "bench.intake_client", str(port), str(CONNECTIONS), str(many), str(path)]
    found: dict[str, Any] = json.loads(run(command, log=LOGS / "intake-client").output)
    agree("The listener", found["statuses"], {"200": many})
    return found


def _stored(info: str, taken: int, sizes: list[int], many: int) -> None:
    whole, rest = divmod(many, DIFFERENT)
    rounds = taken // many
    size = rounds * (whole * sum(sizes) + sum(sizes[:rest]))
    agree("The intake", counts(info, _STORED), {"receipts": taken, "of accounts": ACCOUNTS, "bytes": size,
                                                "in the inbox": taken, "under another account": 0})  # fmt: skip


def bench(orders: int, *, keep: bool) -> bool:
    """Measure both, print and save the figures. False below a floor."""
    found: dict[str, list[dict[str, Any]]] = {"durable": [], "nothing": []}
    with temporary_home(keep) as home:
        sizes = _write_requests(_integrations(home), path := home / "requests")
        info = make_conninfo(embedded.admin_conninfo(home), dbname=DATABASE)
        durable, none = "cuadra.faces.intake.app:build", "bench.intake:nothing"
        with (
            listening(home, _serve(home, durable), "intake") as kept,
            listening(home, _serve(home, none), "intake-nothing") as free,
        ):
            for port in (kept, free):
                _send(port, orders // 10, path)  # neither is measured cold
            with Database(embedded.start(home)) as db, db.transaction(role="cuadra_owner") as conn:
                conn.execute("TRUNCATE receipt, inbox")
            for number in range(1, ROUNDS + 1):
                for name, port in (("nothing", free), ("durable", kept)):
                    checkpoint(home)
                    one = _send(port, orders, path)
                    found[name].append(one)
                    print(f"{name}: {orders / one['seconds']:,.0f}/s, p50 {one['p50_ms']:.1f} ms, "
                          f"p99 {one['p99_ms']:.1f} ms", flush=True)  # fmt: skip
                _stored(info, number * orders, sizes, orders)
        around = conditions(embedded.admin_conninfo(home)) | {"notices": orders, "connections": CONNECTIONS}
    return _told(orders, found, around)


def _told(orders: int, found: dict[str, list[dict[str, Any]]], around: dict[str, Any]) -> bool:
    def median(name: str, key: str) -> float:
        return float(statistics.median(one[key] for one in found[name]))

    kept, free = median("durable", "seconds"), median("nothing", "seconds")
    pairs = zip(found["nothing"], found["durable"], strict=True)
    ratio = float(statistics.median(none["seconds"] / ours["seconds"] for none, ours in pairs))
    lines = (
        Line("durable", kept, orders, median("durable", "p99_ms"), "intake_p99_ms", 200, 50, below=True),
        Line("stores nothing", free, orders, ratio, "intake_vs_nothing", 0.65, 0.85),
    )
    save({
        "intake_notices_per_s": round(orders / kept), "intake_nothing_per_s": round(orders / free),
        "intake_p50_ms": round(median("durable", "p50_ms"), 3),
        **{line.key: round(line.figure, 3) for line in lines},
    }, around)  # fmt: skip
    print(
        f"p50 {median('durable', 'p50_ms'):.1f} ms, p99 {median('durable', 'p99_ms'):.1f} ms at {CONNECTIONS} connections"
    )
    return show("Durable intake of notices", lines)
