"""Looks at file sets before they are sent: the same code that takes them, without a database."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct, field

from cuadra.connectors.base import OfferProblem, Place, Progress
from cuadra.connectors.files import sets
from cuadra.connectors.files.layout import Layout
from cuadra.connectors.files.offer import SetOffer
from cuadra.model import OrderRead

SHOWN = 200
"""Complaints kept per set; all are counted."""


class BadRow(Struct):
    """One thing to correct."""

    file: str
    line: int
    column: str
    value: str
    rule: str
    reason: str


class Checked(Struct):
    """What a set holds."""

    name: str
    files: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    orders: int = 0
    records: dict[str, int] = field(default_factory=dict)
    totals: dict[str, Decimal] = field(default_factory=dict)
    """By currency, of the orders that say both."""
    without_total: int = 0
    """Orders that do not, or not so that it can be read."""
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


def check(path: Path, layout: Layout, place: Place, progress: Progress) -> Iterator[Checked]:
    """Each set found at the path, looked at to its last row."""
    for candidate in sets.discover(path, layout):
        offer = SetOffer(candidate, layout, place, 5000)
        offer.seal(progress)
        yield _one(offer, progress)


def _one(offer: SetOffer, progress: Progress) -> Checked:
    found = Checked(offer.name, notes=offer.notes)
    for file in offer.description.get("files", []):
        found.files.append({name: file[name] for name in ("name", "role", "size", "dialect")})
    if offer.problem is not None:
        found.reason, found.evidence = offer.problem
        return found
    try:
        source = offer.open(progress)
    except OfferProblem as problem:
        found.reason, found.evidence = problem.reason, problem.evidence
        return found
    read = source.reader()
    for chunk in source.receive({}, progress):
        for raw in chunk.raws:
            _count(found, read(raw))
    return found


def _count(found: Checked, result: Any) -> None:
    value = result.value
    if isinstance(value, OrderRead):
        found.orders += 1
        if isinstance(value.total, Decimal) and value.currency is not UNSET and value.currency:
            found.totals[value.currency] = found.totals.get(value.currency, Decimal(0)) + value.total
        else:
            found.without_total += 1
    elif value is not None:
        found.records[result.entity.value] = found.records.get(result.entity.value, 0) + 1
    code = result.refused[0] if result.refused else "file_row_invalid"
    for complaint in result.complaints:
        found.bad += 1
        if len(found.bad_rows) < SHOWN:
            found.bad_rows.append(
                BadRow(complaint.file, complaint.line, complaint.field, complaint.value, complaint.rule, code)
            )
    if result.refused and not result.complaints:
        found.bad += 1
        if len(found.bad_rows) < SHOWN:
            proof = result.refused[1]
            found.bad_rows.append(BadRow("", int(proof.get("line", 0)), "", "", str(proof.get("message", "")), code))
