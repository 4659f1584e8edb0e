"""A walk over a live source, as an offer: the same for every platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from cuadra.connectors.base import Chunk, Evidence, OfferProblem, Place, Progress, Raw, Reader, Source
from cuadra.connectors.trouble import Trouble
from cuadra.model import Axis, Covered, Entity

CHUNK = 2000

Found = tuple[Entity, list[bytes], datetime]
"""Things of one kind, and when they were asked for."""


class Listing:
    """One walk; an offer and its own source. See `connectors.base.Offer`."""

    is_set = False
    digest = b""
    problem: tuple[str, Evidence] | None = None
    corrections: Sequence[Any] = ()

    def __init__(self, name: str, arrival: str, reader: Reader, found: Callable[[Progress], Iterator[Found]],
                 covers: Sequence[Covered] = (), notes: dict[str, Any] | None = None,
                 remark: Callable[[], dict[str, Any]] | None = None) -> None:  # fmt: skip
        """`remark`: what is to be said of it once it has been received."""
        self.name, self.arrival, self._reader, self._found, self._remark = name, arrival, reader, found, remark
        self.covers: Sequence[Covered] = covers
        self.sequence = 0
        self.description: dict[str, Any] = {}
        self.source_count: int | None = None
        self.notes: dict[str, Any] = notes or {}

    def open(self, progress: Progress) -> Source:
        """Nothing to make ready."""
        return self

    def reader(self) -> Reader:
        """The reader of everything that the source sends."""
        return self._reader

    def receive(self, cursor: dict[str, Any], progress: Progress) -> Iterator[Chunk]:
        """Walk from the beginning: the bound of a walk is a time, not a place in a list, and what comes again is known.

        The sequence of a receipt is when its page was asked for, so that of two versions with one stamp the one read
        later counts.
        """
        raws: list[Raw] = []
        done = 0
        try:
            for kind, items, asked in self._found(progress):
                sequence = int(asked.timestamp() * 1_000_000)
                raws += [Raw(kind, item, sequence) for item in items]
                done += len(items)
                progress(done, None, self.name)
                if len(raws) >= CHUNK:
                    yield Chunk(raws, {})
                    raws = []
        except Trouble as trouble:
            if raws:
                yield Chunk(raws, {})
            raise OfferProblem(trouble.reason, trouble.evidence) from trouble
        if raws:
            yield Chunk(raws, {})
        if self._remark is not None and not self.notes:
            self.notes = self._remark()


def looked(place: Place, what: str, overlap: timedelta) -> datetime | None:
    """Where the next look for changes begins: so long before the last one that came to its end; None: there has been none.
    Each listing has its own, for one may fail and the next one not."""
    looks = [one.read_at for one in place.covered if one.axis is Axis.UPDATED and one.filter == what]
    return max(looks) - overlap if looks else None
