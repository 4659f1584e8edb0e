"""What must hold for every input of the reading parts, tried with thousands."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuadra.connectors.files.read import SetFile
from cuadra.connectors.files.returns import Correction, harmless, mend, unharmed
from cuadra.connectors.files.rows import Dialect, Rows, decode, split
from cuadra.connectors.files.values import BadValue, decimal_parser
from cuadra.connectors.spool import Spool, frame, unframe
from cuadra.model import CustomerRead, LineRead, OrderRead
from cuadra.money import LIMIT
from cuadra.pipeline.versions import Order, Version, compare, decode_content, differences, encode_content, merge

often = settings(max_examples=300, deadline=None)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
#: what quoting is about, and little else
CELL = st.one_of(st.text('ab",;\r\n\t| =\u0085\u2028é', max_size=8), TEXT)
ROW = st.lists(CELL, min_size=1, max_size=5)
DELIMITER = st.sampled_from(",;\t|")
PART = st.tuples(st.integers(0, 9), st.integers(1, 1 << 31), st.binary(max_size=40))


def written(rows: list[list[str]], delimiter: str, end: str = "\n") -> bytes:
    """The file that the csv module makes of these rows; it leaves a carriage return alone unless told to quote."""
    buffer = io.StringIO()
    for row in rows:
        quoting = csv.QUOTE_ALL if "\r" in "".join(row) else csv.QUOTE_MINIMAL
        csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting).writerow(row)
    return buffer.getvalue().encode()


# ---------------------------------------------------------------- frames and spools


@often
@given(st.lists(PART, max_size=8))
def test_what_is_framed_comes_back(parts: list[tuple[int, int, bytes]]) -> None:
    assert unframe(frame(parts)) == parts


@often
@given(st.lists(PART, min_size=1, max_size=4), st.data())
def test_a_frame_that_was_cut_is_refused_or_gives_what_was_before(
    parts: list[tuple[int, int, bytes]], data: st.DataObject
) -> None:
    body = frame(parts)
    cut = data.draw(st.integers(0, len(body)))
    try:
        found = unframe(body[:cut])
    except ValueError:
        return
    assert found[:-1] == parts[: max(0, len(found) - 1)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT.filter(bool), PART), max_size=40), st.integers(0, 200 << 20))
def test_a_spool_groups_like_a_dict(rows: list[tuple[str, tuple[int, int, bytes]]], total: int) -> None:
    expected: dict[str, list[tuple[int, int, bytes]]] = {}
    for key, part in rows:
        expected.setdefault(key, []).append(part)
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), total)
        for key, (number, line, raw) in rows:
            spool.add(key, number, line, raw)
        groups = list(spool.groups())
        spool.close()
    assert len(groups) == len(expected)
    assert dict(groups) == expected


# ---------------------------------------------------------------- rows


@often
@given(st.lists(ROW, max_size=8), DELIMITER, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_rows_come_back_with_their_lines_and_bytes(
    rows: list[list[str]], delimiter: str, end: str, mark: bool, last: bool
) -> None:
    rows = [["head"], *rows]
    data = written(rows, delimiter, end)
    if not last and data.endswith(end.encode()):
        data = data[: -len(end)]
    if mark:
        data = b"\xef\xbb\xbf" + data
    dialect = Dialect(delimiter, "utf-8", ".")
    reader = Rows(io.BytesIO(data), dialect)
    found = list(reader)
    assert [row.problem for row in found] == [None] * len(found)
    assert [row.fields for row in found] == rows
    assert b"".join(row.raw for row in found) == data
    line = 1
    for row in found:
        assert row.line == line
        line += row.raw.count(b"\n")
        if line > 2 and not row.raw.startswith(b"\xef\xbb\xbf"):  # as it is stored it reads the same
            assert split(decode(row.raw, dialect)[0], dialect) == row.fields
    assert reader.position == len(data)


@often
@given(st.lists(ROW, max_size=4), st.sampled_from(['a,"open', '"a"b,c', 'a,"b\0"', '"']), st.integers(0, 6))
def test_a_spoiled_row_changes_nothing_of_the_rows_around_it(before: list[list[str]], bad: str, after: int) -> None:
    before = [["head"], *before]  # a mark in front of a file is no part of its first cell
    plain = [f"x{at},y" for at in range(after)]  # without quotes: nothing there closes what the bad row has opened
    data = written(before, ",") + (bad + "\n" + "".join(row + "\n" for row in plain)).encode()
    found = list(Rows(io.BytesIO(data), Dialect(",", "utf-8", ".")))
    assert [row.fields for row in found[: len(before)]] == before
    spoiled = found[len(before)]
    assert spoiled.problem is not None
    assert spoiled.line == written(before, ",").count(b"\n") + 1
    assert [row.fields for row in found[len(before) + 1 :]] == [row.split(",") for row in plain]
    assert b"".join(row.raw for row in found) == data


@often
@given(st.binary(max_size=200), DELIMITER, st.sampled_from(["utf-8", "cp1252", "latin-1"]))
def test_any_bytes_are_rows_that_join_to_the_file(data: bytes, delimiter: str, encoding: str) -> None:
    found = list(Rows(io.BytesIO(data), Dialect(delimiter, encoding, ".")))
    assert b"".join(row.raw for row in found) == data
    assert [row.line for row in found] == [
        data[: sum(len(one.raw) for one in found[:at])].count(b"\n") + 1 for at in range(len(found))
    ]


# ---------------------------------------------------------------- cells


@often
@given(st.one_of(TEXT, st.text("=+-@'\t\r0123.,aA", max_size=6)))
def test_a_cell_goes_out_harmless_and_comes_back_as_it_was(cell: str) -> None:
    shown = harmless(cell)
    digits = shown.lstrip("+-").replace(".", "", 1).replace(",", "", 1)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r")) or digits.isdigit()
    assert unharmed(shown) == cell


AMOUNT = st.decimals(min_value=-LIMIT + 1, max_value=LIMIT - 1, places=4, allow_nan=False, allow_infinity=False)


@often
@given(AMOUNT, st.sampled_from([",", "."]), st.booleans())
def test_a_decimal_is_read_as_it_was_meant_with_either_mark(amount: Decimal, mark: str, grouped: bool) -> None:
    other = "." if mark == "," else ","
    plain = f"{amount:,f}" if grouped else f"{amount:f}"
    cell = plain.replace(",", "x").replace(".", mark).replace("x", other)
    assert decimal_parser(mark)(f" {cell} ") == amount


@often
@given(st.one_of(TEXT, st.text("0123456789.,-+eE 'NaInf$€_", max_size=14)), st.sampled_from([",", "."]))
def test_any_cell_is_an_amount_within_bounds_or_a_bad_value(cell: str, mark: str) -> None:
    try:
        value = decimal_parser(mark)(cell)
    except BadValue:
        return
    if value is None:
        assert not cell.strip()
        return
    assert value.is_finite()
    assert -LIMIT < value < LIMIT
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent >= -16_383  # as PostgreSQL's numeric


@often
@given(ROW.filter(lambda row: "".join(row).strip()), CELL, DELIMITER)
def test_a_corrected_row_reads_as_the_cells_it_was_given(row: list[str], cell: str, delimiter: str) -> None:
    names = [f"c{at}" for at in range(len(row))]
    dialect = Dialect(delimiter, "utf-8", ".")
    fixed = [cell, *row[1:]]
    if not "".join(fixed).strip():
        return
    fix = Correction(1, 0, 2, dict(zip(names, fixed, strict=True)))
    body = mend(
        frame([(0, 2, written([row], delimiter)), (0, 3, b"other\n")]),
        [SetFile("x.csv", "orders", names, dialect)],
        [fix],
    )
    (_, _, mended), other = unframe(body)
    assert split(decode(mended, dialect)[0], dialect) == fixed
    assert other == (0, 3, b"other\n")


# ---------------------------------------------------------------- versions

STAMP = st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3)).map(
    lambda at: at.replace(tzinfo=UTC, hour=0, minute=0, second=0, microsecond=0)
)
VERSION = st.builds(Version, STAMP, st.integers(0, 3), st.sampled_from([b"a", b"b", b"c"]))
SAME = (Order.SAME, Order.SAME_CONTENT)


@often
@given(VERSION, VERSION)
def test_of_two_versions_one_is_newer_or_they_are_the_same(one: Version, other: Version) -> None:
    there, back = compare(one, other), compare(other, one)
    if one.digest != other.digest:
        assert {there, back} == {Order.NEWER, Order.OLDER}
    elif one.stamp is not None and other.stamp is not None and one.stamp != other.stamp:
        assert {there, back} == {Order.SAME_CONTENT, Order.OLDER}
    else:
        assert there in SAME
        assert back in SAME
    assert compare(one, one) is Order.SAME


@often
@given(
    st.lists(VERSION, min_size=1, max_size=5).filter(lambda many: len({one.stamp is None for one in many}) == 1),
    st.randoms(),
)
def test_every_order_of_arrival_ends_in_the_same_content(versions: list[Version], rng: object) -> None:
    def last(arriving: list[Version]) -> bytes:
        known = arriving[0]
        for new in arriving[1:]:
            relation = compare(new, known)
            # the very version again: the later look counts where stamps tie
            if relation in (Order.NEWER, Order.SAME_CONTENT) or (
                relation is Order.SAME and new.sequence > known.sequence
            ):
                known = new
        return known.digest

    shuffled = list(versions)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert last(shuffled) == last(versions)


OPTIONAL = st.none() | st.text(max_size=5)
CUSTOMER = st.builds(CustomerRead, email=OPTIONAL, name=OPTIONAL) | st.just(CustomerRead(phone="1")) | st.none()
LINE = st.builds(
    LineRead, id=st.none() | st.sampled_from(["1", "2"]), sku=OPTIONAL, quantity=st.integers(-3, 3).map(Decimal)
)
ORDER = st.builds(OrderRead, id=st.just("A-1"), number=st.none() | st.sampled_from(["1", "2"]), customer=CUSTOMER, note=OPTIONAL,
                  lines=st.lists(LINE, max_size=3), custom=st.dictionaries(st.text(max_size=3), st.integers() | OPTIONAL, max_size=2),
                  ) | st.just(OrderRead(id="A-1")) | st.just(OrderRead(id="A-1", total=Decimal("1.10")))  # fmt: skip


@often
@given(ORDER, ORDER)
def test_merging_twice_is_merging_once(known: OrderRead, new: OrderRead) -> None:
    once = merge(known, new)
    assert merge(once, new) == once
    assert merge(new, new) == new
    assert not differences(once, merge(known, once))


@often
@given(ORDER, ORDER)
def test_an_order_does_not_differ_from_itself_and_a_change_is_seen_from_both_sides(
    one: OrderRead, other: OrderRead
) -> None:
    assert differences(one, one) == {}
    assert differences(one, decode_content(encode_content(one))) == {}
    there, back = differences(one, other), differences(other, one)
    assert {name: change[::-1] for name, change in there.items()} == back


def test_lines_without_a_number_of_their_own_are_all_compared() -> None:
    def lines(*quantities: int) -> OrderRead:
        return OrderRead(id="A-1", lines=[LineRead(id="1", quantity=Decimal(number)) for number in quantities])

    assert differences(lines(1, 2), lines(5, 2)), "of two lines with one id the first has changed"


@pytest.mark.parametrize("digits", ["0E-999999", "0E-16384", "0e+999999"])
def test_a_zero_with_an_absurd_exponent_is_no_amount(digits: str) -> None:
    with pytest.raises(BadValue):
        decimal_parser(".")(digits)
