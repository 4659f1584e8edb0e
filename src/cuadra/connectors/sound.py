"""Is what a connector has read something that can be kept? The same bounds for every platform, taken from the model."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, inspect
from msgspec.structs import astuple

from cuadra.money import problem, usual


class Fault(NamedTuple):
    """The first value that cannot be kept, with its place."""

    rule: str
    field: str
    value: str


def fault(value: Struct, path: str = "") -> Fault | None:
    """What is wrong with a thing as read; None if nothing is. Decoding checks what comes from a file; what a connector puts
    together by itself, nobody has checked before."""
    if _sure(value):
        return None
    limits = _limits(type(value))
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if item is None or item is UNSET:
            continue
        found = _of(item, path + name, limits.get(name))
        if found is not None:
            return found
    return None


def _sure(value: Struct) -> bool:
    """Whether there is surely nothing wrong with a thing; quick, for it is asked of every order and all that is in it."""
    amounts: list[Decimal] = []
    return _but_for(amounts, value) and usual(amounts)


def _but_for(amounts: list[Decimal], value: Struct) -> bool:
    """The same, but for its amounts, which are added to these."""
    for item, (most, pattern) in zip(astuple(value), _bounds(type(value)), strict=True):
        if item is None or item is UNSET:
            continue
        kind = type(item)
        if kind is str:
            if len(item) > most or "\0" in item or (pattern is not None and not pattern.search(item)):
                return False
        elif kind is Decimal:
            amounts.append(item)
        elif kind is datetime:
            if not 1990 <= item.year <= 2100:
                return False
        elif kind is list:
            for one in item:
                if not isinstance(one, Struct) or not _but_for(amounts, one):
                    return False
        elif isinstance(item, Struct) and not _but_for(amounts, item):
            return False
    return True


def _of(item: Any, path: str, limit: tuple[int | None, str | None] | None) -> Fault | None:
    if isinstance(item, Struct):
        return fault(item, f"{path}.")
    if isinstance(item, list):
        for at, child in enumerate(item):
            if (found := _of(child, f"{path}[{at}]", limit)) is not None:
                return found
        return None
    rule = None
    if type(item) is Decimal:
        rule = problem(item)
    elif type(item) is datetime:
        rule = None if 1990 <= item.year <= 2100 else "a date between 1990 and 2100"
    elif type(item) is str:
        most, pattern = limit or (None, None)
        if most is not None and len(item) > most:
            rule = f"at most {most} characters"
        elif pattern is not None and not re.search(pattern, item):
            rule = f"like {pattern}"
        elif "\0" in item:
            rule = "no NUL characters"
    return None if rule is None else Fault(rule, path, str(item)[:200])


@cache
def _bounds(kind: type[Struct]) -> tuple[tuple[int, re.Pattern[str] | None], ...]:
    """The same limits for each field in its place."""
    found = (_limits(kind).get(name, (None, None)) for name in kind.__struct_fields__)
    return tuple((sys.maxsize if most is None else most, re.compile(like) if like else None) for most, like in found)


@cache
def _limits(kind: type[Struct]) -> dict[str, tuple[int | None, str | None]]:
    """Field → (most characters, pattern), where the model has one."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    found: dict[str, tuple[int | None, str | None]] = {}
    for one in info.fields:
        for part in _strings(one.type):
            if part.max_length is not None or part.pattern is not None:
                found[one.name] = part.max_length, part.pattern
    return found


def _strings(kind: inspect.Type) -> list[inspect.StrType]:
    if isinstance(kind, inspect.StrType):
        return [kind]
    if isinstance(kind, inspect.UnionType):
        return [one for part in kind.types for one in _strings(part)]
    return _strings(kind.item_type) if isinstance(kind, inspect.ListType) else []
