"""Every reason why something is not here, with its help article; searched without asking anybody."""

from __future__ import annotations

import unicodedata

from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from cuadra import reasons as catalogue
from cuadra.errors import NotFound
from cuadra.faces.web.rendering import article, page
from cuadra.reasons import Reason
from cuadra.texts import language


@get("/reasons", sync_to_thread=True)
def reasons(state: State, q: FromQuery[str] = "") -> Response[str]:
    """Those that match; all, where nothing is looked for."""
    wanted = [_plain(word) for word in q.split()]
    lang = language()
    found = [one for one in catalogue.every().values() if all(word in _searched(one, lang) for word in wanted)]
    found.sort(key=lambda one: (not _titled(one, wanted, lang), one.code))
    return page("reasons.html", account=state.desk.only(), here="reasons", q=q, found=found)


@get("/reasons/{code:str}", sync_to_thread=True)
def reason(state: State, code: FromPath[str]) -> Response[str]:
    """One of them."""
    if code not in catalogue.every():
        raise NotFound("There is no reason «{code}».", code=code)
    text = catalogue.article(code, language())
    return page(
        "reason.html",
        account=state.desk.only(),
        here="reasons",
        reason=catalogue.every()[code],
        article=article(text) if text else None,
    )


def _searched(one: Reason, lang: str) -> str:
    return _plain(
        " ".join([one.code, one.text.get(lang), one.action.get(lang), catalogue.article(one.code, lang) or ""])
    )


def _titled(one: Reason, wanted: list[str], lang: str) -> bool:
    """Whether it is meant by its own words, and not only by what is said about it."""
    return bool(wanted) and all(word in _plain(f"{one.code} {one.text.get(lang)}") for word in wanted)


def _plain(text: str) -> str:
    """Without accents and case: «pago» finds «Pagó»."""
    return "".join(char for char in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(char))


HANDLERS = (reasons, reason)
