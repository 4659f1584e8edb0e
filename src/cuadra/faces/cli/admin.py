"""Commands for whoever runs the machine: doctor, backup, restore, the database, keys, exports."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Annotated

import typer

import cuadra.db as database
from cuadra import accounts, secrets
from cuadra.db import Database, backup, embedded, migrate, restore
from cuadra.diagnosis import export, history
from cuadra.errors import Unreachable, UsageError
from cuadra.faces.cli import findings
from cuadra.faces.cli.context import (
    AccountOption,
    JsonOption,
    PersonalOption,
    as_json,
    author,
    err,
    out,
    progress,
    session,
    told,
)
from cuadra.faces.saying import number
from cuadra.jobs import doctor
from cuadra.settings import Settings
from cuadra.texts import _, plural


def doctor_command(json: JsonOption = False) -> None:
    settings = Settings.load()
    with Database(database.conninfo(settings, told)) as db:
        found = doctor.examine(settings, db)
    if json:
        as_json([{"good": one.good, "text": one.text.format(**one.values)} for one in found])
    else:
        for one in found:
            findings.show(one)
    if any(one.good is False for one in found):
        raise typer.Exit(1)


def backup_command(
    target: Annotated[Path, typer.Argument(metavar="FILE", help=_("Where to write it."))], json: JsonOption = False
) -> None:
    report = backup.backup(Settings.load(), target, told)
    if json:
        as_json({"file": str(report.path), "size": report.size, "seconds": round(report.seconds, 3),
                 "rows": report.manifest.rows, "keys": str(report.keys)})  # fmt: skip
        return
    text = _("Saved to {file}: {size} bytes in {seconds} s. Keys of credentials are not in it; keep {keys} apart.")
    out.print(text.format(file=report.path, size=number(report.size), seconds=f"{report.seconds:.1f}", keys=report.keys),
              markup=False, soft_wrap=True)  # fmt: skip


def restore_command(
    source: Annotated[Path, typer.Argument(metavar="FILE", help=_("The backup."))],
    replace: Annotated[bool, typer.Option("--replace", help=_("Replace the accounts that are there."))] = False,
    json: JsonOption = False,
) -> None:
    report = restore.restore(Settings.load(), source, told, replace=replace)
    if json:
        as_json({"file": str(report.path), "seconds": round(report.seconds, 3), "rows": report.manifest.rows,
                 "migrated": report.migrated, "key_ids": report.key_ids})  # fmt: skip
        return
    orders = number(report.manifest.rows.get("orders", 0))
    text = _("Restored {orders} orders from {file} in {seconds} s.")
    out.print(
        text.format(orders=orders, file=report.path, seconds=f"{report.seconds:.1f}"), markup=False, soft_wrap=True
    )
    if report.key_ids:
        keys = _("Its credentials need the keys {ids} in {file}.")
        out.print(keys.format(ids=", ".join(report.key_ids), file=report.keys), markup=False, soft_wrap=True)


# ---------------------------------------------------------------- exports

export_app = typer.Typer()


@export_app.callback()
def _exports() -> None:
    """A group, although it has one command so far."""


@export_app.command("orders", help=_("All orders as a file."))
def export_orders(
    form: Annotated[export.Format, typer.Option("--format", help=_("How to write them."))] = "csv",
    to: Annotated[Path | None, typer.Option(help=_("File to write; without it, standard output."))] = None,
    standing: Annotated[str | None, typer.Option(help=_("Only orders that stand so."))] = None,
    show_personal: PersonalOption = False,
    account: AccountOption = None,
) -> None:
    if standing is not None and standing not in history.STANDINGS:
        raise UsageError("«{value}» is no standing; there are {known}.", value=standing,
                         known=", ".join(history.STANDINGS))  # fmt: skip
    if to is None and form == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal; name a file: --to orders.parquet.")
    with session() as s, progress() as watch:
        owner = s.account(account)
        if show_personal:
            s.audit(owner, "personal data shown", "export")

        def write(target: IO[bytes]) -> int:
            return export.export(s.db, owner, form, target, personal=show_personal, standing=standing,
                                 progress=lambda done: watch("exported", done, None))  # fmt: skip

        if to is None:
            write(sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        part = to.with_name(to.name + ".part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
                done = write(target)
                target.flush()
                os.fsync(target.fileno())
            part.replace(to)
        except OSError as error:
            raise Unreachable("{file} cannot be written: {why}.", file=to, why=error.strerror) from error
    text = plural("{n} order written to {file}", "{n} orders written to {file}", done)
    err.print(text.replace("{file}", str(to)), markup=False, soft_wrap=True)


# ---------------------------------------------------------------- database

db_app = typer.Typer()


@db_app.command("migrate", help=_("Bring the database to this version."))
def db_migrate(json: JsonOption = False) -> None:
    with Database(database.conninfo(Settings.load(), told)) as db:
        done = migrate.migrate(db)
    if json:
        as_json({"applied": done})
    elif done:
        out.print(_("Applied: {versions}").format(versions=", ".join(done)), markup=False)
    else:
        out.print(_("Nothing to do: the database is of this version."))


@db_app.command("status", help=_("Which database, where, how large."))
def db_status(json: JsonOption = False) -> None:
    settings = Settings.load()
    with Database(database.conninfo(settings, told)) as db:
        versions, waiting = migrate.applied(db), [one.version for one in migrate.pending(db)]
        server = db.connection().info.server_version
        row = db.connection().execute("SELECT pg_database_size(current_database())").fetchone()
    where = embedded.status(settings.home) if not settings.database_url else None
    found = {
        "server": f"{server // 10000}.{server % 10000}", "embedded": where is not None,
        "data": str(where.data) if where else None, "bytes": row[0] if row else None, "applied": versions,
        "pending": waiting,
    }  # fmt: skip
    if json:
        as_json(found)
        return
    kind = _("embedded, data in {folder}").format(folder=found["data"]) if where else "CUADRA_DATABASE_URL"
    out.print(f"PostgreSQL {found['server']} ({kind})", markup=False, soft_wrap=True)
    out.print(_("{size} MiB; schema {version}; {n} migrations pending").format(
        size=number(int(row[0] if row else 0) >> 20), version=versions[-1] if versions else "–", n=len(waiting)))  # fmt: skip


@db_app.command("start", help=_("Start the embedded server."))
def db_start() -> None:
    settings = Settings.load()
    if settings.database_url:
        raise UsageError("CUADRA_DATABASE_URL names a server of its own; it is not ours to start.")
    embedded.start(settings.home, told)
    out.print(_("The embedded server runs."))


@db_app.command("stop", help=_("Stop the embedded server."))
def db_stop() -> None:
    embedded.stop(Settings.load().home)
    out.print(_("The embedded server is stopped."))


keys_app = typer.Typer()


@keys_app.callback()
def _keys() -> None:
    """A group, although it has one command so far."""


@keys_app.command("rotate", help=_("A new key for credentials; every one is sealed again with it."))
def keys_rotate() -> None:
    with session() as s:
        keys = secrets.KeyFile.of(s.settings)
        done = secrets.rotate(s.db, keys, [one for one, _name in accounts.names(s.db)], actor=author())
    out.print(plural("{n} credential sealed with a new key.", "{n} credentials sealed with a new key.", done))
