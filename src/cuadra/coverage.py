"""What has provably been read of a source, and what that proves of an order that is not here.

Two axes. A listing by *creation* answers for orders created inside its interval, if it was read at least *settle* after
them: a source may show an order late. A listing by *change* answers for every stamp inside its interval that had settled
when it was read; an order carries a stamp not older than its creation, so changes read without a hole from its creation
to a look that had no end but the present prove that it was not there. Without such a look they prove nothing: an order
may have been changed once more, and have left every slice before it was read. A listing that the source filtered, or of orders beyond what the token may
see, proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.model import Axis, Covered

SETTLE = timedelta(minutes=30)
"""How long after a change a source may still not show it, where its connector does not say."""


class Proof(Struct, frozen=True):
    """Why an order created then cannot have been there: the axis, the interval that says so, and when it was read."""

    axis: Axis
    start: datetime
    end: datetime
    read_at: datetime


def absence(created: datetime, covered: Iterable[Covered], settle: timedelta = SETTLE) -> Proof | None:
    """Proof that no order created at `created` was at the source when it was last read; None where it is not known."""
    sound = [
        one for one in covered
        if not one.filter and (one.reach is None or created >= one.reach) and one.settled(settle) > one.start
    ]  # fmt: skip
    looks = [
        one for one in sound
        if one.axis is Axis.CREATED and one.start <= created < one.end and one.read_at >= created + settle
    ]  # fmt: skip
    if looks:
        last = max(looks, key=lambda one: one.read_at)
        return Proof(last.axis, last.start, last.end, last.read_at)
    changes = [one for one in sound if one.axis is Axis.UPDATED]
    newest = max((one.read_at for one in changes if one.end >= one.read_at), default=None)
    if newest is None:
        return None
    start, end = union((one.start, one.settled(settle)) for one in changes if one.read_at <= newest)[-1]
    return Proof(Axis.UPDATED, start, end, newest) if start <= created < end else None


def union(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The stretches that these intervals cover together, in order, with holes between them."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def holes(start: datetime, end: datetime, covered: Iterable[Covered], axis: Axis,
          settle: timedelta = SETTLE) -> list[tuple[datetime, datetime]]:  # fmt: skip
    """What of an interval has not been read on an axis."""
    missing: list[tuple[datetime, datetime]] = []
    at = start
    sound = [one for one in covered if one.axis is axis and not one.filter]
    for low, high in union((one.start, one.settled(settle)) for one in sound):
        if high <= at:
            continue
        if low >= end:
            break
        if low > at:
            missing.append((at, low))
        at = max(at, high)
    if at < end:
        missing.append((at, end))
    return missing


# ---------------------------------------------------------------- kept in the database


def note(conn: Conn, account_id: int, integration_id: int, run_id: int | None, covered: Iterable[Covered]) -> None:
    """Keep what a listing has covered; it has been read to its end."""
    for one in covered:
        conn.execute(sql("add_coverage"), {
            "account": account_id, "integration": integration_id, "run": run_id, "axis": one.axis.value,
            "start": one.start, "end": one.end, "read_at": one.read_at, "filter": one.filter, "reach": one.reach,
        })  # fmt: skip


def load(db: Database, account_id: int, integration_id: int) -> list[Covered]:
    """Everything that was read of an integration's source."""
    with db.transaction(account_id) as conn:
        rows = conn.execute(sql("list_coverage"), {"account": account_id, "integration": integration_id})
        return [
            Covered(Axis(axis), start, end, read_at, kept, reach) for axis, start, end, read_at, kept, reach in rows
        ]
