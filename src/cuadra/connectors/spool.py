"""Brings together the rows of one order that are spread over files (or far apart in one), in constant memory.

Rows are dealt into partitions on disk by a hash of their order number; then one partition after the other is read
whole and grouped. Every row keeps its bytes, its file and its line. The deal is the same each time for the same files,
so that an interrupted import goes on at the group where it stopped.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

PARTITION_BYTES = 8 << 20
MOST_PARTITIONS = 256
_HEAD = struct.Struct("<BIHI")  # file number, line, length of the key, length of the row

Part = tuple[int, int, bytes]
"""(file number, line, the row's bytes)"""


class Spool:
    """Write rows with `add`, then read groups with `groups`; lives in a folder of its own that the caller removes."""

    def __init__(self, folder: Path, total_bytes: int) -> None:
        self.count = min(MOST_PARTITIONS, max(1, total_bytes // PARTITION_BYTES + 1))
        self._paths = [folder / f"part-{number:03}" for number in range(self.count)]
        self._stack = ExitStack()
        self._files: list[BinaryIO] = [
            self._stack.enter_context(path.open("wb", buffering=1 << 16)) for path in self._paths
        ]

    def add(self, key: str, file_no: int, line: int, raw: bytes) -> None:
        """Put one row of an order into its partition."""
        coded = key.encode("utf-8", "surrogateescape")
        file = self._files[zlib.crc32(coded) % self.count]
        file.write(_HEAD.pack(file_no, line, len(coded), len(raw)) + coded + raw)

    def groups(self) -> Iterator[tuple[str, list[Part]]]:
        """Each order number once, with all its rows in file and line order."""
        self._stack.close()
        for path in self._paths:
            yield from self._grouped(path).items()
            path.unlink()

    @staticmethod
    def _grouped(path: Path) -> dict[str, list[Part]]:
        found: dict[str, list[Part]] = {}
        data = path.read_bytes()
        at = 0
        while at < len(data):
            file_no, line, key_size, size = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            key = data[at : at + key_size].decode("utf-8", "surrogateescape")
            at += key_size
            found.setdefault(key, []).append((file_no, line, data[at : at + size]))
            at += size
        return found

    def close(self) -> None:
        """Close what is open; the files go with their folder."""
        self._stack.close()


def frame(parts: list[Part]) -> bytes:
    """The body of a receipt made of several rows: before each row a line `file line length`, all bytes as they came."""
    return b"".join(b"%d %d %d\n%s\n" % (file_no, line, len(raw), raw) for file_no, line, raw in parts)


def unframe(body: bytes) -> list[Part]:
    """The rows of a framed body. Raises ValueError where it is not one."""
    parts: list[Part] = []
    at = 0
    while at < len(body):
        end = body.index(b"\n", at)
        file_no, line, size = (int(word) for word in body[at:end].split())
        if not 0 <= size <= len(body) - end - 1:
            raise ValueError(f"a row of {size} bytes at byte {at}")
        parts.append((file_no, line, body[end + 1 : end + 1 + size]))
        at = end + 2 + size
    return parts
