"""How things are said to people, whatever the face: amounts, times, numbers, evidence; in the language and the account's
time zone. And how the same things are written for programs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from babel.numbers import format_decimal

from cuadra.money import exponent
from cuadra.texts import _, language, plural, written

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


# ---------------------------------------------------------------- for programs


def plain(value: Any) -> Any:
    """Anything as JSON has it: decimals are texts, times ISO 8601."""
    return _plain(msgspec.to_builtins(value, builtin_types=(Decimal, datetime, date), enc_hook=_encode))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _encode(value) if isinstance(value, Decimal | datetime | date) else value


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


# ---------------------------------------------------------------- for people


def when(moment: datetime | None, zone: str = "UTC") -> str:
    """A time as people read it, in the account's zone."""
    if moment is None:
        return "–"
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency, in the language's own writing: «1.234,50 ARS»."""
    if amount is None:
        return "–"
    places = exponent(currency)
    pattern = "#,##0" + ("." + "0" * places + "#" * 4 if places else ".####")
    return f"{format_decimal(amount, pattern, locale=language())} {currency or ''}".strip()


def number(value: int) -> str:
    """A whole number with its thousands, in the language's own writing."""
    return written(value)


def size(count: int) -> str:
    """Bytes, as people read them."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{format_decimal(round(value, 1 if value < 10 else 0), locale=language())} {unit}"


def ago(at: datetime, moment: datetime) -> str:
    """The time from then to now, in words."""
    return span((at - moment).total_seconds())


def span(seconds: float, style: Literal["long", "narrow"] = "long") -> str:
    """A time span in words."""
    from babel.dates import format_timedelta  # it looks up this machine's own time zone

    return str(format_timedelta(timedelta(seconds=max(seconds, 0)), threshold=1.2, locale=language(), format=style))


def cadence(mode: str) -> str:
    """«every 15m» in the language of this process."""
    if mode.startswith("every "):
        return _("every {time}").format(time=mode.removeprefix("every "))
    if mode.startswith("daily "):
        return _("daily at {time}").format(time=mode.removeprefix("daily "))
    return _(mode)


# ---------------------------------------------------------------- evidence


def parts(evidence: dict[str, Any], zone: str) -> Iterator[tuple[int, str, str]]:
    """(depth, name, value) of each part of a proof that has something to say; a part with parts has no value itself."""
    for key, value in evidence.items():
        if isinstance(value, dict):
            yield 0, words(key), ""
            for inner, item in value.items():
                if item is not None or inner in UNFINISHED:
                    yield 1, inner if key == "changes" else words(inner), said(inner, item, zone, key)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield 0, words(key), ""
            for item in value:
                yield 1, "", said(key, item, zone)
        elif value not in (None, "", []):
            yield 0, words(key), said(key, value, zone)


FIXERS = {"it": "merchant's IT"}
"""Who fixes it, where the code of the catalogue is no word for people."""


def fixer(code: str) -> str:
    """Who fixes it, in words."""
    return _(FIXERS.get(code, code))


def arriving(well: bool, needing: int, more: bool) -> str:
    """Whether everything arrives, and how many orders it leaves to people."""
    if not well:
        return _("Somebody should look.")
    if more:
        return _("Everything arrives; more than {n} orders need attention.").format(n=number(needing))
    if needing:
        return plural("Everything arrives; {n} order needs attention.",
                      "Everything arrives; {n} orders need attention.", needing)  # fmt: skip
    return _("Everything arrives.")


def author_said(name: str) -> str:
    """Who did something: a person as he is called, or what of the program it was."""
    return _("the clock") if name == "clock" else name


def step(name: str) -> str:
    """What a step of the pipeline is for, in a few words."""
    return {
        "receive": _("Arrived"), "verify": _("Source checked"), "read": _("Read"), "admit": _("Accepted by the rules"),
        "match_customer": _("Customer matched"), "match_products": _("Products matched"), "record": _("Written down"),
        "deliver": _("Sent on"),
    }.get(name, name)  # fmt: skip


def words(code: str) -> str:
    """A code of the program, or the name of a field, as words: «payment state»."""
    found = _(code) if code else ""
    return found.replace("_", " ") if found == code else found


def amount(value: object) -> str:
    """A decimal of an order, as it was written, in the language's own writing; what is none stays as it is."""
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return str(value)
    if not found.is_finite() or not -20 <= found.adjusted() <= 20:
        return str(value)
    places = min(max(-int(found.as_tuple().exponent), 0), 20)
    return str(format_decimal(found, "#,##0" + ("." + "0" * places if places else ""), locale=language()))


def said(key: str, value: Any, zone: str, of: str = "") -> str:
    """One part in words; `of` is the part that it is in."""
    if isinstance(value, datetime):
        return when(value, zone)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        parts = ((name, item) for name, item in value.items() if item not in (None, []))
        return ", ".join(f"{words(name)} {said(name, item, zone, key)}" for name, item in parts)
    if isinstance(value, list):
        return "; ".join(said(key, item, zone, of) for item in value) or "–"
    if value is None:
        return _("not searched to the end")
    if isinstance(value, str) and key not in LITERAL and of not in LITERAL:
        if _MOMENT.fullmatch(value):
            with suppress(ValueError):  # it only looks like one: the 30th of February
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
