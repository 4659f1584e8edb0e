"""One nested order a line (JSONL): straight from bytes to the model, and what every read order needs to be complete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from cuadra.connectors.base import Evidence, Raw, Read
from cuadra.connectors.files.layout import Layout, State
from cuadra.connectors.files.values import FIRST_YEAR, LAST_YEAR, BadValue, settle_time, zone
from cuadra.model import Complaint, Entity, OrderRead, personal
from cuadra.money import ZERO, problem, usual

_decode_order = msgspec.json.Decoder(OrderRead).decode
_decode_any = msgspec.json.Decoder().decode
_PLACE = re.compile(r" - at `(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")
MOST_COMPLAINTS = 20
NO_MEANING = State()


def read_line(raw: Raw, layout: Layout, zone_name: str | None, currency: str | None) -> Read:
    """Read one line of an `orders.jsonl`."""
    complaints: list[Complaint] = []
    try:
        order = _decode_order(raw.body)
    except msgspec.ValidationError:
        recovered = _recover(raw, complaints)
        if isinstance(recovered, Read):
            return recovered
        order = recovered
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        return _unreadable(err)
    if b"\\" in raw.body and b"\\u0000" in raw.body:  # one byte is found far sooner
        complaints.append(Complaint("no NUL characters", _strip_nul(order), "\\u0000"))
    if not _plain(order):
        settle(order, layout.format.time_zone or zone_name, complaints)
    complete(order, layout, currency)
    if not complaints:
        return Read(Entity.ORDER, order.id, order)
    complaints = _placed(complaints, raw)
    evidence = proof_of(complaints[0], line=raw.line)
    return Read(Entity.ORDER, order.id, order, ("field_format_invalid", evidence), complaints)


def proof_of(complaint: Complaint, **where: Any) -> Evidence:
    """The evidence of a field that breaks a rule; `personal` says what of a person its value is."""
    found = {"field": complaint.field, "value": complaint.value, "rule": complaint.rule, **where}
    return found | {"personal": complaint.personal} if complaint.personal else found


def _plain(order: OrderRead) -> bool:
    """Whether every number and time is of the usual kind: then nothing is left to settle. In doubt, no."""
    amounts = [order.total, order.discount, order.shipping, order.tax, order.fees]
    times = [order.created_at, order.updated_at]
    for line in order.lines or ():
        amounts.extend((line.quantity, line.unit_price, line.discount, line.tax, line.shipping, line.total))
    for payment in order.payments or ():
        amounts.append(payment.amount)
        times.append(payment.paid_at)
    for refund in order.refunds or ():
        amounts.append(refund.amount)
        times.append(refund.refunded_at)
    for shipment in order.shipments or ():
        amounts.append(shipment.cost)
        times.append(shipment.shipped_at)
    if order.discounts:
        amounts += [one.amount for one in order.discounts]
    if order.customer and order.customer.consents:
        times += [one.at for one in order.customer.consents]
    for time in times:
        if time is not None and time is not UNSET and not (time.tzinfo is UTC and FIRST_YEAR <= time.year <= LAST_YEAR):
            return False
    return usual(amounts)


def _unreadable(err: Exception) -> Read:
    found = re.search(r"\(byte (\d+)\)", str(err))
    position = int(found[1]) if found else getattr(err, "start", 0)
    return Read(Entity.ORDER, refused=("payload_unreadable", {"position": position, "message": str(err)[:300]}))


def _recover(raw: Raw, complaints: list[Complaint]) -> OrderRead | Read:
    """Leave out one bad field after the other, until the rest is an order; without a number there is none."""
    try:
        values = _decode_any(raw.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        return _unreadable(err)
    if not isinstance(values, dict):
        return Read(Entity.ORDER, refused=("payload_unreadable", {"position": 0, "message": "one object a line"}))
    number = values.get("id")
    if isinstance(number, int) and not isinstance(number, bool):
        values["id"] = number = str(number)  # platforms that write numbers as numbers mean the same order
    usable = number if isinstance(number, str) and 0 < len(number) <= 255 and "\0" not in number else None
    for _ in range(MOST_COMPLAINTS):
        try:
            order = msgspec.convert(values, OrderRead)
        except msgspec.ValidationError as err:
            field, rule = place_of(err)
            said = str(dig(values, field))[:200].replace("\0", "\ufffd")
            complaints.append(Complaint(rule, field, said, personal=personal(field)))
            if usable is None or not drop(values, field):
                break
        else:
            return order
    complaints = _placed(complaints, raw)
    first = complaints[-1]
    if usable is None:
        return Read(Entity.ORDER, None, None,
                    ("required_field_missing", {"field": "id", "rule": "the order's number"}), complaints)  # fmt: skip
    return Read(Entity.ORDER, usable, None, ("field_format_invalid", proof_of(first, line=raw.line)), complaints)


def _placed(complaints: list[Complaint], raw: Raw) -> list[Complaint]:
    """The complaints with the place of the line."""
    return [
        msgspec.structs.replace(
            one, file_no=-1 if raw.file_no is None else raw.file_no, line=raw.line or 0, raw=raw.body
        )
        for one in complaints
    ]


def place_of(err: msgspec.ValidationError) -> tuple[str, str]:
    """(field, rule) of a validation error: «lines[0].quantity», «Expected `decimal`, got `array`»."""
    message = str(err)
    found = _PLACE.search(message)
    if not found:
        missing = re.search(r"required field `(\w+)`", message)
        return (missing[1] if missing else ""), message
    rule = message[: found.start()]
    path = found["path"].removeprefix("$").removeprefix(".")
    missing = re.search(r"required field `(\w+)`", rule)
    return (f"{path}.{missing[1]}".lstrip(".") if missing else path), rule


def _steps(field: str) -> list[str | int]:
    return [int(number) if number.isdigit() else (number or name) for name, number in _STEP.findall(field)]


def dig(values: Any, field: str) -> Any:
    """The value at a place, or None."""
    for step in _steps(field):
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def drop(values: Any, field: str) -> bool:
    """Take the value at a place out; if it is needed there, what needs it goes too. False if nothing could go."""
    steps = _steps(field)
    for depth in range(len(steps) - 1, -1, -1):
        holder = values
        try:
            for step in steps[:depth]:
                holder = holder[step]
            del holder[steps[depth]]
        except (KeyError, IndexError, TypeError):
            if steps[depth] == "..." and isinstance(holder, dict):
                holder.clear()
                return True
            continue
        return True
    return False


class _Kinds(Struct):
    """Which fields of a struct need a look: worked out once per type, for this runs over every value of every order."""

    decimals: tuple[str, ...]
    times: tuple[str, ...]
    structs: tuple[str, ...]
    lists: tuple[str, ...]


@cache
def _kinds(kind: type[Struct]) -> _Kinds:
    found: dict[str, list[str]] = {"decimals": [], "times": [], "structs": [], "lists": []}
    for field in msgspec.structs.fields(kind):
        said = str(field.type)
        where = (
            "lists" if "list[" in said else "decimals" if "Decimal" in said else "times" if "datetime" in said
            else "structs" if "Read" in said else ""
        )  # fmt: skip
        if where:
            found[where].append(field.name)
    return _Kinds(**{name: tuple(names) for name, names in found.items()})


def settle(value: Any, zone_name: str | None, complaints: list[Complaint], path: str = "") -> None:
    """Times to UTC, and no number or time that cannot be one; a field that breaks the rule becomes unknown."""
    kind: type[Struct] = type(value)
    kinds = _kinds(kind)
    for name in kinds.decimals:
        item = getattr(value, name)
        if type(item) is Decimal and (wrong := problem(item)):
            _unsettled(value, name, wrong, item, complaints, path)
    for name in kinds.times:
        item = getattr(value, name)
        if type(item) is datetime:
            try:
                setattr(value, name, settle_time(item, zone(zone_name)))
            except BadValue as err:
                _unsettled(value, name, str(err), item, complaints, path)
    for name in kinds.structs:
        item = getattr(value, name)
        if item is not None and item is not UNSET:
            settle(item, zone_name, complaints, f"{path}{name}.")
    for name in kinds.lists:
        for at, child in enumerate(getattr(value, name) or ()):
            settle(child, zone_name, complaints, f"{path}{name}[{at}].")


def _unsettled(value: Any, name: str, rule: str, item: Any, complaints: list[Complaint], path: str) -> None:
    complaints.append(Complaint(rule, f"{path}{name}", str(item)[:200]))
    setattr(value, name, ZERO if name == "quantity" else None if path else UNSET)


def _strip_nul(value: Any, path: str = "") -> str:
    """PostgreSQL has no place for NUL: replace it everywhere; returns the first field that had it."""
    first = ""
    for name in value.__struct_fields__:
        item = getattr(value, name)
        where = ""
        if type(item) is str and "\0" in item:
            setattr(value, name, item.replace("\0", "\ufffd"))
            where = path + name
        elif type(item) is list:
            where = next(filter(None, [_strip_nul(child, f"{path}{name}.") for child in item]), "")
        elif type(item) is dict:
            setattr(value, name, _decode_any(msgspec.json.encode(item).replace(b"\\u0000", b"\\ufffd")))
            where = path + name
        elif isinstance(item, Struct):
            where = _strip_nul(item, f"{path}{name}.")
        first = first or where
    return first


def complete(order: OrderRead, layout: Layout, currency: str | None) -> None:
    """Fill in what the layout says of every order: currency, normalised states, where the total comes from."""
    if order.currency is UNSET or order.currency is None:
        order.currency = currency
    if order.state is not UNSET and order.state is not None:
        # a state without a meaning empties the axes: what the former state meant says nothing of this one
        meaning = layout.state(order.state) or NO_MEANING
        if order.payment_state is UNSET or order.payment_state is None:
            order.payment_state = meaning.payment
        if order.fulfilment_state is UNSET or order.fulfilment_state is None:
            order.fulfilment_state = meaning.fulfilment
        if order.lifecycle is UNSET or order.lifecycle is None:
            order.lifecycle = meaning.lifecycle
    if layout.format.total == "payments" and order.payments is not UNSET:
        order.total = sum((payment.amount or ZERO for payment in order.payments), ZERO)
    elif layout.format.total == "lines" and order.lines is not UNSET:
        order.total = sum((line.total or ZERO for line in order.lines), ZERO)
