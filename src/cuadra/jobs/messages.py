"""What the two processes of an import say to each other, besides `ledger.shared.Turn`."""

from __future__ import annotations

import msgspec
from msgspec import Struct, structs

from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Raw, Read, Reader
from cuadra.inbox import Entry
from cuadra.jobs.job import Chunk
from cuadra.ledger import Way
from cuadra.model import Entity, OrderRead
from cuadra.settings import Settings

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OrderRead).decode


Known = bytes | tuple[Read, bytes]
"""What was read of a receipt: the order encoded, which is made anew from that in a fraction of the time; with what else is
to be said of it, if there is anything."""


class Task(Struct):
    """The import that is to be helped with."""

    settings: Settings
    info: str
    """How to reach the database."""
    account: Account
    integration: Integration
    way: Way
    run_id: int


class Ready(Struct):
    """The helper has read its task."""


class Given(Struct):
    """Receipts for the helper to take into the ledger; with what was read of them, if somebody has, and then without their
    bodies."""

    entry: Entry
    raws: list[tuple[int, Raw]]
    reads: list[Known] | None = None


class Wrote(Struct):
    """That batch is in the database, with so many receipts."""

    sequence: int
    receipts: int


def given(chunk: Chunk) -> Given:
    """A chunk as it is handed over."""
    if not chunk.read:
        return Given(chunk.entry, chunk.raws)
    reads = [chunk.reader(raw) for _, raw in chunk.raws]
    bare = [(number, structs.replace(raw, body=b"")) for number, raw in chunk.raws]
    return Given(chunk.entry, bare, [_packed(one) for one in reads])


def taken(one: Given, reader: Reader) -> Chunk:
    """The chunk that was handed over; `reader` is for what nobody has read."""
    if one.reads is None:
        return Chunk(one.entry, one.raws, reader)
    known = {id(raw): read for (_, raw), read in zip(one.raws, one.reads, strict=True)}
    return Chunk(one.entry, one.raws, lambda raw: _unpacked(known[id(raw)]))


def _packed(read: Read) -> Known:
    value = read.value
    if not isinstance(value, OrderRead):
        return read, b""
    more = read.complaints or read.warnings or (read.refused, read.hint, read.absent) != (None, None, None)
    if not more and read.identifier == value.id and read.entity is Entity.ORDER:
        return _encode(value)
    return structs.replace(read, value=None), _encode(value)


def _unpacked(known: Known) -> Read:
    if isinstance(known, bytes):
        order = _decode(known)
        return Read(Entity.ORDER, order.id, order)
    read, encoded = known
    return structs.replace(read, value=_decode(encoded)) if encoded else read
