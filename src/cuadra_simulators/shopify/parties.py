"""Who buys and what is sold: customers with their addresses, products with their variants, collections."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class Address:
    """A mailing address of a customer or an order."""

    id: int
    first_name: str
    last_name: str
    company: str | None
    address1: str
    address2: str | None
    city: str
    province: str
    province_code: str
    zip: str
    country: str
    country_code: str
    phone: str | None
    latitude: float | None = None
    longitude: float | None = None
    model: str = "CustomerAddress"

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def copied(self, model: str) -> Address:
        """The same as part of something else."""
        return replace(self, model=model)


@dataclass(slots=True)
class Consent:
    """Whether a customer wants advertisements, by one channel."""

    state: str = "NOT_SUBSCRIBED"
    level: str | None = None
    updated: int | None = None


@dataclass(slots=True)
class Metafield:
    """A custom field of an object."""

    id: int
    namespace: str
    key: str
    value: str
    type: str
    owner: str
    created: int
    updated: int


@dataclass(slots=True)
class Customer:
    """Somebody who has bought, or may."""

    id: int
    created: int
    updated: int
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    locale: str
    addresses: list[Address] = field(default_factory=list)
    email_consent: Consent = field(default_factory=Consent)
    sms_consent: Consent = field(default_factory=Consent)
    state: str = "DISABLED"
    note: str | None = None
    tags: list[str] = field(default_factory=list)
    tax_exempt: bool = False
    verified: bool = True
    orders: list[int] = field(default_factory=list)
    spent: int = 0
    metafields: list[Metafield] = field(default_factory=list)

    @property
    def display_name(self) -> str:
        """The name, else the email, else the number."""
        name = f"{self.first_name or ''} {self.last_name or ''}".strip()
        return name or self.email or self.phone or str(self.id)


@dataclass(slots=True)
class Variant:
    """What can be bought of a product."""

    id: int
    product_id: int
    title: str
    sku: str | None
    price: int
    position: int
    item_id: int
    created: int
    updated: int
    options: list[tuple[str, str]]
    barcode: str | None = None
    compare_at: int | None = None
    cost: int | None = None
    stock: int = 0
    grams: int = 250
    taxable: bool = True
    shipped: bool = True
    metafields: list[Metafield] = field(default_factory=list)


@dataclass(slots=True)
class Product:
    """A product with its variants; at least one, which may be called «Default Title»."""

    id: int
    title: str
    handle: str
    vendor: str
    product_type: str
    created: int
    updated: int
    variants: list[Variant] = field(default_factory=list)
    option_id: int = 0
    status: str = "ACTIVE"
    tags: list[str] = field(default_factory=list)
    category: str | None = None
    """The id in the taxonomy, without its prefix."""
    html: str = ""
    published: int | None = None
    gift_card: bool = False
    collections: list[int] = field(default_factory=list)
    metafields: list[Metafield] = field(default_factory=list)

    @property
    def only_default(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.variants) == 1 and self.variants[0].title == "Default Title"


@dataclass(slots=True)
class Collection:
    """A shelf of products, without shelves inside. `rule`: (column, relation, condition) of those that fill by rule."""

    id: int
    title: str
    handle: str
    updated: int
    rule: tuple[str, str, str] | None = None
    metafields: list[Metafield] = field(default_factory=list)
