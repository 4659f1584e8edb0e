"""The schema file is the truth: migrations build the same database, and every named statement fits it."""

from __future__ import annotations

import re
import uuid
from importlib.resources import files

import psycopg

from cuadra.db import Database, queries
from cuadra.db.migrate import migrate, migrations, pending
from tests.conftest import Server

#: everything of a schema that a difference could hide in, one line each
PICTURE = """
SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
       || ' ' || COALESCE(pg_get_expr(d.adbin, d.adrelid), '') || ' ' || a.attcollation::regcollation
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND c.relname !~ '_r\\d+_\\d+$'
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '_r\\d+_\\d+$'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text !~ '_r\\d+_\\d+$'
UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || ' ' || roles::text || ' ' || cmd || ' ' || COALESCE(qual, '')
       || ' ' || COALESCE(with_check, '') FROM pg_policies
UNION ALL SELECT 'grant ' || table_name || ' ' || grantee || ' ' || privilege_type FROM information_schema.role_table_grants
WHERE table_schema = 'public' AND table_name !~ '_r\\d+_\\d+$'
UNION ALL SELECT 'function ' || p.oid::regprocedure || ' ' || md5(pg_get_functiondef(p.oid)) || COALESCE(p.proacl::text, '')
FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT 'sequence ' || sequencename || ' ' || increment_by || ' ' || start_value FROM pg_sequences
ORDER BY 1
"""


def test_migrations_build_what_the_schema_file_says(server: Server, info: str) -> None:
    name = f"t_{uuid.uuid4().hex[:12]}"
    schema = files("cuadra.db").joinpath("schema.sql").read_text("utf-8")
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER cuadra")
    try:
        with psycopg.connect(info.replace(re.search(r"dbname=(\S+)", info)[1], name), autocommit=True) as conn:
            conn.execute("GRANT CREATE, USAGE ON SCHEMA public TO cuadra_owner")
            conn.execute("SET ROLE cuadra_owner")
            conn.execute(schema)
            of_file = conn.execute(PICTURE).fetchall()
        with psycopg.connect(info, autocommit=True) as conn:
            conn.execute("SET ROLE cuadra_owner")
            of_migrations = conn.execute(PICTURE).fetchall()
    finally:
        with psycopg.connect(server.admin, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name}")
    assert of_file == of_migrations
    assert len(of_file) > 400


def test_migrating_twice_does_nothing(db: Database) -> None:
    assert pending(db) == []
    assert migrate(db) == []
    assert [one.version for one in migrations()] == ["0001_start"]
    assert all(one.purpose.endswith(".") for one in migrations())


#: statements of the administration and of the intake, which the app may not run
ROLES = {
    "add_account": "cuadra_owner", "load_directory": "cuadra_intake", "take_notices": "cuadra_intake",
    "note_refusals": "cuadra_intake", "keep_platform_notice": "cuadra_intake", "list_platform_notices": "cuadra_clock", "list_unscheduled": "cuadra_clock", "put_schedule": "cuadra_clock", "list_schedule_due": "cuadra_clock", "claim_schedule": "cuadra_clock", "end_schedule": "cuadra_clock", "hasten": "cuadra_clock", "add_worker": "cuadra_clock", "see_worker": "cuadra_clock", "end_worker": "cuadra_clock", "list_workers": "cuadra_clock", "note_disk": "cuadra_clock", "drop_disk_samples": "cuadra_clock", "list_disk": "cuadra_clock", "list_arrivals": "cuadra_clock", "list_questions": "cuadra_clock", "find_deliverable": "cuadra_clock"}  # fmt: skip


def test_every_statement_is_prepared(db: Database) -> None:
    """Parsed and planned by PostgreSQL against the schema: a column that is gone is found here, not by a user."""
    db.stage()
    wrong = {}
    for name, statement in queries.ALL.items():
        if name == "create_staging":
            continue
        plain = re.sub(r"%\(\w+\)s|%s", "NULL", statement.replace("%%", "%"))
        try:
            with db.transaction(1, role=ROLES.get(name, "cuadra_app")) as conn:
                conn.execute(b"EXPLAIN " + plain.encode())
        except psycopg.Error as err:
            wrong[name] = str(err)
    assert wrong == {}
    assert len(queries.ALL) > 100


def test_every_key_of_a_tenant_begins_with_its_account(db: Database) -> None:
    """So that the schema can be distributed by account without a line of code changed."""
    rows = (
        db.connection()
        .execute("""
        SELECT c.relname, a.attname
        FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')""")
        .fetchall()
    )
    assert {table for table, first in rows if first != "account_id"} == {"schema_version", "worker", "disk_sample"}
    keyless = (
        db.connection()
        .execute("""
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
        AND c.relname !~ '^attempt'""")
        .fetchall()
    )
    assert keyless == []


def test_partitions_are_made_ahead_and_old_ones_dropped_only_without_work(db: Database) -> None:
    conn = db.connection()
    with db.transaction(role="cuadra_clock") as clock:
        clock.execute("SELECT ensure_partitions('2020-01-01', 2)")
        assert clock.execute("SELECT ensure_partitions('2020-01-01', 2)").fetchone() == (0,)
    with db.transaction(role="cuadra_owner") as owner:
        owner.execute(
            "INSERT INTO inbox (account_id, integration_id, retention, received_at, first_receipt, last_receipt) "
            "VALUES (1, 1, 3, '2020-01-15', 1, 1)"
        )
    with db.transaction(role="cuadra_clock") as clock:
        (dropped,) = clock.execute("SELECT drop_old_partitions('2026-11-21')").fetchone()
    assert "receipt_r3_202001" not in dropped
    assert {"attempt_r3_202001", "receipt_r12_202001", "receipt_r36_202002"} <= set(dropped)
    assert conn.execute("SELECT to_regclass('receipt_r3_202001') IS NOT NULL").fetchone() == (True,)


def test_list_queries_use_their_index_under_the_policy(db: Database) -> None:
    """A comparison that is not leakproof keeps PostgreSQL from using an index below a policy; these are written so
    that it can."""
    with db.transaction(role="cuadra_owner") as owner:
        owner.execute("""
            INSERT INTO orders (account_id, order_id, store_id, source_id, integration_id, ordered_at, standing, sequence,
                                digest, version, rule_version, first_seen, changed_at, content)
            SELECT g % 3, g, 1, 's' || g, 1, now() - make_interval(mins => g), 'present', 1, '', 1, 1, now(), now(), '{}'
            FROM generate_series(1, 30000) g""")
        owner.execute(
            "INSERT INTO identifier SELECT g % 3, 'n' || g, 'order', g, 'N' || g FROM generate_series(1, 30000) g"
        )
        owner.execute("ANALYZE orders, identifier")
    with db.transaction(1) as conn:
        # a table this small is sorted or scanned faster than looked up; the question is what an index may serve
        conn.execute("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        for name, values, index in (
            ("list_history", {"integration": None, "standing": None, "reason": None, "before": None, "limit": 50},
             "orders_newest"),
            ("list_history", {"integration": 1, "standing": "held", "reason": None, "before": 31, "limit": 50},
             "orders_newest"),
            ("newest_of_each_standing", {"most": 50}, "orders_newest"),
            ("count_missing", {"reasons": ["status_not_mapped"], "most": 50}, "Index Only Scan using orders_not_present"),
            ("today_by_integration", {"since": "2100-01-01"}, "orders_newest"),
            ("find_identifiers", {"normal": "n31", "limit": 50}, "identifier_pkey"),
            ("load_orders", {"store": 1, "ids": ["s1", "s4"]}, "orders_one_order_is_one_order"),
        ):  # fmt: skip
            plan = conn.execute(b"EXPLAIN " + queries.ALL[name].encode(), {"account": 1, **values}).fetchall()
            assert index in str(plan), name + "".join(chr(10) + line for (line,) in plan)


def test_known_rows_are_written_by_their_keys_whatever_the_planner_knows(db: Database) -> None:
    """Of an account that has just begun it knows nothing; it would read all orders for each batch."""
    db.stage()
    for name, table in (("write_known_orders", "orders"), ("write_known_customers", "customer")):
        with db.transaction(1) as conn:
            found = conn.execute(
                b"EXPLAIN " + queries.ALL[name].encode(), {"account": 1, "store": 1, "now": "2026-11-21"}
            )
            plan = "\n".join(line for (line,) in found)
        assert f"Conflict Arbiter Indexes: {table}_pkey" in plan
        assert f"on {table} " not in plan.partition("\n")[2]
