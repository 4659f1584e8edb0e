"""Looks whether everything that Cuadra needs is as it should be. Reads only."""

from __future__ import annotations

import os
import shutil

from cuadra import accounts, connectors, folders
from cuadra.connectors.base import Finding
from cuadra.db import Database, migrate
from cuadra.db.queries import sql
from cuadra.errors import CuadraError, Refused
from cuadra.settings import Settings

LEAST_FREE = 1 << 30
#: places of a finding that hold a word of the program, and not a value
WORDS = ("where", "state")


def examine(settings: Settings, db: Database) -> list[Finding]:
    """All findings. Raises Refused where the program works as a superuser of somebody's server."""
    conn = db.connection()
    version = conn.info.server_version
    found = [Finding(version >= migrate.OLDEST, "PostgreSQL {version} ({where})", {
        "version": f"{version // 10000}.{version % 10000}",
        "where": "CUADRA_DATABASE_URL" if settings.database_url else "embedded",
    })]  # fmt: skip
    row = conn.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = session_user").fetchone()
    if row and (row[0] or row[1]):
        raise Refused("The database user {user} is a superuser or bypasses row-level security; give Cuadra an ordinary "
                      "user that owns its database.", user=conn.info.user)  # fmt: skip
    found.append(Finding(True, "The database user is no superuser"))
    waiting = migrate.pending(db)
    found.append(Finding(not waiting, "Schema {version}" if not waiting else "{n} migrations are pending: cuadra db migrate",
                         {"version": (migrate.applied(db) or ["–"])[-1], "n": len(waiting)}))  # fmt: skip
    if not waiting:
        found += _stored(db)
    found += _disk(settings)
    found += _integrations(db) if not waiting else []
    return found


def _stored(db: Database) -> list[Finding]:
    with db.transaction(role="cuadra_clock") as conn:
        open_tables = [name for (name,) in conn.execute(sql("tables_without_policy"))]
        row = conn.execute(sql("oldest_work")).fetchone()
        synced = conn.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')").fetchone()
    pieces, oldest = row if row else (0, None)
    return [
        Finding(not open_tables, "Row-level security holds on every table of a tenant" if not open_tables else
                "Tables without row-level security: {tables}", {"tables": ", ".join(open_tables)}),
        Finding(synced == ("on", "on"), "fsync and synchronous_commit are on" if synced == ("on", "on") else
                "fsync is {fsync} and synchronous_commit {commit}: a crash can lose what was said to be stored",
                {"fsync": synced[0] if synced else "?", "commit": synced[1] if synced else "?"}),
        Finding(None if pieces else True, "The inbox is empty" if not pieces else
                "{n} batches wait in the inbox, the oldest since {since}; the next import takes them",
                {"n": pieces, "since": f"{oldest:%Y-%m-%d %H:%M} UTC" if oldest else None}),
    ]  # fmt: skip


def _disk(settings: Settings) -> list[Finding]:
    folders.private(settings.home)
    free = shutil.disk_usage(settings.home).free
    key = settings.home / "keys"
    found = [
        Finding(free > LEAST_FREE, "{free} GiB free in {home}", {"free": f"{free / 2**30:.1f}", "home": settings.home})
    ]
    if key.exists() and not settings.key_file:
        private = not key.stat().st_mode & 0o077
        found.append(Finding(private, "The key file is private" if private else
                             "Others can read the key file; run chmod 600 {file}", {"file": key}))  # fmt: skip
    return found


def _integrations(db: Database) -> list[Finding]:
    found = []
    for number, _name in accounts.names(db):
        account = accounts.get(db, number)
        for one in accounts.integrations(db, account):
            try:
                connectors.get(one.connector).check(one.settings)
            except CuadraError as error:
                found.append(Finding(False, "{name}: {why}", {"name": one.name, "why": error}))
                continue
            path = one.settings.get("path")
            readable = path is None or os.access(path, os.R_OK)
            found.append(Finding(readable, "{name}: {state}, its source can be read" if readable else
                                 "{name}: {path} cannot be read by this user",
                                 {"name": one.name, "state": one.state, "path": path}))  # fmt: skip
    return found
