"""The search syntax: what a query asks for, and how it fails in silence.

Terms follow each other or are joined by AND; OR binds tighter. `-` or NOT turns a term round. A term is
`field:value`, with `<`, `>`, `<=` or `>=` before the value, or a bare word. Values may be quoted, end in `*`, or be `*`
alone: the field has some value. A value that is not quoted ends at a colon, and what follows is read as another field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `field` is empty for bare words; `op` is one of = < > <= >=."""

    field: str
    op: str
    value: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions together: `kind` is and, or, not."""

    kind: str
    parts: tuple[Term | Group, ...]


_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<minus>-)(?=[^\s])
    |(?P<field>[\w.]+):(?P<op><=|>=|<|>|)(?:'(?P<single>(?:\\.|[^'\\])*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<plain>[^\s:()]*))
    |'(?P<word1>(?:\\.|[^'\\])*)'|"(?P<word2>(?:\\.|[^"\\])*)"|(?P<colon>:)|(?P<word>[^\s:()]+))""",
    re.VERBOSE,
)


def parse(text: str) -> Group:
    """What a query asks for. Whatever cannot be read is passed over."""
    return _Parser(text).all()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str | Term] = []
        at = 0
        while at < len(text) and (found := _TOKEN.match(text, at)):
            at = max(found.end(), at + 1)
            self._take(found)
        self.at = 0

    def _take(self, found: re.Match[str]) -> None:
        group = found.groupdict()
        if group["open"] or group["close"] or group["minus"]:
            self.tokens.append(group["open"] or group["close"] or "NOT")
        elif group["field"] is not None:
            quoted = group["single"] if group["single"] is not None else group["double"]
            value = group["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            self.tokens.append(Term(group["field"], group["op"] or "=", value or "", quoted is not None))
        elif group["colon"]:
            pass
        elif group["word"] in ("AND", "OR", "NOT"):
            self.tokens.append(group["word"])
        else:
            quoted = group["word1"] if group["word1"] is not None else group["word2"]
            self.tokens.append(Term("", "=", group["word"] if quoted is None else quoted, quoted is not None))

    def _peek(self) -> str | Term | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def all(self) -> Group:
        """Everything, whatever stands around superfluous parentheses."""
        parts: list[Term | Group] = []
        while self._peek() is not None:
            parts += self._and()
            if self._peek() == ")":
                self.at += 1
        return Group("and", tuple(parts))

    def _and(self) -> list[Term | Group]:
        parts: list[Term | Group] = []
        while (one := self._peek()) is not None and one != ")":
            if one in ("AND", "OR"):
                self.at += 1
                continue
            parts.append(self._or())
        return parts

    def _or(self) -> Term | Group:
        parts = [self._one()]
        while self._peek() == "OR":
            self.at += 1
            if self._peek() in (None, ")", "AND", "OR"):
                break
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Group("or", tuple(parts))

    def _one(self) -> Term | Group:
        one = self._peek()
        self.at += 1
        if one == "NOT":
            if self._peek() in (None, ")", "AND", "OR"):
                return Group("and", ())
            return Group("not", (self._one(),))
        if one == "(":
            inside = Group("and", tuple(self._and()))
            self.at += self._peek() == ")"
            return inside
        assert isinstance(one, Term)
        return one


@dataclass(frozen=True, slots=True)
class Field:
    """A field that can be searched. `kind`: id, time, day, number, word (whole, any case), text, flag, words.

    `read` gives its value from an object; for `words` a collection of them. `values` translates what may be asked for.
    """

    kind: str
    read: Callable[[Any], Any]
    test: Callable[[Any, str], bool] | None = None


@dataclass(slots=True)
class Search:
    """A query made into a test of objects. `warnings` say what of it was ignored."""

    fields: Mapping[str, Field]
    defaults: Collection[str]
    zone: ZoneInfo
    warnings: list[dict[str, str]] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def build(self, text: str) -> Test:
        """The test that a query stands for; everything passes an empty one."""
        return self._make(parse(text)) or (lambda it: True)

    def _make(self, asked: Term | Group) -> Test | None:
        if isinstance(asked, Term):
            return self._term(asked)
        tests = [test for part in asked.parts if (test := self._make(part)) is not None]
        if not tests:
            return None
        if asked.kind == "not":
            return lambda it: not tests[0](it)
        if asked.kind == "or":
            return lambda it: any(test(it) for test in tests)
        return tests[0] if len(tests) == 1 else lambda it: all(test(it) for test in tests)

    def _term(self, term: Term) -> Test | None:
        if not term.field:
            found = [self.fields[name] for name in self.defaults]
            return lambda it: any(_like(one.read(it), term.value) for one in found)
        known = self.fields.get(term.field)
        self.named.add(term.field)
        if known is None:
            self._warn(term.field, "Invalid search field for this query.", "invalid_field")
            return None
        if known.test is not None:
            special, asked = known.test, term.value.lower()
            return lambda it: special(it, asked)
        if term.value == "*" and not term.quoted:
            return lambda it: known.read(it) not in (None, "", [], ())
        return self._compare(known, term)

    def _warn(self, name: str, message: str, code: str) -> None:
        self.warnings.append({"field": name, "message": message, "code": code})

    def _compare(self, known: Field, term: Term) -> Test | None:
        read, op, text = known.read, term.op, term.value
        if known.kind in ("time", "day"):
            bounds = moments(text, self.zone, whole=known.kind == "day")
            if bounds is None:
                self._warn(term.field, "Input is not a valid date.", "invalid_value")
                return None
            return _timed(read, op, *bounds)
        if known.kind in ("id", "number"):
            number = _number(text)
            if number is None:
                self._warn(term.field, "Input is not a number.", "invalid_value")
                return None
            return lambda it: (value := read(it)) is not None and _ordered(op, Decimal(value), number)
        if known.kind == "flag":
            wanted = text.lower() == "true"
            return lambda it: bool(read(it)) is wanted
        if known.kind == "words":
            asked = [one.lower() for one in text.split(",")]
            return lambda it: any(_same(value, one) for value in read(it) for one in asked)
        asked = [one.lower() for one in text.split(",")] if known.kind == "word" else [text.lower()]
        return lambda it: any(_same(read(it), one) for one in asked)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.rpartition("/")[2])
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _same(value: Any, asked: str) -> bool:
    if value is None:
        return False
    have = str(value).lower()
    return have.startswith(asked[:-1]) if asked.endswith("*") else have == asked


def _like(value: Any, asked: str) -> bool:
    """Whether a bare word is found at the beginning of some word of a text."""
    if value is None:
        return False
    word = asked.lower().rstrip("*")
    have = " ".join(value).lower() if isinstance(value, list | tuple) else str(value).lower()
    return have.startswith(word) or any(it.startswith(word) for it in re.split(r"[\s#@]+", have))


def _ordered(op: str, have: Any, asked: Any) -> bool:
    if op == "=":
        return bool(have == asked)
    if op == "<":
        return bool(have < asked)
    if op == ">":
        return bool(have > asked)
    return bool(have <= asked) if op == "<=" else bool(have >= asked)


def _timed(read: Callable[[Any], Any], op: str, begin: int, end: int) -> Test:
    """A test of a stamp against the seconds from `begin` to before `end`."""

    def test(it: Any) -> bool:
        value = read(it)
        if value is None:
            return False
        if op == "=":
            return bool(begin <= value < end)
        if op in ("<", ">="):
            return bool(value < begin) is (op == "<")
        return bool(value >= end) is (op == ">")

    return test


def moments(text: str, zone: ZoneInfo, *, whole: bool) -> tuple[int, int] | None:
    """The first second that a date or time means, and the one after its last. Without a zone it is the shop's.

    A time that was cut off at a colon («2026-11-20T18») counts as its day. `whole`: only the day counts anyway.
    """
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:[T ]\d{0,2})?", text)
    try:
        if day:
            return _day(date(*map(int, day.groups())), zone)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if whole:
        return _day(moment.astimezone(zone).date(), zone)
    begin = int(moment.astimezone(UTC).timestamp())
    return begin, begin + 1


def _day(day: date, zone: ZoneInfo) -> tuple[int, int]:
    begin = datetime.combine(day, time(), zone).timestamp()
    return int(begin), int(datetime.combine(day + timedelta(days=1), time(), zone).timestamp())
