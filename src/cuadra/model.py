"""The values that flow through Cuadra: orders, customers and products *as read* from a source. No I/O.

The shapes below are also Cuadra's own documented layout: one line of an `orders.jsonl` is one `OrderRead`.
A field that the payload's shape lacks is *unknown* (`UNSET`), which is not the same as empty (`None`, `[]`):
an unknown field never overwrites what is known.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType


class Standing(StrEnum):
    """Where an order stands."""

    PRESENT = "present"
    WAITING = "waiting"
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNSEEN = "unseen"


class Outcome(StrEnum):
    """What happened to a receipt. `created` and `updated` are the two ways of being applied."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    STALE = "stale"
    HINT = "hint"
    REFUSED = "refused"
    FAILED = "failed"


class StepOutcome(StrEnum):
    """What happened in one step of an attempt."""

    SUCCESS = "success"
    WARNING = "warning"
    WAITING = "waiting"
    HELD = "held"
    SKIPPED = "skipped"
    FAILED = "failed"


class Entity(StrEnum):
    """What a receipt speaks of."""

    ORDER = "order"
    CUSTOMER = "customer"
    PRODUCT = "product"
    CATEGORY = "category"
    STORE = "store"
    ACT = "act"


PAYMENT_STATES = (
    "pending",
    "authorized",
    "partially_paid",
    "paid",
    "partially_refunded",
    "refunded",
    "voided",
)
FULFILMENT_STATES = ("unfulfilled", "partial", "fulfilled", "returned")
LIFECYCLES = ("open", "completed", "on_hold", "cancelled", "failed", "trashed", "draft", "test", "deleted")

Id = Annotated[str, Meta(min_length=1, max_length=255)]
Short = Annotated[str, Meta(max_length=500)]
Long = Annotated[str, Meta(max_length=20_000)]


class _Read(Struct, kw_only=True, omit_defaults=True, gc=False):
    """A thing as read. Values only, never cycles: the garbage collector need not look at them."""


class AddressRead(_Read):
    """A postal address."""

    name: Short | None = None
    company: Short | None = None
    street: Short | None = None
    street2: Short | None = None
    city: Short | None = None
    region: Short | None = None
    postcode: Short | None = None
    country: Short | None = None
    phone: Short | None = None


class ConsentRead(_Read):
    """A stated will about one contact channel. What a source does not state is unknown and has no entry."""

    channel: Annotated[str, Meta(pattern="^(email|phone|sms|whatsapp)$")]
    state: Annotated[str, Meta(pattern="^(allowed|refused|blocked)$")]
    at: datetime | None = None
    note: Short | None = None


class CustomerRead(_Read):
    """A customer as a source names one: `id` is the record's number there, `person` an id of the person behind."""

    id: Id | UnsetType | None = UNSET
    person: Id | UnsetType | None = UNSET
    document: Id | UnsetType | None = UNSET
    name: Short | UnsetType | None = UNSET
    first_name: Short | UnsetType | None = UNSET
    last_name: Short | UnsetType | None = UNSET
    email: Short | UnsetType | None = UNSET
    phone: Short | UnsetType | None = UNSET
    address: AddressRead | UnsetType | None = UNSET
    consents: list[ConsentRead] | UnsetType = UNSET
    custom: dict[str, Any] | UnsetType = UNSET

    def full_name(self) -> str | None:
        """The name as people write it, from whichever fields the source has."""
        if self.name:
            return self.name
        joined = f"{self.first_name or ''} {self.last_name or ''}".strip()
        return joined or None


class LineRead(_Read):
    """A line of an order. Amounts are in the order's currency; `total` is what the line adds to the order."""

    id: Id | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    sku: Short | None = None
    name: Short | None = None
    quantity: Decimal = Decimal(1)
    unit: Short | None = None
    unit_price: Decimal | None = None
    discount: Decimal | None = None
    tax: Decimal | None = None
    shipping: Decimal | None = None
    total: Decimal | None = None
    seller: Short | None = None


class PaymentRead(_Read):
    """A payment of an order."""

    id: Id | None = None
    method: Short | None = None
    state: Short | None = None
    amount: Decimal | None = None
    paid_at: datetime | None = None


class RefundRead(_Read):
    """Money given back."""

    id: Id | None = None
    amount: Decimal | None = None
    refunded_at: datetime | None = None
    note: Short | None = None


class ShipmentRead(_Read):
    """A parcel on its way, or how it is to go."""

    id: Id | None = None
    carrier: Short | None = None
    tracking: Short | None = None
    cost: Decimal | None = None
    state: Short | None = None
    shipped_at: datetime | None = None


class DiscountRead(_Read):
    """A discount on the whole order."""

    code: Short | None = None
    title: Short | None = None
    amount: Decimal | None = None


class OrderRead(_Read):
    """An order as read from a source; amounts are decimals in `currency`, times carry their zone."""

    #: fields that say *which version* it is, not what the order is: left out of the digest
    VERSION_FIELDS: ClassVar[frozenset[str]] = frozenset({"updated_at"})

    id: Id
    number: Id | UnsetType | None = UNSET
    created_at: datetime | UnsetType | None = UNSET
    updated_at: datetime | UnsetType | None = UNSET
    state: Short | UnsetType | None = UNSET
    payment_state: Short | UnsetType | None = UNSET
    fulfilment_state: Short | UnsetType | None = UNSET
    lifecycle: Short | UnsetType | None = UNSET
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | UnsetType | None = UNSET
    total: Decimal | UnsetType | None = UNSET
    discount: Decimal | UnsetType | None = UNSET
    shipping: Decimal | UnsetType | None = UNSET
    tax: Decimal | UnsetType | None = UNSET
    fees: Decimal | UnsetType | None = UNSET
    customer: CustomerRead | UnsetType | None = UNSET
    billing: AddressRead | UnsetType | None = UNSET
    delivery: AddressRead | UnsetType | None = UNSET
    lines: list[LineRead] | UnsetType = UNSET
    payments: list[PaymentRead] | UnsetType = UNSET
    refunds: list[RefundRead] | UnsetType = UNSET
    shipments: list[ShipmentRead] | UnsetType = UNSET
    discounts: list[DiscountRead] | UnsetType = UNSET
    sales_channel: Short | UnsetType | None = UNSET
    seller: Short | UnsetType | None = UNSET
    store: Short | UnsetType | None = UNSET
    cart_id: Id | UnsetType | None = UNSET
    invoice_number: Id | UnsetType | None = UNSET
    note: Long | UnsetType | None = UNSET
    custom: dict[str, Any] | UnsetType = UNSET
    source_url: Short | UnsetType | None = UNSET


class ProductRead(_Read):
    """A product of a catalogue. `categories` are the assigned nodes, each as the path of names from the root."""

    id: Id | None = None
    sku: Short | None = None
    name: Short | None = None
    description: Long | None = None
    brand: Short | None = None
    unit: Short | None = None
    active: bool = True
    parent: Id | None = None
    """The product that this is a variation of: it has its category, and its name before its own."""
    category_ids: list[str] | UnsetType = UNSET
    categories: list[list[str]] | UnsetType = UNSET


class CategoryRead(_Read):
    """A node of the source's category tree."""

    id: Id
    name: Short | None = None
    parent: Short | None = None


class BranchRead(_Read):
    """A physical store, as a file of stores names it."""

    id: Id
    name: Short | None = None
    custom: dict[str, Any] = {}


class Axis(StrEnum):
    """By which of an order's times a listing was made."""

    CREATED = "created"
    UPDATED = "updated"


class Covered(Struct, frozen=True):
    """One interval of source time, read whole: from `start`, to before `end`."""

    axis: Axis
    start: datetime
    end: datetime
    read_at: datetime
    """When the listing began."""
    filter: str = ""
    """What the source left out, if it was asked to."""
    reach: datetime | None = None
    """Orders created before this are beyond what the token may see."""

    def settled(self, settle: timedelta) -> datetime:
        """The end of what had settled when it was read; not after `start` if nothing had."""
        return min(self.end, self.read_at - settle)


class Complaint(Struct, frozen=True):
    """A datum that breaks a rule, at a place of the source: where it can be corrected."""

    rule: str
    field: str = ""
    value: str = ""
    file: str = ""
    file_no: int = -1
    line: int = 0
    raw: bytes = b""
    """The whole row, for the file that goes back to whoever can correct it."""
    empty: bool = False
    """The value is missing where one is required (as against: present and wrong)."""
    personal: str = ""
    """What of a person the value says, see `personal`: where it is shown it is masked."""


_PERSONAL = re.compile(r"(customer|billing|delivery|note|custom)\b|refunds(\[[^]]*\])?(.*\bnote)?$")
_OF_NOBODY = re.compile(r"customer\.(id|person|consents.*)$")
_KINDS = {"email": "email", "phone": "phone", "document": "document"} | dict.fromkeys(
    ("name", "first_name", "last_name", "company"), "name"
)


def personal(field: str) -> str:
    """What the value of an order's field says of a person: `email`, `phone`, `document`, `name`, or `text` of any kind;
    empty if nothing. A field is named as in complaints and changes: «customer.email», «refunds[0].note»."""
    if not _PERSONAL.match(field) or _OF_NOBODY.match(field):
        return ""
    return "text" if field.startswith("custom.") else _KINDS.get(field.rpartition(".")[2], "text")


_PUNCTUATION = re.compile(r"[\W_]+")


def normal(value: str) -> str:
    """The form under which identifiers meet: case-folded, letters and digits only. «#AB-1043» → «ab1043»."""
    if value.isalnum():
        return value.casefold()
    value = value.replace("-", "").replace("#", "") or value
    if value.isalnum():
        return value.casefold()
    return _PUNCTUATION.sub("", value).casefold() or value.strip().casefold()
