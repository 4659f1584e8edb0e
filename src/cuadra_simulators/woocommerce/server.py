"""The shop on the network: a listener on loopback, with TLS if wanted, and ways to break a connection."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIEnvironment

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from werkzeug.serving import WSGIRequestHandler, make_server

from cuadra_simulators.connections import break_off
from cuadra_simulators.woocommerce.rest.mishaps import RESET, TIMEOUT
from cuadra_simulators.woocommerce.rest.wire import Reply, Request

Answering = Callable[[Request], Reply]
SERVER = "nginx/1.22.1"


class Wsgi:
    """The shop as a WSGI application. `secure`: WordPress believes in TLS; `forwarded`: a proxy's header may say so."""

    def __init__(
        self, answer: Answering, *, now: Callable[[], float], secure: bool, forwarded: bool, gzipped: bool
    ) -> None:
        self._answer = answer
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
        body = reply.body
        headers = list(reply.headers)
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


class Handler(WSGIRequestHandler):
    """Calls itself what the recorded server calls itself, in the shop's time, and logs nothing."""

    def version_string(self) -> str:
        """Of the header `Server`."""
        return SERVER

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


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for loopback and its key, written into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "shop.crt", folder / "shop.key"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
    return paths
