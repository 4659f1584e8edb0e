"""The import rules of one integration, as data: versioned, readable, set one key at a time.

Each field is one key of `cuadra rules set NAME KEY VALUE`; nested ones are dotted (`products.identify_by`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, inspect

from cuadra.errors import UsageError

Verdict = Literal["sale", "unpaid", "not_sale", "cancelled", "returned", "failed", "test", "deleted"]


class StateRules(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which states count as a sale. Looked up in this order: raw state, lifecycle, fulfilment, payment; the first
    verdict that is not «sale» decides, so an order must pass on every axis."""

    raw: dict[str, Verdict] = {}
    """Raw states of the source: the last word where one is named."""
    lifecycle: dict[str, Verdict] = {}
    fulfilment: dict[str, Verdict] = {}
    payment: dict[str, Verdict] = {}


DEFAULT_LIFECYCLE: dict[str, Verdict] = {
    "open": "sale", "completed": "sale", "on_hold": "not_sale", "cancelled": "cancelled", "failed": "failed",
    "trashed": "failed", "draft": "test", "test": "test", "deleted": "deleted",
}  # fmt: skip
DEFAULT_FULFILMENT: dict[str, Verdict] = {"unfulfilled": "sale", "partial": "sale", "fulfilled": "sale",
                                          "returned": "returned"}  # fmt: skip
DEFAULT_PAYMENT: dict[str, Verdict] = {
    "pending": "unpaid", "authorized": "unpaid", "partially_paid": "unpaid", "paid": "sale",
    "partially_refunded": "sale", "refunded": "sale", "voided": "cancelled",
}  # fmt: skip


class FilterRules(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is left out. An `only_` list that is empty lets everything in."""

    only_stores: list[str] = []
    without_stores: list[str] = []
    only_sales_channels: list[str] = []
    without_sales_channels: list[str] = []
    only_sellers: list[str] = []
    without_skus: list[str] = []


class ProductRules(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How the product of a line is found, and what happens when it is not."""

    identify_by: Literal["sku", "id", "name"] = "sku"
    unknown: Literal["create", "hold", "free_line"] = "create"
    """create it, hold the order until somebody links it, or let the line in as free text"""
    problem: Literal["incomplete", "hold"] = "incomplete"
    """what a line's trouble (no SKU, two products with the SKU) does to its order"""
    inactive: Literal["allow", "hold"] = "hold"
    always_piece: bool = False
    """Write «piece» even where the source names a unit, as some systems do; the source's unit is kept beside it."""
    category_policy: Literal["branches", "deepest", "first", "none"] = "branches"


class CustomerRules(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Who bought: what an order must say, and which contacts are no keys."""

    required: bool = True
    contact_required: bool = True
    region: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    """Country of phones written without a prefix; empty: the account's."""
    shared_by_most: Annotated[int, Meta(ge=0, le=1000)] = 5
    """An email or phone that more different people give, by their documents or person ids, is filler; 0: ask not."""
    placeholders: list[str] = []
    """Filler contacts of this shop's staff, besides the usual ones: never keys."""


def left_out(state: str | None, without: Iterable[str]) -> bool:
    """Whether a raw state is one of these; `*` stands for anything."""
    return state is not None and any(fnmatchcase(state, one) for one in without)


class FirstRules(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What the first import of a live source leaves out. Sets of files have no horizon."""

    since: Annotated[str, Meta(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    """The day from which orders are taken in, by their creation; empty: as far back as the first import reads."""
    without: list[str] = []
    """Raw states that stay out while the order was never present and is older than the first import; `*` stands for
    anything."""

    def leaves_out(self, state: str | None) -> bool:
        """Whether an order of this raw state stays out."""
        return left_out(state, self.without)

    def day(self) -> date | None:
        """The first day that is taken in."""
        return date.fromisoformat(self.since) if self.since else None


class Rules(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """All rules of an integration."""

    states: StateRules = msgspec.field(default_factory=StateRules)
    unpaid_days: Annotated[int, Meta(ge=0, le=365)] = 30
    """How long an unpaid order waits, by its own date."""
    lines_required: bool = True
    currency: Literal["hold", "convert", "keep"] = "hold"
    first: FirstRules = msgspec.field(default_factory=FirstRules)
    mapping: dict[
        Annotated[str, Meta(max_length=60)], Annotated[str, Meta(pattern=r"^[\w-]{1,60}:(in|out|both)$")]
    ] = {}
    """Our own states of an order and the source's: `delivered=completed:out`. «in» follows the source, «out» is written
    to it."""
    filters: FilterRules = msgspec.field(default_factory=FilterRules)
    products: ProductRules = msgspec.field(default_factory=ProductRules)
    customers: CustomerRules = msgspec.field(default_factory=CustomerRules)

    def verdict(self, raw: str | None, axes: tuple[str | None, str | None, str | None]) -> Verdict | None:
        """What a state means: `axes` are lifecycle, fulfilment, payment. None: no rule knows this state."""
        lifecycle, fulfilment, payment = axes
        if raw is not None and raw in self.states.raw and lifecycle != "deleted":
            return self.states.raw[raw]  # of what has been deleted the last state says nothing
        if lifecycle is None and payment is None:
            if raw is not None:
                return None  # how far it is delivered does not say whether it is a sale
            if fulfilment is None:
                return "sale"  # a source without states sells what it lists
        found: Verdict = "sale"
        for value, own, default in (
            (lifecycle, self.states.lifecycle, DEFAULT_LIFECYCLE),
            (fulfilment, self.states.fulfilment, DEFAULT_FULFILMENT),
            (payment, self.states.payment, DEFAULT_PAYMENT),
        ):
            if value is None:
                continue
            meaning = own.get(value) or default.get(value)
            if meaning is None:
                return None
            if found == "sale":
                found = meaning
        return found

    def sale_states(self) -> list[str]:
        """The raw states and axis values that count, for people and as evidence."""
        axes = {**DEFAULT_LIFECYCLE, **self.states.lifecycle}
        return sorted(
            [raw for raw, verdict in self.states.raw.items() if verdict == "sale"]
            + [f"lifecycle:{value}" for value, verdict in axes.items() if verdict == "sale"]
        )


def load(raw: Any) -> Rules:
    """Rules from their stored form."""
    return msgspec.convert(raw, Rules)


def flatten(rules: Rules) -> dict[str, Any]:
    """Every key with its value, defaults included: what `rules show` prints."""
    flat: dict[str, Any] = {}

    def walk(value: Any, prefix: str) -> None:
        for name in value.__struct_fields__:
            item = getattr(value, name)
            if isinstance(item, Struct):
                walk(item, f"{prefix}{name}.")
            else:
                flat[prefix + name] = item

    walk(rules, "")
    return flat


def change(rules: Rules, key: str, value: str) -> Rules:
    """Rules with one key set. Lists are written with commas, maps as `name=verdict,…` (empty: none); a key of a map
    may be named itself (`states.raw.dispatched`). Raises UsageError naming key, value and what is allowed."""
    raw = msgspec.to_builtins(msgspec.convert(msgspec.to_builtins(rules), Rules))
    known = flatten(rules)
    holder, _, last = key.rpartition(".")
    target = key if key in known else holder
    if target not in known:
        raise UsageError("There is no rule «{key}»; known are {known}.", key=key, known=", ".join(known))
    current = known[target]
    new: Any
    if key != target:
        if not isinstance(current, dict):
            raise UsageError("There is no rule «{key}»; known are {known}.", key=key, known=", ".join(known))
        if not last:
            raise UsageError("There is no rule «{key}»; known are {known}.", key=key, known=", ".join(known))
        new = {**current, last: value} if value else {k: v for k, v in current.items() if k != last}
    elif isinstance(current, dict):
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if any("=" not in part for part in parts):
            raise UsageError("{key} is written NAME=VERDICT,…, not «{value}»; or set one: {key}.NAME VERDICT.", key=key,
                             value=value)  # fmt: skip
        new = dict(part.split("=", 1) for part in parts)
    elif isinstance(current, list):
        new = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(current, bool):
        new = {"true": True, "yes": True, "si": True, "sí": True, "false": False, "no": False}.get(value.lower(), value)
    elif isinstance(current, int):
        new = int(value) if value.isdecimal() and len(value) < 10 else value
    else:
        new = value
    at = raw
    *path, name = target.split(".")
    for part in path:
        at = at.setdefault(part, {})
    at[name] = new
    try:
        changed = msgspec.convert(raw, Rules)
        changed.first.day()
    except (msgspec.ValidationError, ValueError) as err:
        raise _unfit(_kind(target), target if target == "mapping" else key, value) from err
    return changed


def _kind(key: str) -> inspect.Type:
    """What a rule may be."""
    found: inspect.Type = inspect.type_info(Rules)
    for name in key.split("."):
        assert isinstance(found, inspect.StructType)
        found = next(field.type for field in found.fields if field.name == name)
    return found


def _unfit(kind: inspect.Type, key: str, value: str) -> UsageError:
    """The refusal of a value that the rule cannot have, saying which it can."""
    if key == "mapping":
        return UsageError("«{value}» does not fit the rule {key}; write OURS=THEIRS:DIRECTION, like "
                          "delivered=completed:out; a direction is in, out or both.", value=value, key=key)  # fmt: skip
    if isinstance(kind, inspect.DictType):
        return UsageError("«{value}» does not fit the rule {key}; a verdict is one of {known}.", value=value, key=key,
                          known=", ".join(get_args(Verdict)))  # fmt: skip
    if isinstance(kind, inspect.LiteralType):
        return UsageError("«{value}» does not fit the rule {key}; it is one of {known}.", value=value, key=key,
                          known=", ".join(str(one) for one in kind.values))  # fmt: skip
    if isinstance(kind, inspect.IntType):
        return UsageError("«{value}» does not fit the rule {key}; write a whole number from {least} to {most}.",
                          value=value, key=key, least=kind.ge, most=kind.le)  # fmt: skip
    if isinstance(kind, inspect.BoolType):
        return UsageError("«{value}» does not fit the rule {key}; write yes or no.", value=value, key=key)
    if isinstance(kind, inspect.StrType) and key == "first.since":
        return UsageError("«{value}» does not fit the rule {key}; write a day like 2026-09-01, or nothing.",
                          value=value, key=key)  # fmt: skip
    return UsageError("«{value}» does not fit the rule {key}; write two capitals like AR, or nothing.", value=value,
                      key=key)  # fmt: skip


class AccountFacts(Struct, frozen=True):
    """What the rules need to know of the account, and of the integration's source."""

    currency: str
    country: str
    time_zone: str
    retention: int
    live: bool = False
    """The source can be asked for what is in doubt, and for the details of products."""
    began: datetime | None = None
    """When the first import of a live source began; None: there has been none."""

    def day(self, moment: datetime) -> date:
        """The day of a moment where the account is at home."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()


RateTable = dict[tuple[str, str, Any], Decimal]
"""(currency, account's currency, day) → rate"""
