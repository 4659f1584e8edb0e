"""What a shop holds. Stamps are seconds since 1970 in UTC; amounts are exact, to the six decimals WooCommerce keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass(slots=True)
class Meta:
    """A custom field. Keys may repeat; the value may be any JSON but null."""

    id: int
    key: str
    value: Any


@dataclass(slots=True)
class Address:
    """Billing or shipping; empty strings, never null. Shipping has no email."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


@dataclass(slots=True)
class Line:
    """A product line. Amounts are without tax; `taxes` is by rate, unrounded."""

    id: int
    name: str
    product_id: int
    variation_id: int
    quantity: int
    subtotal: Decimal
    total: Decimal
    tax_class: str = ""
    taxable: bool = True
    subtotal_taxes: dict[int, Decimal] = field(default_factory=dict)
    taxes: dict[int, Decimal] = field(default_factory=dict)
    meta: list[Meta] = field(default_factory=list)
    reduced: int = 0
    """How much stock this line has taken."""


@dataclass(slots=True)
class Charge:
    """A shipping line or a fee. Fees may be negative."""

    id: int
    title: str
    total: Decimal
    method_id: str = ""
    instance_id: str = ""
    tax_class: str = ""
    tax_status: str = "taxable"
    taxes: dict[int, Decimal] = field(default_factory=dict)
    meta: list[Meta] = field(default_factory=list)


@dataclass(slots=True)
class UsedCoupon:
    """A coupon of an order, with what it took off."""

    id: int
    code: str
    coupon_id: int
    discount_type: str
    nominal: Decimal
    free_shipping: bool
    meta_id: int
    discount: Decimal = ZERO
    discount_tax: Decimal = ZERO


@dataclass(slots=True)
class TaxLine:
    """A tax rate's sums over an order."""

    id: int
    rate_id: int
    total: Decimal
    shipping_total: Decimal


@dataclass(slots=True)
class Note:
    """A comment on an order."""

    id: int
    author: str
    created: int
    text: str
    to_customer: bool = False


@dataclass(slots=True)
class Refund:
    """Money given back. Positive here; the order shows it negative."""

    id: int
    created: int
    amount: Decimal
    reason: str
    by: int
    lines: list[Line] = field(default_factory=list)
    tax_lines: list[TaxLine] = field(default_factory=list)
    payment: bool = False
    meta: list[Meta] = field(default_factory=list)


@dataclass(slots=True)
class Order:
    """An order, in the trash or not. One that was erased is no longer in the world."""

    id: int
    status: str
    currency: str
    key: str
    created: int
    modified: int
    created_via: str = "rest-api"
    customer_id: int = 0
    billing: Address = field(default_factory=Address)
    shipping: Address = field(default_factory=Address)
    payment_method: str = ""
    payment_title: str = ""
    transaction_id: str = ""
    ip: str = ""
    agent: str = ""
    note: str = ""
    cart_hash: str = ""
    paid: int | None = None
    completed: int | None = None
    lines: list[Line] = field(default_factory=list)
    shipping_lines: list[Charge] = field(default_factory=list)
    fees: list[Charge] = field(default_factory=list)
    coupons: list[UsedCoupon] = field(default_factory=list)
    tax_lines: list[TaxLine] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    meta: list[Meta] = field(default_factory=list)
    discount_total: Decimal = ZERO
    discount_tax: Decimal = ZERO
    shipping_total: Decimal = ZERO
    shipping_tax: Decimal = ZERO
    cart_tax: Decimal = ZERO
    total: Decimal = ZERO
    counted: bool = False
    """Whether its lines were added to their products' sales."""
    indexed: list[tuple[int, str, int]] = field(default_factory=list)
    """(when it was written, status, modified): what a search index that lags still shows."""

    @property
    def refunded(self) -> Decimal:
        """What was given back so far."""
        return sum((refund.amount for refund in self.refunds), ZERO)


@dataclass(slots=True)
class Category:
    """A node of the category tree. The same name may stand under two parents."""

    id: int
    name: str
    slug: str
    parent: int = 0
    description: str = ""


@dataclass(slots=True)
class Attribute:
    """What variations differ in, with the option each one has; an empty option means any."""

    id: int
    name: str
    slug: str
    options: list[str]


@dataclass(slots=True)
class Product:
    """A product, or one variation of a variable product (`parent` set)."""

    id: int
    name: str
    slug: str
    type: str
    created: int
    modified: int
    status: str = "publish"
    parent: int = 0
    sku: str = ""
    gtin: str = ""
    regular_price: str = ""
    sale_price: str = ""
    sale_from: int | None = None
    sale_to: int | None = None
    description: str = ""
    tax_class: str = ""
    taxable: bool = True
    manage_stock: bool = False
    stock: int | None = None
    stock_status: str = "instock"
    backorders: str = "no"
    virtual: bool = False
    downloadable: bool = False
    weight: str = ""
    sold: int = 0
    categories: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    grouped: list[int] = field(default_factory=list)
    meta: list[Meta] = field(default_factory=list)


@dataclass(slots=True)
class User:
    """Somebody with an account: customers and the shop's staff."""

    id: int
    login: str
    email: str
    created: int
    modified: int | None
    first_name: str = ""
    last_name: str = ""
    role: str = "customer"
    paying: bool = False
    billing: Address = field(default_factory=Address)
    shipping: Address = field(default_factory=Address)
    meta: list[Meta] = field(default_factory=list)

    @property
    def manages(self) -> bool:
        """Whether this user may see and change the shop."""
        return self.role in ("administrator", "shop_manager")


@dataclass(slots=True)
class Coupon:
    """A discount code, kept in lower case as WooCommerce does."""

    id: int
    code: str
    type: str
    amount: Decimal
    created: int
    free_shipping: bool = False
    used_by: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ApiKey:
    """A REST key. It acts with the rights of its user."""

    id: int
    user_id: int
    consumer_key: str
    consumer_secret: str
    permissions: str = "read_write"

    @property
    def basic(self) -> tuple[str, str]:
        """User and password of Basic authentication."""
        return self.consumer_key, self.consumer_secret


@dataclass(slots=True)
class Webhook:
    """A subscription. `pending` says that its ping was not answered with 200 yet."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    user_id: int
    created: int
    modified: int | None = None
    status: str = "active"
    failures: int = 0
    pending: bool = True

    @property
    def resource(self) -> str:
        """What the topic is about: order, product, customer, coupon or action."""
        return self.topic.partition(".")[0]

    @property
    def event(self) -> str:
        """What happened to it."""
        return self.topic.partition(".")[2]
