"""A simulator on the network: requests and answers, a listener on loopback, broken connections, and one POST outwards."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from cuadra_simulators.connections import break_off

Headers = list[tuple[str, str]]
RESET, TIMEOUT = -1, -2
"""Instead of a status: the connection is reset, or nothing comes until the client gives up."""
NGINX = "nginx/1.22.1"
PIECE = 1 << 20
PHRASES = {status.value: status.phrase for status in HTTPStatus}
Answered = tuple[int, str]
"""Status, and where a redirection points to."""
Sender = Callable[[str, Headers, bytes, float], Answered]
"""(address, headers, body, timeout) → what was answered. Raises OSError when nothing was."""


@dataclass(slots=True)
class Request:
    """What a client sent. `secure` is what the application believes about TLS."""

    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    secure: bool = False

    @property
    def query(self) -> list[tuple[str, str]]:
        """Query parameters in the order in which they came, decoded."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    def header(self, name: str) -> str:
        """A header whatever its case; empty when absent."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


@dataclass(slots=True)
class Reply:
    """What the shop answers."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)
    file: Path | None = None
    """Sent in place of the body, in pieces."""

    @property
    def reason(self) -> str:
        """The words after the status."""
        return PHRASES.get(self.status, "Unknown")

    def header(self, name: str) -> str:
        """A header whatever its case; empty when absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


Answering = Callable[[Request], Reply]


class Wsgi:
    """A shop as a WSGI application. `secure`: it believes in TLS; `forwarded`: a proxy's header may say so."""

    def __init__(
        self, answer: Answering, *, now: Callable[[], float], secure: bool = False, forwarded: bool = False,
        gzipped: bool = False, software: str = NGINX,
    ) -> None:  # fmt: skip
        self._answer = answer
        self.software = software
        self._now = now
        self._secure = secure
        self._forwarded = forwarded
        self._gzipped = gzipped
        self.closing = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = self._request(environ)
        reply = self._answer(request)
        if reply.status in (RESET, TIMEOUT):
            if reply.status == TIMEOUT:
                self.closing.wait(float(reply.header("X-Hold")))
            break_off(environ.get("werkzeug.socket"))
            raise ConnectionAbortedError("as asked for")
        headers = list(reply.headers)
        if reply.file is not None:
            headers.append(("Content-Length", str(reply.file.stat().st_size)))
            start(f"{reply.status} {reply.reason}", headers)
            return pieces(reply.file)
        body = reply.body
        if self._gzipped and body and "gzip" in request.header("Accept-Encoding"):
            body = gzip.compress(body, 1, mtime=0)
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        start(f"{reply.status} {reply.reason}", headers)
        return [body]

    def date(self) -> str:
        """The shop's time as headers write it."""
        return format_datetime(datetime.fromtimestamp(self._now(), UTC), usegmt=True)

    def _request(self, environ: WSGIEnvironment) -> Request:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        secure = self._secure or environ["wsgi.url_scheme"] == "https"
        secure = secure or (self._forwarded and headers.get("X-Forwarded-Proto") == "https")
        path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
        return Request(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body, secure)


def pieces(path: Path) -> Iterator[bytes]:
    """A file, a piece at a time."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


class Handler(WSGIRequestHandler):
    """Calls itself what the real server calls itself, in the shop's time, and logs nothing."""

    def version_string(self) -> str:
        """Of the header `Server`."""
        return cast(Wsgi, self.server.app).software

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Of the header `Date`."""
        return cast(Wsgi, self.server.app).date()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nowhere."""


class Listener:
    """The application on 127.0.0.1, each connection in a thread."""

    def __init__(self, app: Wsgi, port: int = 0, *, tls: tuple[Path, Path] | None = None) -> None:
        context: ssl.SSLContext | None = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self._app = app
        self._server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Handler, ssl_context=context)
        self._thread = threading.Thread(target=self._server.serve_forever, name="shop", daemon=True)
        self.port = self._server.server_port

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close; answers that are being held back are let go."""
        self._app.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def post(url: str, headers: Headers, body: bytes, timeout: float) -> Answered:
    """Send it over the network. No redirection is followed here."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        path = parts.path or "/"
        connection.putrequest("POST", f"{path}?{parts.query}" if parts.query else path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
    except http.client.HTTPException as problem:
        raise OSError(str(problem)) from problem
    finally:
        connection.close()
    return answer.status, answer.getheader("Location") or ""
