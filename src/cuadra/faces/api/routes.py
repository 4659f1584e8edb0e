"""The same answers for programs, as JSON: what the commands say with --json, over HTTP on this machine."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import structs

from cuadra import accounts
from cuadra import reasons as catalogue
from cuadra.diagnosis import history, journey, ran, why
from cuadra.faces.saying import plain
from cuadra.jobs import looking, status

MOST = 200
"""Orders, or runs, of one page."""

Limit = Annotated[int, QueryParameter(ge=1, le=MOST)]


@get("/accounts", sync_to_thread=True)
def list_accounts(state: State) -> list[str]:
    """The accounts, by name."""
    found: list[str] = state.desk.accounts()
    return found


@get("/{account:str}/status", sync_to_thread=True)
def get_status(state: State, account: FromPath[str]) -> Any:
    """Whether everything arrives: as `cuadra status --json`."""
    found = status.status(state.desk.db, state.desk.account(account))
    return plain({**structs.asdict(found), "well": found.well})


@get("/{account:str}/why", sync_to_thread=True)
def get_why(state: State, account: FromPath[str], q: FromQuery[str], page: FromQuery[int] = 1) -> Any:
    """The verdict over an identifier, by what is stored: as `cuadra why --stored --json`."""
    return plain(why.why(state.desk.db, state.desk.account(account), q, page=page))


@post("/{account:str}/ask", sync_to_thread=True, status_code=200)
def ask_why(state: State, account: FromPath[str], q: FromQuery[str]) -> Any:
    """The same after the shops themselves were asked: as `cuadra why --json`."""
    desk = state.desk
    owner = desk.account(account)
    looking.ask(desk.db, desk.settings, owner, q)
    return plain(why.why(desk.db, owner, q))


@get("/{account:str}/orders", sync_to_thread=True)
def list_orders(state: State, account: FromPath[str], integration: FromQuery[str] = "", standing: FromQuery[str] = "", reason: FromQuery[str] = "", limit: Limit = 40,
                before: FromQuery[int | None] = None) -> Any:  # fmt: skip
    """A page of the history, newest first; `before` is the `order` of the last one of the page before."""
    found = history.lines(state.desk.db, state.desk.account(account), integration=integration, standing=standing,
                          reason=reason, limit=limit, before=before)  # fmt: skip
    return plain(found)


@get("/{account:str}/orders/{order:int}", sync_to_thread=True)
def get_order(state: State, account: FromPath[str], order: FromPath[int]) -> Any:
    """One order with its verdict and everything that is stored of it, by our own number."""
    desk = state.desk
    owner = desk.account(account)
    found = journey.journey(desk.db, owner, order)
    return plain({
        "answer": why.of_order(desk.db, owner, order), "content": found.content, "attempts": found.passages,
        "receipts": found.arrived, "versions": found.versions, "comments": found.happened,
    })  # fmt: skip


@get("/{account:str}/runs", sync_to_thread=True)
def list_runs(state: State, account: FromPath[str], integration: FromQuery[str] = "", limit: Limit = 40,
              before: FromQuery[int | None] = None) -> Any:  # fmt: skip
    """A page of runs, newest first; `before` is the `run` of the last one of the page before."""
    desk = state.desk
    owner = desk.account(account)
    only = accounts.integration_named(desk.db, owner, integration).integration_id if integration else None
    return plain(ran.runs(desk.db, owner, integration=only, limit=limit, before=before))


@get("/{account:str}/runs/{run:int}", sync_to_thread=True)
def get_run(state: State, account: FromPath[str], run: FromPath[int]) -> Any:
    """One run with its report."""
    return plain(ran.run(state.desk.db, state.desk.account(account), run))


@get("/reasons", sync_to_thread=True)
def list_reasons() -> Any:
    """The catalogue of reasons."""
    return plain(list(catalogue.every().values()))


ROUTES = Router("/api", route_handlers=[
    list_accounts, get_status, get_why, ask_why, list_orders, get_order, list_runs, get_run, list_reasons,
])  # fmt: skip
