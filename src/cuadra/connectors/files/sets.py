"""Finds the file sets of a folder and tells whether each is whole.

A set is a sub-folder, a zip archive, one `.jsonl` file, or the files of the folder that share the `{set}` part of
their names. It is taken when every file it needs is there and none is still being written.
"""

from __future__ import annotations

import fnmatch
import hashlib
import lzma
import re
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Progress
from cuadra.connectors.files.layout import ENTITY_ROLES, ORDER_ROLES, Layout
from cuadra.errors import InputError, Refused, Unreachable

PARTIAL = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
SETTLED_SECONDS = 1.0
"""A file that changed less than this ago is looked at twice."""

ZIP_ENTRIES = 1_000
ZIP_BYTES = 20 << 30
ZIP_RATIO = 200
"""A real CSV shrinks to a twentieth; what grows more than this when opened is a bomb."""


class Manifest(Struct):
    """`manifest.json` of a set: what the sender says is in it. All parts are optional."""

    files: dict[str, dict[str, Any]] = {}
    orders: int | None = None
    totals: dict[str, Any] = {}
    """Control totals: currency → sum of the orders' totals."""


class Candidate(Struct):
    """A set as found. `files` pairs roles with paths, in the order in which they are to be taken."""

    name: str
    files: list[tuple[str, Path]]
    missing: list[str]
    unknown: list[str]
    manifest: Manifest | None = None
    archive: Path | None = None
    growing: str | None = None
    """A file that is still being written."""
    problem: tuple[str, dict[str, Any]] | None = None
    """(reason, evidence) of a set that cannot be taken as it is."""

    @property
    def whole(self) -> bool:
        return not self.missing and self.growing is None and self.problem is None


def discover(folder: Path, layout: Layout) -> list[Candidate]:
    """All sets at a place, by name. `folder` may also be one file (`.jsonl` or `.zip`).

    Raises Unreachable if the place cannot be read, Refused if it leads elsewhere through a link.
    """
    try:
        if folder.is_file():
            return [_single(folder, layout)]
        entries = sorted(folder.iterdir())
    except OSError as err:
        raise Unreachable("The folder {folder} cannot be read: {why}.", folder=folder, why=err.strerror) from err
    root = folder.resolve()
    found: list[Candidate] = []
    loose: list[Path] = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower().endswith(PARTIAL):
            continue
        if not _inside(entry, root):
            continue
        if entry.is_dir():
            inner = [path for path in sorted(entry.iterdir()) if _plain(path, root)]
            if inner:
                found += _grouped(entry.name, inner, layout, whole_folder=True)
        elif entry.suffix.lower() in (".zip", ".jsonl") and _plain(entry, root):
            found.append(_single(entry, layout))
        elif _plain(entry, root):
            loose.append(entry)
    found += _grouped(folder.resolve().name, loose, layout)
    return sorted((one for one in found if one.files or one.archive or one.problem), key=lambda one: one.name)


def _plain(path: Path, root: Path) -> bool:
    if path.name.startswith(".") or path.name.lower().endswith(PARTIAL):
        return False
    return _inside(path, root) and stat.S_ISREG(path.stat().st_mode)


def _inside(path: Path, root: Path) -> bool:
    """Whether there is something at the path; False for a link that leads nowhere. Raises Refused for one that leads
    out of the folder."""
    try:
        target = path.resolve(strict=True)
        path.name.encode()
    except (OSError, RuntimeError, UnicodeEncodeError):
        return False
    if not target.is_relative_to(root):
        raise Refused("{file} is a link that leads out of the folder; put the file itself there.", file=path)
    return True


def _single(path: Path, layout: Layout) -> Candidate:
    if path.suffix.lower() == ".zip":
        return Candidate(path.name, [], [], [], archive=path, growing=_growing([path]))
    if path.suffix.lower() == ".jsonl":
        return Candidate(path.name, [("orders", path)], [], [], growing=_growing([path]))
    return next(iter(_grouped(path.stem, [path], layout)), Candidate(
        path.name, [], [], [path.name],
        problem=("file_name_invalid", {"name": path.name, "pattern": _patterns(layout)})))  # fmt: skip


def _patterns(layout: Layout) -> str:
    return ", ".join(file.name for file in layout.files.values())


def _grouped(
    name: str, paths: list[Path], layout: Layout, *, whole_folder: bool = False, settled: bool = False
) -> list[Candidate]:
    """Files of one folder to sets, by the `{set}` part of their names. `settled`: nobody is writing them any more."""
    groups: dict[str, dict[str, list[Path]]] = {}
    unknown: list[str] = []
    manifest: Path | None = None
    for path in paths:
        if path.name == "manifest.json":
            manifest = path
            continue
        match = _match(path.name, layout)
        if match is None:
            if not any(fnmatch.fnmatch(path.name, pattern) for pattern in layout.ignore):
                unknown.append(path.name)
            continue
        role, key = match
        groups.setdefault("" if whole_folder else key, {}).setdefault(role, []).append(path)
    needed = [role for role, file in layout.files.items() if not file.optional]
    result = []
    for key, roles in groups.items():
        files = [(role, path) for role in (*ENTITY_ROLES, *ORDER_ROLES) for path in roles.get(role, [])]
        missing = [layout.files[role].name for role in needed if role not in roles]
        candidate = Candidate(f"{name}/{key}" if key else name, files, missing, unknown,
                              growing=None if settled else _growing([path for _, path in files]))  # fmt: skip
        if manifest is not None:
            _declare(candidate, manifest)
        result.append(candidate)
    return result


def _match(name: str, layout: Layout) -> tuple[str, str] | None:
    for role, file in layout.files.items():
        pattern = re.escape(file.name).replace(r"\{set\}", r"(?P<set>.+?)").replace(r"\*", ".*").replace(r"\?", ".")
        match = re.fullmatch(pattern, name, re.IGNORECASE)
        if match:
            return role, match.groupdict().get("set") or ""
        if layout.own and role == "orders" and name.lower().endswith(".jsonl"):
            return "orders", ""
    return None


def _declare(candidate: Candidate, path: Path) -> None:
    try:
        raw = path.read_bytes()
        if b"\\u0000" in raw:
            raise msgspec.DecodeError("no NUL characters")
        candidate.manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        candidate.problem = (
            "file_format_unreadable",
            {"file": path.name, "position": 0, "message": str(err)[:300]},
        )
        return
    here = {path.name for _, path in candidate.files}
    candidate.missing += [
        name for name in candidate.manifest.files if name not in here and name not in candidate.missing
    ]


def _growing(paths: list[Path]) -> str | None:
    """The first file whose size or time still moves."""
    recent = [path for path in paths if time.time() - path.stat().st_mtime < SETTLED_SECONDS]
    if not recent:
        return None
    before = [(path, path.stat()) for path in recent]
    time.sleep(SETTLED_SECONDS)
    for path, old in before:
        new = path.stat()
        if (new.st_size, new.st_mtime_ns) != (old.st_size, old.st_mtime_ns):
            return path.name
    return None


def open_archive(candidate: Candidate, folder: Path, layout: Layout) -> Candidate:
    """Unpack a zip into an empty folder of ours and find the set in it.

    Raises Refused for an archive that reaches outside, is nested, encrypted, a bomb, or no archive.
    """
    path = candidate.archive
    assert path is not None
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [info for info in archive.infolist() if not info.filename.endswith("/")]
            _inspect(entries, path)
            room = ZIP_BYTES
            for info in entries:
                room -= _unpack(archive, info, folder / PurePosixPath(info.filename).name, room, path)
    except (
        zipfile.BadZipFile,
        OSError,
        RuntimeError,
        EOFError,
        NotImplementedError,
        UnicodeDecodeError,  # of a name that says to be UTF-8
        zlib.error,
        lzma.LZMAError,
    ) as err:
        raise Refused("{file} is not an archive that can be opened: {why}.", file=path.name, why=err) from err
    sets = _grouped(candidate.name, sorted(folder.iterdir()), layout, whole_folder=True, settled=True)
    if not sets:
        raise InputError("{file} holds no file of the layout ({pattern}).", file=path.name, pattern=_patterns(layout))
    return sets[0]


def _inspect(entries: list[zipfile.ZipInfo], path: Path) -> None:
    def refuse(text: str, **values: object) -> Refused:
        return Refused("{file} is refused: " + text, file=path.name, **values)

    if len(entries) > ZIP_ENTRIES:
        raise refuse("it has more than {limit} files.", limit=ZIP_ENTRIES)
    names = set()
    for info in entries:
        pure = PurePosixPath(info.filename.replace("\\", "/"))
        if not pure.name:
            raise refuse("it has a file without a name.")
        if pure.is_absolute() or ".." in pure.parts or re.match("^[A-Za-z]:", info.filename):
            raise refuse("«{name}» reaches outside the archive.", name=info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise refuse("«{name}» is a link.", name=info.filename)
        if pure.suffix.lower() in (".zip", ".gz", ".7z", ".rar", ".tar", ".bz2", ".xz"):
            raise refuse("«{name}» is an archive inside the archive.", name=info.filename)
        if info.flag_bits & 1:
            raise refuse("«{name}» is encrypted.", name=info.filename)
        if pure.name in names:
            raise refuse("«{name}» is there twice.", name=pure.name)
        names.add(pure.name)
        if info.file_size > max(1 << 20, info.compress_size * ZIP_RATIO):
            raise refuse("«{name}» grows more than {ratio} times when opened.", name=info.filename, ratio=ZIP_RATIO)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, room: int, path: Path) -> int:
    """Copy one entry, counting real bytes: what the directory of an archive says may be a lie."""
    written = 0
    limit = min(room, max(1 << 20, info.compress_size * ZIP_RATIO))
    with archive.open(info) as source, target.open("xb") as out:
        while block := source.read(1 << 20):
            written += len(block)
            if written > limit:
                raise Refused("{file} is refused: «{name}» grows without end when opened.", file=path.name,
                              name=info.filename)  # fmt: skip
            out.write(block)
    return written


def digests(files: list[tuple[str, Path]], progress: Progress) -> Iterator[tuple[Path, int, str]]:
    """(path, size, sha256) of each file, read once in blocks."""
    total = sum(path.stat().st_size for _, path in files)
    done = 0
    for _, path in files:
        seal = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                seal.update(block)
                done += len(block)
                progress(done, total, path.name)
        yield path, path.stat().st_size, seal.hexdigest()
