"""The question: any identifier in; an order's page, a list of several, or what is known of where it is not."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cuadra.accounts import Account
from cuadra.diagnosis import why
from cuadra.faces.desk import Desk
from cuadra.faces.web.rendering import address, page
from cuadra.jobs import looking

LONGEST = 200


@get("/a/{account:str}/ask")
async def ask(
    state: State, account: FromPath[str], q: FromQuery[str] = "", number: FromQuery[int] = 1
) -> Response[Any]:
    """From what is stored; a shop is asked in the next moment, where nothing is."""
    return await sync_to_thread(_stored, state.desk, account, q.strip()[:LONGEST], number)


@post("/a/{account:str}/ask")
async def ask_shops(state: State, account: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
    """The shops themselves."""
    given = (await request.form()).get("q", "")
    query = str(given).strip()[:LONGEST]
    part = request.headers.get("hx-request") == "true"
    return await sync_to_thread(_asked, state.desk, account, query, part)


def _stored(desk: Desk, name: str, query: str, number: int) -> Response[Any]:
    owner = desk.account(name)
    return _answered(desk, owner, query, number, asked=False) if query else Redirect(address(owner))


def _asked(desk: Desk, name: str, query: str, part: bool) -> Response[Any]:
    owner = desk.account(name)
    if not query:
        return Redirect(address(owner), status_code=303)
    looking.ask(desk.db, desk.settings, owner, query)
    return _answered(desk, owner, query, 1, asked=True, part=part)


def _answered(desk: Desk, owner: Account, query: str, number: int, *, asked: bool, part: bool = False) -> Response[Any]:
    answer = why.why(desk.db, owner, query, page=number)
    if isinstance(answer, why.Several):
        return _shown("several.html", owner, answer=answer, query=query, per_page=why.PAGE)
    if answer.order is not None:
        where = address(owner, "orders", answer.order["order"], q=query)
        if part:  # a part cannot lead elsewhere by a redirect: the page is told to go there
            return Response("", headers={"HX-Redirect": where})
        return Redirect(where, status_code=303 if asked else 302)
    shops = looking.askable(desk.db, owner)
    return _shown("unknown.html", owner, answer=answer, query=query, asked=asked, shops=shops)


def _shown(template: str, owner: Account, **values: Any) -> Response[str]:
    return page(template, account=owner, here="ask", **values)


HANDLERS = (ask, ask_shops)
