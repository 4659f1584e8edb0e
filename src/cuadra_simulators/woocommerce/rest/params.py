"""Parameters as WordPress checks them: by a table for each route, and whatever is not in the table is ignored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cuadra_simulators.woocommerce.rest.wire import RestError

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}(?::\d{2})?)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_TRUE, _FALSE = ("true", "1", "TRUE", "True"), ("false", "0", "FALSE", "False", "")


@dataclass(frozen=True, slots=True)
class Param:
    """One row of a route's table."""

    kind: str = "string"
    default: Any = None
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    required: bool = False


DATE, EMAIL, INTEGER, BOOLEAN = "date-time", "email", "integer", "boolean"
INTEGERS, STRINGS, OBJECT = "integers", "strings", "object"
Table = dict[str, Param]

PAGED: Table = {
    "context": Param(default="view", choices=("view", "edit")),
    "page": Param(INTEGER, 1, least=1),
    "per_page": Param(INTEGER, 10, least=1, most=100),
    "search": Param(),
    "exclude": Param(INTEGERS, ()),
    "include": Param(INTEGERS, ()),
    "offset": Param(INTEGER),
}
DATED: Table = {
    "after": Param(DATE), "before": Param(DATE), "modified_after": Param(DATE), "modified_before": Param(DATE),
    "dates_are_gmt": Param(BOOLEAN, default=False),
}  # fmt: skip


class _Invalid(Exception):
    def __init__(self, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.detail = {"code": code, "message": message, "data": data}


def read(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the table, checked and converted, with defaults. Raises RestError for all that is wrong."""
    missing = [name for name, param in table.items() if param.required and given.get(name) is None]
    if missing:
        names = ", ".join(missing)
        raise RestError("rest_missing_callback_param", f"Missing parameter(s): {names}", 400, params=missing)
    values: dict[str, Any] = {}
    wrong: dict[str, dict[str, Any]] = {}
    for name, param in table.items():
        if given.get(name) is None:
            values[name] = param.default
            continue
        try:
            values[name] = _value(name, param, given[name])
        except _Invalid as problem:
            wrong[name] = problem.detail
    if wrong:
        raise RestError(
            "rest_invalid_param", f"Invalid parameter(s): {', '.join(wrong)}", 400,
            params={name: detail["message"] for name, detail in wrong.items()}, details=wrong,
        )  # fmt: skip
    return values


def invalid(name: str, code: str, message: str) -> RestError:
    """One parameter is wrong, found out later than by the table."""
    detail = {"code": code, "message": message, "data": None}
    return RestError("rest_invalid_param", f"Invalid parameter(s): {name}", 400, params={name: message},
                     details={name: detail})  # fmt: skip


def is_email(text: str) -> bool:
    """Whether WordPress takes it for an address."""
    return bool(_EMAIL.fullmatch(text))


def not_in(name: str, choices: tuple[str, ...] | list[str]) -> str:
    """WordPress's sentence about a value that is none of the choices."""
    names = list(choices)
    return f"{name} is not one of {', '.join(names[:-1])}, and {names[-1]}."


def _value(name: str, param: Param, value: Any) -> Any:
    if param.kind in (INTEGERS, STRINGS):
        parts = value if isinstance(value, list) else [part for part in re.split(r"[\s,]+", str(value)) if part]
        return [_one(f"{name}[{at}]", param, part) for at, part in enumerate(parts)]
    return _one(name, param, value)


def _one(name: str, param: Param, value: Any) -> Any:
    if param.kind in (INTEGER, INTEGERS):
        return _integer(name, param, value)
    if param.kind == BOOLEAN:
        if isinstance(value, bool) or value in (*_TRUE, *_FALSE, 0, 1):
            return value is True or value == 1 or value in _TRUE
        raise _Invalid("rest_invalid_type", f"{name} is not of type boolean.", {"param": name})
    if param.kind == OBJECT:
        if isinstance(value, dict | list):
            return value
        raise _Invalid("rest_invalid_type", f"{name} is not of type object.", {"param": name})
    text = str(value)
    if param.kind == DATE and not _is_date(text):
        raise _Invalid("rest_invalid_date", "Invalid date.")
    if param.kind == EMAIL and not is_email(text):
        raise _Invalid("rest_invalid_email", "Invalid email address.")
    if param.choices and text not in param.choices:
        raise _Invalid("rest_not_in_enum", not_in(name, param.choices))
    return text


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:19].replace(" ", "T").replace("t", "T"))
    except ValueError:
        return False
    return True


def _integer(name: str, param: Param, value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+(\.0+)?", text):
        raise _Invalid("rest_invalid_type", f"{name} is not of type integer.", {"param": name})
    found = int(float(text))
    if param.least is not None and param.most is not None:
        if not param.least <= found <= param.most:
            message = f"{name} must be between {param.least} (inclusive) and {param.most} (inclusive)"
            raise _Invalid("rest_out_of_bounds", message)
    elif param.least is not None and found < param.least:
        raise _Invalid("rest_out_of_bounds", f"{name} must be greater than or equal to {param.least}")
    return found


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Query parameters as PHP reads them: `a[]=1&a[]=2` and `a[0]=1` are lists, `a[b]=1` an object."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        match = re.fullmatch(r"([^\[]+)\[([^\]]*)\]", name)
        if not match:
            found[name] = value
        elif not match[2] or match[2].isdecimal():
            parts = found.get(match[1])
            found[match[1]] = [*(parts if isinstance(parts, list) else []), value]
        else:
            inner = found.get(match[1])
            found[match[1]] = {**(inner if isinstance(inner, dict) else {}), match[2]: value}
    return found
