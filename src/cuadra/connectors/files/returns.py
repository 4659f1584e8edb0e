"""The files that go back: bad rows in the layout in which they came, with what is wrong and what to do, ready to be
corrected and dropped again; and the other way, a corrected row put in the place of the bad one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from cuadra import folders
from cuadra.connectors.files.read import SetFile
from cuadra.connectors.files.rows import Rows, decode, split
from cuadra.connectors.files.values import BadValue
from cuadra.connectors.spool import Part, frame, unframe

ROW = "cuadra_row"
"""Names the bad row: set:file:line. A row that carries it corrects that one."""
COLUMNS = (ROW, "cuadra_column", "cuadra_value", "cuadra_rule", "cuadra_remedy")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Bad(Struct):
    """A bad row as stored: place, what is wrong, and its bytes."""

    file_no: int
    line: int
    column: str
    value: str
    rule: str
    reason: str
    raw: bytes


def harmless(cell: str) -> str:
    """A cell that a spreadsheet will not run: a number stays a number, anything else that begins like a formula gets
    an apostrophe."""
    if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA):
        return "'" + cell  # an apostrophe of its own must come back
    if cell.startswith(_FORMULA) and not cell.lstrip("+-").replace(".", "", 1).replace(",", "", 1).isdigit():
        return "'" + cell
    return cell


def unharmed(cell: str) -> str:
    """The cell as it was before `harmless`."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell


def write(
    folder: Path, set_id: int, files: list[SetFile], rows: Iterable[Bad], remedy: Callable[[str], str]
) -> list[Path]:
    """Write the bad rows of a set, one file per file of the set. A row with several faults is there once."""
    folders.private(folder)
    grouped: dict[int, dict[int, list[Bad]]] = {}
    for bad in rows:
        grouped.setdefault(bad.file_no, {}).setdefault(bad.line, []).append(bad)
    written = []
    for file_no, lines in sorted(grouped.items()):
        file = files[file_no]
        path = folder / file.name
        if file.nested:
            path.write_bytes(b"".join(lines[line][0].raw.rstrip(b"\r\n") + b"\n" for line in sorted(lines)))
        else:
            path.write_bytes(b"".join(_table(set_id, file_no, file, lines, remedy)))
        written.append(path)
    return written


def _writer(buffer: io.StringIO, delimiter: str, cells: list[str]) -> Any:
    """A writer that quotes a lone carriage return, which the csv module leaves bare."""
    if any("\r" in cell for cell in cells):
        return csv.writer(buffer, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    return csv.writer(buffer, delimiter=delimiter, lineterminator="\n")


def _table(set_id: int, file_no: int, file: SetFile, lines: dict[int, list[Bad]],
           remedy: Callable[[str], str]) -> Iterator[bytes]:  # fmt: skip
    dialect = file.dialect
    assert dialect is not None

    def line_of(cells: list[str]) -> bytes:
        buffer = io.StringIO()
        _writer(buffer, dialect.delimiter, cells).writerow(cells)
        return buffer.getvalue().encode(dialect.encoding, "replace")

    yield line_of([*file.header, *COLUMNS])
    for number in sorted(lines):
        faults = lines[number]
        try:
            cells = split(decode(faults[0].raw, dialect)[0], dialect)
        except BadValue:
            cells = [faults[0].raw.decode(dialect.encoding, "replace").rstrip("\r\n")]
        cells = ([harmless(cell) for cell in cells] + [""] * len(file.header))[: len(file.header)]
        yield line_of([
            *cells, f"{set_id}:{file_no}:{number}", "; ".join(bad.column for bad in faults),
            harmless("; ".join(bad.value for bad in faults)), "; ".join(bad.rule for bad in faults),
            remedy(faults[0].reason),
        ])  # fmt: skip


class Correction(Struct, frozen=True):
    """A corrected row: which one it replaces, and its cells by column name."""

    set_id: int
    file_no: int
    line: int
    cells: dict[str, str]


def is_correction(files: list[SetFile]) -> bool:
    """Whether these files carry corrected rows."""
    return bool(files) and all(ROW in [name.casefold() for name in file.header] for file in files)


def corrections(paths: list[Path], files: list[SetFile]) -> Iterator[Correction]:
    """The corrected rows of files that went back and came again. A row whose place cannot be read is left out here
    and refused by the reader like any other bad row."""
    for path, file in zip(paths, files, strict=True):
        dialect = file.dialect
        assert dialect is not None
        names = [name.casefold() for name in file.header]
        with path.open("rb") as handle:
            for row in list(Rows(handle, dialect))[1:]:
                if row.problem is not None or len(row.fields) != len(names):
                    continue
                cells = dict(zip(names, row.fields, strict=True))
                place = cells[ROW].split(":")
                if len(place) == 3 and all(part.isdecimal() and len(part) < 19 for part in place):
                    set_id, file_no, line = (int(part) for part in place)
                    yield Correction(set_id, file_no, line, {k: unharmed(v) for k, v in cells.items()})


def mend(body: bytes, files: list[SetFile], fixes: list[Correction]) -> bytes:
    """The body of a receipt with corrected rows in the place of the bad ones, in the layout of their own set."""
    wanted = {(fix.file_no, fix.line): fix for fix in fixes}
    parts: list[Part] = []
    for file_no, line, raw in unframe(body):
        fix = wanted.get((file_no, line))
        parts.append((file_no, line, _row(files[file_no], fix) if fix else raw))
    return frame(parts)


def _row(file: SetFile, fix: Correction) -> bytes:
    dialect = file.dialect
    assert dialect is not None
    buffer = io.StringIO()
    cells = [fix.cells.get(name.casefold(), "") for name in file.header]
    _writer(buffer, dialect.delimiter, cells).writerow(cells)
    return buffer.getvalue().encode(dialect.encoding, "replace")


def files_of(description: list[dict[str, object]]) -> list[SetFile]:
    """The files of a stored set."""
    return msgspec.convert(description, list[SetFile])
