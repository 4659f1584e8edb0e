"""An outbox that has just filled is worked off as fast as any: nobody has counted its rows yet, and nobody waits for that."""

from __future__ import annotations

from typing import Any

from cuadra.db.queries import sql
from cuadra.jobs import sending
from tests.world import World

WAITING = 2_000


def test_what_may_go_is_found_by_key_before_the_table_was_ever_analysed(world: World) -> None:
    place, _ = sending.add(world.db, world.settings, world.account, "crm", "http://127.0.0.1:1/x", {"private": "127.0.0.1"},
                           "test")  # fmt: skip
    key = {"account": world.account.account_id, "destination": place.destination_id}
    with world.db.transaction(world.account.account_id) as conn:
        conn.execute(
            "INSERT INTO delivery (account_id, destination_id, order_id, sequence, kind, version, asked_at, due_at, digest, body)"
            " SELECT %(account)s, %(destination)s, n, 1, 'order.present', 1, now(), now(), 'x', '{}'"
            " FROM generate_series(1, %(many)s) n", {**key, "many": WAITING})  # fmt: skip
    with world.db.transaction(world.account.account_id) as conn:
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {sql('list_heads')}"
        row = conn.execute(explained, {**key, "busy": [], "limit": 16}).fetchone()  # type: ignore[arg-type]
    assert row is not None
    assert touched(row[0][0]["Plan"]) < 10 * WAITING


def touched(plan: dict[str, Any]) -> float:
    """Rows that the parts of a plan have handed on or looked at in vain, all of them together."""
    vain = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
    return plan["Actual Loops"] * (plan["Actual Rows"] + vain) + sum(map(touched, plan.get("Plans", [])))
