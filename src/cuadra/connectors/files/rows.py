"""Logical rows of a delimited file with their line number and their very bytes, in constant memory.

The csv module splits fields; this module feeds it physical lines, remembers which bytes made up each row, and gets
back in step after a row that cannot be split, so that one bad quote spoils one row and not the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Literal

from msgspec import Struct

from cuadra.connectors.files.values import BadValue
from cuadra.errors import InputError

LINE_LIMIT = 1 << 20
"""Bytes of one physical line, and of one row over several lines, that are still taken for a row."""
ROW_LINES = 200
"""A quoted field over more lines than this is an unclosed quote."""
SNIFF = 1 << 18

ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "latin-1": "latin-1", "iso-8859-1": "latin-1",
             "windows-1252": "cp1252", "cp1252": "cp1252"}  # fmt: skip


class Dialect(Struct, frozen=True):
    """How a file is written."""

    delimiter: str
    encoding: str
    decimal: Literal[".", ","]
    guessed: tuple[str, ...] = ()
    """Which of the three were detected and not declared: shown before use."""


class Row(Struct):
    """One logical row: where it begins, what it is, and what is wrong with it (rule), if it could not be split."""

    line: int
    raw: bytes
    fields: list[str]
    problem: str | None = None
    repaired: bool = False
    """Bytes that are not of the file's encoding were read as Windows-1252."""


def detect(head: bytes, delimiter: str | None, encoding: str | None, decimal: str | None, name: str) -> Dialect:
    """The dialect of a file from its first bytes; what is declared wins. Raises InputError on what is no text."""
    guessed: list[str] = []
    if encoding is None:
        guessed.append("encoding")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head[:4096]:
            raise InputError("{file} is not text in UTF-8 or Windows-1252; save it as UTF-8.", file=name)
        encoding = "utf-8" if _is_utf8(head) else "cp1252"
    else:
        known = ENCODINGS.get(encoding.lower())
        if known is None:
            raise InputError("{file}: encoding {encoding} is not known; use one of {known}.", file=name,
                             encoding=encoding, known=", ".join(ENCODINGS))  # fmt: skip
        encoding = known
    text = head.decode(encoding, "replace").lstrip("\ufeff")
    if delimiter is None:
        guessed.append("delimiter")
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t|", key=first.count)
    if decimal is None:
        guessed.append("decimal")
        decimal = _decimal_mark(text, delimiter)
    return Dialect(delimiter, encoding, "," if decimal == "," else ".", tuple(guessed))


def _is_utf8(head: bytes) -> bool:
    """By a mark at the beginning, or by what most lines with other than ASCII say: one foreign row decides nothing."""
    if head.startswith(codecs.BOM_UTF8):
        return True
    votes = 0
    for line in head.split(b"\n")[:-1] or [head]:
        if not line.isascii():
            votes += 1 if _decodes(line) else -1
    return votes >= 0


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _foreign(err: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 are read as Windows-1252, one by one; the text around them stays as it is."""
    assert isinstance(err, UnicodeDecodeError)
    return err.object[err.start : err.end].decode("cp1252", "replace"), err.end


codecs.register_error("cuadra-foreign", _foreign)


def _decimal_mark(text: str, delimiter: str) -> str:
    """Decided over all numbers of the sample: a mark that is followed by other than three digits, or that comes
    after the other one, is the decimal mark. A comma cannot be it where it also separates unquoted fields."""
    votes = {".": 0, ",": 0}
    for line in text.splitlines()[1:500]:
        for cell in _cells(line, delimiter):
            digits = cell.strip().lstrip("-")
            if not digits or not digits.replace(".", "").replace(",", "").isdigit():
                continue
            last = max(digits.rfind("."), digits.rfind(","))
            if last < 0:
                continue
            mark, tail = digits[last], len(digits) - last - 1
            both = "." in digits and "," in digits
            if both or (tail != 3 and digits.count(mark) == 1):
                votes[mark] += 1
    return "," if votes[","] > votes["."] else "."


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell beyond all limits says nothing about decimal marks
        return []


class Rows:
    """Iterate over the logical rows of a binary file. Lines count from 1; the header is row 1."""

    def __init__(self, file: BinaryIO, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._line = 0
        self._again: deque[bytes] = deque()
        self._pulled: list[bytes] = []
        self._repaired = False
        self._too_long = False
        self.position = 0

    def __iter__(self) -> Iterator[Row]:
        while (row := self._next()) is not None:
            yield row

    def _next(self) -> Row | None:
        self._pulled = []
        self._repaired = self._too_long = False
        first = self._line + 1
        reader = csv.reader(self._lines(), delimiter=self._dialect.delimiter, strict=True)
        try:
            fields = next(reader)
        except StopIteration:
            return None
        except csv.Error as err:
            return self._spoiled(first, str(err))
        except UnicodeDecodeError:
            return self._spoiled(first, "text in the declared encoding")
        if self._too_long:
            return self._spoiled(first, f"at most {LINE_LIMIT} bytes a row")
        raw = b"".join(self._pulled)
        if b"\0" in raw:
            return Row(first, raw, [], "no NUL characters")
        return Row(first, raw, fields, None, self._repaired)

    def _spoiled(self, first: int, problem: str) -> Row:
        """Give up the first physical line only; what was pulled after it is read again as rows of their own."""
        raw, *rest = self._pulled
        self._again.extendleft(reversed(rest))
        self._line = first
        return Row(first, raw, [], _rule(problem))

    def _lines(self) -> Iterator[str]:
        size = 0
        while True:
            line = self._again.popleft() if self._again else self._read_line()
            if not line:
                return
            self._line += 1
            self._pulled.append(line)
            size += len(line)
            if len(self._pulled) > ROW_LINES or size > LINE_LIMIT:
                self._too_long = True
                yield '"\n'  # closes an open quote, so that the reader gives the row back at once
                return
            yield self._decode(line)

    def _read_line(self) -> bytes:
        line = self._file.readline(LINE_LIMIT + 1)
        self.position += len(line)
        if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
            while rest := self._file.readline(LINE_LIMIT):  # skip to the line's end, holding none of it
                self.position += len(rest)
                if rest.endswith(b"\n"):
                    break
        return line

    def _decode(self, line: bytes) -> str:
        if self._line == 1 and line.startswith(codecs.BOM_UTF8):
            line = line[3:]
        try:
            return line.decode(self._dialect.encoding)
        except UnicodeDecodeError:
            if self._dialect.encoding != "utf-8":
                raise
            self._repaired = True
            return line.decode("utf-8", "cuadra-foreign")


def _rule(problem: str) -> str:
    if problem.startswith(("field larger", "at most")):
        return "at most 131072 characters a field and 1048576 bytes a row"
    if "quote" in problem or "expected after" in problem or "end of data" in problem:
        return "quotes closed, and doubled inside a field"
    return problem


def decode(raw: bytes, dialect: Dialect) -> tuple[str, bytes]:
    """The text of a row, and the first foreign bytes in it that had to be read as Windows-1252. Raises BadValue."""
    try:
        return raw.decode(dialect.encoding).removeprefix("\ufeff"), b""
    except UnicodeDecodeError as err:
        if dialect.encoding != "utf-8":
            raise BadValue("text in the declared encoding") from err
        return raw.decode("utf-8", "cuadra-foreign").removeprefix("\ufeff"), raw[err.start : err.end]


def split(text: str, dialect: Dialect) -> list[str]:
    """The fields of one row. Raises BadValue naming the rule that the row breaks."""
    if len(text) > LINE_LIMIT:
        raise BadValue(_rule("at most"))
    if "\0" in text:
        raise BadValue("no NUL characters")
    # only a line feed ends a line here, as in `Rows`: str.splitlines knows nine more
    lines = [line + "\n" for line in text.split("\n")] if "\n" in text[:-1] else [text]
    try:
        return next(csv.reader(lines, delimiter=dialect.delimiter, strict=True), [])
    except csv.Error as err:
        raise BadValue(_rule(str(err))) from err
