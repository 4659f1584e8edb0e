"""The search syntax, and that it means what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuadra_simulators.shopify.graph.search import Field, Group, Search, Term, moments, parse

ZONE = ZoneInfo("America/Mexico_City")


@dataclass(frozen=True)
class Thing:
    a: int
    b: str
    c: bool


FIELDS = {
    "a": Field("number", lambda it: it.a), "b": Field("word", lambda it: it.b), "c": Field("flag", lambda it: it.c),
}  # fmt: skip
THINGS = [Thing(a, b, c) for a in range(4) for b in ("ax", "ay", "b") for c in (True, False)]


def found(query: str) -> list[Thing]:
    test = Search(FIELDS, ("b",), ZONE).build(query)
    return [it for it in THINGS if test(it)]


ATOMS: dict[str, Any] = {
    "a:1": lambda it: it.a == 1, "a:>1": lambda it: it.a > 1, "a:>=1": lambda it: it.a >= 1, "a:<2": lambda it: it.a < 2,
    "a:<=2": lambda it: it.a <= 2, "b:ax": lambda it: it.b == "ax", "b:a*": lambda it: it.b.startswith("a"),
    "b:'ay'": lambda it: it.b == "ay", "c:true": lambda it: it.c, "c:false": lambda it: not it.c,
    "b:*": lambda it: True, "a": lambda it: it.b.startswith("a"),
}  # fmt: skip
atoms = st.sampled_from(sorted(ATOMS)).map(lambda text: (text, ATOMS[text]))


def negated(inside: Any) -> Any:
    return st.tuples(st.sampled_from(["-", "NOT "]), inside).map(
        lambda it: (f"{it[0]}({it[1][0]})", lambda one, test=it[1][1]: not test(one))
    )


def joined(inside: Any) -> Any:
    return st.tuples(inside, st.sampled_from([" ", " AND ", " OR "]), inside).map(
        lambda it: (
            f"({it[0][0]}){it[1]}({it[2][0]})",
            (lambda one, x=it[0][1], y=it[2][1]: x(one) or y(one)) if "OR" in it[1]
            else (lambda one, x=it[0][1], y=it[2][1]: x(one) and y(one)),
        )
    )  # fmt: skip


@given(st.recursive(atoms, lambda inside: negated(inside) | joined(inside), max_leaves=8))
def test_a_query_finds_what_it_says(query: tuple[str, Any]) -> None:
    assert found(query[0]) == [it for it in THINGS if query[1](it)]


@given(atoms, atoms, atoms)
def test_or_binds_tighter_than_and(x: Any, y: Any, z: Any) -> None:
    expected = [it for it in THINGS if x[1](it) and (y[1](it) or z[1](it))]
    assert found(f"{x[0]} {y[0]} OR {z[0]}") == expected
    assert found(f"{x[0]} AND {y[0]} OR {z[0]}") == expected


@given(st.text(alphabet="ab:*<>=()'\"-\\ ANDORT0", max_size=30))
def test_anything_can_be_asked(text: str) -> None:
    assert set(found(text)) <= set(THINGS)


@pytest.mark.parametrize(("text", "terms"), [
    ("updated_at:>='2026-11-20T15:30:00Z'", [("updated_at", ">=", "2026-11-20T15:30:00Z")]),
    ("updated_at:>=2026-11-20T15:30:00Z", [("updated_at", ">=", "2026-11-20T15"), ("30", "=", "00Z")]),
    ("name:\"#10 01\"", [("name", "=", "#10 01")]),
    (r"name:'it\'s'", [("name", "=", "it's")]),
    ("tag: regalo", [("tag", "=", ""), ("", "=", "regalo")]),
])  # fmt: skip
def test_how_a_query_is_read(text: str, terms: list[tuple[str, str, str]]) -> None:
    asked = parse(text)
    assert isinstance(asked, Group)
    assert [(it.field, it.op, it.value) for it in asked.parts if isinstance(it, Term)] == terms


def test_a_group_of_unknown_fields_lets_everything_pass() -> None:
    search = Search(FIELDS, ("b",), ZONE)
    assert all(map(search.build("nothing:1 OR none:2"), THINGS))
    assert [it["field"] for it in search.warnings] == ["nothing", "none"]


def test_a_date_that_is_none_is_ignored_with_a_warning() -> None:
    search = Search({"t": Field("time", lambda it: it.a)}, (), ZONE)
    assert all(map(search.build("t:>'yesterday'"), THINGS))
    assert search.warnings[0]["code"] == "invalid_value"


def test_a_day_is_the_shops_own() -> None:
    bounds = moments("2026-05-20", ZONE, whole=False)
    assert bounds == moments("2026-05-20T12:00:00Z", ZONE, whole=True)
    assert bounds is not None
    assert bounds[1] - bounds[0] == 86_400
    assert bounds[0] % 86_400 == 6 * 3_600  # midnight there is six in the morning in Greenwich
