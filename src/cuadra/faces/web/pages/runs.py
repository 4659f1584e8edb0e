"""Runs: what came, what became of it, and the bad rows of file sets, ready to be corrected."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from cuadra import accounts, reasons
from cuadra.diagnosis import ran
from cuadra.errors import NotFound
from cuadra.faces.web.rendering import page
from cuadra.jobs import returning
from cuadra.texts import language

PAGE = 40


@get("/a/{account:str}/runs", sync_to_thread=True)
def runs(state: State, account: FromPath[str], integration: FromQuery[str] = "",
         before: FromQuery[int | None] = None) -> Response[str]:  # fmt: skip
    """A page of them, newest first."""
    desk = state.desk
    owner = desk.account(account)
    only = accounts.integration_named(desk.db, owner, integration).integration_id if integration else None
    found = ran.runs(desk.db, owner, integration=only, before=before, limit=PAGE + 1)
    return page("runs.html", account=owner, here="runs", runs=found[:PAGE], more=len(found) > PAGE, integration=integration,
                before=before, integrations=[one.name for one in accounts.integrations(desk.db, owner)])  # fmt: skip


@get("/a/{account:str}/runs/{number:int}", sync_to_thread=True)
def run(state: State, account: FromPath[str], number: FromPath[int]) -> Response[str]:
    """One of them."""
    owner = state.desk.account(account)
    found = ran.run(state.desk.db, owner, number)
    bad = ran.bad_rows(state.desk.db, owner, number) if found.bad_rows else []
    return page("run.html", account=owner, here="runs", run=found, bad=bad)


@post("/a/{account:str}/integrations/{name:str}/rejects.zip", sync_to_thread=True, status_code=200)
def rejects(state: State, account: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """All rows of an integration that could not be taken and were not corrected since, in the layout in which they came."""
    desk = state.desk
    owner = desk.account(account)
    one = accounts.integration_named(desk.db, owner, name)
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        lang = language()
        written = returning.write(desk.db, owner, one, Path(folder), lambda code: reasons.get(code).action.get(lang))
        for file in written:
            archive.write(file.file, str(file.file.relative_to(folder)))
    if not written:
        raise NotFound("No row of {name} waits to be corrected.", name=name)
    if any(file.personal for file in written):
        desk.audit(owner, "personal data shown", "files rejects", integration=name)
    return Response(packed.getvalue(), media_type="application/zip", headers={
        "Content-Disposition": 'attachment; filename="rejects.zip"', "Cache-Control": "no-store",
    })  # fmt: skip


HANDLERS = (runs, run, rejects)
