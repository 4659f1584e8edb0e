"""The catalogue of causes: why a record is not here, not complete, or does not add up.

`catalogue.toml` holds one table per cause; `articles/en` and `articles/es` hold a help article for every cause
that can be met today. This module reads the catalogue when it is first asked, checks every field, and offers it as
frozen values. Failures, answers, help and exports all take their codes and their words from here.

    reason = get("payment_not_verified")
    reason.text.get("es")     # "El pago del pedido todavía no está confirmado."
    article(reason.code, "es")
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from cuadra.errors import InputError, NotFound

__all__ = ["FixedBy", "Kind", "Reason", "Retry", "Subject", "Text", "article", "every", "get"]

Subject = Literal[
    "order",
    "line",
    "receipt",
    "row",
    "run",
    "integration",
    "delivery",
    "contact_channel",
    "question",
    "difference",
]
Kind = Literal["failed", "held", "waiting", "skipped", "warning", "difference"]
FixedBy = Literal["merchant", "it", "operator", "platform", "destination", "shopper", "system"]
Retry = Literal["auto", "event", "fix", "no"]

_NAME: Final = re.compile(r"[a-z]+(_[a-z]+)*")
_LONGEST_TEXT: Final = 90


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence in both languages."""

    en: str
    es: str

    def get(self, lang: str) -> str:
        """The sentence in `lang` (`es`, `es_AR`, `es-MX`, …); English for any other language."""
        return self.es if _folder(lang) == "es" else self.en


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One cause: what it says, who acts, what releases it, and what must be stored to claim it."""

    code: str
    group: Literal["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O"]
    subject: Subject
    kind: Kind
    turns_failed: bool
    fixed_by: FixedBy
    retry: Retry
    event: str | None = None
    evidence: tuple[str, ...]
    text: Text
    action: Text


@cache
def every() -> Mapping[str, Reason]:
    """The catalogue: every reason by its code."""
    return _load(resources.files(__name__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


def get(code: str) -> Reason:
    """The reason of that code; an unknown code is refused with the nearest ones."""
    reason = every().get(code)
    if reason is not None:
        return reason
    nearest = difflib.get_close_matches(code, every(), n=3, cutoff=0.5)
    if nearest:
        raise NotFound(
            "There is no reason «{code}». The nearest are: {nearest}.", code=code, nearest=", ".join(nearest)
        )
    raise NotFound("There is no reason «{code}».", code=code)


def article(code: str, lang: str) -> str | None:
    """The help article of a reason, as markdown; None where it has none."""
    name = f"{get(code).code}.md"
    file = resources.files(__name__).joinpath("articles", _folder(lang), name)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _folder(lang: str) -> Literal["en", "es"]:
    return "es" if re.split(r"[_-]", lang.lower(), maxsplit=1)[0] == "es" else "en"


def _load(source: str) -> Mapping[str, Reason]:
    """Read and check a catalogue; the first defect raises, naming its code and its field."""
    try:
        tables: dict[str, Any] = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise InputError("The catalogue of reasons is not TOML: {error}.", error=error) from error
    return MappingProxyType({code: _reason(code, table) for code, table in tables.items()})


def _reason(code: str, table: Any) -> Reason:
    if not isinstance(table, dict):
        raise _defect(code, "code", "it is not a table")
    try:
        reason = msgspec.convert({**table, "code": code}, Reason)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        raise _defect(code, path.strip(".`") or "table", problem) from error

    if not _NAME.fullmatch(code):
        raise _defect(code, "code", "a code is lower-case words joined by underscores")
    if reason.turns_failed and reason.kind != "waiting":
        raise _defect(code, "turns_failed", "only what waits can turn failed")
    if (reason.kind == "difference") != (reason.subject == "difference"):
        raise _defect(code, "subject", "kind and subject «difference» go together")
    if (reason.event is not None) != (reason.retry == "event"):
        raise _defect(code, "event", "an event is named where retry is «event», and only there")
    if reason.event is not None and not _NAME.fullmatch(reason.event):
        raise _defect(code, "event", f"«{reason.event}» is not lower-case words joined by underscores")
    if not reason.evidence and reason.kind != "difference":
        raise _defect(code, "evidence", "a reason without evidence may not be set")
    for key in reason.evidence:
        if not _NAME.fullmatch(key):
            raise _defect(code, "evidence", f"«{key}» is not lower-case words joined by underscores")
    if len(set(reason.evidence)) != len(reason.evidence):
        raise _defect(code, "evidence", "a key is named twice")
    for field, text in (("text", reason.text), ("action", reason.action)):
        for lang, sentence in (("en", text.en), ("es", text.es)):
            if not sentence.endswith(".") or sentence != sentence.strip():
                raise _defect(code, f"{field}.{lang}", "it is a sentence that ends with a full stop")
            if field == "text" and len(sentence) > _LONGEST_TEXT:
                raise _defect(code, f"text.{lang}", f"it is longer than {_LONGEST_TEXT} characters")
    return reason


def _defect(code: str, field: str, problem: str) -> InputError:
    return InputError(
        "The catalogue of reasons is malformed at «{code}», field «{field}»: {problem}.",
        code=code,
        field=field,
        problem=problem,
    )
