"""A small listener for whoever watches: `/metrics` for Prometheus, `/health` for whatever starts programs again.

It is not for the public: what it shows are names and figures of all accounts.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import psycopg
from prometheus_client import CollectorRegistry, make_wsgi_app

from cuadra.db import Database
from cuadra.errors import Refused, Unreachable
from cuadra.jobs.measuring import Figures
from cuadra.settings import Settings

REQUEST_SECONDS = 10.0
"""How long a request may take to arrive."""
STATUS = {200: "200 OK", 404: "404 Not Found", 405: "405 Method Not Allowed", 503: "503 Service Unavailable"}


def application(figures: Figures, well: Callable[[], bool]) -> WSGIApplication:
    """What answers. `well`: whether the worker of this program works."""
    registry = CollectorRegistry()
    registry.register(figures)
    shown = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path not in ("/metrics", "/health"):
            return _say(start, 404, "not found")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _say(start, 405, "GET only")
        if path == "/health":
            return _say(start, 200, "ok") if well() else _say(start, 503, "the worker does not work")
        try:
            answered: Iterable[bytes] = shown(environ, start)
            return answered
        except (psycopg.Error, Unreachable):  # its text is for people who may see the database's name
            return _say(start, 503, "the database does not answer")

    return answer


def _say(start: StartResponse, status: int, text: str) -> Iterable[bytes]:
    start(STATUS[status], [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Without asking for the name of the host, which may take long where there is no name service."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody wants to read of every scrape."""


@contextmanager
def listening(host: str, port: int, settings: Settings, db: Database, well: Callable[[], bool]) -> Iterator[int]:
    """Listen in threads of its own until the end of the block; yields the port. Raises Refused saying why nobody can
    listen there."""
    figures = Figures(settings, db)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        kind = type("_Server", (_Server,), {"address_family": family, "allow_reuse_address": True})
        server: WSGIServer = kind((host, port), _Handler)
    except OSError as error:
        raise Refused("Nobody can listen at {host}:{port}: {why}.", host=host, port=port,
                      why=error.strerror or str(error)) from error  # fmt: skip
    server.set_app(application(figures, well))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        figures.close()
