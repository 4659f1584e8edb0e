"""The contract of a connector: declare yourself, receive raw things, read them. Never touches our database.

A connector hands over two things that do not know each other:

* a *source* (I/O): walks a platform or a folder and yields `Chunk`s of raw receipts with the cursor at which to go on;
* a *reader* (pure): turns one raw receipt into a `Read`, the same way today and in a year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from cuadra.model import (
    BranchRead,
    CategoryRead,
    Complaint,
    Covered,
    CustomerRead,
    Entity,
    OrderRead,
    ProductRead,
)


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


Value = OrderRead | CustomerRead | ProductRead | CategoryRead | BranchRead
Evidence = dict[str, Any]
Progress = Callable[[int, int | None, str], None]
"""Called with (done, total or None, what): drives a progress bar; it may raise to interrupt."""


class Raw(Struct):
    """One raw thing that arrived, byte for byte, and where it stood. `sequence` is when the source was read, in
    microseconds, or the sequence of its file set: of two versions without a stamp the higher one is newer."""

    kind: Entity
    body: bytes
    sequence: int
    file_no: int | None = None
    line: int | None = None


class Chunk(Struct):
    """Receipts to store together, and the cursor that says where receiving goes on after them."""

    raws: list[Raw]
    cursor: dict[str, Any]


class Read(Struct):
    """What a reader made of a receipt.

    With a `value` it could be read. A `hint` (evidence) says that something happened to the thing without saying what it
    is now: it is to be fetched, and the receipt is never applied. Without either, `identifier` (if the source's number was readable) and `refused`
    (reason, evidence) say what became of it; `complaints` name every bad field with its place.
    """

    entity: Entity
    identifier: str | None = None
    value: Value | None = None
    refused: tuple[str, Evidence] | None = None
    complaints: list[Complaint] = []
    warnings: dict[str, Evidence] = {}
    hint: Evidence | None = None


Reader = Callable[[Raw], Read]


class SettingSpec(Struct, frozen=True):
    """One setting of a connector, described as data: forms, validation, masking and docs derive from it."""

    name: str
    help_en: str
    help_es: str
    required: bool = False
    secret: bool = False
    place: bool = False
    """A path of this machine: kept from the root on, for the next command may be given elsewhere."""


class Source(Protocol):
    """An opened source of one integration."""

    def receive(self, cursor: dict[str, Any], progress: Progress) -> Iterator[Chunk]:
        """Yield everything after `cursor`, in chunks that are stored before the next one is asked for."""
        ...

    def reader(self) -> Reader:
        """The pure function that reads what this source yields."""
        ...


class Place(Struct, frozen=True):
    """What a connector may know of where it works: the account's defaults, an empty folder of its own, its credentials,
    and what has been read of its source so far."""

    currency: str
    time_zone: str
    work: Path
    secrets: Mapping[str, Revealed] = {}
    covered: Sequence[Covered] = ()
    now: Callable[[], datetime] = utc_now


class Revealed(Protocol):
    """A credential that shows itself only where it is used."""

    def reveal(self) -> str: ...


class Offer(Protocol):
    """Something that a source has for us to take: a file set, the orders changed since the last look."""

    name: str
    is_set: bool
    """A set of files, noted as such; else a listing of a live source."""
    arrival: str
    """How its receipts come: `file`, `backfill`, `poll`."""
    covers: Sequence[Covered]
    """What has been read of the source when this has been received to its end."""
    sequence: int
    digest: bytes
    """Of names and contents, where the same offer can come twice; empty where it cannot."""
    description: dict[str, Any]
    """Everything a reader needs to read its receipts again, as JSON."""
    source_count: int | None
    """The source's own count of orders, if it gives one."""
    problem: tuple[str, Evidence] | None
    """(reason, evidence) of an offer that cannot be taken as it is."""
    notes: dict[str, Any]
    """What people should see before use: guessed dialects, unknown columns."""
    corrections: Sequence[Any]
    """Corrected rows of earlier offers, where this one brings some: they are taken instead of its receipts."""

    def open(self, progress: Progress) -> Source:
        """Make it ready. May find a problem that only a look inside shows: then raises `OfferProblem`."""
        ...


class OfferProblem(Exception):
    """An offer that cannot be taken, or not to its end: what it brought until then is in."""

    def __init__(self, reason: str, evidence: Evidence) -> None:
        self.reason, self.evidence = reason, evidence
        super().__init__(reason)


class Connector(Protocol):
    """Code for one platform."""

    info: Info

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that cannot work. Raises UsageError or InputError naming the setting."""
        ...

    def offers(self, settings: dict[str, Any], place: Place, progress: Progress) -> list[Offer]:
        """What there is to take now, in the order in which it is to be taken."""
        ...

    def reader(self, description: dict[str, Any], place: Place) -> Reader:
        """The reader of receipts taken earlier, from what their offer said of itself."""
        ...


class Info(Struct, frozen=True):
    """What a connector says about itself."""

    name: str
    title: str
    settings: tuple[SettingSpec, ...]
    gives_stamps: bool
    """Whether orders carry the source's own update time."""
