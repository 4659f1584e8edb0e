"""The first page: the question, whether everything arrives, and one order of each kind worth asking about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from litestar import Response, get
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage

from cuadra.accounts import Account
from cuadra.db.queries import sql
from cuadra.diagnosis import history
from cuadra.errors import Unreachable
from cuadra.faces.desk import Desk
from cuadra.faces.web.rendering import page
from cuadra.jobs import status

NEWEST = 8
WORTH = 2_000
"""Among so many of the newest orders one of each standing is looked for."""
ORDER = ("failed", "held", "waiting", "skipped", "present", "unseen")
"""The standings worth asking about, the most urgent first."""
BEAT_SECONDS = 1.0
SILENT_BEATS = 15


@get("/a/{account:str}", sync_to_thread=True)
def home(state: State, account: FromPath[str]) -> Response[str]:
    """All of it."""
    owner = state.desk.account(account)
    return page("home.html", account=owner, here="home", **_now(state.desk, owner))


@get("/a/{account:str}/now", sync_to_thread=True)
def now(state: State, account: FromPath[str]) -> Response[str]:
    """The part of it that changes."""
    owner = state.desk.account(account)
    return page("home_now.html", account=owner, **_now(state.desk, owner))


@get("/a/{account:str}/live")
async def live(state: State, account: FromPath[str]) -> ServerSentEvent:
    """«changed», whenever something is different; pages then ask for what they show of it."""
    owner = await sync_to_thread(state.desk.account, account)
    return ServerSentEvent(_beats(state.desk, owner))


def _now(desk: Desk, owner: Account) -> dict[str, Any]:
    found = status.status(desk.db, owner)
    with desk.db.transaction(owner.account_id) as conn:
        rows = conn.execute(sql("newest_of_each_standing"), {"account": owner.account_id, "most": WORTH}).fetchall()
    names = ("order", "identifier", "standing", "reason", "date", "total", "currency")
    worth = [dict(zip(names, row, strict=True)) for row in rows]
    worth.sort(key=lambda one: ORDER.index(one["standing"]))
    return {"status": found, "worth": worth, "newest": history.lines(desk.db, owner, limit=NEWEST)}


async def _beats(desk: Desk, owner: Account) -> AsyncIterator[ServerSentEventMessage]:
    last, silent = await sync_to_thread(_pulse, desk, owner), 0
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        found = await sync_to_thread(_pulse, desk, owner)
        silent += 1
        # now and then in any case: what is late, and how long ago, grows by itself
        if found != last or silent >= SILENT_BEATS:
            last, silent = found, 0
            yield ServerSentEventMessage(event="changed", data="1")


def _pulse(desk: Desk, owner: Account) -> tuple[Any, ...]:
    try:
        with desk.db.transaction(owner.account_id) as conn:
            return conn.execute(sql("pulse"), {"account": owner.account_id}).fetchone() or ()
    except (psycopg.OperationalError, Unreachable):  # it comes back, and then everything is different
        desk.db.close()
        return ("away",)


HANDLERS = (home, now, live)
