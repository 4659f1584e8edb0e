"""Is what a connector has read something that can be kept? The same bounds for every platform, taken from the model."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, inspect

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
    return _CHECKS[type(value)](value, amounts.append) and usual(amounts)


_Check = Callable[[Any, Callable[[Decimal], None]], bool]
"""Whether a thing is sound but for its amounts, which are handed on."""


class _Checks(dict[type, _Check]):
    """The check of each class of the model, written out field by field when it is first met: to walk over the fields of each
    value instead costs some 85 thousand instructions more an order of Shopify, of 1,560 in Python."""

    def __missing__(self, kind: type) -> _Check:
        made: _Check = _written_out(kind) if issubclass(kind, Struct) else _doubtful
        self[kind] = made
        return made


def _doubtful(value: Any, amount: Callable[[Decimal], None]) -> bool:
    return False


def _written_out(kind: type[Struct]) -> _Check:
    """What is not of the type that the model gives a field is doubtful."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    lines = ["def check(value, amount):"]
    known: dict[str, Any] = {"checks": _CHECKS, "Decimal": Decimal, "datetime": datetime}
    for field, (most, pattern) in zip(info.fields, _bounds(kind), strict=True):
        name, kinds = field.name, _kinds(field.type)
        lines += [f"  it = value.{name}", "  if it:"]  # neither None, nor UNSET, nor empty, nor zero
        if kinds == {inspect.StrType}:
            like = "" if pattern is None else f" or not like_{name}(it)"
            known[f"like_{name}"] = pattern.search if pattern is not None else None
            lines.append(f"    if type(it) is not str or len(it) > {most} or '\\0' in it{like}: return False")
            lines += [] if pattern is None else ["  elif it == '': return False"]
        elif kinds == {inspect.DecimalType}:
            lines += ["    if type(it) is not Decimal: return False", "    amount(it)"]
        elif kinds == {inspect.DateTimeType}:
            lines.append("    if type(it) is not datetime or not 1990 <= it.year <= 2100: return False")
        elif kinds == {inspect.ListType}:
            lines.append("    if type(it) is not list: return False")
            lines.append("    for one in it:")
            lines.append("      if not checks[type(one)](one, amount): return False")
        elif kinds == {inspect.StructType}:
            lines.append("    if not checks[type(it)](it, amount): return False")
        elif kinds <= {inspect.BoolType, inspect.IntType}:
            lines.append("    if type(it) is not bool and type(it) is not int: return False")
        else:
            lines.append("    pass" if kinds == {inspect.DictType} else "    return False")
    lines.append("  return True")
    exec("\n".join(lines), known)  # noqa: S102 - of names and numbers of our own model
    check: _Check = known["check"]
    return check


def _kinds(kind: inspect.Type) -> set[type[inspect.Type]]:
    """What a field may hold, besides nothing."""
    if isinstance(kind, inspect.UnionType):
        return {one for part in kind.types for one in _kinds(part)}
    return {type(kind)} - {inspect.NoneType}


_CHECKS = _Checks()


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
