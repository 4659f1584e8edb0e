"""Filters of webhook subscriptions: much like searches, but they look at the body, and a mistake lets nothing pass."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from cuadra_simulators.shopify.graph.search import Group, Term, parse


class _Unknown(Exception):
    """A field that the body does not have."""


def passes(text: str | None, body: dict[str, Any]) -> bool:
    """Whether a body is delivered. A field that it does not have suppresses it, even under NOT or OR."""
    if not text:
        return True
    try:
        return _holds(parse(text), body)
    except _Unknown:
        return False


def _holds(asked: Term | Group, body: dict[str, Any]) -> bool:
    if isinstance(asked, Term):
        values = list(_values(body, asked.field.split(".")))
        return any(_compare(asked.op, value, asked.value) for value in values)
    results = [_holds(part, body) for part in asked.parts]
    if asked.kind == "not":
        return not results[0]
    return any(results) if asked.kind == "or" else all(results)


def _values(inside: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path of the body; lists are gone through."""
    if isinstance(inside, list):
        for one in inside:
            yield from _values(one, path)
    elif not path:
        yield inside
    elif not isinstance(inside, dict) or path[0] not in inside:
        if inside is not None:
            raise _Unknown(path[0])
    else:
        yield from _values(inside[path[0]], path[1:])


def _compare(op: str, have: Any, asked: str) -> bool:
    if op == "=":
        if asked == "*":
            return have not in (None, "")
        said = {True: "true", False: "false"}.get(have, str(have)) if isinstance(have, bool) else str(have)
        return said == asked
    try:
        left, right = Decimal(str(have)), Decimal(asked)
    except InvalidOperation:
        return False
    if op == "<":
        return left < right
    if op == ">":
        return left > right
    return left <= right if op == "<=" else left >= right
