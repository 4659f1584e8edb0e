"""Everything stored about one order, for whoever wants to see it: attempts, receipts and their bodies, versions with what
changed, what happened, what it is made of. Personal data is masked unless it is to be shown."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.accounts import Account
from cuadra.connectors.files import returns, rows
from cuadra.connectors.files.read import SetFile
from cuadra.connectors.files.values import BadValue
from cuadra.connectors.spool import Part, unframe
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.diagnosis import masking
from cuadra.diagnosis.order_row import OrderRow, order_row
from cuadra.errors import NotFound
from cuadra.pipeline.steps import unpack

MOST = 50
"""Attempts, receipts and versions that are listed."""


class Passage(Struct):
    """One passage through the pipeline."""

    at: datetime
    receipt: int | None
    run: int | None
    outcome: str
    standing: str | None
    reason: str | None
    warnings: list[str]
    steps: list[tuple[str, str]]
    """(step, outcome or «not_reached»)"""
    entity: str


class Arrived(Struct):
    """One thing that arrived about the order."""

    receipt: int
    arrival: str
    at: datetime
    size: int
    line: int | None
    set: str | None
    file: str | None
    run: int | None
    kind: str
    erased: bool


class Changed(Struct):
    """One version, and what it changed: (field, before, after); nothing for the first."""

    version: int
    at: datetime
    stamp: datetime | None
    receipt: int | None
    changes: list[tuple[str, Any, Any]]


class Happened(Struct):
    """A comment: what happened after the first import."""

    at: datetime
    kind: str
    author: str
    detail: dict[str, Any]


class Journey(Struct):
    """All of it, newest first."""

    row: OrderRow
    content: dict[str, Any]
    """The order as read."""
    passages: list[Passage]
    arrived: list[Arrived]
    versions: list[Changed]
    happened: list[Happened]
    waiting_change: list[tuple[str, Any, Any]]
    """What the source changed after the freeze."""


def journey(db: Database, account: Account, order_id: int, *, personal: bool = False) -> Journey:
    """Everything about an order. Raises NotFound."""
    key = {"account": account.account_id, "order": order_id, "limit": MOST}
    with db.transaction(account.account_id) as conn:
        row = order_row(conn, account.account_id, order_id)
        frozen = conn.execute(sql("get_frozen_change"), key).fetchone()
        return Journey(
            row, _content(row, personal), _passages(conn, key),
            [Arrived(*one) for one in conn.execute(sql("list_order_receipts"), key)],
            [Changed(version, at, stamp, receipt, _changes(changes, personal))
             for version, at, stamp, receipt, changes in conn.execute(sql("list_order_versions"), key)],
            [Happened(at, kind, who, dict(_masked(detail, personal)))
             for at, kind, who, detail in conn.execute(sql("list_order_events"), key)],
            _changes(frozen[1], personal) if frozen else [],
        )  # fmt: skip


def body(db: Database, account: Account, order_id: int, receipt: int, *, personal: bool = False) -> str:
    """What arrived, as its source wrote it, in lines; what it says of people is hidden unless it is to be shown. Raises
    NotFound where it is no receipt of this order, or kept no longer."""
    key = {"account": account.account_id, "order": order_id, "receipt": receipt}
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("get_receipt_body"), key).fetchone()
    if row is None:
        raise NotFound("There is no receipt {n} of this order any more.", n=receipt)
    raw, file_no, line, files = bytes(row[0]), row[1], row[2], returns.files_of(row[3] or [])
    try:
        found = msgspec.json.decode(raw)  # also of a file's rows, once they are rewritten without their person
    except (msgspec.DecodeError, UnicodeDecodeError):
        if files and not files[file_no].nested:
            return "\n\n".join(_row(files[number], at, row, personal) for number, at, row in _rows(file_no, line, raw))
        text = raw.decode("utf-8", "replace")
        return text if personal else _plain_text(text)
    return msgspec.json.format(msgspec.json.encode(found if personal else hidden(found)), indent=2).decode()


def _passages(conn: Conn, key: dict[str, Any]) -> list[Passage]:
    found = []
    for _, at, receipt, run, outcome, standing, reason, warnings, steps, _, _, entity in conn.execute(
        sql("list_order_attempts"), key
    ).fetchall()[:MOST]:
        passed = [(name, one.value if one else "not_reached") for name, one in unpack(steps)]
        found.append(Passage(at, receipt, run, outcome, standing, reason, warnings or [], passed, entity))
    return found


def _content(row: OrderRow, personal: bool) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(row.content)
    return content if personal else dict(_masked(content, False))


def _masked(value: dict[str, Any], personal: bool) -> dict[str, Any]:
    """Fields of an order, each by what it says of a person."""
    if personal:
        return value
    return {name: masking.field(name, item) for name, item in value.items()}


def _changes(changes: dict[str, Any] | None, personal: bool) -> list[tuple[str, Any, Any]]:
    found = []
    for field, sides in (changes or {}).items():
        before, after = sides if isinstance(sides, list) and len(sides) == 2 else (None, sides)
        if not personal:
            before, after = masking.change(field, before), masking.change(field, after)
        found.append((field, before, after))
    return found


# ---------------------------------------------------------------- bodies, whose fields nobody here has named

#: keys below which a source speaks of people, in the languages that shops are written in
_OF_PEOPLE = re.compile(
    r"customer|cliente|buyer|comprador|client|billing|factura|shipping_?address|delivery|entrega|address|direcc|domicilio|calle|"
    r"contact|recipient|receiver|destinat|person|user|name|nombre|apellido|email|mail|correo|phone|tel|cel|movil|whatsapp|note|"
    r"nota|coment|comment|message|mensaje|company|empresa|city|ciudad|localidad|zip|postal|postcode|province|provincia|"
    r"latitude|longitude|document|nif|cuit|cuil|dni|rut|cpf|rfc|browser|ip$|agent|meta_data|attributes|properties|custom|value$|"
    r"receipt|token|secret|key$|url$|link$|tags$", re.IGNORECASE,
)  # fmt: skip
#: keys below which it speaks of what was sold, and there what says it
_OF_THINGS = re.compile(r"(line_?items?|lines?|products?|variants?|items?|renglones|productos)", re.IGNORECASE)
_THING = re.compile(
    r"(name|title|sku|variant_?title|product_?name|vendor|unit|nombre|producto|descripcion)", re.IGNORECASE
)
#: keys whose words are the platform's own
_WORDS = re.compile(
    r"(\w*_)?(status|state|estado|currency|moneda|type|kind|method|gateway|source_?name|channel|canal|number|numero|sku|code|id|"
    r"store|tienda|branch|sucursal|total|subtotal|amount|importe|monto|price|precio|tax|impuesto|discount|descuento|fees?|"
    r"quantity|qty|cantidad|unit|date|fecha|\w+_at)", re.IGNORECASE,
)  # fmt: skip
_NUMBERS = re.compile(r"(\w*_)?(id|number|numero|nro)", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DATUM = re.compile(
    r"[+-]?\d{1,6}([.,]\d{1,2}|\.\d{5,})?|\d{4}-\d\d-\d\d([T ][\d:.,]+(Z|[+-]\d\d:?\d\d)?)?|gid://\w+/\w+/\d+|true|false",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[^\s@\"<>]+@[\w.-]+")
_DIGITS = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_CELL = re.compile(r"[^,;|\t\n\r\"]+")
MOST_DIGITS = 10**6


def hidden(value: Any, key: str = "", *, people: bool = False, things: bool = False) -> Any:
    """JSON of a source in which only that stays which cannot say who somebody is: times, amounts, numbers, the platform's own
    words, and what was sold. Rather too little than too much. Pure."""
    if isinstance(value, dict):
        return {name: hidden(item, name, people=people or (not _sold(name, things) and _OF_PEOPLE.search(name) is not None),
                             things=not people and (things or _OF_THINGS.fullmatch(name) is not None))
                for name, item in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [hidden(item, key, people=people, things=things) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if people:
        return masking.HIDDEN
    if isinstance(value, int | float):
        return value if abs(value) < MOST_DIGITS or _NUMBERS.fullmatch(key) else masking.HIDDEN
    if _DATUM.fullmatch(value):
        return value
    key = _HUMP.sub("_", key)
    if _NUMBERS.fullmatch(key) and not _EMAIL.search(value):
        return value
    return _without_contacts(value) if _sold(key, things) or _WORDS.fullmatch(key) else masking.HIDDEN


def _sold(key: str, things: bool) -> bool:
    return things and _THING.fullmatch(key) is not None


def _without_contacts(text: str) -> str:
    return text if text.isdecimal() else _DIGITS.sub(masking.HIDDEN, _EMAIL.sub(masking.HIDDEN, text))


def _rows(file_no: int, line: int, raw: bytes) -> list[Part]:
    try:
        return unframe(raw)
    except ValueError:
        return [(file_no, line, raw)]


def _row(file: SetFile, line: int, raw: bytes, personal: bool) -> str:
    """A row of a file, a cell a line, each with the name of its column; as it is, where it cannot be split."""
    assert file.dialect is not None
    try:
        cells = rows.split(rows.decode(raw, file.dialect)[0], file.dialect)
    except BadValue:
        text = raw.decode("utf-8", "replace")
        return f"{file.name}:{line}\n{text if personal else _plain_text(text)}"
    sold = file.role in ("lines", "products")
    shown = [
        f"{name}: {cell if personal else hidden({name: cell}, things=sold)[name]}"
        for name, cell in zip_longest(file.header, cells, fillvalue="")
    ]
    return "\n".join([f"{file.name}:{line}", *shown])


def _plain_text(text: str) -> str:
    """A row of a file, or whatever is no JSON: times and small numbers stay, each other cell is hidden."""
    return _CELL.sub(lambda cell: cell[0] if _DATUM.fullmatch(cell[0].strip()) else masking.HIDDEN, text)
