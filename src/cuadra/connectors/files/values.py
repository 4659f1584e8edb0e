"""One cell of a file to one value: decimals, times, yes and no. Each parser returns the value or raises `BadValue`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from cuadra.money import problem

#: dates that stand for «no date» in exports of many systems
PLACEHOLDER_DATES = frozenset({"0000-00-00", "0000-00-00 00:00:00", "0001-01-01", "1900-01-01", "1901-01-01"})
_YES = frozenset({"1", "true", "yes", "y", "si", "sí", "s", "verdadero", "enabled", "active", "activo"})
_NO = frozenset({"0", "false", "no", "n", "falso", "disabled", "inactive", "inactivo"})
_SPREADSHEET = re.compile(r"^\d+[.,]\d+[eE]\+\d+$")
FIRST_YEAR, LAST_YEAR = 1990, 2100
#: fields that are numbers or codes of something
IDS = frozenset(
    {"id", "order_id", "number", "product_id", "variant_id", "sku", "document", "invoice_number", "cart_id"}
)
#: fields that are amounts or quantities, in whatever part of an order
DECIMALS = frozenset({"total", "discount", "shipping", "tax", "fees", "quantity", "unit_price", "amount", "cost"})


class BadValue(ValueError):
    """The value breaks the rule named."""


Parser = Callable[[str], Any]


def text(cell: str) -> str | None:
    """Text without the blanks around it; empty is None."""
    return cell.strip() or None


def identifier(cell: str) -> str | None:
    """A number or code, as it is. What a spreadsheet has turned into 1,23457E+12 is lost and said so."""
    value = cell.strip()
    if _SPREADSHEET.match(value):
        raise BadValue("a number that a spreadsheet has not shortened")
    return value or None


def decimal_parser(mark: str) -> Parser:
    """A parser of decimals with that decimal mark; the other mark and blanks may group thousands."""
    other = "," if mark == "." else "."

    def parse(cell: str) -> Decimal | None:
        raw = cell.strip()
        if not raw:
            return None
        plain = raw.lstrip("$€£ ").replace(" ", "").replace("\u00a0", "").replace("'", "")
        if other in plain:
            whole, _, tail = plain.partition(mark)
            groups = whole.lstrip("-+").split(other)
            if other in tail or not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
                raise BadValue(f"a number with «{mark}» as its decimal mark")
            plain = whole.replace(other, "") + ("." + tail if tail else "")
        elif mark == ",":
            plain = plain.replace(",", ".")
        if "_" in plain:  # Python reads 1_000 as a number; nobody who writes files does
            raise BadValue(f"a number with «{mark}» as its decimal mark")
        try:
            value = Decimal(plain)
        except InvalidOperation as err:
            raise BadValue(f"a number with «{mark}» as its decimal mark") from err
        wrong = problem(value)
        if wrong:
            raise BadValue(wrong)
        return value

    return parse


@lru_cache(maxsize=64)
def zone(name: str | None) -> tzinfo:
    """The time zone of that name; UTC without one."""
    return ZoneInfo(name) if name else UTC


def settle_time(value: datetime, local: tzinfo) -> datetime:
    """A time in UTC; one without a zone is local. Raises BadValue for years no shop has seen."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise BadValue(f"a date between {FIRST_YEAR} and {LAST_YEAR}")
    if value.tzinfo is UTC:
        return value
    return (value.replace(tzinfo=local) if value.tzinfo is None else value).astimezone(UTC)


def time_parser(formats: list[str], zone_name: str | None) -> Parser:
    """A parser of dates and times: ISO 8601 and the formats given; those without a zone are local to the store."""
    local = zone(zone_name)

    def parse(cell: str) -> datetime | None:
        raw = cell.strip()
        if not raw or raw in PLACEHOLDER_DATES:
            return None
        for form in formats:
            try:
                return settle_time(datetime.strptime(raw, form), local)
            except BadValue:
                raise
            except ValueError:
                continue
        try:
            return settle_time(datetime.fromisoformat(raw), local)
        except BadValue:
            raise
        except ValueError as err:
            known = " or ".join(["ISO 8601", *formats])
            raise BadValue(f"a date as {known}") from err

    return parse


def yes_or_no(cell: str) -> bool | None:
    """Yes or no in the usual words; empty is None."""
    word = cell.strip().casefold()
    if not word:
        return None
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise BadValue("yes or no")


def parser_of(field: str, number: Parser, time: Parser) -> Parser:
    """The parser of a field, by its name."""
    last = field.rsplit(".", 1)[-1]
    if field.startswith("custom."):
        return text
    if last.endswith("_at") or field == "consent.at":
        return time
    if last == "active":
        return yes_or_no
    if last in IDS:
        return identifier
    if last in DECIMALS:
        return number
    return text
