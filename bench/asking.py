"""How long an answer takes: `why` by random identifiers of six kinds, and pages of lists, asked of a warm server that works as
the app's own role over 24 months of partitions. Twice: with a tenth of the orders, and with all of them, so that it shows
whether the time grows with what is stored.
"""

from __future__ import annotations

import http.client
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo

from bench.data import nested
from bench.ingest import CUADRA, IMPORT, LEDGER, LOGS, environment, prepare, temporary_home
from bench.listening import listening
from bench.measure import agree, counts, run
from bench.results import Line, conditions, save, show
from cuadra.db import embedded
from cuadra.db.embedded_process import DATABASE

KINDS = ("order", "number", "payment", "invoice", "email", "phone")
QUESTIONS = 1_200
PAGES = 600
WARM = 200
MONTHS = 24

#: of every forty orders three are not present, so that filters have something to find
_OTHER = (
    ("waiting", "payment_not_verified", 0),
    ("held", "product_inactive", 13),
    ("failed", "field_format_invalid", 27),
)
_STANDS = """UPDATE orders SET standing = %(standing)s, reason = %(reason)s, present_at = NULL,
    evidence = jsonb_build_object(%(reason)s::text, '{}'::jsonb) WHERE order_id %% 40 = %(rest)s"""
#: what was received in a minute is spread over two years, as if it had come by and by
_SPREAD = (
    "UPDATE receipt SET received_at = received_at - make_interval(days => (receipt_id % 720)::int)",
    "UPDATE attempt SET at = at - make_interval(days => (attempt_id % 720)::int)",
)
_SAMPLE = {
    "email": "SELECT value FROM customer_key WHERE kind = 'email'", "phone": "SELECT value FROM customer_key WHERE kind = 'phone'",
}  # fmt: skip
_LISTS = (
    "/a/bench", "/api/bench/status", "/a/bench/orders", "/a/bench/orders?standing=present", "/a/bench/orders?standing=failed", "/a/bench/orders?standing=held",
    "/a/bench/orders?reason=payment_not_verified", "/a/bench/orders?integration=shop", "/a/bench/orders?standing=unseen",
    "/api/bench/orders?limit=100", "/a/bench/runs",
)  # fmt: skip
"""Those of orders also from a random place on (`before`)."""


def bench(orders: int, *, keep: bool) -> bool:
    """Measure a tenth, then all. False above a floor."""
    found: dict[str, float] = {}
    lines: list[Line] = []
    for many, name in ((max(orders // 10, 1), "100k"), (orders, "1m")):
        answers, pages, around = _measured(many, keep=keep)
        for what, times, floor, goal in (("why", answers, 100, 50), ("page", pages, 200, 100)):
            key = f"{what}_p99_ms_{name}"
            found[key] = round(_p99(times), 1)
            found[f"{what}_p50_ms_{name}"] = round(statistics.median(times), 1)
            lines.append(
                Line(
                    f"{what}, {many:,} orders", sum(times) / 1000, len(times), found[key], key, floor, goal, below=True
                )
            )
    save(found, around | {"asking_orders": orders})
    return show("Answers, milliseconds at the 99th of a hundred (questions and pages as «orders»)", lines)


def _measured(orders: int, *, keep: bool) -> tuple[list[float], list[float], dict[str, Any]]:
    path, expected = nested(orders)
    with temporary_home(keep) as home:
        prepare(home, path)
        run([*CUADRA, *IMPORT], log=LOGS / "import", environ=environment(home))
        info = make_conninfo(embedded.admin_conninfo(home), dbname=DATABASE)
        agree("Cuadra", counts(info, {name: LEDGER[name] for name in ("orders", "lines")}),
              {"orders": expected.orders, "lines": expected.lines})  # fmt: skip
        _age(info)
        identifiers, numbers = _sample(info)
        with listening(home, _serve, "pages") as port:
            ask = _asker(port)
            chance = random.Random(7)
            questions = [f"/api/bench/why?q={quote(one)}" for one in identifiers]
            for path_of in questions[:WARM]:
                ask(path_of)
            for one in _LISTS * 10:
                ask(one)
            answers = [ask(one) for one in questions[WARM:]]
            pages = [ask(_page(chance, numbers)) for _ in range(PAGES)]
        return answers, pages, conditions(embedded.admin_conninfo(home))


def _serve(port: int) -> list[str]:
    return [sys.executable, "-m", "cuadra.faces.pages", "127.0.0.1", str(port)]


def _age(info: str) -> None:
    """As it is after two years."""
    with psycopg.connect(info, autocommit=True) as conn:
        conn.execute("SELECT ensure_partitions((now() - make_interval(months => %s))::date, %s)", (MONTHS, MONTHS + 2))
        for statement in _SPREAD:
            conn.execute(statement)
        for standing, reason, rest in _OTHER:
            conn.execute(_STANDS, {"standing": standing, "reason": reason, "rest": rest})
        conn.execute("VACUUM ANALYZE")


def _sample(info: str) -> tuple[list[str], list[int]]:
    """Identifiers of six kinds, shuffled, and orders to go on from."""
    found: list[str] = []
    with psycopg.connect(info, autocommit=True) as conn:
        each = (QUESTIONS + WARM) // len(KINDS) + 1
        for kind in KINDS:
            source = _SAMPLE.get(kind, "SELECT value FROM identifier WHERE kind = %(kind)s")
            rows = conn.execute(f"SELECT value FROM ({source}) s ORDER BY random() LIMIT %(many)s".encode(),
                                {"kind": kind, "many": each}).fetchall()  # fmt: skip
            found += [str(value) for (value,) in rows]
        numbers = [int(one) for (one,) in conn.execute("SELECT order_id FROM orders ORDER BY random() LIMIT 500")]
    random.Random(3).shuffle(found)
    return found, numbers


def _page(chance: random.Random, numbers: list[int]) -> str:
    path = chance.choice(_LISTS)
    if "orders" not in path or chance.random() < 0.5:
        return path
    return f"{path}{'&' if '?' in path else '?'}before={chance.choice(numbers)}"


def _asker(port: int) -> Callable[[str], float]:
    """Asks over one connection that stays; milliseconds from the question to the last byte."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(path: str) -> float:
        began = time.perf_counter()
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200 or (path.startswith("/api/bench/why") and _empty(body)):
            raise AssertionError(f"{path}: {answer.status} {body[:200]!r}")
        return took

    return ask


def _empty(body: bytes) -> bool:
    """Whether an answer knows nothing: each identifier is somebody's."""
    said = json.loads(body)
    return not said.get("order") and not said.get("orders")


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]
