"""Evidence as people read it: in their language, with times in the account's zone. JSON shows it as it is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cuadra.faces.cli.context import escape, out, when
from cuadra.texts import _

#: parts of a proof whose value is a word of the program, not of the source
WORDS = frozenset(
    {"standing", "channel", "rule", "why", "arrival", "kind_found", "problem", "outcome", "message", "cause", "scope"}
)
#: parts that show what the source wrote, to the letter
LITERAL = frozenset({"value", "text", "row", "searched", "bytes", "former", "current"})
#: parts that were looked for and not found out in time, where they are empty
UNFINISHED = frozenset({"files_with_it", "orders"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_NUMBER = re.compile(r"\d+")


def show(evidence: dict[str, Any], zone: str) -> None:
    """Print a proof, a line for each part."""
    for text in lines(evidence, zone):
        out.print(text)


def lines(evidence: dict[str, Any], zone: str) -> Iterator[str]:
    """The lines of a proof, in markup."""
    for key, value in evidence.items():
        if isinstance(value, dict):
            yield f"    [dim]{escape(_(key))}:[/]"
            for inner, item in value.items():
                if item is not None or inner in UNFINISHED:
                    name = inner if key == "changes" else label(inner)
                    yield f"      [dim]{escape(name)}:[/] {escape(said(inner, item, zone, key))}"
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"    [dim]{escape(_(key))}:[/]"
            for item in value:
                yield f"      {escape(said(key, item, zone))}"
        elif value not in (None, "", []):
            yield f"    [dim]{escape(label(key))}:[/] {escape(said(key, value, zone))}"


def label(key: str) -> str:
    """The name of a part."""
    return _(key) if key else ""


def said(key: str, value: Any, zone: str, of: str = "") -> str:
    """One part in words; `of` is the part that it is in."""
    if isinstance(value, datetime):
        return when(value, zone)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        parts = ((name, item) for name, item in value.items() if item not in (None, []))
        return ", ".join(f"{label(name)} {said(name, item, zone, key)}" for name, item in parts)
    if isinstance(value, list):
        return "; ".join(said(key, item, zone, of) for item in value) or "–"
    if value is None:
        return _("not searched to the end")
    if isinstance(value, str) and key not in LITERAL and of not in LITERAL:
        if _MOMENT.fullmatch(value):
            return when(datetime.fromisoformat(value), zone)
        if key in WORDS or of in WORDS or (key == "state" and of == "integrations"):
            return word(value)
    return str(value)


def word(text: str) -> str:
    """A word or a rule of the program in the language of this process; a number in it stands as {n} in the texts."""
    if not text:
        return text
    found = _(text)
    if found == text and (number := _NUMBER.search(text)):
        return _(f"{text[: number.start()]}{{n}}{text[number.end() :]}").replace("{n}", number[0])
    return found
