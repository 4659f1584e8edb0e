"""HTTP/1.1 on loopback with little between the socket and the CRM: what is asked of it is speed and broken connections.

It reads a request line, headers and a body of known length, and answers in JSON. It has no chunked bodies (411).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from socket import SHUT_RDWR, socket
from socketserver import StreamRequestHandler, TCPServer, ThreadingMixIn
from typing import Any, cast

import msgspec

from cuadra_simulators.connections import break_off

_LINE = 65536
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """What a client sent. Names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. Status 0: nothing; the connection is held for `hold` seconds and reset."""

    status: int
    data: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    hold: float = 0.0

    def encoded(self) -> bytes:
        """The bytes of the answer."""
        body = msgspec.json.encode(self.data)
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        head = f"HTTP/1.1 {self.status} {_PHRASES[self.status]}\r\nContent-Type: application/json\r\n{extra}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


NO_ANSWER = Reply(0)
Answering = Callable[[Request], Reply]


class _Unreadable(Exception):
    """Not a request that this server reads; its connection ends after the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Listener(ThreadingMixIn, TCPServer):
    """A listener on 127.0.0.1, each connection in a thread."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Answering, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.answer = answer
        self.port: int = self.server_address[1]
        self.closing = threading.Event()
        self._open: dict[socket, threading.Thread] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="crm", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close, with every connection, kept alive or not; nothing is taken once this returns."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()
        for connection, thread in list(self._open.items()):
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a new connection in a thread that `stop` knows of."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is over."""
        super().shutdown_request(request)
        self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go as they please; anything else is the CRM's own fault, and told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Connection(StreamRequestHandler):
    """A connection, with one request after the other."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until one side has enough."""
        try:
            while self._one():
                pass
        except _Unreadable as problem:
            self._send(Reply(problem.status, {"error": {"code": "http", "message": _PHRASES[problem.status]}}))

    def _one(self) -> bool:
        line = self.rfile.readline(_LINE)
        if not line.strip():
            return bool(line)  # an empty line before a request is passed over
        parts = line.decode("latin-1").split()
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise _Unreadable(400)
        headers = self._headers()
        body = self._body(headers)
        if headers is None or body is None:
            return False
        listener = cast(Listener, self.server)
        reply = listener.answer(Request(parts[0], parts[1], headers, body))
        if not reply.status:
            listener.closing.wait(reply.hold)
            break_off(self.connection)
            return False
        self._send(reply)
        return parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"

    def _headers(self) -> dict[str, str] | None:
        """By name in lower case; None when the client has gone."""
        headers: dict[str, str] = {}
        while line := self.rfile.readline(_LINE).decode("latin-1"):
            if line in ("\r\n", "\n"):
                return headers
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return None

    def _body(self, headers: dict[str, str] | None) -> bytes | None:
        """The body; None when the client has gone."""
        if headers is None:
            return None
        if "transfer-encoding" in headers:
            raise _Unreadable(411)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise _Unreadable(400)
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _send(self, reply: Reply) -> None:
        self.wfile.write(reply.encoded())
