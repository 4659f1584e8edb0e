"""Orders that came in pages and orders that came in a bulk file are the same orders: order by order, every column that is
no running number of ours and no time of an import.

CUADRA_TEST_SHOPIFY_ORDERS sets how many there are (100,000 is the figure of the promise; less here)."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cuadra import observing
from cuadra.connectors import http
from cuadra.connectors.shopify import offers
from cuadra.jobs import crew
from cuadra.jobs.job import Chunk
from cuadra_simulators.shopify import MEXICO
from tests.shopifytruth import compare
from tests.shopifyworld import Followed, connected, downloaded, following, hurried_shopify
from tests.world import World

__all__ = ["hurried_shopify"]
pytestmark = pytest.mark.usefixtures("hurried_shopify")

ORDERS = int(os.environ.get("CUADRA_TEST_SHOPIFY_ORDERS", "300"))
OWN = ("account_id", "order_id", "store_id", "integration_id", "customer_id", "product_id", "receipt_id", "sequence",
       "present_at", "first_seen", "changed_at", "recheck_at", "created_at", "merged_into")  # fmt: skip
"""Running numbers of ours, and times of an import."""
CHILDREN = {
    "order_line": "line_no", "payment": "payment_no", "refund": "refund_no", "shipment": "shipment_no",
    "discount": "discount_no", "order_version": "version", "identifier": "normal, kind",
}  # fmt: skip
BARE = f"- '{{{','.join(OWN)}}}'::text[]"
KEYS = """SELECT customer_id, jsonb_agg(kind || ' ' || regexp_replace(value, '^[0-9]+:', '') ORDER BY kind, value) AS keys
    FROM customer_key GROUP BY 1"""
SOLD = "SELECT product_id, jsonb_agg(kind || ' ' || value ORDER BY kind, value) AS keys FROM product_key GROUP BY 1"
PEOPLE = f"""WITH k AS ({KEYS})
    SELECT k.keys::text, to_jsonb(c) {BARE} FROM customer c LEFT JOIN k USING (customer_id)
    WHERE customer_id IN (SELECT o.customer_id FROM orders o)"""
"""Who bought: a file that was fetched by hand brings nobody else."""


def whole_orders() -> str:
    """A query for (number at the shop, everything known of the order)."""
    parts, joins, found = [f"buyers AS ({KEYS})", f"sold AS ({SOLD})"], [], ["'buyer', buyers.keys"]
    for table, place in CHILDREN.items():
        own, more = f"to_jsonb(t) {BARE} - 'at'", ""
        if table == "order_line":
            own, more = f"{own} || jsonb_build_object('product', sold.keys)", "LEFT JOIN sold USING (product_id)"
        parts.append(
            f"of_{table} AS (SELECT t.order_id, jsonb_agg({own} ORDER BY {place}) AS found FROM {table} t {more} GROUP BY 1)"
        )
        joins.append(f"LEFT JOIN of_{table} USING (order_id)")
        found.append(f"'{table}', of_{table}.found")
    return (f"WITH {', '.join(parts)} SELECT o.source_id, to_jsonb(o) {BARE} || jsonb_build_object({', '.join(found)})"
            f" FROM orders o LEFT JOIN buyers USING (customer_id) {' '.join(joins)}")  # fmt: skip


ALL_ORDERS = whole_orders()
Digests = dict[str, bytes]


def digests(shop: Followed, query: str) -> Digests:
    """Row by row, what it comes to."""
    found: Digests = {}
    text = f"SELECT q.key, q.row::text FROM ({query}) q (key, row)"
    with shop.world.db.again() as db, db.transaction(shop.account.account_id) as conn, conn.cursor("rows") as cursor:
        conn.execute("SET LOCAL enable_nestloop = off")  # nobody has counted these tables yet
        for key, row in cursor.execute(text.encode()):
            assert key not in found, "each has its own key"
            plain = unnumbered(msgspec.json.decode(row))
            found[key] = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).digest()
    return found


def unnumbered(row: dict[str, Any]) -> dict[str, Any]:
    """Without our running numbers inside proofs: so many products, and not which."""
    for one in (row, *(row.get("order_line") or ())):
        proof = one.get("evidence") or {}
        for part in (proof, *(inner for inner in proof.values() if isinstance(inner, dict))):
            if isinstance(part.get("products"), list):
                part["products"] = len(part["products"])
    return row


def differences(one: Followed, ours: Digests, other: Followed, query: str) -> list[str]:
    """What differs, in words."""
    theirs = digests(other, query)
    found = [f"{key}: only in one" for key in sorted(ours.keys() ^ theirs.keys())]
    unlike = [key for key in sorted(ours.keys() & theirs.keys()) if ours[key] != theirs[key]]
    for key in unlike[:20]:
        asked = f"SELECT q.row FROM ({query}) q (key, row) WHERE key = %s"
        mine, its = (unnumbered(shop.rows(asked, key)[0][0]) for shop in (one, other))
        names = sorted(name for name in mine.keys() | its.keys() if mine.get(name) != its.get(name))
        found += [f"{key} {name}: {mine.get(name)} and {its.get(name)}" for name in names]
    return found + [f"and {len(unlike) - 20} more"] * (len(unlike) > 20)


def said(text: str, began: float, many: int) -> None:
    """Figures for whoever runs this with -s."""
    took = time.monotonic() - began
    sys.stdout.write(f"{text}: {took:.1f} s, {many / took:,.0f} orders/s\n")


def by_two_processes(monkeypatch: pytest.MonkeyPatch, lent: list[int]) -> None:
    """From the first chunk on, and in chunks so small that there are many; tells how many receipts each was lent."""
    lend = crew.Crew._lend

    def told(one: crew.Crew, chunk: Chunk) -> None:
        lent.append(len(chunk.raws))
        lend(one, chunk)

    monkeypatch.setattr(crew.Crew, "_lend", told)
    monkeypatch.setattr(crew, "ALONE", 0)
    monkeypatch.setattr(crew, "READY_SECONDS", 60.0)
    monkeypatch.setattr(crew, "_cores", lambda: 2)
    monkeypatch.setattr(observing, "listened", lambda: False)
    monkeypatch.setattr(offers, "CHUNK", max(20, ORDERS // 100))


@pytest.mark.timeout(300 + ORDERS // 25)
def test_pages_a_bulk_operation_and_its_file_end_in_the_same_ledger(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulated shop writes its bulk file while it is asked how far it is: an answer may take as long as that."""
    monkeypatch.setattr(
        http, "PATIENCE", http.Patience(timeout=5.0 + ORDERS / 200, first_pause=0.01, unsaid=0.01, longest=1.0)
    )
    plan = replace(MEXICO, plan="enterprise")
    with following(
        world, orders=ORDERS, days=300, notices=False, settings={"history": "pages"}, shop_settings=plan
    ) as pages:
        pages.shop.live(min(ORDERS, 1000), deliver=False)
        began = time.monotonic()
        assert pages.scan().problem is None
        said("pages", began, ORDERS)
        ours = {query: digests(pages, query) for query in (ALL_ORDERS, PEOPLE)}
        assert len(ours[ALL_ORDERS]) >= ORDERS
        lent: list[int] = []
        for name in ("bulk", "file", "file by two processes"):
            folder = tmp_path / name
            folder.mkdir()
            if name.endswith("processes"):
                by_two_processes(monkeypatch, lent)
            other = connected(World(world.db, world.settings, folder, name), pages.shop, settings={"history": "bulk"})
            file = downloaded(pages, folder / "bulk.jsonl") if name != "bulk" else None
            began = time.monotonic()
            assert other.scan(file=file).problem is None
            said(name, began, ORDERS)
            other.close()
            began = time.monotonic()
            for query, mine in ours.items():
                wrong = differences(pages, mine, other, query)
                assert wrong == [], wrong
            said(f"compared with {name}", began, ORDERS)
        assert sum(lent) >= ORDERS // 2


def test_a_bulk_file_tells_enough_of_a_cancelled_order(world: World) -> None:
    with following(world, orders=0, notices=False, settings={"history": "bulk"}) as shop:
        shop.shop.live(30, act="place", deliver=False)
        shop.shop.live(6, act="cancel", deliver=False)
        assert any(one.refunds and one.cancelled for one in shop.shop.truth.orders().values())
        assert shop.scan().problem is None
        assert not any("OrdersById" in name for name in shop.shop.calls)
        _, wrong, said_of = compare(shop.rows, shop.shop.truth.orders())
        assert not wrong, said_of
