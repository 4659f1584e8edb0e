"""One account never sees another's rows, even through a query that forgot every WHERE."""

from __future__ import annotations

import psycopg
import pytest

from cuadra import accounts
from cuadra.db import Database
from tests.world import World, order

TENANT_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"""


@pytest.fixture
def two(world: World) -> tuple[World, int]:
    """A world with orders of its own, and the id of a second account beside it."""
    world.take(order("A-1"), order("A-2", state="pending"), order("A-3", lines=[]), b"{broken")
    return world, accounts.add(world.db, "other", "ARS", "AR", "UTC", 12)


def test_no_row_of_another_account_is_seen_with_every_where_left_out(two: tuple[World, int]) -> None:
    world, other = two
    tables = [name for (name,) in world.db.connection().execute(TENANT_TABLES)]
    assert len(tables) > 30
    filled = 0
    for table in tables:
        with world.db.transaction(world.account.account_id) as conn:
            mine = conn.execute(f"SELECT count(*), count(DISTINCT account_id) FROM {table}").fetchone()
        with world.db.transaction(other) as conn:
            theirs = conn.execute(f"SELECT count(*) FROM {table} WHERE account_id <> %s", (other,)).fetchone()
        with world.db.transaction() as conn:  # no account at all: nothing exists
            nobody = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert theirs == (0,), table
        assert nobody == (0,), table
        assert mine[1] <= 1, table
        filled += mine[0] > 0
    assert filled >= 14


def test_partitions_have_no_grants_of_their_own(db: Database) -> None:
    """Partitions do not inherit policies: whoever may touch one directly goes around them."""
    rows = (
        db.connection()
        .execute("""
        SELECT c.relname, r.rolname FROM pg_class c, pg_roles r
        WHERE c.relispartition AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND r.rolname IN ('cuadra_app', 'cuadra_intake', 'cuadra_clock')
          AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')""")
        .fetchall()
    )
    assert rows == []


def test_every_table_of_a_tenant_has_its_policy(db: Database) -> None:
    rows = (
        db.connection()
        .execute("""
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND NOT c.relrowsecurity""")
        .fetchall()
    )
    assert rows == []


def test_nobody_writes_into_another_account(two: tuple[World, int]) -> None:
    world, other = two
    with pytest.raises(psycopg.errors.InsufficientPrivilege), world.db.transaction(world.account.account_id) as conn:
        conn.execute("INSERT INTO store (account_id, platform, source_id, name) VALUES (%s, 'x', 'x', 'x')", (other,))
    with world.db.transaction(other) as conn:
        assert conn.execute("UPDATE orders SET standing = standing").rowcount == 0
        assert conn.execute("DELETE FROM orders").rowcount == 0


def test_the_intake_puts_in_and_sees_nothing(two: tuple[World, int]) -> None:
    world, other = two
    with world.db.transaction(role="cuadra_intake") as conn:
        conn.execute(
            "INSERT INTO receipt (account_id, receipt_id, retention, received_at, integration_id, arrival, kind, "
            "sequence, body) VALUES (%s, 1, 12, now(), 1, 'webhook', 'order', 1, '')",
            (other,),
        )
    for table in ("receipt", "orders", "inbox", "secret"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), world.db.transaction(role="cuadra_intake") as conn:
            conn.execute(f"SELECT count(*) FROM {table}")


def test_the_clock_sees_ids_and_due_times_only(two: tuple[World, int]) -> None:
    world, _ = two
    with world.db.transaction(role="cuadra_clock") as conn:
        assert conn.execute("SELECT count(order_id) FROM orders").fetchone() == (3,)
    for column in ("content", "customer_name", "total"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), world.db.transaction(role="cuadra_clock") as conn:
            conn.execute(f"SELECT {column} FROM orders")


def test_the_log_can_only_grow(two: tuple[World, int]) -> None:
    world, _ = two
    for table in ("audit", "integration_state", "rule_version"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET account_id = account_id"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                world.db.transaction(world.account.account_id) as conn,
            ):
                conn.execute(statement)


def test_a_non_success_without_reason_or_evidence_cannot_be_written(two: tuple[World, int]) -> None:
    world, _ = two
    for change in (
        "standing = 'held'", "standing = 'present', reason = 'x'", "evidence = NULL WHERE standing = 'held'",
        "standing = 'lost', reason = 'x'",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.CheckViolation), world.db.transaction(world.account.account_id) as conn:
            conn.execute(f"UPDATE orders SET {change}".replace("held'", "held'"))
