"""How a file set is laid out: which file is what, which column means which field, and how values are written.

A mapping file (TOML) describes somebody else's files; without one, Cuadra's own layout holds: files named after what
they contain (`orders.csv`, `lines.csv`, …, or one `orders.jsonl`), columns named after the fields of `cuadra.model`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from cuadra.connectors.files.values import BadValue, decimal_parser, parser_of, time_parser
from cuadra.errors import InputError, UsageError
from cuadra.model import (
    FULFILMENT_STATES,
    LIFECYCLES,
    PAYMENT_STATES,
    AddressRead,
    BranchRead,
    CategoryRead,
    CustomerRead,
    DiscountRead,
    LineRead,
    OrderRead,
    PaymentRead,
    ProductRead,
    RefundRead,
    ShipmentRead,
)

Role = Literal[
    "orders", "lines", "payments", "refunds", "shipments", "discounts",
    "customers", "products", "categories", "stores",
]  # fmt: skip

#: the parts of an order that come one row each, by the file role that holds them
CHILDREN: dict[str, type[Struct]] = {
    "lines": LineRead,
    "payments": PaymentRead,
    "refunds": RefundRead,
    "shipments": ShipmentRead,
    "discounts": DiscountRead,
}
#: roles in the order in which a set is taken: what orders point at comes before them
ENTITY_ROLES = ("stores", "categories", "products", "customers")
ORDER_ROLES = ("orders", *CHILDREN)


class State(Struct, forbid_unknown_fields=True):
    """What a raw state of the source means, on three axes (all optional)."""

    payment: str | None = None
    fulfilment: str | None = None
    lifecycle: str | None = None


#: words for the usual cases, so that a mapping can say `delivered = "sale"`
STATE_WORDS: dict[str, State] = {
    "sale": State(payment="paid", lifecycle="open"),
    "completed": State(payment="paid", lifecycle="completed"),
    "unpaid": State(payment="pending", lifecycle="open"),
    "not_sale": State(lifecycle="on_hold"),
    "cancelled": State(lifecycle="cancelled"),
    "refunded": State(payment="refunded", lifecycle="completed"),
    "failed": State(lifecycle="failed"),
    "trashed": State(lifecycle="trashed"),
    "draft": State(lifecycle="draft"),
    "test": State(lifecycle="test"),
    "deleted": State(lifecycle="deleted"),
}


#: raw states that files in our own layout may use without saying more
OWN_STATES: dict[str, str | State] = {
    **dict.fromkeys(("sale", "paid", "processing", "approved", "invoiced", "shipped"), "sale"),
    **dict.fromkeys(("completed", "delivered"), "completed"),
    **dict.fromkeys(("unpaid", "pending", "awaiting_payment", "created"), "unpaid"),
    **dict.fromkeys(("cancelled", "canceled"), "cancelled"),
    **dict.fromkeys(("not_sale", "on_hold"), "not_sale"),
    **dict.fromkeys(("trashed", "trash"), "trashed"),
    **{word: word for word in ("refunded", "failed", "draft", "test", "deleted")},
}


class FileLayout(Struct, forbid_unknown_fields=True):
    """One file of a set. `columns` maps our field to its column; a field may be dotted (`customer.email`) and, in a
    file of orders, may begin with `line.` or `payment.`: then each row also brings a line or a payment."""

    name: str
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    optional: bool = True
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    encoding: str | None = None
    decimal: Literal[".", ","] | None = None


class Format(Struct, forbid_unknown_fields=True):
    """How values are written. What is not declared is detected from the file and shown."""

    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    encoding: str | None = None
    decimal: Literal[".", ","] | None = None
    dates: list[str] = []
    """Extra date formats (strptime); ISO 8601 is always understood."""
    time_zone: str | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    total: Literal["column", "payments", "lines"] = "column"
    """Where an order's total comes from: its column, the sum of its payments, or the sum of its lines."""
    category_separator: str = ">"


class Layout(Struct, forbid_unknown_fields=True):
    """A whole mapping."""

    files: dict[Role, FileLayout]
    format: Format = msgspec.field(default_factory=Format)
    states: dict[str, str | State] = {}
    ignore: list[str] = []
    own: bool = False
    """Cuadra's own layout: columns are the fields themselves."""

    def state(self, raw: str | None) -> State | None:
        """What a raw state means; None if the mapping does not know it."""
        if raw is None:
            return None
        found = self.states.get(raw)
        return STATE_WORDS.get(found) if isinstance(found, str) else found


def own_layout() -> Layout:
    """The documented layout of Cuadra's own."""
    files: dict[Role, FileLayout] = {
        role: FileLayout(
            name=f"{role}.csv", optional=role != "orders", columns={name: name for name in own_columns(role)}
        )
        for role in get_args(Role)
    }
    return Layout(files=files, states=dict(OWN_STATES), own=True)


def load(path: Path) -> Layout:
    """Read a mapping file. Raises InputError naming file, place and what is allowed there."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as err:
        raise UsageError("The mapping file {file} cannot be read: {why}.", file=path, why=err.strerror) from err
    except (ValueError, RecursionError) as err:  # TOML that is none, text that is none, or both too large
        raise InputError("The mapping file {file} is not valid TOML: {why}.", file=path, why=err) from err
    if "own" in raw:
        raise InputError("The mapping {file} is wrong: it cannot say «own»; to use Cuadra's own layout, name no mapping.",
                         file=path)  # fmt: skip
    return parse(raw, str(path))


def parse(raw: dict[str, Any], where: str) -> Layout:
    """A mapping from its decoded form, checked as a whole."""
    try:
        layout = msgspec.convert(raw, Layout)
    except msgspec.ValidationError as err:
        raise InputError("The mapping {file} is wrong: {why}.", file=where, why=err) from err
    _check(layout, where)
    return layout


def _check(layout: Layout, where: str) -> None:
    def wrong(text: str, **values: object) -> InputError:
        return InputError("The mapping {file} is wrong: " + text, file=where, **values)

    if layout.own:
        return
    for form in layout.format.dates:
        _check_date(form, wrong)
    if not layout.files:
        raise wrong("it names no file; add a [files.orders].")
    for role, file in layout.files.items():
        known = own_columns(role)
        for field in (*file.columns, *file.constants):
            if field not in known and not field.startswith("custom."):
                raise wrong("files.{role}.columns has no field «{field}»; known are {known}.",
                            role=role, field=field, known=", ".join(known))  # fmt: skip
        if role in CHILDREN and "order_id" not in file.columns:
            raise wrong("files.{role}.columns needs order_id, the column that names the order.", role=role)
        if role not in CHILDREN and "id" not in file.columns:
            raise wrong("files.{role}.columns needs id.", role=role)
        if file.name.count("{set}") > 1:
            raise wrong("files.{role}.name says {{set}} more than once.", role=role)
        number = decimal_parser(file.decimal or layout.format.decimal or ".")
        for field, value in file.constants.items():
            try:
                parser_of(field, number, time_parser(layout.format.dates, None))(value)
            except BadValue as err:
                raise wrong("files.{role}.constants.{field} says «{value}»; it must be {rule}.", role=role,
                            field=field, value=value, rule=err) from err  # fmt: skip
        names = {field.removeprefix("custom.") for field in (*file.columns, *file.constants) if "custom." in field}
        for name in names:
            if not name or any(other.startswith(f"{name}.") for other in names):
                raise wrong("files.{role}.columns has a custom field «{name}» inside another.", role=role, name=name)
    for raw_state, meaning in layout.states.items():
        if isinstance(meaning, str) and meaning not in STATE_WORDS:
            raise wrong("states.{state} says «{meaning}»; known words are {known}.",
                        state=raw_state, meaning=meaning, known=", ".join(STATE_WORDS))  # fmt: skip
        if isinstance(meaning, State):
            for axis, allowed in (("payment", PAYMENT_STATES), ("fulfilment", FULFILMENT_STATES),
                                  ("lifecycle", LIFECYCLES)):  # fmt: skip
                value = getattr(meaning, axis)
                if value is not None and value not in allowed:
                    raise wrong("states.{state}.{axis} says «{value}»; known are {known}.",
                                state=raw_state, axis=axis, value=value, known=", ".join(allowed))  # fmt: skip
    zone = layout.format.time_zone
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            raise wrong("format.time_zone «{zone}» is not known; write one like America/Bogota.", zone=zone) from err


def _check_date(form: str, wrong: Callable[..., InputError]) -> None:
    """A format that Python cannot even try is found here, not at the first cell."""
    try:
        datetime.strptime("", form)
    except re.error as err:
        raise wrong("format.dates «{form}» names a part twice.", form=form) from err
    except ValueError as err:
        if "bad directive" in str(err) or "stray" in str(err):
            raise wrong("format.dates «{form}» is no date format: {why}.", form=form, why=err) from err


@cache
def own_columns(role: str) -> tuple[str, ...]:
    """The columns of a role in Cuadra's own layout: its fields, nested ones dotted."""
    address = tuple(AddressRead.__struct_fields__)
    customer = [name for name in CustomerRead.__struct_fields__ if name not in ("address", "consents", "custom")]
    if role in CHILDREN:
        return ("order_id", *CHILDREN[role].__struct_fields__)
    if role == "customers":
        consents = [f"consent.{channel}" for channel in ("email", "phone", "sms", "whatsapp")]
        return (*customer, *(f"address.{name}" for name in address), *consents, "consent.at")
    if role == "products":
        return (*(n for n in ProductRead.__struct_fields__ if n not in ("category_ids", "categories")),
                "category_id", "category")  # fmt: skip
    if role == "categories":
        return CategoryRead.__struct_fields__
    if role == "stores":
        return tuple(name for name in BranchRead.__struct_fields__ if name != "custom")
    nested = {"customer", "billing", "delivery", "custom", *CHILDREN}
    plain = tuple(name for name in OrderRead.__struct_fields__ if name not in nested)
    return (
        *plain,
        *(f"customer.{name}" for name in customer),
        *(f"billing.{name}" for name in address),
        *(f"delivery.{name}" for name in address),
        *(f"line.{name}" for name in LineRead.__struct_fields__),
        *(f"payment.{name}" for name in PaymentRead.__struct_fields__),
    )
