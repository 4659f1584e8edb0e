"""What a browser may do with our pages, and from where it may ask. Until somebody can sign in, only this machine.

The listener is bound to loopback. A page of somebody else, open in the same browser, may still try: by a name of its own
that leads here (its `Host` is not ours), or by sending a form (its `Origin` is not ours). Both are refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """Wraps an application; see the module."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        why = refused(scope["method"], {name.lower(): value for name, value in scope["headers"]})

        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
            await send(message)

        if why:
            await sent({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await sent({"type": "http.response.body", "body": f"{why}\n".encode()})
            return
        await self._application(scope, receive, sent)


def refused(method: str, headers: dict[bytes, bytes]) -> str:
    """Why a request is not answered; empty: it is. Pure."""
    host = headers.get(b"host", b"").decode("latin-1")
    if not local(host):
        return "only this machine may ask"
    mode = headers.get(b"sec-fetch-mode", b"")
    if method in (
        "GET",
        "HEAD",
    ):  # a link from elsewhere may be followed; its page may not make us work behind one's back
        foreign = headers.get(b"sec-fetch-site", b"") in (b"cross-site", b"same-site") and mode != b"navigate"
        return "only our own pages may ask" if foreign else ""
    origin = headers.get(b"origin", b"").decode("latin-1")
    site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
    # a browser says where it comes from in one way or the other; what is no browser has nobody's rights to borrow
    ours = site in ("same-origin", "none") if site else not origin or urlsplit(origin).netloc == host
    return "" if ours else "only our own pages may change something"


def local(host: str) -> bool:
    """Whether a `Host` names this machine by a name that nobody else can give it."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost":
            return True
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def loopback(host: str) -> bool:
    """Whether a listener at this host is reached from this machine alone."""
    return local(f"[{host}]" if ":" in host else host)
