"""History in one piece: the shop runs a query over everything and writes what it finds into a file.

Facts: an operation is asked for and looked after; its file is JSON lines, an order and each of its inner things on a line of
its own that names its parent, after it and not beside it. No file at all means that nothing was found. A file of an operation
that failed is never whole. Five may run at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from cuadra.connectors.base import Progress
from cuadra.connectors.http import Http
from cuadra.connectors.shopify import queries
from cuadra.connectors.shopify.client import Client, TooCostly
from cuadra.connectors.shopify.facts import Money
from cuadra.connectors.spool import Part, Spool
from cuadra.connectors.trouble import Trouble
from cuadra.money import ZERO

POLL_SECONDS, MOST_POLL_SECONDS = 1.0, 15.0
STUCK_SECONDS = 1800.0
"""An operation that finds nothing more for so long is given up: the platform lets one run for days."""
BUSY = ("OPERATION_IN_PROGRESS", "LIMIT_REACHED")
LINE_LIMIT = 16 << 20
"""Bytes of one line; a longer one is no order."""


class _Told(Struct):
    """What a file must tell of an order: without these nothing is known of it, and a file lacks them if it was asked for
    otherwise than by us."""

    name: msgspec.Raw
    createdAt: msgspec.Raw
    updatedAt: msgspec.Raw
    cancelledAt: Any
    closedAt: msgspec.Raw
    test: Any
    sourceName: msgspec.Raw
    currencyCode: msgspec.Raw
    displayFinancialStatus: msgspec.Raw
    displayFulfillmentStatus: msgspec.Raw
    email: msgspec.Raw
    phone: msgspec.Raw
    note: msgspec.Raw
    tags: msgspec.Raw
    taxesIncluded: msgspec.Raw
    customer: msgspec.Raw
    billingAddress: msgspec.Raw
    shippingAddress: msgspec.Raw
    totalPriceSet: msgspec.Raw
    totalTaxSet: msgspec.Raw
    totalDiscountsSet: msgspec.Raw
    shippingLine: msgspec.Raw
    totalShippingPriceSet: Any
    transactions: msgspec.Raw
    refunds: Any
    fulfillments: msgspec.Raw
    legacyResourceId: msgspec.Raw

    def as_ordered(self) -> bool:
        """Whether what came back of it does not matter: a cancelled order is what was ordered, see `facts.as_sold`."""
        return bool(self.cancelledAt) and not self.test


class _Named(Struct):
    """What says of a line where it belongs."""

    id: str | None = None
    parent: str | None = field(name="__parentId", default=None)


Fields = dict[str, msgspec.Raw]
"""The fields of a thing as they stand in the file."""
_order = msgspec.json.Decoder(_Told).decode
_named, _fields = msgspec.json.Decoder(_Named).decode, msgspec.json.Decoder(Fields).decode
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
_MONEY = Money(None)


def fetch(client: Client, door: Http, search: str, path: Path, progress: Progress,
          sleep: Callable[[float], None] = time.sleep) -> int:  # fmt: skip
    """Let the shop write the orders that a search finds into a file here; returns how many things it announces. Raises
    Trouble for everything but a whole file."""
    operation = _begun(client, queries.BULK % msgspec.json.encode(search).decode(), progress, sleep)
    with ExitStack() as stack:
        # left in any other way it would run on there, and five of them shut the door for the next
        stack.callback(_cancel, client, operation)
        size = _awaited(client, door, operation, path, progress, sleep)
        stack.pop_all()
    return size


def _cancel(client: Client, operation: str) -> None:
    """End an operation that nobody waits for any more. One that has ended is no error."""
    with suppress(Trouble, TooCostly):
        client.change(queries.CANCEL_BULK, {"id": operation})


def _awaited(client: Client, door: Http, operation: str, path: Path, progress: Progress,
             sleep: Callable[[float], None]) -> int:  # fmt: skip
    pause, waited, seen = POLL_SECONDS, 0.0, 0
    while True:
        found = client.ask(queries.BULK_STATE, {"id": operation}).data["bulkOperation"]
        if found is None:
            raise _failed("gone", operation)
        done = int(found["objectCount"] or 0)
        progress(done, None, "bulk operation")
        if found["status"] == "COMPLETED":
            break
        if found["status"] in ("FAILED", "CANCELED", "EXPIRED"):
            raise _failed(str(found.get("errorCode") or found["status"]), operation)
        waited, seen = (waited, seen) if done == seen else (0.0, done)
        if waited >= STUCK_SECONDS:
            raise Trouble("source_timeout", {"attempts": [], "limit": STUCK_SECONDS}, transient=True)
        sleep(pause)
        waited += pause
        pause = min(pause * 1.5, MOST_POLL_SECONDS)
    if found["url"] is None:  # nothing was found
        path.write_bytes(b"")
        return 0
    size = door.download(found["url"], path, lambda done, whole: progress(done, whole, "bulk file"))
    announced = found.get("fileSize")
    if announced is not None and int(announced) != size:
        raise Trouble("source_answer_truncated", {"announced": int(announced), "read": size, "limit": None})
    return int(found["objectCount"])


def _begun(client: Client, query: str, progress: Progress, sleep: Callable[[float], None]) -> str:
    """Begin an operation; wait where others are running."""
    pause = POLL_SECONDS
    while True:
        try:
            return str(client.change(queries.RUN_BULK, {"query": query})["bulkOperation"]["id"])
        except Trouble as trouble:
            if trouble.evidence.get("code") not in BUSY:
                raise
        progress(0, None, "waiting for other bulk operations")
        sleep(pause)
        pause = min(pause * 2, MOST_POLL_SECONDS)


def _failed(why: str, operation: str) -> Trouble:
    if why == "ACCESS_DENIED":
        return Trouble("scope_missing", {"status": 200, "code": why, "permission": "read_orders"})
    return Trouble(
        "source_unavailable", {"attempts": [], "status": 200, "message": f"{operation}: {why}"}, transient=True
    )


def orders(path: Path, work: Path, progress: Progress) -> Iterator[tuple[str, bytes | None]]:
    """The orders of a file, each by its global id with its inner things, in constant memory; None where the file does not
    tell enough of one. Raises Trouble where a line is none, naming it."""
    size = path.stat().st_size
    work.mkdir(parents=True, exist_ok=True)
    spool = Spool(work, size)
    try:
        with path.open("rb") as file:
            read = 0
            for number, line in enumerate(file, 1):
                read += len(line)
                if line.strip():
                    spool.add(_root(line, number), 0, number, line.rstrip(b"\n"))
                if number % 10_000 == 0:
                    progress(read, size, path.name)
        for key, parts in spool.groups():
            order, inner = _assembled(key, parts)
            if key.startswith("gid://shopify/Order/"):
                yield key, _whole(order, inner)
    finally:
        spool.close()


def _root(line: bytes, number: int) -> str:
    """The order that a line belongs to."""
    found = None
    try:
        if len(line) <= LINE_LIMIT:
            line.decode()  # of what is skipped only the syntax is looked at
            thing = _named(line)
            found = thing.parent or thing.id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if found is None:
        raise Trouble(
            "payload_unreadable", {"position": number, "message": f"line {number} is no object of a bulk file"}
        )
    return found


def _assembled(key: str, parts: list[Part]) -> tuple[bytes, list[bytes]]:
    """An order, and its inner things. Inner things without their order are a file that is not whole."""
    order: bytes | None = None
    lines: list[bytes] = []
    named = f',"__parentId":"{key}"}}'.encode("utf-8", "surrogateescape")
    for _file, _number, raw in parts:
        if raw.endswith(named):  # as the platform writes it: the rest is the thing as it stands there
            lines.append(raw[: -len(named)] + b"}")
        elif b"__parentId" not in raw or "__parentId" not in (thing := _fields(raw)):
            order = raw
        else:
            del thing["__parentId"]
            lines.append(_encode(thing))
    if order is None:
        raise Trouble("source_answer_truncated", {
            "announced": None, "read": len(parts), "limit": None, "message": f"line {parts[0][1]}: its order is not in the file",
        })  # fmt: skip
    return order, lines


def _whole(order: bytes, lines: list[bytes]) -> bytes | None:
    """An order as it is kept, its one way put where others have theirs. None where the file does not tell enough: which of
    its lines were given back, or all the ways in which it was to go."""
    try:
        told = _order(order)
    except msgspec.ValidationError:  # a file that somebody has asked for otherwise
        return None
    way = _decode(told.shippingLine)
    if _amount(told.totalShippingPriceSet) != _amount((way or {}).get("discountedPriceSet")):
        return None
    if told.refunds and not told.as_ordered() and any(map(_taken_out, lines)):
        return None
    return b'%b,"lineItems":{"nodes":[%b]},"shippingLines":{"nodes":[%b]}}' % (
        order.rstrip()[:-1], b",".join(lines), bytes(told.shippingLine) if way else b"",
    )  # fmt: skip


def _taken_out(line: bytes) -> bool:
    """Whether not all of a line is still there."""
    fields = _fields(line)
    return fields.get("quantity") != fields.get("currentQuantity")


def _amount(bag: Any) -> Decimal:
    return _MONEY.bag(bag) or ZERO
