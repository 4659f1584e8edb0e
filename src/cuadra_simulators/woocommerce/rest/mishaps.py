"""How things that go wrong look from outside: the hosting's pages, WordPress's own failures, damaged answers."""

from __future__ import annotations

from cuadra_simulators.faults import Fault
from cuadra_simulators.web import RESET as RESET
from cuadra_simulators.web import TIMEOUT as TIMEOUT
from cuadra_simulators.woocommerce.faults import Faults
from cuadra_simulators.woocommerce.rest.context import Services
from cuadra_simulators.woocommerce.rest.wire import HTML_TYPE, JSON_TYPE, Headers, Reply, Request, no_route, reply_json

HOLD = 1.0
_EXPIRED = ("Expires", "Wed, 11 Jan 1984 05:00:00 GMT")
_NO_CACHE: Headers = [_EXPIRED, ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private")]
_CRITICAL = (
    "<p>There has been a critical error on this website.</p><p>"
    '<a href="https://wordpress.org/documentation/article/faq-troubleshooting/">'
    "Learn more about troubleshooting WordPress.</a></p>"
)
_FILE = "/srv/shop/www/wp-content/plugins/broken-plugin/broken-plugin.php"
_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def instead_of(fault: Fault, request: Request, services: Services) -> Reply:
    """What comes instead of an answer."""
    if fault.kind == "reset":
        return Reply(RESET, b"")
    if fault.kind == "timeout":
        return Reply(TIMEOUT, b"", [("X-Hold", str(fault.seconds or HOLD))])
    if fault.kind == "too_many":
        wait = [("Retry-After", str(int(fault.seconds)))] if fault.seconds else []
        return _page(429, "429 Too Many Requests", wait)
    if fault.kind == "firewall":
        return _page(403, "403 Forbidden", [])
    if fault.kind == "error_500":
        return _page(500, "500 Internal Server Error", [])
    if fault.kind == "maintenance":
        return _maintenance()
    if fault.kind == "fatal":
        return _fatal()
    if fault.kind == "plain_permalinks":
        return _plain_permalinks(request, services)
    return _plugin_off(request, services)


def damage(reply: Reply, faults: Faults, where: str) -> Reply:
    """What happens to a good answer on its way."""
    if reply.status != 200 or not reply.body:
        return reply
    if faults.striking("no_totals", where):
        reply.headers = [pair for pair in reply.headers if pair[0] not in ("X-WP-Total", "X-WP-TotalPages")]
    if faults.striking("php_warning", where):
        warning = b'<br />\n<b>Warning</b>:  Undefined array key "sku" in <b>%s</b> on line <b>42</b><br />\n'
        reply.body = warning % _FILE.encode() + reply.body
    if fault := faults.striking("cut_body", where):
        reply.body = reply.body[: fault.chance.randrange(1, len(reply.body))]
    return reply


def _page(status: int, title: str, headers: Headers) -> Reply:
    return Reply(status, _PAGE.format(title).encode(), [("Content-Type", "text/html"), *headers])


def _maintenance() -> Reply:
    text = "Briefly unavailable for scheduled maintenance. Check back in a minute."
    body = {"code": "wp_die", "message": text, "data": {"status": 503}, "additional_errors": []}
    cache = ("Cache-Control", "no-cache, must-revalidate, max-age=0")
    return reply_json(503, body, [("Content-Type", JSON_TYPE), ("Retry-After", "600"), _EXPIRED, cache])


def _fatal() -> Reply:
    trace = f"Uncaught Error: Call to undefined function missing_function() in {_FILE}:3\nStack trace:\n#0 {{main}}"
    data = {"status": 500, "error": {"type": 1, "message": trace, "file": _FILE, "line": 3}}
    body = {"code": "internal_server_error", "message": _CRITICAL, "data": data, "additional_errors": []}
    return reply_json(500, body, [("Content-Type", JSON_TYPE), *_NO_CACHE])


def _plugin_off(request: Request, services: Services) -> Reply:
    problem = no_route()
    site = services.site(request.secure)
    headers: Headers = [
        ("Content-Type", JSON_TYPE), ("X-Robots-Tag", "noindex"),
        ("Link", f'<{site}/wp-json/>; rel="https://api.w.org/"'), ("Vary", "Origin"),
    ]  # fmt: skip
    return reply_json(problem.status, problem.shape(), headers)


def _plain_permalinks(request: Request, services: Services) -> Reply:
    """Without pretty addresses `/wp-json` is sent to itself with a slash at its end, over TLS; there it is nothing."""
    if "wp-json" not in request.path:  # ?rest_route= works, but no key is looked at
        body = {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
        site = services.site(request.secure)
        link = f'<{site}/index.php?rest_route=/>; rel="https://api.w.org/"'
        headers: Headers = [("Content-Type", JSON_TYPE), ("Link", link), ("Vary", "Origin")]
        return reply_json(401, {**body, "data": {"status": 401}}, headers)
    if request.path.endswith("/"):
        return Reply(404, b"<!DOCTYPE html><title>404</title>", [("Content-Type", HTML_TYPE), *_NO_CACHE])
    query = f"?{request.query_string}" if request.query_string else ""
    location = f"{services.site(True)}{request.path.removeprefix('/index.php')}/{query}"
    moved = [("X-Redirect-By", "WordPress"), ("Location", location)]
    return Reply(301, b"", [("Content-Type", HTML_TYPE), *_NO_CACHE, *moved])
