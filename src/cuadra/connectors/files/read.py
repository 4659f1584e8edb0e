"""Reads the receipts of a file set: pure, from bytes to orders, customers, products, categories and branches.

A bad cell never hides the rest: the order comes back with what could be read, and every complaint names file, line,
column, value and rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Evidence, Raw, Read, Reader, Value
from cuadra.connectors.files import nested
from cuadra.connectors.files.layout import CHILDREN, FileLayout, Layout
from cuadra.connectors.files.rows import Dialect, decode, split
from cuadra.connectors.files.values import (
    BadValue,
    Parser,
    decimal_parser,
    parser_of,
    text,
    time_parser,
)
from cuadra.connectors.spool import unframe
from cuadra.model import (
    BranchRead,
    CategoryRead,
    Complaint,
    CustomerRead,
    Entity,
    OrderRead,
    ProductRead,
    RefundRead,
    personal,
)

_ENTITIES: dict[str, tuple[Entity, type[Struct]]] = {
    "customers": (Entity.CUSTOMER, CustomerRead),
    "products": (Entity.PRODUCT, ProductRead),
    "categories": (Entity.CATEGORY, CategoryRead),
    "stores": (Entity.STORE, BranchRead),
}

#: where the fields of a file's role, and of a part, stand in an order: what of them speaks of a person is known by that
_ROLES = {"orders": "", "customers": "customer.", "refunds": "refunds."}
_PARTS: dict[type[Struct], str] = {OrderRead: "", CustomerRead: "customer.", RefundRead: "refunds."}

KEY_LIMIT = 255
BODY_LIMIT = 4 << 20
"""Bytes of one order with all its rows; of a larger one the head is kept and the rest refused."""


class SetFile(Struct):
    """One file of a taken set: what it is and how it is written. Its number is its place in the set's list."""

    name: str
    role: str
    header: list[str] = []
    dialect: Dialect | None = None
    nested: bool = False
    """One JSON object a line instead of delimited columns."""
    size: int = 0
    sha256: str = ""


class _Column(Struct):
    index: int
    path: tuple[str, ...]
    label: str
    parse: Parser


class Plan(Struct):
    """How the columns of one file fill fields: worked out once per file."""

    file: SetFile
    number: int
    columns: list[_Column]
    constants: list[tuple[tuple[str, ...], Any]]
    key: int
    """Index of the column that names the order (or the record)."""
    unknown: list[str]
    missing: list[str]


def plan(number: int, file: SetFile, layout: Layout, zone_name: str | None) -> Plan:
    """Match a header with the mapping. Names are compared without blanks and case."""
    spec: FileLayout = layout.files[file.role]  # type: ignore[index]
    dialect = file.dialect
    assert dialect is not None
    places = {name.strip().casefold(): at for at, name in reversed(list(enumerate(file.header)))}
    parsers = _parsers(layout, dialect, zone_name)
    columns, missing, used = [], [], set()
    for field, column in spec.columns.items():
        at = places.get(column.strip().casefold())
        if at is None:
            missing.append(column)
            continue
        used.add(column.strip().casefold())
        columns.append(_Column(at, tuple(field.split(".")), column, parsers(field)))
    unknown = [name for name in file.header if name.strip().casefold() not in used and not _ours(name)]
    if layout.own:
        required = ("order_id",) if file.role in CHILDREN else ("id", "sku") if file.role == "products" else ("id",)
        missing = [] if set(required) & set(places) else list(required[:1])
        columns += [
            _Column(places[name.strip().casefold()], ("custom", name.strip()), name, text)
            for name in unknown if file.role == "orders"
        ]  # fmt: skip
    key_field = "order_id" if file.role in CHILDREN else "id"
    key = places.get(spec.columns.get(key_field, key_field).strip().casefold(), -1)
    constants = [(tuple(field.split(".")), parsers(field)(value)) for field, value in spec.constants.items()]
    return Plan(file, number, columns, constants, key, unknown, missing)


def _ours(column: str) -> bool:
    """Columns that a returned file of bad rows carries and a corrected one may keep."""
    return column.strip().casefold().startswith("cuadra_")


def _parsers(layout: Layout, dialect: Dialect, zone_name: str | None) -> Callable[[str], Parser]:
    number = decimal_parser(dialect.decimal)
    time = time_parser(layout.format.dates, layout.format.time_zone or zone_name)

    def parser(field: str) -> Parser:
        return parser_of(field, number, time)

    return parser


def reader(files: list[SetFile], layout: Layout, zone_name: str | None, currency: str | None) -> Reader:
    """The reader of a set: give it any of the set's receipts."""
    plans = {at: plan(at, file, layout, zone_name) for at, file in enumerate(files) if not file.nested}
    present = [file.role for file in files if file.role in CHILDREN]
    present += [
        role
        for role in ("lines", "payments")
        for found in plans.values()
        if found.file.role == "orders" and any(column.path[0] == role[:-1] for column in found.columns)
    ]
    default_currency = layout.format.currency or currency

    def read(raw: Raw) -> Read:
        if len(raw.body) > BODY_LIMIT:
            return Read(raw.kind, refused=("payload_too_large", {"size": len(raw.body), "limit": BODY_LIMIT}))
        if raw.file_no is not None and files[raw.file_no].nested:
            return nested.read_line(raw, layout, zone_name, default_currency)
        try:
            parts = unframe(raw.body)
        except ValueError as err:
            return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": str(err)}))
        if not parts or any(file_no not in plans for file_no, _, _ in parts):
            return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": "rows of no known file"}))
        rows = [(plans[file_no], line, body) for file_no, line, body in parts]
        if raw.kind is Entity.ORDER:
            return _order(rows, present, layout, default_currency)
        if rows[0][0].file.role not in _ENTITIES:
            return Read(raw.kind, refused=("payload_unreadable", {"position": 0, "message": "a row of another file"}))
        return _record(rows[0], layout)

    return read


_Row = tuple[Plan, int, bytes]
_Rows = list[_Row]


class _Notes(Struct):
    """What is said of a receipt while it is read."""

    complaints: list[Complaint] = []
    warnings: dict[str, Evidence] = {}
    key: str | None = None
    """The order's number, from a row whose other cells cannot be trusted."""


def _cells(plan: Plan, line: int, body: bytes, notes: _Notes) -> list[tuple[_Column, Any]]:
    dialect = plan.file.dialect
    assert dialect is not None
    place = (plan.file.name, plan.number, line, body)
    try:
        text_of, foreign = decode(body, dialect)
        fields = split(text_of, dialect)
    except BadValue as err:
        notes.complaints.append(Complaint(str(err), "", "", *place))
        return []
    if foreign:
        read_as = foreign.decode("cp1252", "replace")
        where = next((name for name, cell in zip(plan.file.header, fields, strict=False) if read_as in cell), "")
        proof = {"file": plan.file.name, "line": line, "column": where, "bytes": foreign.hex(), "text": read_as}
        notes.warnings.setdefault("file_special_characters", proof)
    if len(fields) != len(plan.file.header):
        rule = f"{len(plan.file.header)} columns, as in the header"
        notes.complaints.append(Complaint(rule, "", f"{len(fields)} columns", *place))
        if 0 <= plan.key < len(fields):
            notes.key = notes.key or fields[plan.key].strip() or None
        return []
    values = []
    for column in plan.columns:
        cell = fields[column.index]
        try:
            values.append((column, column.parse(cell)))
        except BadValue as err:
            said = personal(_ROLES.get(plan.file.role, "lines.") + ".".join(column.path))
            notes.complaints.append(Complaint(str(err), column.label, cell[:200], *place, personal=said))
    return values


def _put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value


def _order(rows: _Rows, present: list[str], layout: Layout, currency: str | None) -> Read:
    notes = _Notes([], {})
    order: dict[str, Any] = {}
    children: dict[str, list[tuple[Any, dict[str, Any]]]] = {}
    key, headed = None, False
    for spec, line, body in rows:
        role = spec.file.role
        cells = _cells(spec, line, body, notes)
        kids: dict[str, dict[str, Any]] = {}
        for column, value in cells:
            head = column.path[0]
            if role != "orders":
                if head == "order_id":
                    key = key or value
                else:
                    _put(kids.setdefault(role, {}), column.path, value)
            elif head in ("line", "payment"):
                _put(kids.setdefault(head + "s", {}), column.path[1:], value)
            elif not headed or value is not None:
                if len(column.path) == 1:
                    order[head] = value
                else:
                    _put(order, column.path, value)
        for path, value in spec.constants:
            _put(order if role == "orders" else kids.setdefault(role, {}), path, value)
        headed = headed or role == "orders"
        for child_role, values in kids.items():
            if any(value is not None for value in values.values()):
                children.setdefault(child_role, []).append(((spec, line, body), values))
    key = order.get("id") or key or notes.key
    if not headed and key is not None:
        notes.complaints.append(_missing("a row of the order itself", rows[0]))
    order["id"] = key
    for role in present:  # a set with a file of lines says of an order that is not in it: it has none
        children.setdefault(role, [])
    read = _finish(order, children, notes.complaints, layout, currency, rows)
    read.warnings = notes.warnings
    return read


def _missing(what: str, row: _Row) -> Complaint:
    spec, line, body = row
    return Complaint(what, "id", "", spec.file.name, spec.number, line, body, True)


def _finish(order: dict[str, Any], children: dict[str, list[tuple[Any, dict[str, Any]]]],
            complaints: list[Complaint], layout: Layout, currency: str | None, rows: _Rows) -> Read:  # fmt: skip
    for role, items in children.items():
        items.sort(key=lambda item: _rank(item[1]))
        built = (_build({k: v for k, v in values.items() if v is not None}, CHILDREN[role], row, complaints)
                 for row, values in items)  # fmt: skip
        order[role] = [child for child in built if child is not None]
    for name in ("customer", "billing", "delivery"):
        if name in order and all(value is None for value in order[name].values()):
            order[name] = None
    if order["id"] is None:
        complaints = complaints or [_missing("the order's number", rows[0])]
        return Read(Entity.ORDER, None, None, _row_reason(complaints[0]), complaints)
    number = str(order["id"])
    value = _build(order, OrderRead, rows[0], complaints)
    if not isinstance(value, OrderRead):
        return Read(
            Entity.ORDER, number if len(number) <= KEY_LIMIT else None, None, _reason(complaints[0]), complaints
        )
    nested.complete(value, layout, currency)
    return Read(Entity.ORDER, value.id, value, _reason(complaints[0]) if complaints else None, complaints)


def _rank(values: dict[str, Any]) -> tuple[Any, ...]:
    """Rows of a set stand in no order of their own: by number if they have one, else by what they say."""
    raw = values.get("id")
    number = int(raw) if isinstance(raw, str) and raw.isdecimal() and len(raw) < 19 else 1 << 62
    return (number, raw or "", sorted((k, str(v)) for k, v in values.items() if v is not None))


def _build(values: dict[str, Any], kind: type[Struct], row: _Row,
           complaints: list[Complaint]) -> Struct | None:  # fmt: skip
    """Make the value, dropping each field that breaks a limit of the model, with a complaint for it."""
    spec, line, body = row
    for _ in range(nested.MOST_COMPLAINTS):
        try:
            return msgspec.convert(values, kind)
        except msgspec.ValidationError as err:
            field, rule = nested.place_of(err)
            said = personal(_PARTS.get(kind, "lines.") + field)
            complaints.append(Complaint(rule, field, str(nested.dig(values, field))[:200], spec.file.name,
                                        spec.number, line, body, personal=said))  # fmt: skip
            if not nested.drop(values, field):
                return None
    return None


def _reason(complaint: Complaint) -> tuple[str, dict[str, Any]]:
    """An order's own reason for its first complaint."""
    where = {"file": complaint.file, "line": complaint.line}
    if complaint.empty:
        return "required_field_missing", {"field": complaint.field, "rule": complaint.rule, **where}
    return "field_format_invalid", nested.proof_of(complaint, **where)


def _row_reason(complaint: Complaint) -> tuple[str, dict[str, Any]]:
    """The reason of a row that names no order or record."""
    evidence: dict[str, Any] = {"file": complaint.file, "line": complaint.line, "column": complaint.field}
    if complaint.empty:
        return "file_required_field_empty", evidence
    said = {"personal": complaint.personal} if complaint.personal else {}
    return "file_row_invalid", evidence | {"value": complaint.value, "rule": complaint.rule} | said


def _record(row: _Row, layout: Layout) -> Read:
    spec, line, body = row
    notes = _Notes([], {})
    complaints = notes.complaints
    values: dict[str, Any] = {}
    for column, value in _cells(spec, line, body, notes):
        _put(values, column.path, value)
    for path, value in spec.constants:
        _put(values, path, value)
    entity, kind = _ENTITIES[spec.file.role]
    _shape(spec.file.role, values, layout)
    name = str(values.get("id") or values.get("sku") or "") or None
    if not complaints and name is None:
        complaints.append(_missing("the record's number", row))
    built: Value | None = None
    if not complaints:
        built = _build(values, kind, row, complaints)  # type: ignore[assignment]
    if complaints:
        return Read(entity, name, None, _row_reason(complaints[0]), complaints)
    return Read(entity, name, built, warnings=notes.warnings)


def _shape(role: str, values: dict[str, Any], layout: Layout) -> None:
    """From flat columns to the shape of the model."""
    if role == "products":
        separator = layout.format.category_separator
        if "category_id" in values:
            ids = values.pop("category_id") or ""
            values["category_ids"] = [part.strip() for part in ids.split("|") if part.strip()]
        if "category" in values:
            nodes = (values.pop("category") or "").split("|")
            paths = ([name.strip() for name in node.split(separator) if name.strip()] for node in nodes)
            values["categories"] = [path for path in paths if path]
        if values.get("active") is None:
            values.pop("active", None)
    elif role == "customers":
        consent = values.pop("consent", {})
        at = consent.pop("at", None)
        given = [
            {"channel": channel, "state": _CONSENT.get(word.casefold(), word), "at": at}
            for channel, word in consent.items() if word is not None
        ]  # fmt: skip
        if given:
            values["consents"] = given
        if "address" in values and all(value is None for value in values["address"].values()):
            del values["address"]


_CONSENT = {
    **dict.fromkeys(("enabled", "yes", "true", "1", "si", "sí", "allowed"), "allowed"),
    **dict.fromkeys(("disabled", "no", "false", "0", "refused"), "refused"),
    **dict.fromkeys(("bounce", "complaint", "spamreport", "unsubscribe", "unsuscribe"), "blocked"),
    **dict.fromkeys(("blocked", "dropped"), "blocked"),
}  # fmt: skip
