"""The CRM: where it listens, what it is asked, and the switches by which it fails."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec
from msgspec import Struct

from cuadra_simulators.crm import orders
from cuadra_simulators.crm.faults import BEFORE, Faults
from cuadra_simulators.crm.orders import Stored
from cuadra_simulators.crm.receiving import Receiver
from cuadra_simulators.crm.server import NO_ANSWER, Listener, Reply, Request
from cuadra_simulators.crm.truth import Counts
from cuadra_simulators.faults import Fault

HOLD = 1.0
PAGE = 100
MOST = 1000


class AskedFault(Struct, forbid_unknown_fields=True):
    """A fault as `POST /_control` has it: what `Faults.add` takes."""

    kind: str
    rate: float = 1.0
    calls: list[int] | None = None
    times: int | None = None
    path: str = ""
    seconds: float = 0.0


class Control(Struct, forbid_unknown_fields=True):
    """What `POST /_control` changes: first it clears, if told to, then it adds. What is not named stays as it is."""

    faults: list[AskedFault] = []
    clear: bool = False
    down: bool | None = None
    unauthorised: bool | None = None
    visible_after: float | None = None
    body_limit: int | None = None
    refused_domains: list[str] | None = None
    exists: list[str] | None = None


class Crm:
    """A CRM that takes orders at `url`/orders, signed with the secret, and shows them to who has the token.

    An empty token asks nothing of readers. What may be changed at any time: `faults`, the switches `down` (every
    request is reset) and `unauthorised` (every request gets 401), and the settings given here by their names, but for
    secret and token. `visible_after` holds for what is stored from then on. `stop` loses no order, and `start`
    listens at the same port again. `now` is its clock.
    """

    def __init__(
        self, secret: str, *, token: str = "", seed: int = 1, port: int = 0, body_limit: int = 1_000_000,
        refused_domains: Collection[str] = (), exists: Collection[str] = (), visible_after: float = 0.0,
        control: bool = False, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.faults = Faults(seed)
        self.down = False
        self.unauthorised = False
        self._receiver = Receiver(secret, self.faults, now)
        self._authorization = f"Bearer {token}".encode() if token else b""
        self._port = port
        self._control = control
        self._now = now
        self._listener: Listener | None = None
        self.change(body_limit=body_limit, refused_domains=refused_domains, exists=exists, visible_after=visible_after)

    def change(
        self, *, body_limit: int | None = None, refused_domains: Collection[str] | None = None,
        exists: Collection[str] | None = None, visible_after: float | None = None,
    ) -> None:  # fmt: skip
        """Change settings while it runs: those that are given."""
        receiver = self._receiver
        with receiver.lock:
            receiver.body_limit = receiver.body_limit if body_limit is None else body_limit
            receiver.visible_after = receiver.visible_after if visible_after is None else visible_after
            receiver.exists = receiver.exists if exists is None else frozenset(exists)
            if refused_domains is not None:
                receiver.refused_domains = frozenset(domain.lower() for domain in refused_domains)

    def start(self) -> None:
        """Listen on loopback."""
        self._listener = Listener(self.answer, self._port)
        self._port = self._listener.port
        self._listener.start()

    def stop(self) -> None:
        """Close every connection, and listen no more."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def __enter__(self) -> Crm:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, or did last."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def orders(self) -> dict[str, Stored]:
        """What it really holds, by key, whatever reads show."""
        with self._receiver.lock:
            return dict(self._receiver.shelf.latest)

    @property
    def counts(self) -> Counts:
        """What really arrived. It goes on counting: this is no copy."""
        return self._receiver.counts

    def answer(self, request: Request) -> Reply:
        """What a request is answered, in process too."""
        path, _, query = request.target.partition("?")
        if self._control and path in ("/_control", "/_truth"):
            return self._aside(request, path)
        if self.down:
            return NO_ANSWER
        if path == "/orders" and request.method == "POST":
            return self._delivered(request)
        key = unquote(path.removeprefix("/orders").removeprefix("/"))
        where = f"GET orders/{key}" if key else "GET orders"
        return self._instead(where) or self._read(request, path, key, query)

    def _delivered(self, request: Request) -> Reply:
        incoming = orders.read(request.body)
        reply = self._instead(incoming.where) or self._receiver.take(request, incoming)
        with self._receiver.lock:
            self.counts.received[reply.status] += 1
            self.counts.deliveries[request.headers.get("webhook-id", "")] += 1
        return reply

    def _instead(self, where: str) -> Reply | None:
        """What comes in the place of any answer, if something goes wrong."""
        if self.unauthorised:
            return _error(401, "unauthorised", "the credential has expired")
        fault = self.faults.first(BEFORE, where)
        return _mishap(fault) if fault else None

    def _read(self, request: Request, path: str, key: str, query: str) -> Reply:
        given = request.headers.get("authorization", "").encode("latin-1")
        if self._authorization and not hmac.compare_digest(given, self._authorization):
            return _error(401, "token", "a Bearer token is needed")
        if path != "/orders" and not path.startswith("/orders/"):
            return _error(404, "path", "there is nothing here")
        if request.method != "GET":
            return _error(405, "method", "not here")
        if not key:
            return self._list(query)
        with self._receiver.lock:
            order = self._receiver.shelf.visible(key, self._now())
        return Reply(200, order.full()) if order else _error(404, "missing", f"there is no order {key}")

    def _list(self, query: str) -> Reply:
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        limit = asked.get("limit", str(PAGE))
        if not (limit.isascii() and limit.isdigit() and 0 < int(limit) <= MOST):
            return _error(400, "limit", f"limit is between 1 and {MOST}")
        with self._receiver.lock:
            found, more = self._receiver.shelf.page(asked.get("after", ""), int(limit), self._now())
        following = found[-1].key if found and more else None
        return Reply(200, {"orders": [order.outline() for order in found], "next": following})

    def _aside(self, request: Request, path: str) -> Reply:
        """The harness's own talk with the program, which goes on while the CRM is down."""
        if (request.method, path) == ("GET", "/_truth"):
            return Reply(200, self.truth())
        if (request.method, path) != ("POST", "/_control"):
            return _error(405, "method", "GET /_truth or POST /_control")
        try:
            self._obey(msgspec.json.decode(request.body, type=Control))
        except ValueError as error:
            return _error(400, "control", str(error))
        return Reply(200, self._state())

    def _obey(self, asked: Control) -> None:
        wanted = [msgspec.structs.asdict(fault) for fault in asked.faults]
        for fault in wanted:
            self.faults.check(fault["kind"])  # before anything is changed
        if asked.clear:
            self.faults.clear()
        for fault in wanted:
            self.faults.add(**fault)
        self.down = self.down if asked.down is None else asked.down
        self.unauthorised = self.unauthorised if asked.unauthorised is None else asked.unauthorised
        self.change(body_limit=asked.body_limit, refused_domains=asked.refused_domains, exists=asked.exists,
                    visible_after=asked.visible_after)  # fmt: skip

    def _state(self) -> dict[str, Any]:
        names = ("kind", "rate", "times", "path", "seconds", "happened")
        active = [{name: getattr(fault, name) for name in names} for fault in self.faults.active]
        return {"faults": active, "down": self.down, "unauthorised": self.unauthorised}

    def truth(self) -> dict[str, Any]:
        """What it really holds and what really arrived, as `GET /_truth` says it."""
        with self._receiver.lock:
            held = {key: order.full() for key, order in self._receiver.shelf.latest.items()}
            return {"orders": held, "counts": self.counts.shape(), "faults": dict(self.faults.happened)}


def _mishap(fault: Fault) -> Reply:
    if fault.kind == "reset":
        return NO_ANSWER
    if fault.kind == "timeout":
        return Reply(0, hold=fault.seconds or HOLD)
    if fault.kind == "error_500":
        return _error(500, "internal", "something broke")
    wait = (("Retry-After", str(int(fault.seconds))),) if fault.seconds else ()
    if fault.kind == "too_many":
        return _error(429, "too_many", "not so fast", wait or (("Retry-After", "1"),))
    return _error(503, "unavailable", "back soon", wait)


def _error(status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}}, headers)
