"""The working set of a batch: what is known of everything its receipts touch, loaded once, changed in memory, written
once. What item 3 creates, item 900 finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from cuadra.connectors.base import Evidence, Raw, Read
from cuadra.model import CustomerRead, OrderRead, Outcome, ProductRead, Standing
from cuadra.pipeline.contacts import Contact
from cuadra.pipeline.rules import AccountFacts, RateTable, Rules, Verdict
from cuadra.pipeline.versions import Version, decode_content, encode_content

Key = tuple[str, str]
"""(kind, value) of a customer: source, person, document, email, phone."""
ProductKey = tuple[str, int, str]
"""(kind, scope, value): scope is the store for ids, 0 for SKUs and names."""

IdentifierKey = tuple[str, str]
"""(kind, normal form) of a number that an order is known by; its value is the number as the source writes it."""
Sold = tuple[str | None, str | None, str | None]
"""(product id, SKU, name) of an order's line."""

NO_CONTACT = Contact(None)
encode_customer = msgspec.json.Encoder().encode
_decode_customer = msgspec.json.Decoder(CustomerRead).decode


class Item(Struct):
    """One receipt on its way through the steps. Steps fill it in; what they decide about the order is in its state."""

    raw: Raw
    receipt_id: int
    read: Read
    version: Version | None = None
    content: bytes = b""
    """The order as read, encoded."""
    keys: list[Key] | None = None
    """The customer's keys, worked out once; of a record that could not be read, its number."""
    email: Contact = NO_CONTACT
    phone: Contact = NO_CONTACT
    identifiers: dict[IdentifierKey, str] = field(default_factory=dict)
    outcome: Outcome = Outcome.CREATED
    state: OrderState | None = None
    reason: str | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list("sss-----").copy)
    erased: bool = False
    """It speaks of somebody who was erased: `content` is what stays of the receipt."""


class OrderState(Struct):
    """An order as the ledger knows it, and as this batch leaves it."""

    order_id: int
    source_id: str
    integration_id: int
    version: Version
    number: int
    """Number of versions so far."""
    receipt_id: int | None
    """The receipt that brought the current version."""
    standing: Standing
    reason: str | None
    first_seen: datetime
    content: OrderRead | None = None
    content_json: str | bytes | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    incomplete: bool = False
    customer_id: int | None = None
    rule_version: int = 0
    recheck_at: datetime | None = None
    frozen_at: datetime | None = None
    erased_at: datetime | None = None
    own_state: str | None = None
    """Where it stands with us: set by a person, or by the mapping table."""
    present_at: datetime | None = None
    """When it was first present."""
    converted: Decimal | None = None
    rate: Decimal | None = None
    rate_day: Any = None
    lines: list[LineState] = field(default_factory=list)
    identifiers: dict[IdentifierKey, str] = field(default_factory=dict)
    """Those that this batch adds."""
    is_new: bool = False
    dirty: bool = False
    """The row is to be written."""
    rebuilt: bool = False
    """Its lines, payments and so on are to be written again."""
    stamp_moved: bool = False
    """Only its version moved: the content is the same."""

    def read(self) -> OrderRead:
        """The order as read, decoded when first asked for."""
        if self.content is None:
            assert self.content_json is not None
            self.content = decode_content(self.content_json)
        return self.content

    def pack(self) -> None:
        """Keep only the encoded form of the order: `read` decodes it again for whoever asks."""
        if self.content is not None and self.content_json is None:
            self.content_json = encode_content(self.content)
        self.content = None
        self.lines = []


class LineState(Struct):
    """A line as recorded: what was read, its product, and its own reason."""

    product_id: int | None = None
    unit: str = "piece"
    reason: str | None = None
    evidence: Evidence | None = None
    excluded: bool = False


class CustomerState(Struct):
    """A customer as known, and as this batch leaves it."""

    customer_id: int
    name: str | None
    details: str | bytes
    """What is known of it, encoded: hardly anybody asks (see `read`)."""
    sequence: int
    has_contact: bool = False
    erased: bool = False
    documents: int = 0
    persons: int = 0
    """How many documents and person ids lead here. One human being has one of each; many mean a shared contact."""
    is_new: bool = False
    dirty: bool = False

    def read(self) -> CustomerRead:
        """What is known of it."""
        return _decode_customer(self.details)


class ProductState(Struct):
    """A product as known, and as this batch leaves it."""

    product_id: int
    name: str | None
    sku: str | None
    code: str | None
    active: bool = True
    inactive_at: datetime | None = None
    description: str | None = None
    brand: str | None = None
    unit: str = "piece"
    source_unit: str | None = None
    category_id: int | None = None
    origin: str = "order"
    evidence: dict[str, Evidence] = field(default_factory=dict)
    stores: set[int] = field(default_factory=set)
    """Those that have a number of their own for it."""
    is_new: bool = False
    dirty: bool = False


class Conflict(Struct, frozen=True):
    """Two keys of one order that point at two people."""

    one: int
    other: int
    order_id: int


class WorkingSet(Struct):
    """Everything known that this batch can touch, and everything it changes."""

    account_id: int
    store_id: int
    integration_id: int
    account: AccountFacts
    rules: Rules
    rule_version: int
    now: datetime
    ids: Iterator[int]
    connector: str = ""
    orders: dict[str, OrderState] = field(default_factory=dict)
    customers: dict[int, CustomerState] = field(default_factory=dict)
    customer_keys: dict[Key, int] = field(default_factory=dict)
    products: dict[int, ProductState] = field(default_factory=dict)
    product_keys: dict[ProductKey, list[int]] = field(default_factory=dict)
    former_keys: set[ProductKey] = field(default_factory=set)
    """Keys of `product_keys` that are aliases left by a changed SKU."""
    asked_customers: set[Key] = field(default_factory=set)
    """Keys whose customer is known, or known to be nobody."""
    asked_products: set[ProductKey] = field(default_factory=set)
    asked_sold: set[Sold] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)
    """Customers that this batch makes, or makes known by one more key or contact."""
    categories_known: bool = False
    categories: dict[str, int] = field(default_factory=dict)
    """Path → id."""
    category_nodes: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    """Source's category id → (parent's id, name)."""
    rates: RateTable = field(default_factory=dict)
    verdicts: dict[tuple[Any, ...], Verdict | None] = field(default_factory=dict)
    """What the rules said of states seen in this batch."""
    decided_apart: set[tuple[int, int]] = field(default_factory=set)

    new_customer_keys: list[tuple[str, str, int]] = field(default_factory=list)
    new_product_keys: list[tuple[str, int, str, int]] = field(default_factory=list)
    aliased_keys: list[tuple[int, str]] = field(default_factory=list)
    """(product, former SKU)"""
    new_categories: list[tuple[int, str, str, int | None, int]] = field(default_factory=list)
    new_nodes: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    new_branches: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    consents: dict[tuple[int, str], tuple[str, datetime | None, str, str | None]] = field(default_factory=dict)
    conflicts: set[Conflict] = field(default_factory=set)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    taken_back: list[tuple[int, Version]] = field(default_factory=list)
    """Frozen orders whose source says again what we hold: nothing is pending any more."""
    frozen_changes: list[tuple[Any, ...]] = field(default_factory=list)
    relinks: dict[tuple[str, str], str] = field(default_factory=dict)
    """(kind, the source's id) → cause: what is in doubt and is to be asked for."""

    def following(self, now: datetime) -> WorkingSet:
        """The set of the next batch: what is known of customers and the catalogue stays known, nothing is changed yet.
        Orders are not kept; who goes on from this set knows which of them are still on their way."""
        return WorkingSet(
            self.account_id, self.store_id, self.integration_id, self.account, self.rules, self.rule_version, now,
            self.ids, self.connector, customers=self.customers, customer_keys=self.customer_keys, products=self.products,
            product_keys=self.product_keys, former_keys=self.former_keys, asked_customers=self.asked_customers,
            asked_products=self.asked_products, asked_sold=self.asked_sold, categories_known=self.categories_known,
            categories=self.categories, category_nodes=self.category_nodes, rates=self.rates, verdicts=self.verdicts,
            decided_apart=self.decided_apart,
        )  # fmt: skip

    def add_product_key(self, key: ProductKey, product_id: int) -> bool:
        """Know a product by a key; whether that is new."""
        if key in self.former_keys:  # an alias counts only where no product has that SKU today
            self.former_keys.remove(key)
            self.product_keys[key] = []
        known = self.product_keys.setdefault(key, [])
        if product_id in known:
            return False
        known.append(product_id)
        return True

    def new_id(self) -> int:
        """A number of the database's sequence, drawn for this batch beforehand."""
        return next(self.ids)


__all__ = [
    "Conflict", "CustomerState", "Item", "Key", "LineState", "OrderState", "ProductKey", "ProductRead",
    "ProductState", "WorkingSet",
]  # fmt: skip
