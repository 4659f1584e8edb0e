"""Real servers on loopback that answer as a test says, and a resolver that says what a test wants."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class Call(BaseHTTPRequestHandler):
    """One connection; `server.said` answers each of its requests."""

    protocol_version = "HTTP/1.1"
    server: Server
    body: bytes

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.calls.append(self)
        self.server.said(self)

    do_GET = do_POST

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer; header names have `_` for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nowhere."""


class Server(ThreadingHTTPServer):
    """A server on 127.0.0.1 with what it was asked."""

    daemon_threads = True

    def __init__(self, said: Callable[[Call], None]) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.said = said
        self.calls: list[Call] = []
        self.connections: set[tuple[str, int]] = set()
        self.closing = threading.Event()

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(client_address)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the play."""

    def url(self, path: str = "/in", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.server_port}{path}"


@contextmanager
def serving(said: Callable[[Call], None], tls: tuple[Path, Path] | None = None) -> Iterator[Server]:
    """A server that answers until the block ends."""
    server = Server(said)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Resolver:
    """Answers for names what `answers` has for them, one after the other, the last one for ever; and notes who asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> None:
        """`answers`: name, with `_` for `.`, → the addresses that each look-up finds; none: there is no such name."""
        self._real = socket.getaddrinfo
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: Any, port: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        try:
            ipaddress.ip_address(name)
        except ValueError:
            self.asked.append(name)
            left = self._answers[name]
            found = left.pop(0) if len(left) > 1 else left[0]
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            return [one for address in found for one in self._real(address, port, *args, **more)]
        return self._real(host, port, *args, **more)
