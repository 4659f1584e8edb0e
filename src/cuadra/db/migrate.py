"""Brings a database to this version: roles, then numbered SQL files, each in a transaction of its own."""

from __future__ import annotations

import re
from importlib.resources import files

import psycopg
from msgspec import Struct
from psycopg import sql as quoted

from cuadra.db import Conn, Database
from cuadra.errors import Refused

ROLES = ("cuadra_owner", "cuadra_app", "cuadra_intake", "cuadra_clock")
OLDEST = 150000


class Migration(Struct, frozen=True):
    """One file of `migrations/`; its first line says what it is for."""

    version: str
    purpose: str
    text: str


def migrations() -> list[Migration]:
    """All of them, in order."""
    found = []
    for file in sorted(files("cuadra.db").joinpath("migrations").iterdir(), key=lambda item: item.name):
        match = re.fullmatch(r"(\d{4}_\w+)\.sql", file.name)
        if match:
            text = file.read_text("utf-8")
            found.append(Migration(match[1], text.splitlines()[0].removeprefix("--").strip(), text))
    return found


def applied(db: Database) -> list[str]:
    """Versions that this database has; empty where it has nothing of ours."""
    conn = db.connection()
    row = conn.execute("SELECT to_regclass('public.schema_version') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return []
    with db.transaction(role="cuadra_clock") as conn:
        return [version for (version,) in conn.execute("SELECT version FROM schema_version ORDER BY version")]


def pending(db: Database) -> list[Migration]:
    """What is still to be applied."""
    have = set(applied(db))
    return [one for one in migrations() if one.version not in have]


def migrate(db: Database) -> list[str]:
    """Apply what is pending; returns its versions. Safe to run twice, and from two programs at once."""
    conn = db.connection()
    if conn.info.server_version < OLDEST:
        raise Refused("PostgreSQL {version} is too old; Cuadra needs 15 or later.",
                      version=conn.info.server_version // 10000)  # fmt: skip
    done: list[str] = []
    conn.execute("SELECT pg_advisory_lock(7207, 0)")
    try:
        _roles(conn)
        for one in pending(db):
            with db.transaction(role="cuadra_owner") as owner:
                owner.execute(one.text.encode())
                owner.execute("INSERT INTO schema_version (version) VALUES (%s)", (one.version,))
            done.append(one.version)
    finally:
        conn.execute("SELECT pg_advisory_unlock(7207, 0)")
    with db.transaction(role="cuadra_app") as app:
        app.execute("SELECT ensure_partitions((now() - interval '1 month')::date, 4)")
    return done


def _roles(conn: Conn) -> None:
    """The application's roles; whoever owns the database must be able to act as each of them."""
    for role in ROLES:
        name = quoted.Identifier(role)
        exists = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        try:
            if not exists:
                conn.execute(quoted.SQL("CREATE ROLE {} NOLOGIN").format(name))
            row = conn.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", (role,)).fetchone()
            if not row or not row[0] or conn.info.server_version >= 160000:
                conn.execute(quoted.SQL("GRANT {} TO CURRENT_USER").format(name))
        except psycopg.errors.DuplicateObject:
            continue  # another program was faster
        except psycopg.errors.InsufficientPrivilege as err:
            if exists and _can_be(conn, role):
                continue
            raise Refused("The database user may not create the role {role}; create it as an administrator and "
                          "grant it: CREATE ROLE {role}; GRANT {role} TO {user}.", role=role,
                          user=conn.info.user) from err  # fmt: skip
    database = quoted.Identifier(conn.info.dbname)
    conn.execute(quoted.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO cuadra_app").format(database))
    conn.execute("GRANT CREATE, USAGE ON SCHEMA public TO cuadra_owner")


def _can_be(conn: Conn, role: str) -> bool:
    row = conn.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", (role,)).fetchone()
    return bool(row and row[0])
