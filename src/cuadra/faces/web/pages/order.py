"""One order: the verdict on top, its journey step by step, and everything that is stored of it."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from cuadra import reasons
from cuadra.accounts import Account
from cuadra.db.queries import sql
from cuadra.diagnosis import journey, why
from cuadra.faces.desk import Desk
from cuadra.faces.saying import when
from cuadra.faces.web.rendering import address, page, reason_text
from cuadra.jobs import looking, ways
from cuadra.ledger.rejudge import rejudge
from cuadra.texts import _, language


@get("/a/{account:str}/orders/{number:int}", sync_to_thread=True)
def order(state: State, account: FromPath[str], number: FromPath[int], q: FromQuery[str] = "") -> Response[str]:
    """As it stands now."""
    return _shown(state.desk, state.desk.account(account), number, query=q)


@post("/a/{account:str}/orders/{number:int}/shown", sync_to_thread=True)
def shown(state: State, account: FromPath[str], number: FromPath[int]) -> Response[str]:
    """With the personal data, once, on purpose; that it was looked at is written down."""
    owner = state.desk.account(account)
    state.desk.audit(owner, "personal data shown", "order", order=number)
    return _shown(
        state.desk, owner, number, personal=True, said=_("Personal data is shown on this page, and this was logged.")
    )


@post("/a/{account:str}/orders/{number:int}/resync", sync_to_thread=True)
def resync(state: State, account: FromPath[str], number: FromPath[int]) -> Response[str]:
    """Run the pipeline again on what is stored."""
    desk = state.desk
    owner = desk.account(account)
    before = why.of_order(desk.db, owner, number)
    judged = rejudge(desk.db, ways.way_by_id(desk.db, owner, _integration(desk, owner, number)), [number])
    desk.audit(owner, "order judged again", "order", order=number)
    after = why.of_order(desk.db, owner, number)
    if judged.frozen:
        said = _("It is frozen since the stock write-off: nothing of it changes by itself.")
    else:
        said = _("Run again as it is stored, by the rules of now.") + " " + _moved(before, after)
    return _shown(desk, owner, number, said=said)


@post("/a/{account:str}/orders/{number:int}/relink", sync_to_thread=True)
def relink(state: State, account: FromPath[str], number: FromPath[int]) -> Response[str]:
    """Fetch it again from its shop, then run the pipeline."""
    desk = state.desk
    owner = desk.account(account)
    before = why.of_order(desk.db, owner, number)
    asked = looking.again(desk.db, desk.settings, owner, number)
    desk.audit(owner, "order fetched again", "order", order=number)
    after = why.of_order(desk.db, owner, number)
    if asked is None:
        said, good = _("Its source cannot be asked: it brings files, or it is paused."), False
    elif asked.trouble is not None:
        said, good = _("The shop could not be asked:") + " " + reason_text(asked.trouble[0]), False
    else:
        said, good = (
            _("The shop answered at {at}.").format(at=when(asked.at, owner.time_zone)) + " " + _moved(before, after),
            True,
        )
    return _shown(desk, owner, number, said=said, good=good)


@get("/a/{account:str}/orders/{number:int}/receipts/{receipt:int}", sync_to_thread=True)
def receipt(state: State, account: FromPath[str], number: FromPath[int], receipt: FromPath[int]) -> Response[str]:
    """The source's own words, with what they say of people hidden."""
    return _body(state.desk, state.desk.account(account), number, receipt)


@post("/a/{account:str}/orders/{number:int}/receipts/{receipt:int}/shown", sync_to_thread=True)
def receipt_shown(state: State, account: FromPath[str], number: FromPath[int], receipt: FromPath[int]) -> Response[str]:
    """The same with everything, on purpose."""
    owner = state.desk.account(account)
    state.desk.audit(owner, "personal data shown", "receipt", order=number, receipt=receipt)
    return _body(state.desk, owner, number, receipt, personal=True)


def _body(desk: Desk, owner: Account, number: int, receipt: int, *, personal: bool = False) -> Response[str]:
    found = journey.journey(desk.db, owner, number, personal=personal)
    text = journey.body(desk.db, owner, number, receipt, personal=personal)
    return page("receipt.html", account=owner, here="history", number=number, receipt=receipt, text=text,
                content=found.content, row=found.row, personal=personal,
                back=address(owner, "orders", number, "receipts", receipt))  # fmt: skip


def _moved(before: why.Answer, after: why.Answer) -> str:
    """What has become of it, in a sentence."""
    text = after.text[language()] if after.reason else _("It is present.")
    if (before.standing, before.reason) == (after.standing, after.reason):
        return _("It stands as before: {text}").format(text=text)
    return _("It stands elsewhere now: {text}").format(text=text)


def _shown(desk: Desk, owner: Account, number: int, *, query: str = "", personal: bool = False, said: str = "",
           good: bool = True) -> Response[str]:  # fmt: skip
    answer = why.of_order(desk.db, owner, number, query=query, personal=personal)
    found = journey.journey(desk.db, owner, number, personal=personal)
    live = any(one == found.row.integration for one in looking.askable(desk.db, owner))
    filed = found.row.standing == "failed" and bool(found.arrived) and found.arrived[0].arrival == "file"
    # its row came back with that run's bad ones: nothing here corrects it
    bad_run = found.arrived[0].run if filed else None
    article = answer.reason if answer.reason and reasons.article(answer.reason, language()) else None
    return page(
        "order.html", account=owner, here="history", number=number, answer=answer, journey=found, row=found.row,
        query=query, personal=personal, said_now=said, good=good, live=live, article=article, bad_run=bad_run,
        back=address(owner, "orders", number, q=query),
    )  # fmt: skip


def _integration(desk: Desk, owner: Account, number: int) -> int:
    with desk.db.transaction(owner.account_id) as conn:
        row = conn.execute(sql("get_order_standing"), {"account": owner.account_id, "order": number}).fetchone()
    assert row is not None
    return int(row[1])


HANDLERS = (order, shown, resync, relink, receipt, receipt_shown)
