"""Is everything at rest? And is it as the shop, the files and the CRM have it, order by order?"""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
from msgspec import Struct, field

from cuadra import connectors
from cuadra_simulators.shop_files import Truth
from tests import shopifytruth, shoptruth

LEFT = {
    "notices that await the pipeline": "SELECT count(*) FROM inbox WHERE run_id IS NULL",
    "of them of runs that have ended": (
        "SELECT count(*) FROM inbox x JOIN run r ON r.run_id = x.run_id WHERE r.ended_at IS NOT NULL"),
    "questions to the shop": "SELECT count(*) FROM relink",
    "deliveries on their way": "SELECT count(*) FROM delivery WHERE standing = 'waiting'",
    "deliveries given up": "SELECT count(*) FROM delivery WHERE standing = 'failed'"
    " AND COALESCE(evidence ->> 'scope', '') <> 'order'",
    "problems that last": "SELECT count(*) FROM problem WHERE ended_at IS NULL",
    "integrations not active": "SELECT count(*) FROM integration WHERE state <> 'active'",
}  # fmt: skip
#: the clock goes on importing: what a run of now is at is no rest of before
SINCE = {
    "receipts of before that await the pipeline": "SELECT count(*) FROM inbox WHERE received_at < %(since)s",
    "runs of before that have not ended": "SELECT count(*) FROM run WHERE ended_at IS NULL AND started_at < %(since)s",
    "integrations without a finished import since": (
        "SELECT count(*) FROM integration i WHERE NOT EXISTS (SELECT FROM run r WHERE r.integration_id = i.integration_id"
        " AND r.started_at > %(since)s AND r.state = 'finished')"),
    "live integrations without a proof since": (
        "SELECT count(*) FROM integration i WHERE connector = ANY(%(live)s) AND NOT EXISTS (SELECT FROM run r"
        " WHERE r.integration_id = i.integration_id AND r.started_at > %(since)s AND r.state = 'finished'"
        " AND (r.scope -> 'census' ->> 'proven')::bool)"),
    "accounts not swept since": (
        "SELECT count(*) FROM schedule WHERE task = 'sweep' AND (ended_at IS NULL OR begun_at < %(since)s)"),
}  # fmt: skip


COMPARE = {"woocommerce": shoptruth.compare, "shopify": shopifytruth.compare}
"""The ledger with the truth of a shop, by its platform."""


class Found(Struct):
    """What the comparison found."""

    compared: Counter[str] = field(default_factory=Counter)
    lost: list[str] = []
    twice: list[str] = []
    different: list[str] = []
    stuck: list[str] = []
    refused: list[str] = []
    """Orders that the CRM does not take for what they are (an address without a point): each is held, with its words."""
    sent_again: int = 0
    """Deliveries that arrived more than once, and were known by the CRM for that."""

    @property
    def good(self) -> bool:
        return not (self.lost or self.twice or self.different or self.stuck)


def left(conn: psycopg.Connection[Any], since: datetime) -> list[str]:
    """What is not at rest yet, with numbers."""
    found = []
    values = {"since": since, "live": [one for one in connectors.known() if connectors.live(one) is not None]}
    for what, text in {**LEFT, **SINCE}.items():
        row = conn.execute(text, values if what in SINCE else None).fetchone()  # type: ignore[arg-type]
        if row[0]:
            found.append(f"{row[0]} {what}")
    return found


def check(conn: psycopg.Connection[Any], shops: dict[str, dict[int, Any]], files: Path | None, filed: Truth | None,
          crm: str) -> Found:  # fmt: skip
    """Everything, order by order. `shops`: platform → what is true there."""
    found = Found()
    for platform, truth in shops.items():
        _shop(conn, platform, truth, found)
    if files is not None and filed is not None:
        _files(conn, files, filed, found)
    _crm(conn, crm, found)
    _once(conn, found)
    return found


def _shop(conn: psycopg.Connection[Any], platform: str, truth: dict[int, Any], found: Found) -> None:
    def rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return conn.execute(statement, values).fetchall()  # type: ignore[arg-type]

    many, _, said = COMPARE[platform](rows, truth)
    found.compared[platform] = many
    for text in said:
        (found.lost if ": missing: " in text else found.different).append(f"{platform}: {text}")


def _files(conn: psycopg.Connection[Any], folder: Path, truth: Truth, found: Found) -> None:
    rows = conn.execute(
        "SELECT o.source_id, COALESCE(o.reason, 'present'), o.standing, o.total FROM orders o JOIN store s USING (store_id)"
        " WHERE s.platform = 'files'"
    ).fetchall()
    ours = {source: (standing, total) for source, _, standing, total in rows}
    stood = Counter(reason for _, reason, _, _ in rows)
    found.compared["files"] = len(rows)
    if dict(stood) != truth.expected:
        gap = {name: (stood[name], truth.expected.get(name, 0)) for name in {*stood, *truth.expected}
               if stood[name] != truth.expected.get(name, 0)}  # fmt: skip
        found.different.append(f"files: reasons (ours, theirs): {gap}")
    found.lost += ["files: an order"] * max(truth.orders - len(rows), 0)
    with (folder / "orders.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            source = str(row.get("id") or "")
            if not source.isdecimal():
                continue
            if source not in ours:
                found.lost.append(f"files: {source}")
            elif ours[source][0] == "present" and Decimal(row["total"]) != ours[source][1]:
                found.different.append(f"files: {source}: total {ours[source][1]}, not {row['total']}")


def _crm(conn: psycopg.Connection[Any], url: str, found: Found) -> None:
    truth = httpx.get(f"{url}/_truth", timeout=300).json()
    held, counts = truth["orders"], truth["counts"]
    rows = conn.execute(
        "SELECT o.order_id::text, o.source_id, o.standing, o.total::text, (SELECT count(*) FROM order_line l"
        " WHERE l.account_id = o.account_id AND l.order_id = o.order_id), f.said, f.version FROM orders o LEFT JOIN LATERAL"
        " (SELECT DISTINCT ON (d.order_id) d.version, CASE WHEN d.standing = 'failed' AND d.evidence ->> 'scope' = 'order'"
        " THEN d.evidence ->> 'message' END AS said FROM delivery d WHERE d.account_id = o.account_id"
        " AND d.order_id = o.order_id ORDER BY d.order_id, d.sequence DESC) f ON true"
    ).fetchall()
    known = set()
    for key, source, standing, total, lines, said, version in rows:
        known.add(key)
        there = held.get(key)
        found.compared["crm"] += there is not None
        if standing != "present":
            if there is not None and there["data"]["standing"] == "present":
                found.different.append(f"crm: {source}: present there, {standing} here")
        elif said is not None and (there is None or there["data"]["version"] < version):
            found.refused.append(f"{source}: {said}")
        elif there is None:
            found.lost.append(f"crm: {source}")
        else:
            theirs = (there["standing"], there["data"]["total"], len(there["data"]["lines"]))
            if theirs != ("present", total, lines):
                found.different.append(f"crm: {source}: {theirs}, not {('present', total, lines)}")
    found.different += [f"crm: {key} invented" for key in held.keys() - known]
    for name in ("regressions", "bad_signatures"):
        if counts[name]:
            found.different.append(f"crm: {counts[name]} {name}")
    if counts["unrecognised"]:
        found.twice.append(f"crm: {counts['unrecognised']} taken again")
    found.sent_again = counts["duplicates"]


def _once(conn: psycopg.Connection[Any], found: Found) -> None:
    for what, text in {
        "in the ledger": "SELECT store_id || '/' || source_id FROM orders GROUP BY 1 HAVING count(*) > 1",
        "created": "SELECT order_id::text FROM attempt WHERE outcome = 'created' AND order_id IS NOT NULL"
                   " GROUP BY order_id HAVING count(*) > 1",
    }.items():  # fmt: skip
        found.twice += [f"{what}: {one}" for (one,) in conn.execute(text)]  # type: ignore[call-overload]
