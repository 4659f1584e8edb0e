"""From a request to an answer: what stands before the API, who asks, which route, and the headers around it all."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from cuadra_simulators.woocommerce.model import User
from cuadra_simulators.woocommerce.rest import accounts, categories, orders, products, site, webhooks
from cuadra_simulators.woocommerce.rest.auth import Doorkeeper
from cuadra_simulators.woocommerce.rest.context import Call, Route, Services
from cuadra_simulators.woocommerce.rest.indexes import namespace_index, root_index
from cuadra_simulators.woocommerce.rest.mishaps import damage, instead_of
from cuadra_simulators.woocommerce.rest.paging import fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.params import nested, read
from cuadra_simulators.woocommerce.rest.wire import (
    HTML_TYPE,
    JSON_TYPE,
    Answer,
    Headers,
    Reply,
    Request,
    RestError,
    no_route,
    reply_json,
)
from cuadra_simulators.woocommerce.shapes.common import to_json

NO_CACHE = [
    ("Expires", "Wed, 11 Jan 1984 05:00:00 GMT"),
    ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private"),
]
_NAMESPACES = ("wc/v3", "wc/v2", "wc/v1")
_VARIATION = "products/{product_id}/variations/{id}"
_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Api:
    """The whole REST face. `calls` counts requests by method and route."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.calls: Counter[str] = Counter()
        self.written: Callable[[Request], object] = lambda request: None
        """Told of every request that may have changed the shop, before anybody can see what it did."""
        self._door = Doorkeeper(services.world)
        self.reload()

    def reload(self) -> None:
        """Build the routes: their tables depend on what plugins have registered."""
        self.routes = [
            *orders.routes(self.services.world), *categories.routes(), *products.routes(), *accounts.routes(),
            *webhooks.routes(), *site.routes(),
        ]  # fmt: skip
        self._patterns = [(route, _compile(route.pattern)) for route in self.routes]

    def answer(self, request: Request) -> Reply:
        """Whatever is asked, as the shop's web server sends it."""
        rest_path = _rest_path(request)
        if rest_path is None:
            return _not_the_api(request)
        where = f"{request.method} {self._name(rest_path)}"
        self.calls[where] += 1
        fault = self.services.faults.before(where)
        if fault:
            return instead_of(fault, request, self.services)
        reply = self._dispatch(request, rest_path)
        return damage(reply, self.services.faults, where)

    def _name(self, rest_path: str) -> str:
        """A path with its numbers taken out, for counters and faults."""
        below = rest_path.removeprefix("/wc/v3/").strip("/")
        return re.sub(r"\d+", "{id}", below) if below != rest_path.strip("/") else rest_path

    def _dispatch(self, request: Request, rest_path: str) -> Reply:
        user: User | None = None
        headers: Headers = []
        afterwards: list[Any] = []
        answer: Answer
        try:
            world = self.services.world
            with world.lock if request.method in _SAFE else self._writing(request):
                key = self._door.admit(request, self.services.site(request.secure))
                user = self.services.world.users.get(key.user_id) if key else None
                if key:
                    self._door.check_permission(key, request.method)
                call = Call(self.services, request, user)
                afterwards = call.afterwards
                answer = self._run(call, rest_path, headers)
        except RestError as problem:
            answer = Answer(problem.shape(), problem.status)
        for act in afterwards:
            act()
        return self._finish(request, answer, user, headers)

    @contextmanager
    def _writing(self, request: Request) -> Iterator[None]:
        world = self.services.world
        with world.request(), world.clock.still():
            yield
            self.written(request)

    def internal(self, path: str, user: User | None, *, secure: bool) -> bytes:
        """What a user would read at a path, errors included: how WooCommerce makes the body of a webhook."""
        request = Request("GET", path, secure=secure)
        try:
            answer = self._run(Call(self.services, request, user), path.removeprefix("/wp-json"), [])
        except RestError as problem:
            return to_json(problem.shape())
        return to_json(answer.data)

    def _run(self, call: Call, rest_path: str, headers: Headers) -> Answer:
        below = _below(rest_path)
        if below is None:
            return self._index(call, rest_path, headers)
        namespace, tail = below
        if not tail:
            headers.append(("Allow", "GET"))
            return namespace_index(call, self.routes, namespace)
        matched = [(route, found) for route, pattern in self._patterns if (found := pattern.fullmatch(tail))]
        if not matched:
            raise no_route()
        method = "GET" if call.request.method == "HEAD" else call.request.method
        allowed = self._allowed(call, [(route, found.groupdict()) for route, found in matched])
        if allowed:
            headers.append(("Allow", ", ".join(allowed)))
        if method == "OPTIONS":
            return _options([route for route, _ in matched], namespace)
        chosen = next(((route, found) for route, found in matched if method in route.methods), None)
        if not chosen:
            headers.clear()
            raise no_route()
        return self._handle(call, chosen[0], chosen[1].groupdict(), namespace)

    def _handle(self, call: Call, route: Route, captured: dict[str, str], namespace: str) -> Answer:
        """First the parameters are checked, then whether one may: a stranger's nonsense is 400, not 401."""
        call.captured = dict(captured)
        call.body = _body(call.request)
        call.values = read(route.table, {**call.body, **nested(call.request.query)})
        self._permit(call, route)
        if namespace == "wc/v1" and route.pattern == "orders" and call.world.settings.hpos:
            return Answer([], headers=[("X-WP-Total", "0"), ("X-WP-TotalPages", "0")])
        return route.handler(call)

    def _permit(self, call: Call, route: Route) -> None:
        world = call.world
        if route.permission == "term":
            if call.number() not in world.categories:
                raise RestError("woocommerce_rest_term_invalid", "Resource does not exist.", 404)
            what = {"GET": "view", "HEAD": "view", "DELETE": "delete"}.get(call.request.method, "edit")
            call.must_manage(what)
            return
        if route.pattern == _VARIATION:
            child = world.products.get(call.number())
            if child and child.parent != call.number("product_id"):
                raise RestError("woocommerce_rest_product_variation_invalid_id", "Invalid ID.", 404)
        lenient: dict[str, Collection[int]] = {
            "orders/{id}": world.orders, "products/{id}": world.products, "coupons/{id}": world.coupons,
        }  # fmt: skip
        held = lenient.get(route.pattern)
        if held is not None and call.number() not in held:
            return  # what does not exist nobody is kept from
        call.must_manage(route.permission)

    def _allowed(self, call: Call, matched: list[tuple[Route, dict[str, str]]]) -> list[str]:
        allowed = []
        for method in _METHODS:
            for route, captured in matched:
                if method in route.methods and self._may(call, route, captured):
                    allowed.append(method)
        return list(dict.fromkeys(allowed))

    def _may(self, call: Call, route: Route, captured: dict[str, str]) -> bool:
        probe = Call(call.services, call.request, call.user, dict(captured))
        try:
            self._permit(probe, route)
        except RestError:
            return False
        return True

    def _index(self, call: Call, rest_path: str, headers: Headers) -> Answer:
        if rest_path.strip("/"):
            raise no_route()
        headers.append(("Allow", "GET"))
        return Answer(pick_fields(root_index(call, self.routes), fields_of(call)))

    def _finish(self, request: Request, answer: Answer, user: User | None, allow: Headers) -> Reply:
        own = [*answer.headers, *allow]
        if "_envelope" in dict(request.query):
            numbers = {name: int(value) if value.isdecimal() else value for name, value in own}
            data = {"body": answer.data, "status": answer.status, "headers": numbers}
            return self._finish(Request(request.method, request.path, headers=request.headers), Answer(data), user, [])
        headers: Headers = [("Content-Type", JSON_TYPE), ("X-Robots-Tag", "noindex")]
        if not any(name == "Link" for name, _ in own):
            site = self.services.site(request.secure)
            headers.append(("Link", f'<{site}/wp-json/>; rel="https://api.w.org/"'))
        headers += [
            ("X-Content-Type-Options", "nosniff"),
            ("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link"),
            (
                "Access-Control-Allow-Headers",
                "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type",
            ),
            *own,
            *(NO_CACHE if user else [("Vary", "Origin")]),
        ]
        reply = reply_json(answer.status, answer.data, headers)
        if request.method == "HEAD":
            reply.body = b""
        return reply


def _compile(pattern: str) -> re.Pattern[str]:
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", pattern)
    return re.compile(re.sub(r"\{(\w+)\*\}", r"(?P<\1>[\\w-]+)", text))


def _rest_path(request: Request) -> str | None:
    """The path below the API: of `/wp-json/…`, with or without index.php, or of `?rest_route=…`. None is elsewhere."""
    path = request.path.removeprefix("/index.php")
    if path.startswith("/wp-json/") or path == "/wp-json":
        return path.removeprefix("/wp-json").removesuffix("/") or "/"
    route = dict(request.query).get("rest_route")
    return route.removesuffix("/") or "/" if route else None


def _below(rest_path: str) -> tuple[str, str] | None:
    for namespace in _NAMESPACES:
        if rest_path == f"/{namespace}" or rest_path.startswith(f"/{namespace}/"):
            return namespace, rest_path.removeprefix(f"/{namespace}").removeprefix("/")
    return None


def _body(request: Request) -> dict[str, Any]:
    if not request.body or request.method not in ("POST", "PUT", "PATCH", "DELETE"):
        return {}
    if "json" not in request.header("Content-Type"):
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as problem:
        text = "Invalid JSON body passed."
        raise RestError(
            "rest_invalid_json", text, 400, json_error_code=4, json_error_message="Syntax error"
        ) from problem
    return body if isinstance(body, dict) else {}


def _options(routes: list[Route], namespace: str) -> Answer:
    methods = list(dict.fromkeys(method for route in routes for method in route.methods))
    endpoints = [
        {
            "methods": list(route.methods),
            "args": {name: {"required": param.required} for name, param in route.table.items()},
        }
        for route in routes
    ]
    return Answer({"namespace": namespace, "methods": methods, "endpoints": endpoints})


def _not_the_api(request: Request) -> Reply:
    headers = [("Content-Type", HTML_TYPE)]
    if "/wc-api/" in request.path:  # the API of before 2017
        return Reply(400, b"-1", [*headers, NO_CACHE[0], ("Cache-Control", "no-cache, must-revalidate, max-age=0")])
    if request.path == "/":
        return Reply(200, b"<!DOCTYPE html><title>Tienda</title>", headers)
    return Reply(404, b"<!DOCTYPE html><title>404</title>", headers)
