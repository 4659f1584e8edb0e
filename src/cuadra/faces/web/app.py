"""The pages, as one application: who answers where, in which language, and what is said when something goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from litestar import Litestar, Request, Response, get, post
from litestar.concurrency import set_asyncio_executor
from litestar.datastructures import Cookie, State
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from cuadra.errors import CuadraError, NotFound, UsageError
from cuadra.faces.desk import Desk
from cuadra.faces.guard import Guard
from cuadra.faces.web.pages import PAGES
from cuadra.faces.web.rendering import HERE, address, page
from cuadra.pipeline.run import fingerprint
from cuadra.texts import LANGUAGES, _, say, speaking

COOKIE = "cuadra_language"

log = logging.getLogger("cuadra.web")


async def speak(request: Request[Any, Any, Any]) -> None:
    """The language of a request: the one that was chosen, else the browser's, else the program's."""
    _speak(request)


def _speak(request: Request[Any, Any, Any]) -> None:
    chosen = request.cookies.get(COOKIE, "")
    asked = request.headers.get("accept-language", "").split(",")
    wanted = [chosen, *(part.split(";")[0].strip()[:2].lower() for part in asked)]
    speaking.set(next((one for one in wanted if one in LANGUAGES), ""))


@get("/", sync_to_thread=True)
def root(state: State) -> Response[Any]:
    """The only account's home; a list, where there are several."""
    known = state.desk.accounts()
    if len(known) == 1:
        return Redirect(address(known[0]))
    return page("accounts.html", accounts=known)


@post("/language/{chosen:str}")
async def choose(chosen: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
    """Speak another language from here on, on the same page."""
    back = (await request.form()).get("back", "/")
    where = back if isinstance(back, str) and back.startswith("/") and not back.startswith("//") else "/"
    spoken = chosen if chosen in LANGUAGES else "en"
    cookie = Cookie(key=COOKIE, value=spoken, path="/", max_age=31_536_000, samesite="strict", httponly=True)
    return Redirect(where, status_code=303, cookies=[cookie])


@get("/health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Somebody answers."""
    return {"status": "ok"}


def told(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """What is said instead of a page. Whatever has no words of its own is a fault of ours, and is named by a mark."""
    _speak(request)  # an address of no page never came so far
    status, title, text = 500, _("Something went wrong here"), ""
    if isinstance(error, NotFound):
        status, title, text = 404, _("This is not here"), say(error)
    elif isinstance(error, UsageError):
        status, title, text = 400, _("That does not work like this"), say(error)
    elif isinstance(error, CuadraError):
        status, title, text = 503, _("This cannot be done now"), say(error)
    elif isinstance(error, psycopg.OperationalError):
        status, title, text = (
            503,
            _("This cannot be done now"),
            _("The database did not answer. Try again in a moment."),
        )
    elif isinstance(error, psycopg.DataError):  # a number or a text that no database holds
        status, title = 400, _("That does not work like this")
    elif isinstance(error, HTTPException):
        status = error.status_code
        title = _("This is not here") if status == 404 else _("That does not work like this")
        text = _("There is no page at this address.") if status == 404 else ""
    else:
        mark = fingerprint(error)
        log.error("a page failed: %s %s", type(error).__name__, mark)
        text = _("It was noted as {mark}. Nothing that is stored has changed by it.").format(mark=mark)
    if request.url.path.startswith("/api/"):
        return Response({"error": title, "message": text}, status_code=status)  # type: ignore[arg-type]
    part = request.headers.get("hx-request") == "true"
    return page("error_part.html" if part else "error.html", code=status, title=title, text=text)


def application(desk: Desk, *more: Any) -> Guard:
    """The ASGI application; `more`: what else answers there."""

    set_asyncio_executor(desk.threads)
    static = create_static_files_router(
        path="/static", directories=[HERE / "static"], name="static", cache_control=None
    )
    handlers: list[Any] = [root, choose, health, static, *(handler for one in PAGES for handler in one.HANDLERS), *more]
    return Guard(Litestar(
        handlers, state=State({"desk": desk}), before_request=speak, openapi_config=None,
        exception_handlers={Exception: told}, logging_config=None,
    ))  # fmt: skip
