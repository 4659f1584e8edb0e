"""Every order ever heard of, newest first. What is filtered stands in the address."""

from __future__ import annotations

from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from cuadra import accounts
from cuadra.diagnosis import history as orders
from cuadra.diagnosis.missing import Missing, missing
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
        integrations=[one.name for one in accounts.integrations(desk.db, owner)], reasons=_reasons(missing(desk.db, owner), reason),
    )  # fmt: skip


def _reasons(found: list[Missing], chosen: str) -> list[tuple[str, int, bool]]:
    """(reason, its orders, whether there are more): those that keep anything away, and the one that is looked at."""
    counts: dict[str, tuple[int, bool]] = {}
    for one in found:
        many, more = counts.get(one.reason, (0, False))
        counts[one.reason] = many + one.count, more or one.more
    if chosen:
        counts.setdefault(chosen, (0, False))
    return [(code, many, more) for code, (many, more) in counts.items()]


HANDLERS = (history,)
