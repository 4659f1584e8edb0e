"""What the API says about itself, to anybody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cuadra_simulators.woocommerce.rest.context import Call, Route
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, INTEGER, INTEGERS, OBJECT, STRINGS, Param
from cuadra_simulators.woocommerce.rest.wire import Answer
from cuadra_simulators.woocommerce.shapes.common import Json

_KINDS = {INTEGER: "integer", BOOLEAN: "boolean", INTEGERS: "array", STRINGS: "array", OBJECT: "object"}
_NAMESPACES = ["oembed/1.0", "wc/v3", "wc-admin", "wc-analytics", "wc/store", "wc/store/v1", "wc/v1", "wc/v2", "wp/v2"]


def root_index(call: Call, routes: Iterable[Route]) -> Json:
    """The site's index: its name, its time zone, what it can do."""
    settings = call.world.settings
    site = call.view().site
    offset = datetime.fromtimestamp(call.world.now, settings.tz).utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0.0
    return {
        "name": settings.name, "description": "", "url": site, "home": site,
        "gmt_offset": int(hours) if hours.is_integer() else hours, "timezone_string": settings.zone,
        "namespaces": _NAMESPACES, "authentication": {}, "routes": _routes(call, routes, "wc/v3"),
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    }  # fmt: skip


def namespace_index(call: Call, routes: Iterable[Route], namespace: str) -> Answer:
    """All routes of a namespace, shown with any key and with none: no way to find out whether a key is good."""
    links = {"up": [{"href": f"{call.view().site}/wp-json/"}]}
    return Answer({"namespace": namespace, "routes": _routes(call, routes, namespace), "_links": links})


def _routes(call: Call, routes: Iterable[Route], namespace: str) -> Json:
    site = call.view().site
    found: dict[str, dict[str, Any]] = {
        f"/{namespace}": {"namespace": namespace, "methods": ["GET"], "endpoints": [{"methods": ["GET"], "args": {}}]}
    }
    for route in routes:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[\\d]+)", route.pattern)
        path = f"/{namespace}/" + re.sub(r"\{(\w+)\*\}", r"(?P<\1>[\\w-]+)", pattern)
        entry = found.setdefault(path, {"namespace": namespace, "methods": [], "endpoints": []})
        entry["methods"] = list(dict.fromkeys([*entry["methods"], *route.methods]))
        args = {name: _argument(param) for name, param in route.table.items()}
        entry["endpoints"].append({"methods": list(route.methods), "args": args})
        if "(" not in path:
            entry["_links"] = {"self": [{"href": f"{site}/wp-json{path}"}]}
    return found


def _argument(param: Param) -> Json:
    shape: Json = {"type": _KINDS.get(param.kind, "string")}
    if param.default is not None:
        shape["default"] = list(param.default) if isinstance(param.default, tuple) else param.default
    if param.choices and param.kind not in (INTEGERS, STRINGS):
        shape["enum"] = list(param.choices)
    for name, value in (("minimum", param.least), ("maximum", param.most)):
        if value is not None:
            shape[name] = value
    return {**shape, "required": param.required}
