"""What a shop holds. Stamps are seconds since 1970; amounts are whole numbers of the currency's smallest unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cuadra_simulators.shopify.money import Deal
from cuadra_simulators.shopify.parties import Address as Address
from cuadra_simulators.shopify.parties import Collection as Collection
from cuadra_simulators.shopify.parties import Consent as Consent
from cuadra_simulators.shopify.parties import Customer as Customer
from cuadra_simulators.shopify.parties import Metafield as Metafield
from cuadra_simulators.shopify.parties import Product as Product
from cuadra_simulators.shopify.parties import Variant as Variant


@dataclass(slots=True)
class Tax:
    """A tax on a line."""

    title: str
    rate: Decimal
    amount: int


@dataclass(slots=True)
class Discount:
    """A discount of an order. `kind` is code, manual or automatic; `percent` or `amount` says how much."""

    index: int
    kind: str
    title: str
    percent: Decimal | None = None
    amount: int = 0
    shipping: bool = False
    across: bool = True


@dataclass(slots=True)
class Line:
    """A line of an order. `quantity` holds what was removed or refunded since, too."""

    id: int
    title: str
    variant_title: str | None
    sku: str | None
    vendor: str | None
    variant_id: int | None
    product_id: int | None
    quantity: int
    price: int
    taxes: list[Tax] = field(default_factory=list)
    discounts: list[tuple[int, int]] = field(default_factory=list)
    """(index of the discount, amount of the whole line)"""
    attributes: list[tuple[str, str]] = field(default_factory=list)
    taxable: bool = True
    shipped: bool = True
    gift_card: bool = False
    grams: int = 0
    removed: int = 0
    refunded: int = 0
    fulfilled: int = 0
    group: tuple[int, str, int] | None = None

    @property
    def name(self) -> str:
        """The title with that of the variant."""
        return f"{self.title} - {self.variant_title}" if self.variant_title else self.title

    @property
    def gross(self) -> int:
        """Before discounts."""
        return self.price * self.quantity

    @property
    def discount(self) -> int:
        """All discounts."""
        return sum(amount for _, amount in self.discounts) if self.discounts else 0

    @property
    def net(self) -> int:
        """After discounts."""
        return self.gross - self.discount

    @property
    def tax(self) -> int:
        """All taxes."""
        return sum(tax.amount for tax in self.taxes)

    @property
    def current(self) -> int:
        """Units that are still bought."""
        return self.quantity - self.removed - self.refunded

    @property
    def open(self) -> int:
        """Units that wait to be sent."""
        return max(0, self.current - self.fulfilled)


@dataclass(slots=True)
class ShippingLine:
    """A way of sending and its price."""

    id: int
    title: str
    code: str
    price: int
    discount: int = 0
    discount_index: int = 0
    taxes: list[Tax] = field(default_factory=list)
    removed: bool = False
    refunded: int = 0
    source: str = "shopify"

    @property
    def net(self) -> int:
        """After discounts."""
        return self.price - self.discount

    @property
    def tax(self) -> int:
        """All taxes."""
        return sum(tax.amount for tax in self.taxes)


@dataclass(slots=True)
class Transaction:
    """Money that moved, or did not."""

    id: int
    kind: str
    status: str
    gateway: str
    amount: int
    created: int
    parent: int | None = None
    payment: str | None = None
    error: str | None = None
    test: bool = False
    manual: bool = False


@dataclass(slots=True)
class RefundLine:
    """Units of a line that were given back."""

    id: int
    line: Line
    quantity: int
    restock: str
    subtotal: int
    tax: int


@dataclass(slots=True)
class Adjustment:
    """A difference between what a refund's lines come to and the money that went back."""

    id: int
    amount: int
    tax: int
    reason: str = "REFUND_DISCREPANCY"


@dataclass(slots=True)
class Refund:
    """Money or goods given back."""

    id: int
    created: int
    updated: int
    note: str | None = None
    lines: list[RefundLine] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    shipping: list[tuple[int, ShippingLine, int]] = field(default_factory=list)
    """(id, line, amount)"""

    @property
    def amount(self) -> int:
        """Money that went back."""
        return sum(it.amount for it in self.transactions if it.kind == "REFUND" and it.status == "SUCCESS")


@dataclass(slots=True)
class Fulfillment:
    """A parcel. `lines`: (id, line, quantity)."""

    id: int
    name: str
    created: int
    updated: int
    lines: list[tuple[int, Line, int]]
    status: str = "SUCCESS"
    display: str = "FULFILLED"
    tracking: list[tuple[str, str, str]] = field(default_factory=list)
    """(company, number, address)"""
    in_transit: int | None = None
    delivered: int | None = None


@dataclass(slots=True)
class Totals:
    """What an order comes to: as bought, now, and in money that moved. Taxes are inside where prices include them."""

    subtotal: int = 0
    discounts: int = 0
    shipping: int = 0
    tax: int = 0
    total: int = 0
    current_subtotal: int = 0
    current_discounts: int = 0
    current_shipping: int = 0
    current_tax: int = 0
    current_total: int = 0
    received: int = 0
    refunded: int = 0
    refunded_shipping: int = 0
    capturable: int = 0
    outstanding: int = 0
    financial: str = "PENDING"
    fulfillment: str = "UNFULFILLED"


@dataclass(slots=True)
class Order:
    """An order."""

    id: int
    number: int
    name: str
    deal: Deal
    created: int
    processed: int
    updated: int
    confirmation: str
    token: str
    taxes_included: bool
    lines: list[Line] = field(default_factory=list)
    shipping: list[ShippingLine] = field(default_factory=list)
    customer_id: int | None = None
    email: str | None = None
    phone: str | None = None
    billing: Address | None = None
    shipping_address: Address | None = None
    source: str = "web"
    source_id: str | None = None
    app_id: int = 580111
    app_name: str = "Online Store"
    locale: str | None = None
    ip: str | None = None
    tags: list[str] = field(default_factory=list)
    note: str | None = None
    attributes: list[tuple[str, str]] = field(default_factory=list)
    po_number: str | None = None
    discounts: list[Discount] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    metafields: list[Metafield] = field(default_factory=list)
    original_total: int = 0
    test: bool = False
    edited: bool = False
    cancelled: int | None = None
    cancel_reason: str | None = None
    closed: int | None = None
    held: str = ""
    """ON_HOLD, IN_PROGRESS or SCHEDULED while its parcels wait; no stamp tells."""
    stamps: list[int] = field(default_factory=list)
    """When it changed, for an index that learns of it later."""
    totals: Totals = field(default_factory=Totals)


@dataclass(slots=True)
class Deletion:
    """What is left of an object that was deleted."""

    id: int
    subject: str
    subject_id: int
    at: int
    app: str | None = None
    verb: str = "destroy"


@dataclass(slots=True)
class Subscription:
    """A webhook subscription of an app."""

    id: int
    app_id: int
    topic: str
    uri: str
    created: int
    updated: int
    version: str
    fields: list[str] = field(default_factory=list)
    filter: str | None = None
    name: str | None = None
    namespaces: list[str] = field(default_factory=list)
    format: str = "JSON"
    failures: int = 0

    @property
    def enum(self) -> str:
        """The topic as GraphQL names it."""
        return enum(self.topic)


@dataclass(slots=True)
class Bulk:
    """A bulk operation. `document` is the query as it was sent."""

    id: int
    app_id: int
    document: str
    created: int
    grouped: bool = False
    status: str = "CREATED"
    error: str | None = None
    completed: int | None = None
    objects: int = 0
    roots: int = 0
    size: int | None = None
    path: Any = None
    partial: bool = False
    signature: str = ""
    expires: int = 0


def enum(topic: str) -> str:
    """«orders/create» as GraphQL names it."""
    return topic.replace("/", "_").replace(".", "_").upper()
