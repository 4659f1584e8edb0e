"""Every order ever heard of, newest first. What is filtered stands in the address."""

from __future__ import annotations

from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from cuadra import accounts
from cuadra.diagnosis import history as orders
from cuadra.faces.web.rendering import page

PAGE = 40


@get("/a/{account:str}/orders", sync_to_thread=True)
def history(
    state: State, account: FromPath[str], integration: FromQuery[str] = "", standing: FromQuery[str] = "", reason: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
) -> Response[str]:  # fmt: skip
    """A page of them."""
    desk = state.desk
    owner = desk.account(account)
    lines = orders.lines(desk.db, owner, integration=integration, standing=standing, reason=reason, limit=PAGE + 1,
                         before=before)  # fmt: skip
    return page(
        "history.html", account=owner, here="history", lines=lines[:PAGE], more=len(lines) > PAGE, before=before,
        integration=integration, standing=standing, reason=reason,
        integrations=[one.name for one in accounts.integrations(desk.db, owner)],
    )  # fmt: skip


HANDLERS = (history,)
