"""Lists in pages: totals and links in headers, and only the fields that were asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote_plus, unquote_plus

from cuadra_simulators.woocommerce.rest.context import Call
from cuadra_simulators.woocommerce.rest.wire import Answer, Headers
from cuadra_simulators.woocommerce.shapes.common import Json

_T = TypeVar("_T")
NUMBER = re.compile(r"\d+")
_ARRAYS = ("include", "exclude", "status", "parent", "parent_exclude", "include_meta", "exclude_meta")


def answer_page(
    call: Call, found: Sequence[_T], shape: Callable[[_T], Json], *, path: str, orders: bool = False
) -> Answer:
    """One page of what was found. Orders in tables of their own lose their totals beyond the last page."""
    page, size = call.values["page"], call.values["per_page"]
    offset = call.values.get("offset")
    begin = (page - 1) * size if offset is None else offset
    where = f"{call.request.method} {re.sub(NUMBER, '{id}', path)}"
    window = call.services.faults.page(found, begin, size, where)
    total = len(found)
    if orders and call.world.settings.hpos and not found[begin:] and page > 1:
        total = 0
    pages = -(-total // size)
    wanted = fields_of(call)
    data = [pick_fields(shape(item), wanted) for item in window]
    headers: Headers = [("X-WP-Total", str(total)), ("X-WP-TotalPages", str(pages))]
    link = _link(call, path, page, pages, orders=orders, shown=bool(window))
    return Answer(data, headers=[*headers, *([("Link", link)] if link else [])])


def fields_of(call: Call) -> list[str]:
    """What `_fields` asks for; nothing means everything."""
    wanted = call.given().get("_fields", "")
    parts = wanted if isinstance(wanted, list) else str(wanted).split(",")
    return [part.strip() for part in parts if str(part).strip()]


def pick_fields(shape: Json, wanted: list[str], *, keep: tuple[str, ...] = ()) -> Json:
    """Only these fields, in the order in which they always come; `a.b` reaches into objects, not into lists."""
    if not wanted:
        return shape
    tree: dict[str, Any] = {}
    for path in wanted:
        node = tree
        for part in path.split("."):
            node = node.setdefault(part, {})
    picked = _prune(shape, tree)
    return {**picked, **{name: shape[name] for name in keep if name in shape}}


def _prune(shape: Json, tree: dict[str, Any]) -> Json:
    picked: Json = {}
    for name, value in shape.items():
        if name not in tree:
            continue
        if not tree[name]:
            picked[name] = value
        elif isinstance(value, dict) and (inner := _prune(value, tree[name])):
            picked[name] = inner
    return picked


def _link(call: Call, path: str, page: int, pages: int, *, orders: bool, shown: bool) -> str:
    """`prev` and `next` only. Orders add the parameters that WooCommerce filled in on the way."""
    parameters = _given(call)
    if orders:
        if not any(name.startswith("status") for name, _ in parameters) and call.request.path.count("/v3/"):
            parameters.append(("status[0]", "any"))
        if shown:
            for name, value in (("dp", str(call.view().decimals)), ("context", "view")):
                if all(name != key for key, _ in parameters):
                    parameters.append((name, value))
    links = []
    if page > 1:
        links.append((min(page - 1, pages), "prev"))
    if page < pages:
        links.append((page + 1, "next"))
    base = f"{call.services.site(call.request.secure)}/wp-json/{_namespace(call)}/{path}"
    return ", ".join(f'<{base}?{_query(parameters, number)}>; rel="{rel}"' for number, rel in links)


def _namespace(call: Call) -> str:
    parts = call.request.path.partition("/wp-json/")[2].split("/")
    return "/".join(parts[:2]) or "wc/v3"


def _given(call: Call) -> list[tuple[str, str]]:
    """The address's own parameters, lists spelled out; the name without brackets of `x[]` is what PHP keeps."""
    found: list[tuple[str, str]] = []
    for name, value in dict(call.request.query).items():
        if name in _ARRAYS:
            found += [(f"{name}[{at}]", part) for at, part in enumerate(value.split(","))]
        else:
            found.append((name, value))
    return found


def _query(parameters: list[tuple[str, str]], page: int) -> str:
    """Joined as WordPress does it twice over: idle equals signs go, `page` keeps its place or comes last."""
    changed = [(name, str(page) if name == "page" else value) for name, value in parameters]
    if all(name != "page" for name, _ in changed):
        changed.append(("page", str(page)))
    return "&".join(f"{quote_plus(name)}={_twice(value)}" for name, value in changed)


def _twice(value: str) -> str:
    return quote_plus(unquote_plus(value.removesuffix("=")))
