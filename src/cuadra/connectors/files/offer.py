"""A file set as something to take: what it is, whether its control totals hold, and how to open it."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from cuadra.connectors.base import Evidence, OfferProblem, Place, Progress, Source
from cuadra.connectors.files import sets
from cuadra.connectors.files.layout import Layout
from cuadra.connectors.files.read import SetFile
from cuadra.connectors.files.returns import Correction, corrections, is_correction
from cuadra.connectors.files.sets import Candidate, Manifest
from cuadra.connectors.files.source import FileSetSource, describe, plans
from cuadra.errors import CuadraError
from cuadra.model import Covered, OrderRead


class SetOffer:
    """One set of a folder; see `base.Offer`."""

    def __init__(self, candidate: Candidate, layout: Layout, place: Place, chunk: int) -> None:
        self.name = candidate.name
        self.is_set, self.arrival = True, "file"
        self.covers: Sequence[Covered] = ()
        self.sequence = 0
        self.digest = b""
        self.source_count: int | None = candidate.manifest.orders if candidate.manifest else None
        self.problem = candidate.problem or _incomplete(candidate)
        self.notes: dict[str, Any] = {"ignored_files": candidate.unknown} if candidate.unknown else {}
        self.description: dict[str, Any] = {}
        self.corrections: Sequence[Correction] = []
        """Corrected rows, where the set is one that went back and came again."""
        self._candidate, self._layout, self._place, self._chunk = candidate, layout, place, chunk
        self._files: list[SetFile] = []

    def seal(self, progress: Progress) -> None:
        """Unpack, look at every header, take the digest: after this the set is known as a whole."""
        if self.problem is not None and self.problem[0] != "file_set_incomplete":
            return
        incomplete, self.problem = self.problem, None
        try:
            if self._candidate.archive is not None:
                self._candidate = self._unpacked(self._candidate)
                self.problem = self._candidate.problem or _incomplete(self._candidate)
                if self.problem is not None:
                    return
            self._files = describe(self._candidate.files, self._layout)
        except CuadraError as err:
            self.problem = ("file_format_unreadable", {
                "file": str(err.values.get("file", self.name)), "position": 0, "message": str(err),
            })  # fmt: skip
            return
        if is_correction(self._files):
            self.corrections = list(corrections([path for _, path in self._candidate.files], self._files))
        elif incomplete is not None:
            self.problem = incomplete
            return
        if not self.corrections and all(_headed_only(file, self._candidate.files) for file in self._files):
            self.problem = ("file_format_unreadable", {
                "file": self._files[0].name, "position": 0, "message": "a header and no row: never taken for «no orders»",
            })  # fmt: skip
            return
        for file, (path, size, sha256) in zip(self._files, sets.digests(self._candidate.files, progress), strict=True):
            file.size, file.sha256 = size, sha256
            self._declared(path.name, sha256)
        self.digest = hashlib.sha256("\n".join(sorted(file.sha256 for file in self._files)).encode()).digest()
        self.sequence = time.time_ns() // 1000
        if not self.corrections:
            self._headers()
        self.description = {"files": msgspec.to_builtins(self._files), "layout": msgspec.to_builtins(self._layout)}

    def _unpacked(self, candidate: Candidate) -> Candidate:
        folder = self._place.work / "archive" / hashlib.sha256(self.name.encode()).hexdigest()[:16]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        opened = sets.open_archive(candidate, folder, self._layout)
        opened.name = candidate.name
        if opened.manifest is not None:
            self.source_count = opened.manifest.orders
        return opened

    def _declared(self, name: str, sha256: str) -> None:
        manifest = self._candidate.manifest
        wanted = manifest.files.get(name, {}).get("sha256") if manifest else None
        if wanted is not None and str(wanted).lower() != sha256:
            self.problem = ("control_total_mismatch", {
                "declared": {name: wanted}, "counted": {name: sha256},
            })  # fmt: skip

    def _headers(self) -> None:
        for found in plans(self._files, self._layout, self._place.time_zone):
            if found is None:
                continue
            name = found.file.name
            if found.missing:
                self.problem = ("file_header_mismatch", {
                    "file": name, "missing": found.missing, "unknown": found.unknown,
                })  # fmt: skip
            if found.unknown:
                self.notes.setdefault("unknown_columns", {})[name] = found.unknown
            if found.file.dialect is not None and found.file.dialect.guessed:
                self.notes.setdefault("detected", {})[name] = {
                    part: getattr(found.file.dialect, part) for part in found.file.dialect.guessed
                }

    def open(self, progress: Progress) -> Source:
        """The set's source. Control totals, where the set declares them, are counted before anything is written."""
        source = FileSetSource(
            [path for _, path in self._candidate.files], self._files, self._layout, sequence=self.sequence,
            work=self._place.work, zone_name=self._place.time_zone, currency=self._place.currency, chunk=self._chunk,
        )  # fmt: skip
        manifest = self._candidate.manifest
        if manifest is not None and (manifest.orders is not None or manifest.totals):
            wrong = control(source, manifest, progress)
            if wrong is not None:
                raise OfferProblem("control_total_mismatch", wrong)
        return source


def _headed_only(file: SetFile, files: list[tuple[str, Path]]) -> bool:
    """Whether a delimited file ends after its header. (A quoted header over lines has rows enough to be read.)"""
    path = next(path for _, path in files if path.name == file.name)
    if file.nested or file.size > 1 << 16:
        return False
    return len([line for line in path.read_bytes().splitlines() if line.strip()]) <= 1


def _incomplete(candidate: Candidate) -> tuple[str, Evidence] | None:
    if candidate.growing is not None:
        # nothing is scheduled: the next run is when somebody starts one
        return "file_not_processed_yet", {"file": candidate.growing, "why": "still being written",
                                          "arrived_at": datetime.now(UTC).isoformat(), "next_run": None}  # fmt: skip
    if candidate.missing:
        received = [path.name for _, path in candidate.files]
        return "file_set_incomplete", {"missing": candidate.missing, "received": received}
    return None


def control(source: FileSetSource, manifest: Manifest, progress: Progress) -> Evidence | None:
    """Declared totals against what the files hold; None where they agree."""
    read = source.reader()
    seen: set[str] = set()
    sums: dict[str, Decimal] = {}
    for chunk in source.receive({}, progress):
        for raw in chunk.raws:
            value = read(raw).value
            if isinstance(value, OrderRead) and value.id not in seen:
                seen.add(value.id)
                if isinstance(value.total, Decimal) and value.currency is not UNSET and value.currency:
                    sums[value.currency] = sums.get(value.currency, Decimal(0)) + value.total
    declared: dict[str, Any] = {}
    counted: dict[str, Any] = {}
    if manifest.orders is not None and manifest.orders != len(seen):
        declared["orders"], counted["orders"] = manifest.orders, len(seen)
    for currency, wanted in manifest.totals.items():
        try:
            agrees = Decimal(str(wanted)) == sums.get(currency, Decimal(0))
        except InvalidOperation:
            agrees = False
        if not agrees:
            declared[currency], counted[currency] = str(wanted), str(sums.get(currency, Decimal(0)))
    return {"declared": declared, "counted": counted} if declared else None
