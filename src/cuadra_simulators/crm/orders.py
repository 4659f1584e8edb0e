"""The orders of a CRM: what a delivery must look like, which of an order's is kept, and when reads show it."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right, insort
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

_EMAIL = re.compile(r"[^@\s]+@([^@\s.]+(?:\.[^@\s.]+)+)")
_MISSING = re.compile(r"missing required field `(\w+)`")
_PLACE = re.compile(r"at `\$.*?(\w+)(?:\[[^\]]*\])*`$")


class Refused(Exception):
    """A delivery that is not taken. `error` is what the answer says."""

    def __init__(self, status: int, **error: str) -> None:
        super().__init__(error["message"])
        self.status = status
        self.error = error


class Customer(Struct):
    """Who bought, as far as the CRM looks at it."""

    email: str | None = None


class Content(Struct):
    """An order, as far as the CRM looks at it. It keeps the rest as it came."""

    account: str
    key: Annotated[str, Meta(min_length=1)]
    sequence: Annotated[int, Meta(ge=1)]
    version: int
    standing: str
    reason: str | None = None
    total: Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$")] | None = None
    customer: Customer | None = None
    lines: list[Any] | None = None
    payments: list[Any] | None = None
    refunds: list[Any] | None = None


class Delivery(Struct):
    """The body of a delivery."""

    type: Literal["order.present", "order.withdrawn", "test"]
    timestamp: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """An order as the CRM holds it. `canonical`: its data as JSON with sorted keys, no spaces and no escapes but needed
    ones, in UTF-8; `digest` is its SHA-256 in hex, so that it does not depend on how the sender's JSON was written."""

    key: str
    sequence: int
    version: int
    standing: str
    type: str
    digest: str
    canonical: bytes
    webhook_id: str
    visible_at: float
    older: Stored | None = None
    """What reads show until this is visible."""

    @property
    def data(self) -> dict[str, Any]:
        """The data of its latest delivery."""
        read: dict[str, Any] = msgspec.json.decode(self.canonical)
        return read

    def outline(self) -> dict[str, Any]:
        """What lists say of it."""
        names = ("key", "sequence", "version", "standing", "type", "digest")
        return {name: getattr(self, name) for name in names}

    def full(self) -> dict[str, Any]:
        """What reading it says: the same and the data."""
        return {**self.outline(), "data": msgspec.Raw(self.canonical)}


@dataclass(slots=True)
class Incoming:
    """A body that was read, or why it could not be. `where` is what faults are searched in."""

    where: str = "POST orders"
    delivery: Delivery | None = None
    problem: Refused | None = None


_decoder = msgspec.json.Decoder(Delivery)


def read(body: bytes) -> Incoming:
    """A delivery's body, its content not yet looked at."""
    try:
        delivery = _decoder.decode(body)
    except msgspec.ValidationError as error:
        return Incoming(problem=_refusal(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Incoming(problem=Refused(400, code="json", message=str(error)))
    return Incoming(f"POST orders/{delivery.data.get('key')} {delivery.type}", delivery)


def checked(delivery: Delivery, refused_domains: Collection[str]) -> Content:
    """The content of a delivery that a CRM would take. Refused when it would not."""
    try:
        content = msgspec.convert(delivery.data, Content)
    except msgspec.ValidationError as error:
        raise _refusal(error) from error
    email = content.customer.email if content.customer else None
    if email is not None:
        parts = _EMAIL.fullmatch(email)
        if parts is None:
            raise Refused(422, field="email", message="is not an e-mail address")
        if parts[1].lower() in refused_domains:
            raise Refused(422, field="email", message=f"addresses at {parts[1].lower()} are not taken")
    return content


def stored(delivery: Delivery, content: Content, webhook_id: str, visible_at: float) -> Stored:
    """What is kept of a delivery."""
    canonical = msgspec.json.encode(delivery.data, order="sorted")
    digest = hashlib.sha256(canonical).hexdigest()
    return Stored(
        content.key, content.sequence, content.version, content.standing, delivery.type, digest, canonical, webhook_id,
        visible_at,
    )  # fmt: skip


class Shelf:
    """The orders by key. Its caller holds the lock."""

    def __init__(self) -> None:
        self.latest: dict[str, Stored] = {}
        self._keys: list[str] = []

    def put(self, order: Stored, now: float) -> None:
        """Keep it in the place of what there was, which reads may yet show for a while."""
        held = self.latest.get(order.key)
        if held is None:
            insort(self._keys, order.key)
        elif order.visible_at > now:
            order = replace(order, older=_until_visible(held, now))
        self.latest[order.key] = order

    def visible(self, key: str, now: float) -> Stored | None:
        """What reads show of an order."""
        order = self.latest.get(key)
        while order is not None and order.visible_at > now:
            order = order.older
        return order

    def page(self, after: str, limit: int, now: float) -> tuple[list[Stored], bool]:
        """The visible orders whose keys come after one, by code point, and whether there may be more."""
        found: list[Stored] = []
        at = bisect_right(self._keys, after)
        while at < len(self._keys) and len(found) < limit:
            if order := self.visible(self._keys[at], now):
                found.append(order)
            at += 1
        return found, at < len(self._keys)


def _until_visible(order: Stored, now: float) -> Stored:
    """An order without what is older than the one that reads show."""
    older = None if order.visible_at <= now or order.older is None else _until_visible(order.older, now)
    return replace(order, older=older)


def _refusal(error: msgspec.ValidationError) -> Refused:
    text = str(error)
    place = _MISSING.search(text) or _PLACE.search(text)
    return Refused(422, field=place[1] if place else "", message=text)
