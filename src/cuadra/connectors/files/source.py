"""A taken file set as a source: yields its receipts, chunk by chunk, and can go on where it stopped."""

from __future__ import annotations

import codecs
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cuadra.connectors.base import Chunk, Progress, Raw, Reader
from cuadra.connectors.files.layout import ENTITY_ROLES, Layout
from cuadra.connectors.files.read import BODY_LIMIT, KEY_LIMIT, Plan, SetFile, plan, reader
from cuadra.connectors.files.rows import SNIFF, Row, Rows, detect
from cuadra.connectors.spool import Spool, frame
from cuadra.errors import InputError
from cuadra.model import Entity

_KINDS = {"stores": Entity.STORE, "categories": Entity.CATEGORY, "products": Entity.PRODUCT,
          "customers": Entity.CUSTOMER}  # fmt: skip


def describe(files: list[tuple[str, Path]], layout: Layout) -> list[SetFile]:
    """What each file is and how it is written, from its first bytes. Raises InputError naming the file."""
    return [_describe(role, path, layout) for role, path in files]


def _describe(role: str, path: Path, layout: Layout) -> SetFile:
    with path.open("rb") as file:
        head = file.read(SNIFF)
    if path.suffix.lower() == ".jsonl":
        return SetFile(path.name, role, nested=True, size=path.stat().st_size)
    spec = layout.files[role]  # type: ignore[index]
    form = layout.format
    if not head.strip(codecs.BOM_UTF8 + b"\r\n \t"):
        raise InputError("{file} is empty: not even a header. Send it again.", file=path.name)
    dialect = detect(head, spec.delimiter or form.delimiter, spec.encoding or form.encoding,
                     spec.decimal or form.decimal, path.name)  # fmt: skip
    with path.open("rb") as file:
        header = next(iter(Rows(file, dialect)), None)
    if header is None or header.problem:
        raise InputError("The header of {file} cannot be read: {why}.", file=path.name,
                         why=header.problem if header else "it is empty")  # fmt: skip
    return SetFile(path.name, role, [name.strip() for name in header.fields], dialect, size=path.stat().st_size)


def plans(files: list[SetFile], layout: Layout, zone_name: str | None) -> list[Plan | None]:
    """The plan of each delimited file."""
    return [None if file.nested else plan(at, file, layout, zone_name) for at, file in enumerate(files)]


class FileSetSource:
    """One set. `paths` and `files` go together; `work` is an empty folder of ours for the spool."""

    def __init__(self, paths: list[Path], files: list[SetFile], layout: Layout, *, sequence: int, work: Path,
                 zone_name: str | None = None, currency: str | None = None, chunk: int = 5000) -> None:  # fmt: skip
        self._paths, self._files, self._layout = paths, files, layout
        self._sequence, self._work, self._chunk = sequence, work, chunk
        self._plans = plans(files, layout, zone_name)
        self._reader = reader(files, layout, zone_name, currency)
        self._total = sum(file.size for file in files)
        self._read_bytes = 0

    def reader(self) -> Reader:
        """The pure function that reads this set's receipts."""
        return self._reader

    def receive(self, cursor: dict[str, Any], progress: Progress) -> Iterator[Chunk]:
        """Everything after `cursor` ({"receipts": n}: how many were stored already)."""
        self._read_bytes = 0
        skip = int(cursor.get("receipts", 0))
        raws: list[Raw] = []
        passed = 0
        for raw in self._items(progress):
            passed += 1
            if passed <= skip:
                continue
            raws.append(raw)
            if len(raws) >= self._chunk:
                yield Chunk(raws, {"receipts": passed})
                raws = []
        if raws:
            yield Chunk(raws, {"receipts": passed})

    def _items(self, progress: Progress) -> Iterator[Raw]:
        for role in ENTITY_ROLES:
            for number, file in enumerate(self._files):
                if file.role == role:
                    yield from (self._alone(number, row) for row in self._rows(number, progress))
        for number, file in enumerate(self._files):
            if file.nested:
                yield from self._nested(number, progress)
        if any(file.role not in ENTITY_ROLES and not file.nested for file in self._files):
            yield from self._orders(progress)

    def _alone(self, number: int, row: Row) -> Raw:
        """A receipt of one row: of a record, or of a row that belongs to no order, which the reader then refuses."""
        kind = _KINDS.get(self._files[number].role, Entity.ORDER)
        return Raw(kind, frame([(number, row.line, row.raw)]), self._sequence, number, row.line)

    def _rows(self, number: int, progress: Progress) -> Iterator[Row]:
        """Rows of one file after its header, without blank ones."""
        file = self._files[number]
        assert file.dialect is not None
        with self._paths[number].open("rb") as handle:
            rows = Rows(handle, file.dialect)
            for count, row in enumerate(itertools.islice(rows, 1, None)):
                if count % 4096 == 0:
                    progress(self._read_bytes + rows.position, self._total, file.name)
                if row.problem is not None or row.fields:
                    yield row
            self._read_bytes += rows.position

    def _orders(self, progress: Progress) -> Iterator[Raw]:
        """Rows of all order files, brought together by the order's number."""
        folder = self._work / "spool"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        numbers = [number for number, file in enumerate(self._files)
                   if file.role not in ENTITY_ROLES and not file.nested]  # fmt: skip
        spool = Spool(folder, sum(self._files[number].size for number in numbers))
        try:
            for number in numbers:
                yield from self._deal(number, spool, progress)
            for _, parts in spool.groups():
                yield Raw(Entity.ORDER, frame(parts)[: BODY_LIMIT + 1], self._sequence, parts[0][0], parts[0][1])
        finally:
            spool.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _deal(self, number: int, spool: Spool, progress: Progress) -> Iterator[Raw]:
        """Rows into the spool; what names no order comes out at once."""
        found = self._plans[number]
        assert found is not None
        for row in self._rows(number, progress):
            key = row.fields[found.key].strip() if 0 <= found.key < len(row.fields) else ""
            if row.problem is not None or not key or len(key) > KEY_LIMIT:
                yield self._alone(number, row)
            else:
                spool.add(key, number, row.line, row.raw)

    def _nested(self, number: int, progress: Progress) -> Iterator[Raw]:
        """Lines of a JSONL file. Of a line above the limit the head is kept, and the reader refuses it."""
        done = 0
        with self._paths[number].open("rb", buffering=1 << 20) as handle:
            for line in itertools.count(1):
                body = handle.readline(BODY_LIMIT + 1)
                if not body:
                    break
                done += len(body)
                if len(body) > BODY_LIMIT:
                    while rest := handle.readline(1 << 20):
                        done += len(rest)
                        if rest.endswith(b"\n"):
                            break
                if line % 2048 == 1:
                    progress(self._read_bytes + done, self._total, self._files[number].name)
                if body.isspace():
                    continue
                yield Raw(Entity.ORDER, body, self._sequence, number, line)
        self._read_bytes += done
