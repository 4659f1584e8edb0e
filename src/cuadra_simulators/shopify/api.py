"""What is asked over HTTP: GraphQL, tokens, and the files of bulk operations; and how the platform says no."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from cuadra_simulators.faults import Fault
from cuadra_simulators.shopify.graph.access import Access, App
from cuadra_simulators.shopify.graph.costs import Bucket
from cuadra_simulators.shopify.graph.execution import Executor
from cuadra_simulators.shopify.services import Services
from cuadra_simulators.shopify.settings import VERSIONS
from cuadra_simulators.shopify.tokens import Tokens
from cuadra_simulators.web import RESET, TIMEOUT, Headers, Reply, Request

JSON_TYPE = "application/json; charset=utf-8"
HOLD = 1.0
_GRAPHQL = re.compile(r"/admin/api/([^/]+)/graphql\.json")
_BULK = re.compile(r"/bulk/(\d+\.jsonl)")
_NAMED = re.compile(r"\b(?:query|mutation)\s+(\w+)")
_REFUSED = {
    "error_500": (500, "Internal Server Error"), "unavailable": (423, "This shop is unavailable"),
    "frozen": (402, "This shop's plan does not have access to this feature"), "forbidden": (403, "Unavailable Shop"),
    "token_expired": (401, "[API] Invalid API key or access token (unrecognized login or wrong password)"),
}  # fmt: skip
_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n"
)
UNREADABLE = {"errors": {"query": "Required parameter missing or invalid"}}


class Api:
    """Answers every request to a shop."""

    def __init__(self, services: Services, executor: Executor, tokens: Tokens, apps: list[App],
                 bucket: Callable[[App], Bucket]) -> None:  # fmt: skip
        self.services = services
        self.executor = executor
        self.tokens = tokens
        self.calls: Counter[str] = Counter()
        self.written: Callable[[str, dict[str, Any]], object] = lambda query, variables: None
        """Told of every mutation that was answered."""
        self._apps = apps
        self._bucket = bucket
        self._asked = 0
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """The answer to one request."""
        with self._lock:
            self._asked += 1
            number = self._asked
        reply = self._route(request)
        reply.headers.append(("X-Request-Id", f"{number:08x}-0000-4000-8000-{self.services.world.seed:012x}-{number}"))
        return reply

    def _route(self, request: Request) -> Reply:
        if (found := _BULK.fullmatch(request.path)) and request.method == "GET":
            return self._file(found[1], request)
        if request.path == "/admin/oauth/access_token" and request.method == "POST":
            return self._token(request)
        if (found := _GRAPHQL.fullmatch(request.path)) and request.method == "POST":
            return self._graphql(found[1], request)
        self.calls[f"{request.method} {request.path}"] += 1
        return _reply(404, {"errors": "Not Found"})

    def _file(self, name: str, request: Request) -> Reply:
        self.calls["GET bulk"] += 1
        fault = self.services.faults.before("GET bulk")
        if fault is not None:
            return _instead(fault)
        status, path = self.services.bulks.file(name, dict(request.query).get("Signature", ""))
        if path is None:
            code = {400: "ExpiredToken", 403: "SignatureDoesNotMatch"}.get(status, "NoSuchKey")
            body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>".encode()
            return Reply(status, body, [("Content-Type", "application/xml; charset=UTF-8")])
        if fault := self.services.faults.striking("cut_body", "GET bulk"):
            whole = path.read_bytes()
            return Reply(200, whole[: fault.chance.randrange(1, len(whole))], [("Content-Type", "application/jsonl")])
        return Reply(200, b"", [("Content-Type", "application/jsonl")], path)

    def _token(self, request: Request) -> Reply:
        self.calls["POST oauth"] += 1
        fault = self.services.faults.before("POST oauth")
        if fault is not None:
            return _instead(fault)
        try:
            asked = dict(parse_qsl(request.body.decode())) if b"=" in request.body[:200] and request.body[:1] != b"{" \
                else json.loads(request.body or b"{}")  # fmt: skip
        except ValueError:
            return _reply(400, {"error": "invalid_request"})
        with self.services.world.lock:
            status, said = self.tokens.grant(self._apps, asked)
        return _reply(status, said)

    def _graphql(self, version: str, request: Request) -> Reply:
        asked = _read(request)
        name = _named(asked)
        where = f"POST graphql {name}".rstrip()
        self.calls[where] += 1
        fault = self.services.faults.before(where)
        answered = self._version(version, retired=fault is not None and fault.kind == "version_retired")
        if answered is None:
            return _reply(404, {"errors": "Not Found"})
        headers: Headers = [("X-Shopify-API-Version", answered)]
        if fault is not None and fault.kind not in ("too_many", "version_retired"):
            return _instead(fault, headers)
        app = self.tokens.app(request.header("X-Shopify-Access-Token"))
        if app is None:
            return _reply(401, {"errors": _REFUSED["token_expired"][1]}, headers)
        if asked is None:
            return _reply(400, UNREADABLE, headers)
        return self._run(app, asked, where, headers, request, throttled=fault is not None and fault.kind == "too_many")

    def _run(self, app: App, asked: dict[str, Any], where: str, headers: Headers, request: Request, *,
             throttled: bool) -> Reply:  # fmt: skip
        services = self.services
        if not services.bulks.followed:
            services.bulks.tick()
        if asked["query"].lstrip().startswith("mutation"):
            with services.world.lock, services.world.clock.still():
                said = self._executed(app, asked, request, throttled=throttled)
                if "data" in said:
                    self.written(asked["query"], asked.get("variables") or {})
        else:
            said = self._executed(app, asked, request, throttled=throttled)
        if "data" in said and services.faults.striking("internal_error", where):
            said = {"errors": [{"message": "Internal error. Looks like something went wrong on our end.",
                                "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": f"{self._asked:08x}"}}]}  # fmt: skip
        reply = _reply(200, said, headers)
        if fault := services.faults.striking("cut_body", where):
            reply.body = reply.body[: fault.chance.randrange(1, len(reply.body))]
        return reply

    def _executed(self, app: App, asked: dict[str, Any], request: Request, *, throttled: bool) -> dict[str, Any]:
        world = self.services.world
        return self.executor.run(
            Access(app, world.plan, world.now), self._bucket(app), asked["query"], asked.get("variables") or {},
            asked.get("operationName"), debug=request.header("Shopify-Search-Query-Debug") == "1", throttled=throttled,
        )  # fmt: skip

    def _version(self, asked: str, *, retired: bool) -> str | None:
        """The version that answers; None for what never was one."""
        oldest = self.services.world.settings.oldest_version
        if asked == "unstable":
            return asked
        if not re.fullmatch(r"20\d\d-(?:01|04|07|10)", asked) or asked > VERSIONS[-1]:
            return None
        return _after(max(asked, oldest)) if retired else max(asked, oldest)


def _after(version: str) -> str:
    """The version that answers when this one has just been retired: the next."""
    return next((it for it in VERSIONS if it > version), VERSIONS[-1])


def _read(request: Request) -> dict[str, Any] | None:
    try:
        asked = json.loads(request.body)
    except ValueError:
        return None
    good = isinstance(asked, dict) and isinstance(asked.get("query"), str)
    return asked if good and isinstance(asked.get("variables") or {}, dict) else None


def _named(asked: dict[str, Any] | None) -> str:
    if asked is None:
        return ""
    found = _NAMED.search(asked["query"])
    return asked.get("operationName") or (found[1] if found else "")


def _reply(status: int, data: Any, headers: Headers | None = None) -> Reply:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, body, [("Content-Type", JSON_TYPE), *(headers or ())])


def _instead(fault: Fault, headers: Headers | None = None) -> Reply:
    """What comes instead of an answer."""
    if fault.kind == "reset":
        return Reply(RESET, b"")
    if fault.kind == "timeout":
        return Reply(TIMEOUT, b"", [("X-Hold", str(fault.seconds or HOLD))])
    if fault.kind == "bad_gateway":
        return Reply(502, _BAD_GATEWAY, [("Content-Type", "text/html; charset=UTF-8")])
    status, message = _REFUSED[fault.kind]
    return _reply(status, {"errors": message}, headers)
