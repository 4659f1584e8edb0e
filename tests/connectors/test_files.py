"""File sets as shops send them: half-written, in other dialects, with bad rows, in archives, corrected and sent again."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import stat
import struct
import zipfile
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cuadra import reasons
from cuadra.connectors.base import OfferProblem, Place, Read
from cuadra.connectors.files import FilesConnector, sets
from cuadra.connectors.files.offer import SetOffer
from cuadra.diagnosis import export
from cuadra.errors import InputError, Refused, Unreachable, UsageError
from cuadra.jobs import returning
from cuadra.model import OrderRead
from tests.world import World, order

ZONE = "America/Argentina/Buenos_Aires"
HEAD = "id,created_at,currency,total,customer.email,line.sku,line.name,line.quantity,line.unit_price\n"


def silent(*_: Any) -> None:
    """No progress to show."""


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Files in a folder that nobody is writing any more."""
    folder.mkdir(parents=True, exist_ok=True)
    past = datetime.now().timestamp() - 10
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(folder / name, (past, past))
    return folder


def offers(folder: Path, mapping: str = "", zone: str = ZONE) -> list[Any]:
    """What a folder has for us."""
    settings = {"path": str(folder)}
    work = folder.parent / "work"
    work.mkdir(exist_ok=True)
    if mapping:
        settings["mapping"] = str(work / "mapping.toml")
        (work / "mapping.toml").write_text(mapping, "utf-8")
    return FilesConnector().offers(settings, Place("ARS", zone, work), silent)


def reads(offer: Any) -> list[Read]:
    """Everything a set holds, read."""
    source = offer.open(silent)
    reader = source.reader()
    return [reader(raw) for chunk in source.receive({}, silent) for raw in chunk.raws]


def taken(folder: Path, files: dict[str, str | bytes], mapping: str = "", zone: str = ZONE) -> tuple[Any, list[Read]]:
    """The one set of these files, and what it holds."""
    (offer,) = offers(put(folder / "drop", files), mapping, zone)
    assert offer.problem is None, offer.problem
    return offer, reads(offer)


def orders(found: list[Read]) -> dict[str, OrderRead]:
    """The orders among what was read, by number; each is there once."""
    values = [read.value for read in found if isinstance(read.value, OrderRead)]
    assert len({value.id for value in values}) == len(values)
    return {value.id: value for value in values}


def row(id: str, total: str = "10.00", **values: str) -> str:
    """A row of one order with one line."""
    cells = {"created_at": "2026-11-17 11:04:09", "currency": "ARS", "total": total, "customer.email": f"{id.lower()}@example.com",
             "line.sku": "SKU-1", "line.name": "One", "line.quantity": "1", "line.unit_price": total} | values  # fmt: skip
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([id, *cells.values()])
    return buffer.getvalue()


def nothing_written(world: World) -> bool:
    """No order, no receipt."""
    return world.rows("SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM receipt)") == [(0,)]


# ---------------------------------------------------------------- is it whole?


@pytest.mark.parametrize(
    "name", ["orders.csv.tmp", "orders.csv.part", "orders.csv.filepart", ".orders.csv", "orders.csv~"]
)
def test_a_file_under_a_temporary_name_is_not_there_yet(tmp_path: Path, name: str) -> None:
    assert offers(put(tmp_path / "drop", {name: HEAD + row("A-1")})) == []


def test_a_file_that_still_grows_waits_and_is_taken_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "drop", {"orders.csv": HEAD + row("A-1")})
    path = folder / "orders.csv"
    os.utime(path)

    def write_more(seconds: float) -> None:
        with path.open("a") as file:
            file.write(row("A-2"))

    monkeypatch.setattr(sets.time, "sleep", write_more)
    (offer,) = offers(folder)
    assert offer.problem is not None
    assert offer.problem[0] == "file_not_processed_yet"
    assert offer.problem[1]["file"] == "orders.csv"
    monkeypatch.setattr(sets.time, "sleep", silent)
    (offer,) = offers(folder)
    assert offer.problem is None
    assert list(orders(reads(offer))) == ["A-1", "A-2"]


def test_an_incomplete_set_names_the_file_and_waits_for_it(world: World) -> None:
    lines = "order_id,sku,quantity,unit_price\nA-1,X,1,10.00\n"
    report = world.take_csv({"lines.csv": lines}, set="day")
    assert report.notes[0]["reason"] == "file_set_incomplete"
    assert report.notes[0]["evidence"] == {"missing": ["orders.csv"], "received": ["lines.csv"]}
    assert nothing_written(world)
    head = "id,currency,total,customer.email\nA-1,ARS,10.00,a@example.com\n"
    assert world.take_csv({"orders.csv": head, "lines.csv": lines}, set="day").orders["present"] == 1


def test_a_file_that_the_manifest_names_is_missed(tmp_path: Path) -> None:
    files = {"orders.csv": HEAD + row("A-1"), "manifest.json": '{"files": {"payments.csv": {}}}'}
    (offer,) = offers(put(tmp_path / "drop", files))
    assert offer.problem[0] == "file_set_incomplete"
    assert offer.problem[1]["missing"] == ["payments.csv"]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n \n"])
def test_an_empty_file_is_an_alarm_and_not_zero_orders(world: World, content: bytes) -> None:
    report = world.take_csv({"orders.csv": content})
    assert report.notes[0]["reason"] == "file_format_unreadable"
    assert report.notes[0]["evidence"]["file"] == "orders.csv"
    assert report.troubled


def test_a_file_of_nothing_but_its_header_is_an_alarm_and_not_zero_orders(world: World) -> None:
    report = world.take_csv({"orders.csv": HEAD})
    assert report.troubled
    assert report.notes[0]["reason"]


def test_the_same_content_again_is_known_by_whatever_name(world: World) -> None:
    files: dict[str, str | bytes] = {"orders.csv": HEAD + row("A-1")}
    assert world.take_csv(files, set="one").items.created == 1
    again = world.take_csv(files, set="two")
    assert again.items.seen == 0
    assert len([note for note in again.notes if note.get("already")]) == 2
    assert set(again.notes[0]["already"]) == set(reasons.get("file_already_processed").evidence)


def test_the_same_name_with_other_content_is_a_correction_and_both_are_kept(world: World) -> None:
    world.take_csv({"orders.csv": HEAD + row("A-1")}, set="one")
    report = world.take_csv({"orders.csv": HEAD + row("A-1", "11.00")}, set="one")
    assert report.items.updated == 1
    assert world.rows("SELECT count(*) FROM file_set WHERE state = 'read'") == [(2,)]
    assert world.rows("SELECT total, version FROM orders") == [(Decimal("11.00"), 2)]


# ---------------------------------------------------------------- how it is written

NAMES = "id,total,currency,customer.name\nA-1,10.00,ARS,Íñigo Núñez\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(NAMES.encode(), "utf-8"), (NAMES.encode("utf-8-sig"), "utf-8"), (NAMES.encode("cp1252"), "cp1252")],
)
def test_the_encoding_is_found_and_said(tmp_path: Path, content: bytes, encoding: str) -> None:
    offer, found = taken(tmp_path, {"orders.csv": content})
    assert offer.notes["detected"]["orders.csv"]["encoding"] == encoding
    assert orders(found)["A-1"].customer.name == "Íñigo Núñez"  # type: ignore[union-attr]


MAPPED = """
[files.orders]
name = "orders.csv"
{more}
[files.orders.columns]
id = "Número"
total = "Total"
"customer.name" = "Cliente"
"""


@pytest.mark.parametrize(
    ("declared", "raw", "text"), [("latin-1", b"\x85\xf1", "\x85ñ"), ("windows-1252", b"\x85\xf1", "…ñ")]
)
def test_a_declared_encoding_holds(tmp_path: Path, declared: str, raw: bytes, text: str) -> None:
    content = "Número,Total,Cliente\nA-1,1,".encode("latin-1") + b"x" + raw + b"\n"
    offer, found = taken(tmp_path, {"orders.csv": content}, MAPPED.format(more=f'encoding = "{declared}"'))
    assert "encoding" not in offer.notes["detected"]["orders.csv"]
    assert orders(found)["A-1"].customer.name == "x" + text  # type: ignore[union-attr]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_what_is_no_text_is_refused_as_a_file(tmp_path: Path, encoding: str) -> None:
    (offer,) = offers(put(tmp_path / "drop", {"orders.csv": NAMES.encode(encoding)}))
    assert offer.problem[0] == "file_format_unreadable"
    assert offer.problem[1]["file"] == "orders.csv"


def test_one_row_in_another_encoding_is_read_and_pointed_at(tmp_path: Path) -> None:
    content = NAMES.encode() + b"A-2,1.00,ARS,Pe\xf1a\n" + "A-3,1.00,ARS,Ñandú\n".encode()
    _, found = taken(tmp_path, {"orders.csv": content})
    assert orders(found)["A-2"].customer.name == "Peña"  # type: ignore[union-attr]
    (proof,) = [read.warnings["file_special_characters"] for read in found if read.warnings]
    assert (proof["line"], proof["column"], proof["bytes"], proof["text"]) == (3, "customer.name", "f1", "ñ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    content = NAMES.replace(",", delimiter)
    offer, found = taken(tmp_path, {"orders.csv": content})
    assert offer.notes["detected"]["orders.csv"]["delimiter"] == delimiter
    assert orders(found)["A-1"].total == Decimal("10.00")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_quotes_line_breaks_and_ends_of_line(tmp_path: Path, end: str, last: bool) -> None:
    content = end.join([
        "id,total,note", 'A-1,1,"two' + end + 'lines, and ""quotes"""', "A-2,2,short,one too many", "", "A-3,3,last",
    ])  # fmt: skip
    _, found = taken(tmp_path, {"orders.csv": content + (end if last else "")})
    known = orders(found)
    assert known["A-1"].note == f'two{end}lines, and "quotes"'
    assert known["A-3"].note == "last"
    (complaint,) = [one for read in found for one in read.complaints]
    assert (complaint.file, complaint.line, complaint.value) == ("orders.csv", 4, "4 columns")
    assert "3 columns" in complaint.rule


@pytest.mark.parametrize("bad", ['A-2,2,"never closed', 'A-2,2,"a"b', 'A-2,"2,x'])
def test_a_bad_quote_spoils_its_own_row_only(tmp_path: Path, bad: str) -> None:
    content = f"id,total,note\nA-1,1,x\n{bad}\n" + "".join(f"A-{at},1,x\n" for at in range(3, 300))
    _, found = taken(tmp_path, {"orders.csv": content})
    assert set(orders(found)) == {f"A-{at}" for at in range(300)} - {"A-0", "A-2"}
    (refused,) = [read for read in found if read.refused]
    assert refused.refused is not None
    assert refused.refused[0] == "file_row_invalid"
    assert refused.complaints[0].line == 3


# ---------------------------------------------------------------- the header


def test_names_are_compared_without_case_and_blanks(tmp_path: Path) -> None:
    content = " NÚMERO ;\ttotal;CLIENTE \nA-1;1,50;Ana\n"
    _, found = taken(tmp_path, {"orders.csv": content}, MAPPED.format(more=""))
    assert orders(found)["A-1"].total == Decimal("1.50")


def test_a_missing_column_stops_the_file_and_is_named(world: World) -> None:
    report = world.take_csv({"orders.csv": "number,total\n1,10.00\n"})
    assert report.notes[0]["reason"] == "file_header_mismatch"
    assert report.notes[0]["evidence"]["file"] == "orders.csv"
    assert report.notes[0]["evidence"]["missing"] == ["id"]
    assert nothing_written(world)


def test_a_column_of_the_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    (offer,) = offers(put(tmp_path / "drop", {"orders.csv": "Número,Cliente\n1,Ana\n"}), MAPPED.format(more=""))
    assert offer.problem == ("file_header_mismatch", {"file": "orders.csv", "missing": ["Total"], "unknown": []})


def test_unknown_columns_are_reported_and_kept(tmp_path: Path) -> None:
    offer, found = taken(tmp_path, {"orders.csv": "id,total,Zona,gift\nA-1,1,Norte,\n"})
    assert offer.notes["unknown_columns"] == {"orders.csv": ["Zona", "gift"]}
    assert orders(found)["A-1"].custom["Zona"] == "Norte"  # type: ignore[index]


def test_unknown_files_are_reported(tmp_path: Path) -> None:
    offer, _ = taken(tmp_path, {"orders.csv": "id,total\nA-1,1\n", "sellers.csv": "id\n1\n"})
    assert offer.notes["ignored_files"] == ["sellers.csv"]


# ---------------------------------------------------------------- numbers, codes, dates


@pytest.mark.parametrize(
    ("column", "mark", "amounts"),
    [
        (["1,50", "1.234,00", "12"], ",", ["1.50", "1234.00", "12"]),
        (["1.50", '"1,234.00"', "12"], ".", ["1.50", "1234.00", "12"]),
        (["-1.299,95", "0,5", "1.000.000,00"], ",", ["-1299.95", "0.5", "1000000.00"]),
    ],
)
def test_the_decimal_mark_is_decided_over_the_whole_file(
    tmp_path: Path, column: list[str], mark: str, amounts: list[str]
) -> None:
    delimiter = ";" if mark == "," else ","
    content = f"id{delimiter}total\n" + "".join(f"A-{at}{delimiter}{cell}\n" for at, cell in enumerate(column))
    offer, found = taken(tmp_path, {"orders.csv": content})
    assert offer.notes["detected"]["orders.csv"]["decimal"] == mark
    assert [order.total for order in orders(found).values()] == [Decimal(amount) for amount in amounts]


@pytest.mark.parametrize(
    "cell", ["1e400", "NaN", "Infinity", "1E-999999", "0E-999999", "12.34.56", "ten", "9" * 41, "0x10", "1_000"]
)
def test_what_is_no_amount_is_a_complaint_and_the_order_is_there(world: World, cell: str) -> None:
    world.take_csv({"orders.csv": HEAD + row("A-1", cell, **{"line.unit_price": "1"}) + row("A-2", "1.50")})
    assert world.standing("A-1") == ("failed", "field_format_invalid")
    proof = world.why("A-1").evidence
    assert (proof["file"], proof["line"], proof["field"], proof["value"]) == ("orders.csv", 2, "total", cell)
    assert world.standing("A-2") == ("present", None)


def test_two_large_factors_do_not_stop_anything(world: World) -> None:
    large = row("A-1", "1.00", **{"line.quantity": "900000000000000", "line.unit_price": "900000000000000"})
    report = world.take_csv({"orders.csv": HEAD + large + row("A-2", "1.50")})
    assert "internal_error" not in report.by_reason | report.refusals
    assert world.standing("A-2") == ("present", None)


@pytest.mark.parametrize("cell", ["1,23457E+12", "1.23457E+12"])
def test_what_a_spreadsheet_has_shortened_is_no_code(tmp_path: Path, cell: str) -> None:
    content = f'id,total,customer.document,line.sku\nA-1,1.5,"{cell}",00123\nA-2,1.5,0028999111,X\n'
    _, found = taken(tmp_path, {"orders.csv": content})
    (complaint,) = [one for read in found for one in read.complaints]
    assert (complaint.field, complaint.value, complaint.line) == ("customer.document", cell, 2)
    assert orders(found)["A-2"].customer.document == "0028999111"  # type: ignore[union-attr]
    assert orders(found)["A-1"].lines[0].sku == "00123"  # type: ignore[index]


@pytest.mark.parametrize(
    ("cell", "zone", "moment"),
    [
        ("2026-11-17T11:04:09-03:00", "UTC", "2026-11-17T14:04:09Z"),
        ("2026-11-17 11:04:09", ZONE, "2026-11-17T14:04:09Z"),
        ("17/11/2026 11:04", ZONE, "2026-11-17T14:04:00Z"),
        ("03/04/2026", ZONE, "2026-04-03T03:00:00Z"),
        ("2026-01-15 12:00", "America/Santiago", "2026-01-15T15:00:00Z"),
        ("2026-07-15 12:00", "America/Santiago", "2026-07-15T16:00:00Z"),
        ("2018-11-04 00:30", "America/Sao_Paulo", "2018-11-04T03:30:00Z"),  # an hour that the clocks skipped
        ("2026-11-17 23:30", ZONE, "2026-11-18T02:30:00Z"),
        ("0000-00-00", ZONE, None), ("1900-01-01", ZONE, None), ("", ZONE, None), (" ", ZONE, None),
    ],
)  # fmt: skip
def test_dates_by_their_format_and_zone(tmp_path: Path, cell: str, zone: str, moment: str | None) -> None:
    mapping = MAPPED.format(more="") + 'created_at = "Fecha"\n[format]\ndates = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]\n'
    content = f"Número;Total;Cliente;Fecha\nA-1;1,5;Ana;{cell}\n"
    _, found = taken(tmp_path, {"orders.csv": content}, mapping, zone)
    expected = None if moment is None else datetime.fromisoformat(moment)
    assert orders(found)["A-1"].created_at == expected
    assert not found[0].complaints


@pytest.mark.parametrize(
    "cell", ["31/02/2026", "yesterday", "1989-12-31", "9999-12-31", "0001-01-01T00:00:00+14:00", "20261350"]
)
def test_what_is_no_date_is_a_complaint(tmp_path: Path, cell: str) -> None:
    _, (read,) = taken(tmp_path, {"orders.csv": f"id,total,created_at\nA-1,1.5,{cell}\n"})
    assert [(one.field, one.value) for one in read.complaints] == [("created_at", cell)]
    assert isinstance(read.value, OrderRead)


# ---------------------------------------------------------------- rows to orders


def test_lines_are_grouped_over_the_whole_file_and_the_last_invoice_is_not_lost(tmp_path: Path) -> None:
    content = (
        HEAD
        + row("A-1")
        + row("B-1")
        + "".join(row(f"C-{at}") for at in range(50))
        + row("A-1")
        + row("Z-9").rstrip("\n")
    )
    _, found = taken(tmp_path, {"orders.csv": content})
    known = orders(found)
    assert len(known) == 53
    assert len(known["A-1"].lines) == 2  # type: ignore[arg-type]
    assert len(known["Z-9"].lines) == 1  # type: ignore[arg-type]


def test_lines_in_a_file_of_their_own_come_in_any_order(tmp_path: Path) -> None:
    head = "id,total\nA-1,30.00\nA-2,5.00\n"
    lines = "order_id,id,sku,quantity,unit_price\nA-2,1,Y,1,5.00\nA-1,2,X,2,10.00\nA-1,1,W,1,10.00\nA-3,1,Q,1,1.00\n"
    _, found = taken(tmp_path, {"orders.csv": head, "lines.csv": lines})
    assert [line.sku for line in orders(found)["A-1"].lines or ()] == ["W", "X"]
    (orphan,) = [read for read in found if read.identifier == "A-3"]
    assert orphan.refused is not None
    assert orphan.refused[0] == "required_field_missing"
    assert (orphan.refused[1]["file"], orphan.refused[1]["line"]) == ("lines.csv", 5)


def test_a_row_without_a_number_is_refused_with_its_place(tmp_path: Path) -> None:
    _, found = taken(tmp_path, {"orders.csv": HEAD + row("") + row("A-1")})
    assert set(orders(found)) == {"A-1"}
    (refused,) = [read.refused for read in found if read.refused]
    assert refused[0] == "file_required_field_empty"
    assert (refused[1]["file"], refused[1]["line"], refused[1]["column"]) == ("orders.csv", 2, "id")


@pytest.mark.parametrize("length", [256, 300, 5000])
def test_a_number_that_is_too_long_is_refused_and_stops_nothing(world: World, length: int) -> None:
    report = world.take_csv({"orders.csv": HEAD + row("x" * length) + row("A-1")})
    assert report.orders["present"] == 1
    assert sum(report.refusals.values()) == 1 or report.orders["failed"] == 1


def test_returns_keep_their_sign(world: World) -> None:
    content = HEAD + row("NC-1", "-12999.50", **{"line.quantity": "-1", "line.unit_price": "12999.50"})
    world.take_csv({"orders.csv": content})
    assert world.standing("NC-1") == ("present", None)
    assert world.rows("SELECT total, warnings FROM orders") == [(Decimal("-12999.50"), None)]
    assert world.rows("SELECT quantity, total FROM order_line") == [(Decimal(-1), Decimal("-12999.50"))]


def test_every_row_read_is_accounted_for(world: World) -> None:
    content = HEAD + row("A-1") + row("A-2") + "A-3,too,few\n" + row("") + row("A-2") + "\n"
    report = world.take_csv({"orders.csv": content})
    items = report.items
    assert (
        items.seen
        == items.created + items.updated + items.unchanged + items.duplicate + items.refused + items.failed_items
    )
    assert sum(report.orders.values()) == 3
    assert report.bad_rows == 2
    assert world.rows("SELECT line, reason FROM file_reject ORDER BY line") == [
        (4, "field_format_invalid"), (5, "file_required_field_empty"),
    ]  # fmt: skip


# ---------------------------------------------------------------- control totals


def declared(**values: Any) -> dict[str, str | bytes]:
    """Two orders worth 30.00 and what the sender says of them."""
    return {"orders.csv": HEAD + row("A-1") + row("A-2", "20.00"), "manifest.json": json.dumps(values)}


def test_declared_totals_that_agree_prove_the_import(world: World) -> None:
    report = world.take_csv(declared(orders=2, totals={"ARS": "30.00"}))
    assert (report.source_count, report.proven) == (2, True)
    assert report.orders["present"] == 2


@pytest.mark.parametrize(
    ("values", "what"), [({"orders": 3}, "orders"), ({"totals": {"ARS": "30.01"}}, "ARS"), ({"totals": {"USD": 1}}, "USD"),
                         ({"files": {"orders.csv": {"sha256": "0" * 64}}}, "orders.csv")],
)  # fmt: skip
def test_declared_totals_that_do_not_agree_keep_everything_out(world: World, values: dict[str, Any], what: str) -> None:
    report = world.take_csv(declared(**values))
    note = report.notes[-1]
    assert note["reason"] == "control_total_mismatch"
    assert what in note["evidence"]["declared"]
    assert what in note["evidence"]["counted"]
    assert nothing_written(world)


@pytest.mark.parametrize(
    "manifest", ["[]", "{", '{"orders": "two"}', '{"totals": {"ARS": "NaN"}}', '{"orders": 1e400}', '{"files": {"a\\u0000": {}}}',
                 '{"files": {"orders.csv": {"sha256": "\\u0000"}}}', '{"a":' + "[" * 5000],
)  # fmt: skip
def test_a_manifest_that_is_none_holds_the_set(world: World, manifest: str) -> None:
    report = world.take_csv({"orders.csv": HEAD + row("A-1"), "manifest.json": manifest})
    assert report.notes[-1]["reason"] in ("file_format_unreadable", "control_total_mismatch", "file_set_incomplete")
    assert nothing_written(world)


# ---------------------------------------------------------------- archives and links


def zipped(path: Path, entries: dict[str, bytes], link: str = "", encrypted: bool = False) -> Path:
    """A zip of these entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name == link:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(info, content)
    if encrypted:
        data = bytearray(path.read_bytes())
        data[data.find(b"PK\x01\x02") + 8] |= 1
        data[data.find(b"PK\x03\x04") + 6] |= 1
        path.write_bytes(bytes(data))
    past = datetime.now().timestamp() - 10
    os.utime(path, (past, past))
    return path


ORDERS = (HEAD + row("A-1")).encode()


def test_a_zip_is_a_set(tmp_path: Path) -> None:
    folder = put(tmp_path / "drop", {})
    zipped(folder / "day.zip", {"in/orders.csv": ORDERS, "in/lines.csv": b"order_id,sku\nA-1,X\n"})
    (offer,) = offers(folder)
    assert (offer.name, offer.problem) == ("day.zip", None)
    assert len(orders(reads(offer))["A-1"].lines or ()) == 2
    assert [path.name for path in folder.iterdir()] == ["day.zip"]


def test_what_was_just_unpacked_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "drop", {})
    zipped(folder / "day.zip", {"orders.csv": ORDERS})
    monkeypatch.setattr(sets.time, "sleep", lambda seconds: pytest.fail("slept"))
    (offer,) = offers(folder)
    assert offer.problem is None


@pytest.mark.parametrize(
    ("entries", "options", "word"),
    [
        ({"../orders.csv": ORDERS}, {}, "outside"), ({"/orders.csv": ORDERS}, {}, "outside"),
        ({"a\\..\\..\\orders.csv": ORDERS}, {}, "outside"), ({"C:\\orders.csv": ORDERS}, {}, "outside"),
        ({"orders.csv": b"id\n" + b"0" * 50_000_000}, {}, "grows"), ({"orders.zip": ORDERS}, {}, "inside"),
        ({"orders.csv": ORDERS}, {"encrypted": True}, "encrypted"),
        ({"orders.csv": b"/etc/passwd"}, {"link": "orders.csv"}, "link"),
        ({"a/orders.csv": ORDERS, "b/orders.csv": ORDERS}, {}, "twice"), ({f"{at}.csv": b"" for at in range(1001)}, {}, "files"),
        ({"readme.txt": b"hello"}, {}, "layout"),
    ],
    ids=["up", "absolute", "backslash", "drive", "bomb", "nested", "encrypted", "link", "twice", "many", "nothing"],
)  # fmt: skip
def test_a_hostile_zip_is_refused_and_writes_nothing(
    tmp_path: Path, entries: dict[str, bytes], options: dict[str, Any], word: str
) -> None:
    folder = put(tmp_path / "drop", {})
    zipped(folder / "day.zip", entries, **options)
    (offer,) = offers(folder)
    assert offer.problem[0] == "file_format_unreadable"
    assert word in offer.problem[1]["message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drop", "work"]
    assert list(folder.iterdir()) == [folder / "day.zip"]
    assert sum(path.stat().st_size for path in (tmp_path / "work").rglob("*")) < 20_000_000


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path) -> None:
    folder = put(tmp_path / "drop", {})
    path = zipped(folder / "day.zip", {"orders.csv": b"id\n" + b"0" * 50_000_000})
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        where = data.find(mark) + at
        data[where : where + 4] = (100).to_bytes(4, "little")
    put(folder, {"day.zip": bytes(data)})
    (offer,) = offers(folder)
    assert offer.problem is not None
    assert sum(one.stat().st_size for one in (tmp_path / "work").rglob("*")) < 20_000_000


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    folder = put(tmp_path / "drop", {})
    whole = zipped(folder / "day.zip", {"orders.csv": ORDERS * 50}).read_bytes()
    for at in (10, 60, 80, len(whole) // 2, len(whole) - 30):
        spoiled = bytearray(whole)
        spoiled[at] ^= 0xFF
        put(folder, {"day.zip": bytes(spoiled)})
        (offer,) = offers(folder)
        assert offer.problem is None or offer.problem[0] == "file_format_unreadable"
    put(folder, {"day.zip": whole[: len(whole) // 2]})
    (offer,) = offers(folder)
    assert offer.problem[0] == "file_format_unreadable"


@pytest.mark.parametrize(
    ("name", "word"), [(b"", "without a name"), (b"\xffrders.csv", "decode")], ids=["empty", "not UTF-8"]
)
def test_a_zip_with_names_that_are_none_is_refused(tmp_path: Path, name: bytes, word: str) -> None:
    """Written by hand: no library makes one. Flag 0x800 says that names are UTF-8."""
    common = struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, 33, zlib.crc32(ORDERS), len(ORDERS), len(ORDERS), len(name), 0)
    local = b"PK\3\4" + common + name + ORDERS
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    folder = put(tmp_path / "drop", {"day.zip": local + central + end})
    (offer,) = offers(folder)
    assert offer.problem[0] == "file_format_unreadable"
    assert word in offer.problem[1]["message"]


def test_a_cell_beyond_all_limits_does_not_stop_the_look_at_decimal_marks(tmp_path: Path) -> None:
    """Longer than any row may be: the file is still read, and the row says what is wrong with it."""
    folder = put(tmp_path / "drop", {"orders.csv": ORDERS + b'A-2,"' + b"x" * 140_000 + b'"\n'})
    (offer,) = offers(folder)
    assert offer.problem is None
    assert "A-1" in orders(reads(offer))


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", {"orders.csv": ORDERS})
    folder = put(tmp_path / "drop", {})
    (folder / "orders.csv").symlink_to(outside / "orders.csv")
    with pytest.raises(Refused, match="link"):
        offers(folder)
    (folder / "orders.csv").unlink()
    (folder / "day").symlink_to(outside)
    with pytest.raises(Refused, match="link"):
        offers(folder)
    (folder / "day").unlink()
    put(folder / "day", {})
    (folder / "day" / "orders.csv").symlink_to(outside / "orders.csv")
    with pytest.raises(Refused, match="link"):
        offers(folder)


@pytest.mark.parametrize("target", ["nowhere.csv", "orders.csv"])
def test_a_link_that_leads_nowhere_does_not_stop_the_rest(tmp_path: Path, target: str) -> None:
    folder = put(tmp_path / "drop", {})
    put(folder / "day", {"orders.csv": ORDERS})
    (folder / "orders.csv").symlink_to(folder / target)
    try:
        found = offers(folder)
    except (Refused, Unreachable):
        return
    assert [offer.name for offer in found if offer.problem is None] == ["day"]


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    connector = FilesConnector()
    with pytest.raises(UsageError, match="folder"):
        connector.check({})
    with pytest.raises(UsageError, match="does not exist"):
        connector.check({"path": str(tmp_path / "nothing")})
    with pytest.raises(UsageError, match="cannot be read"):
        connector.check({"path": str(tmp_path), "mapping": str(tmp_path / "nothing.toml")})


@pytest.mark.parametrize(
    "more", ['[format]\ntime_zone = "America"', '[format]\ntime_zone = "Mars/Olympus"', '[format]\ndates = ["%d/%d/%Y"]',
             '[files.orders.constants]\ntotal = "much"', '[files.orders.constants]\ncreated_at = "ayer"', "x = " + "[" * 3000, "x = " + "9" * 5000, '[states]\npaid = "sold"',
             '[files.lines]\nname = "{set}_{set}.csv"\ncolumns = {order_id = "a"}', '[files.lines]\nname = "lines.csv"',
             '[format]\ntime_zone = "' + "x" * 300 + '"'],
)  # fmt: skip
def test_a_mapping_that_cannot_work_is_refused_before_it_is_used(tmp_path: Path, more: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPED.format(more="") + more + "\n", "utf-8")
    with pytest.raises(InputError, match=r"mapping\.toml"):
        FilesConnector().check({"path": str(tmp_path), "mapping": str(path)})


def test_a_mapping_cannot_call_itself_our_own_layout(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text("own = true\n" + MAPPED.format(more=""), "utf-8")
    with pytest.raises(InputError, match="own"):
        FilesConnector().check({"path": str(tmp_path), "mapping": str(path)})


# ---------------------------------------------------------------- the way back


def remedy(code: str) -> str:
    """What to do, in a few words."""
    return reasons.get(code).action.en


def written(world: World) -> list[Path]:
    """The files of bad rows, ready to be corrected."""
    target = world.tmp / "back"
    shutil.rmtree(target, ignore_errors=True)
    return [one.file for one in returning.write(world.db, world.account, world.shop, target, remedy)]


def table(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> list[dict[str, str]]:
    """A file of bad rows, as a spreadsheet shows it."""
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def save(rows: list[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    """The corrected rows, as a spreadsheet writes them."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode(encoding)


def test_a_bad_row_goes_back_is_corrected_and_its_order_is_there(world: World) -> None:
    content = HEAD + row("A-1") + row("A-2", "ten", **{"line.name": "=cmd()", "line.unit_price": "10.00"})
    world.take_csv({"orders.csv": content}, set="day")
    assert world.standing("A-2") == ("failed", "field_format_invalid")
    (path,) = written(world)
    (bad,) = table(path)
    assert bad["id"] == "A-2"
    assert (bad["cuadra_column"], bad["cuadra_value"]) == ("total", "ten")
    assert bad["cuadra_rule"]
    assert bad["cuadra_remedy"] == remedy("field_format_invalid")
    assert bad["cuadra_row"].endswith(":0:3")
    world.take_csv({"orders.csv": save([bad | {"total": "10.00"}])}, set="corrected")
    assert world.standing("A-2") == ("present", None)
    assert world.standing("A-1") == ("present", None)
    assert world.rows("SELECT total FROM orders WHERE source_id = 'A-2'") == [(Decimal("10.00"),)]
    assert world.rows("SELECT name FROM order_line WHERE name LIKE '%%cmd%%'") == [("=cmd()",)]
    assert world.rows("SELECT settled FROM file_reject") == [(True,)]
    assert written(world) == []


def test_a_correction_that_is_still_wrong_goes_back_again(world: World) -> None:
    world.take_csv({"orders.csv": HEAD + row("A-2", "ten")}, set="day")
    (bad,) = table(written(world)[0])
    world.take_csv({"orders.csv": save([bad | {"total": "eleven", "line.unit_price": "10.00"}])}, set="second")
    assert world.standing("A-2") == ("failed", "field_format_invalid")
    (again,) = table(written(world)[0])
    assert again["cuadra_value"] == "eleven"
    world.take_csv({"orders.csv": save([again | {"total": "10.00"}])}, set="third")
    assert world.standing("A-2") == ("present", None)
    assert written(world) == []


def test_a_row_that_named_no_order_is_corrected_too(world: World) -> None:
    world.take_csv({"orders.csv": HEAD + row("", "10.00", **{"customer.email": "a@example.com"})}, set="day")
    (bad,) = table(written(world)[0])
    assert bad["cuadra_column"] == "id"
    world.take_csv({"orders.csv": save([bad | {"id": "A-7"}])}, set="corrected")
    assert world.standing("A-7") == ("present", None)
    assert written(world) == []


def test_a_corrected_line_keeps_the_other_files_of_its_order(world: World) -> None:
    head = "id;currency;total;customer.email\nA-1;ARS;2.469,00;a@example.com\n"
    lines = "order_id;sku;quantity;unit_price\nA-1;X;1;1.234,50\nA-1;Y;uno;1.234,50\n"
    world.take_csv({"orders.csv": head, "lines.csv": lines.encode("cp1252")}, set="day")
    assert world.standing("A-1") == ("failed", "field_format_invalid")
    (path,) = written(world)
    assert path.name == "lines.csv"
    (bad,) = table(path, ";")
    world.take_csv({"lines.csv": save([bad | {"quantity": "1"}], ";")}, set="corrected")
    assert world.standing("A-1") == ("present", None)
    assert world.rows("SELECT sku, quantity, unit_price FROM order_line ORDER BY sku") == [
        ("X", Decimal(1), Decimal("1234.50")), ("Y", Decimal(1), Decimal("1234.50")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "place",
    ["9" * 5000 + ":0:2", "1:0", "x:y:z", "999999999999999999999:0:2", "1:99999:2", "-1:0:2", "", "1:0:" + "9" * 30],
)
def test_a_correction_of_nothing_stops_nothing(world: World, place: str) -> None:
    content = f"id,total,cuadra_row\nA-2,10.00,{place}\n"
    world.take_csv({"orders.csv": content}, set="corrected")
    assert world.take(order("B-1")).orders["present"] >= 1


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("http://example.com")']


def test_no_cell_of_a_returned_file_begins_like_a_formula(world: World) -> None:
    rows = "".join(row(f"A-{at}", "ten", **{"line.name": formula, "line.sku": formula, "line.unit_price": "-5.00"})
                   for at, formula in enumerate(FORMULAS))  # fmt: skip
    world.take_csv({"orders.csv": HEAD + rows + row("A-9", "=2+5")})
    shown = table(written(world)[0])
    assert len(shown) == len(FORMULAS) + 1
    for one in shown:
        for name, cell in one.items():
            assert not cell.startswith(("=", "+", "@", "\t")), (name, cell)
            assert not cell.startswith("-") or cell == "-5.00", (name, cell)


def test_no_cell_of_an_export_begins_like_a_formula(world: World) -> None:
    world.take(*(order(f"{formula}{at}", number=formula, state="paid", customer={"name": formula, "email": "a@example.com"},
                       lines=[{"sku": f"S{at}", "name": formula, "quantity": "1", "unit_price": "10"}])
                 for at, formula in enumerate(FORMULAS)))  # fmt: skip
    target = io.BytesIO()
    assert export.export(world.db, world.account, "csv", target, personal=True) == len(FORMULAS)
    for one in csv.reader(io.StringIO(target.getvalue().decode())):
        for cell in one:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


# ---------------------------------------------------------------- search


def test_search_answers_with_file_and_line(world: World) -> None:
    content = HEAD + row("A-1") + row("B-1") + row("A-1", **{"line.sku": "REM-010"}) + "A-3,broken\n"
    world.take_csv({"orders.csv": content}, set="day")
    (found,) = returning.search(world.db, world.account, "REM-010", 10)
    assert (found["set"], found["file"], found["line"]) == ("day", "orders.csv", 4)
    assert "REM-010" in found["row"]
    assert found["order"] is not None
    assert [one["line"] for one in returning.search(world.db, world.account, "A-1,", 10)] == [2, 4]
    assert [one["line"] for one in returning.search(world.db, world.account, "broken", 10)] == [5]
    assert returning.search(world.db, world.account, "nowhere", 10) == []
    assert world.why("orders.csv:3").order["id"] == "B-1"


def test_the_line_of_any_row_of_an_order_answers(world: World) -> None:
    world.take_csv({"orders.csv": HEAD + row("A-1") + row("B-1") + row("A-1", **{"line.sku": "REM-010"})}, set="day")
    assert world.why("orders.csv:4").order["id"] == "A-1"


# ---------------------------------------------------------------- killed and taken up again


def test_a_source_goes_on_where_it_stopped(tmp_path: Path) -> None:
    content = HEAD + "".join(row(f"A-{at % 17}") for at in range(60))
    (offer,) = offers(put(tmp_path / "drop", {"orders.csv": content, "customers.csv": "id,name\n1,Ana\n"}))
    assert isinstance(offer, SetOffer)
    everything = [raw.body for chunk in offer.open(silent).receive({}, silent) for raw in chunk.raws]
    for done in (0, 1, 5, len(everything)):
        rest = [raw.body for chunk in offer.open(silent).receive({"receipts": done}, silent) for raw in chunk.raws]
        assert rest == everything[done:]


def test_nothing_is_left_in_the_workplace(tmp_path: Path) -> None:
    taken(tmp_path, {"orders.csv": HEAD + row("A-1")})
    assert list((tmp_path / "work").rglob("part-*")) == []


# ---------------------------------------------------------------- samples of a real integration

ANDINA = """
ignore = ["README.md"]

[files.stores]
name = "tiendas_{set}.csv"
columns = { id = "name", name = "display_name" }

[files.categories]
name = "categorias_{set}.csv"
columns = { id = "id", name = "name", parent = "parent_id" }

[files.products]
name = "productos_{set}.csv"
columns = { id = "sku", sku = "sku", name = "name", brand = "brand", description = "description", category_id = "category" }

[files.customers]
name = "clientes_{set}.csv"
optional = false
[files.customers.columns]
id = "service_uid"
document = "document"
email = "email"
first_name = "first_name"
last_name = "last_name"
phone = "telephone"
"address.city" = "city"

[files.orders]
name = "ventas_{set}.csv"
optional = false
[files.orders.columns]
id = "invoice_number"
created_at = "createtime"
"customer.document" = "document"
"customer.email" = "email"
store = "branch_name"
sales_channel = "channel"
total = "total"
"line.sku" = "sku"
"line.name" = "product_name"
"line.quantity" = "quantity"
"line.unit_price" = "unit_price"
"line.discount" = "discount"
"custom.payment" = "payment_type"

[format]
currency = "ARS"
time_zone = "America/Argentina/Buenos_Aires"
dates = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
"""


def andina(world: World, shared: Path, tmp_path: Path, *days: str, whole: bool = True) -> World:
    """An integration «andina» over the samples of these days."""
    mapping = tmp_path / "andina.toml"
    mapping.write_text(
        ANDINA if whole else ANDINA.replace("optional = false\n[files.customers", "[files.customers"), "utf-8"
    )
    folder = tmp_path / "andina"
    folder.mkdir()
    for path in sorted((shared / "platforms" / "samples" / "files-sftp").iterdir()):
        if path.suffix == ".csv" and any(day in path.name for day in days):
            put(folder, {path.name: path.read_bytes()})
    world.integration("andina", mapping=mapping, path=folder, products__unknown="hold")
    return world


@pytest.mark.shared
def test_the_sample_of_a_clean_day(world: World, shared: Path, tmp_path: Path) -> None:
    report = andina(world, shared, tmp_path, "20261118").import_now("andina")
    assert {name: items.created for name, items in report.entities.items()} == {
        "store": 2, "category": 3, "product": 2, "customer": 3,
    }  # fmt: skip
    assert report.orders["present"] == report.items.seen == 3
    assert not report.by_reason
    assert not report.warnings
    assert not report.troubled
    assert world.rows("SELECT source_id, total, ordered_at FROM orders ORDER BY source_id") == [
        ("FAC-A-0001-00012001", Decimal("71998.00"), datetime(2026, 11, 17, 14, 4, 9, tzinfo=UTC)),
        ("FAC-A-0001-00012002", Decimal("11699.55"), datetime(2026, 11, 17, 15, 41, 55, tzinfo=UTC)),
        ("NC-A-0001-00000310", Decimal("-12999.50"), datetime(2026, 11, 17, 21, 20, tzinfo=UTC)),
    ]
    assert world.rows("SELECT count(*) FROM order_line") == [(4,)]
    assert world.rows("SELECT quantity FROM order_line WHERE quantity < 0") == [(Decimal(-1),)]
    # the buyer without a mail is found by document
    assert world.rows("SELECT c.name FROM orders o JOIN customer c USING (account_id, customer_id) WHERE o.total = 11699.55") == [
        ("Martín Paz, hijo",)
    ]  # fmt: skip
    assert world.rows("SELECT count(*) FROM customer") == [(3,)]
    assert world.rows("SELECT name FROM product WHERE sku = 'REM-010'") == [("Remera básica",)]
    assert world.rows("SELECT description FROM product WHERE sku = 'REM-010'") == [('Remera 24"/1 algodón',)]
    assert sorted(world.rows("SELECT replace(path, chr(31), ' > ') FROM category")) == [
        ("Indumentaria",), ("Indumentaria > Calzado",), ("Indumentaria > Remeras",),
    ]  # fmt: skip


@pytest.mark.shared
def test_the_sample_of_another_dialect(world: World, shared: Path, tmp_path: Path) -> None:
    andina(world, shared, tmp_path, "20261118", "20261119", whole=False)
    report = world.import_now("andina")
    detected = next(note["detected"] for note in report.notes if "20261119" in note["set"])
    assert detected["ventas_andina_20261119_dialecto_cp1252.csv"] == {
        "encoding": "cp1252",
        "delimiter": ";",
        "decimal": ",",
    }
    rows = world.rows(
        "SELECT source_id, total, ordered_at, standing, warnings FROM orders WHERE source_id LIKE '%%1201_' ORDER BY 1"
    )
    assert rows[0][:4] == (
        "FAC-A-0001-00012010", Decimal("45999.00"), datetime(2026, 11, 19, 13, 15, tzinfo=UTC), "present",
    )  # fmt: skip
    assert rows[1][:4] == (
        "FAC-A-0001-00012011", Decimal("45999.00"), datetime(2026, 11, 19, 3, 0, tzinfo=UTC), "held",
    )  # fmt: skip
    # the mail in capitals with a blank is Sofía's; a stand-in mail and document 0 are nobody's
    assert world.rows("SELECT c.name FROM orders o JOIN customer c USING (account_id, customer_id) WHERE o.source_id LIKE '%%12010'") == [
        ("Sofía Giménez",)
    ]  # fmt: skip
    assert "customer_placeholder_contact" in rows[1][4]
    assert world.rows("SELECT name FROM order_line WHERE name LIKE '%%ni%%a'") == [("Zapatilla urbana niña",)]
    assert world.rows("SELECT content::json -> 'custom' ->> 'payment' FROM orders WHERE source_id LIKE '%%12010'") == [
        ("Crédito",)
    ]


@pytest.mark.shared
def test_a_day_whose_customers_have_not_come_is_held(world: World, shared: Path, tmp_path: Path) -> None:
    andina(world, shared, tmp_path, "ventas_andina_20261118")
    report = world.import_now("andina")
    assert report.notes[0]["reason"] == "file_set_incomplete"
    assert report.notes[0]["evidence"]["missing"] == ["clientes_{set}.csv"]
    assert nothing_written(world)


# ---------------------------------------------------------------- JSON lines


def test_one_bad_line_leaves_the_others_alone(world: World) -> None:
    report = world.take(order("A-1"), b"{not json", b'{"id": 7, "total": "1e400"}', b"\xff", b"[]", order("A-2"))
    assert world.standing("A-1") == world.standing("A-2") == ("present", None)
    assert world.standing("7")[1] == "field_format_invalid"
    assert report.refusals == {"payload_unreadable": 3}


@pytest.mark.parametrize(
    "line",
    [b'{"id":"a\\u0000b","total":[]}', b'{"id":"a\\u0000b","lines":7}', b'{"id":"N-1","currency":"A\\u0000"}',
     b'{"id":"N-1","note":"a\\u0000b"}', b'{"id":"N-1","custom":{"a\\u0000":"\\u0000"}}', b'{"id":"N-1","custom":{"a":18446744073709551616}}',
     b'{"id":"N-1","custom":{"a":1' + b"0" * 400 + b"}}", b'{"id":"N-1","total":"0E-999999"}', b'{"id":"N-1","total":"1","fees":"0E-20000"}',
     b'{"id":"N-1","lines":[{"quantity":"9e14","unit_price":"9e14"}]}', b'{"id":"N-1","lines":[{"sku":"\\u0000"}]}',
     b'{"id":"N-1","customer":{"email":"a\\u0000@example.com"}}', b'{"id":"N-1","customer":{"email":["\\u0000"]}}',
     b'{"id":"N-1","customer":{"consents":[{"channel":"\\u0000","state":"allowed"}]}}', b'{"id":"N-1","lines":[{"id":1,"name":["\\u0000"]}]}',
     b'{"id":"' + "ΐ".encode() * 255 + b'","shipments":[{"tracking":"' + "ΐ".encode() * 500 + b'"}]}', b'{"id":"N-1","custom":' + b"[" * 900 + b"]" * 900 + b"}"],
)  # fmt: skip
def test_a_hostile_line_does_not_stop_the_import(world: World, line: bytes) -> None:
    report = world.take(order("A-1"), line, order("A-2"))
    assert report.items.seen == 3
    assert world.standing("A-1") == world.standing("A-2") == ("present", None)
    assert "internal_error" not in report.refusals | report.by_reason
    assert world.rows("SELECT count(*) FROM inbox") == [(0,)]


def test_a_problem_of_an_offer_is_said_with_its_proof(tmp_path: Path) -> None:
    (offer,) = offers(put(tmp_path / "drop", declared(orders=5)))
    with pytest.raises(OfferProblem) as err:
        offer.open(silent)
    assert msgspec.to_builtins(err.value.evidence) == {"declared": {"orders": 5}, "counted": {"orders": 2}}
