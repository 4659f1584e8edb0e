"""The outline of JSON values: at each place, which fields in which order, and which types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

FREE = re.compile(
    r"meta_data\[\]\.(value|display_value)[.\[]|\.options[.\[]|\.settings\.|\.totals\.|\.database_tables\."
)
"""Below these places a shop may write what it likes."""
NUMBERS = ("[].price", "rate_percent", "nominal_amount")
"""JSON numbers that are whole or not by chance."""


def outline(values: Iterable[Any]) -> dict[str, set[str]]:
    """Place → what was found there: a type's name, or the fields of an object."""
    found: dict[str, set[str]] = {}
    for value in values:
        _walk(value, "", found)
    return found


def _walk(value: Any, place: str, found: dict[str, set[str]]) -> None:
    if FREE.search(place):
        return
    kinds = found.setdefault(place, set())
    if isinstance(value, dict):
        kinds.add(f"object of {', '.join(value)}" if not place.endswith(("value", "settings", "options")) else "object")
        for name, inner in value.items():
            _walk(inner, f"{place}.{name}", found)
    elif isinstance(value, list):
        kinds.add("array")
        for inner in value:
            _walk(inner, f"{place}[]", found)
    elif place.endswith(NUMBERS) and isinstance(value, int | float):
        kinds.add("number")
    else:
        kinds.add(type(value).__name__)


def strange(ours: Iterable[Any], theirs: Iterable[Any]) -> dict[str, set[str]]:
    """What stands in ours and never in theirs."""
    real = outline(theirs)
    return {place: new for place, kinds in outline(ours).items() if (new := kinds - real.get(place, set()))}


def missing(ours: Iterable[Any], theirs: Iterable[Any]) -> set[str]:
    """Places that theirs have and ours never show."""
    return set(outline(theirs)) - set(outline(ours))
