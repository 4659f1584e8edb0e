"""Which of two versions is newer, what one adds to another, and what changed between them. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from cuadra.model import OrderRead

_encode = msgspec.json.Encoder().encode
decode_content = msgspec.json.Decoder(OrderRead).decode


class Version(Struct, frozen=True):
    """A version of an order: the source's stamp, when the source was read, and what was read."""

    stamp: datetime | None
    sequence: int
    digest: bytes


class Order(StrEnum):
    """How an arriving version stands to the known one."""

    NEWER = "newer"
    SAME = "same"
    """the very version: delivered twice"""
    SAME_CONTENT = "same_content"
    """a newer look at the same content"""
    OLDER = "older"


def encode_content(order: OrderRead) -> bytes:
    """The order as JSON, its update stamp left out: what it is, not when it was written. Stored, and digested."""
    stamp, order.updated_at = order.updated_at, UNSET
    encoded = _encode(order)
    order.updated_at = stamp
    return encoded


def digest(content: bytes) -> bytes:
    """16 bytes over an encoded order: half of a SHA-256, which processors of today have an instruction for."""
    return hashlib.sha256(content).digest()[:16]


def compare(new: Version, known: Version) -> Order:
    """By stamp where both have one and they differ, else by when the source was read; at a tie of both, by digest, so
    that every order of arrival ends in the same version."""
    same = new.digest == known.digest
    if new.stamp is not None and known.stamp is not None and new.stamp != known.stamp:
        if new.stamp < known.stamp:
            return Order.OLDER
        return Order.SAME_CONTENT if same else Order.NEWER
    if same:
        if new.stamp is not None and known.stamp is not None:
            return Order.SAME
        return Order.SAME_CONTENT if new.sequence > known.sequence else Order.SAME
    if new.sequence != known.sequence:
        return Order.NEWER if new.sequence > known.sequence else Order.OLDER
    return Order.NEWER if new.digest > known.digest else Order.OLDER


def merge(known: OrderRead, new: OrderRead) -> OrderRead:
    """The known order with everything the new one knows. What the new shape lacks stays as it was."""
    merged: OrderRead = msgspec.structs.replace(new)
    for name in merged.__struct_fields__:
        if getattr(merged, name) is UNSET:
            setattr(merged, name, getattr(known, name))
    if isinstance(merged.customer, Struct) and isinstance(known.customer, Struct):
        customer = msgspec.structs.replace(merged.customer)
        for name in customer.__struct_fields__:
            if getattr(customer, name) is UNSET:
                setattr(customer, name, getattr(known.customer, name))
        merged.customer = customer
    return merged


def contradict(one: OrderRead, other: OrderRead) -> bool:
    """Whether two versions say different things of something that both know. One may know more: a notice has another
    shape than what a listing shows."""
    return any(
        _known(mine) and _known(theirs) and mine != theirs and not (isinstance(mine, Struct) and _agree(mine, theirs))
        for name in one.__struct_fields__
        if name not in OrderRead.VERSION_FIELDS
        for mine, theirs in ((getattr(one, name), getattr(other, name)),)
    )


def _known(value: Any) -> bool:
    return value is not UNSET


def _agree(mine: Struct, theirs: Any) -> bool:
    return type(mine) is type(theirs) and all(
        not _known(a) or not _known(b) or a == b
        for a, b in ((getattr(mine, name), getattr(theirs, name)) for name in mine.__struct_fields__)
    )


def differences(before: OrderRead, after: OrderRead) -> dict[str, list[Any]]:
    """Field → [before, after], in plain values; the update stamp is no change. Lines and other parts that have ids are
    compared one by one (`lines[3].quantity`)."""
    found: dict[str, list[Any]] = {}
    for name in before.__struct_fields__:
        if name in OrderRead.VERSION_FIELDS:
            continue
        old, new = getattr(before, name), getattr(after, name)
        if old == new or (old is UNSET and not new) or (not old and new is UNSET):
            continue
        if isinstance(old, Struct) and isinstance(new, Struct):
            _fields(name, old, new, found)
        elif isinstance(old, list) and isinstance(new, list):
            _parts(name, old, new, found)
        else:
            found[name] = [_plain(old), _plain(new)]
    return found


def _fields(prefix: str, old: Struct, new: Struct, found: dict[str, list[Any]]) -> None:
    for name in old.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before != after and not (not before and not after):
            found[f"{prefix}.{name}"] = [_plain(before), _plain(after)]


def _parts(name: str, old: list[Any], new: list[Any], found: dict[str, list[Any]]) -> None:
    before, after = _by_key(old), _by_key(new)
    for one in before.keys() | after.keys():
        was, now = before.get(one), after.get(one)
        if was is not None and now is not None:
            _fields(f"{name}[{one}]", was, now, found)
        else:
            found[f"{name}[{one}]"] = [_plain(was), _plain(now)]


def _by_key(parts: list[Any]) -> dict[str, Any]:
    """Parts by their own number or code; those without one, or with one that others have too, by their place."""
    found: dict[str, Any] = {}
    for at, part in enumerate(parts):
        key = getattr(part, "id", None) or getattr(part, "code", None) or f"#{at + 1}"
        found[key if key not in found else f"{key}#{at + 1}"] = part
    return found


def _plain(value: Any) -> Any:
    return None if value is UNSET else msgspec.to_builtins(value)
