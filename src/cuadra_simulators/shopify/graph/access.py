"""Who may see what: scopes, the sixty days, and customer data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from cuadra_simulators.shopify.model import Order
from cuadra_simulators.shopify.settings import DAY

PROTECTED: dict[str, dict[str, str]] = {
    "Customer": {"displayName": "name", "firstName": "name", "lastName": "name", "email": "email", "phone": "phone"},
    "CustomerEmailAddress": {"emailAddress": "email"}, "CustomerPhoneNumber": {"phoneNumber": "phone"},
    "MailingAddress": {
        "address1": "address", "address2": "address", "zip": "address", "latitude": "address", "longitude": "address",
        "formatted": "address", "firstName": "name", "lastName": "name", "name": "name", "phone": "phone",
    },
    "Order": {"email": "email", "phone": "phone", "statusPageUrl": "name"}, "ShippingLine": {"phone": "phone"},
}  # fmt: skip
"""Type → field → the group of customer data that it belongs to."""
GROUPS = frozenset({"name", "email", "phone", "address"})
PLANS_WITH_DATA = ("grow", "advanced", "plus", "enterprise")
SCOPES: dict[str, tuple[str, ...]] = {
    "Order": ("read_orders",), "Customer": ("read_customers",), "Product": ("read_products",),
    "ProductVariant": ("read_products",), "Collection": ("read_products",),
    "InventoryItem": ("read_inventory", "read_products"), "Fulfillment": ("read_orders",), "Refund": ("read_orders",),
    "OrderTransaction": ("read_orders",),
}  # fmt: skip
"""Type → scopes one of which lets an app read it."""
COUNTS = {"ordersCount": "Order", "customersCount": "Customer", "productsCount": "Product",
          "productVariantsCount": "ProductVariant", "collectionsCount": "Collection"}  # fmt: skip
WRITES = {"orderUpdate": "write_orders", "orderClose": "write_orders", "orderOpen": "write_orders",
          "orderMarkAsPaid": "write_orders", "orderCancel": "write_orders"}  # fmt: skip
DOCUMENTATION = "https://shopify.dev/api/usage/access-scopes"
ALL_SCOPES = ("read_all_orders", "read_customers", "read_inventory", "read_orders", "read_products", "write_customers",
              "write_orders", "write_products")  # fmt: skip


@dataclass(slots=True)
class App:
    """An app that a shop has installed. `kind`: custom (Dev Dashboard), admin (made in the shop), public.

    `approved`: the groups of customer data that a public app may read; None: not even that there are customers.
    """

    id: int
    name: str
    kind: str
    client_id: str
    client_secret: str
    scopes: set[str] = field(default_factory=set)
    approved: frozenset[str] | None = GROUPS
    installed: bool = True


@dataclass(frozen=True, slots=True)
class Denied:
    """Why something is not shown."""

    message: str
    required: str = ""

    def extensions(self) -> dict[str, str]:
        """What goes beside the message."""
        said = {"code": "ACCESS_DENIED", "documentation": DOCUMENTATION}
        return {**said, "requiredAccess": self.required} if self.required else said


class Access:
    """What one app may see of a shop on this plan, at this moment."""

    def __init__(self, app: App, plan: str, now: int) -> None:
        self.app = app
        self.plan = plan
        self.now = now
        self._scopes = frozenset(app.scopes) | {
            scope.replace("write_", "read_") for scope in app.scopes if scope.startswith("write_")
        }
        self._since = self.oldest(now)
        self._known: dict[tuple[str, str], Denied | None] = {}

    def oldest(self, now: int) -> int:
        """Orders from before then are not there for it; 0 when all are."""
        return 0 if "read_all_orders" in self._scopes else now - 60 * DAY

    def sees(self, order: Order) -> bool:
        """Whether an order is there for it."""
        return order.created >= self._since

    def groups(self) -> frozenset[str] | None:
        """The groups of customer data that it reads; None: no customers at all."""
        if self.app.kind == "admin":
            return GROUPS if self.plan in PLANS_WITH_DATA else None
        return GROUPS if self.app.kind == "custom" else self.app.approved

    def holds(self, kind: str) -> bool:
        """Whether one of the scopes for a type was granted."""
        return kind not in SCOPES or any(scope in self._scopes for scope in SCOPES[kind])

    def denies(self, owner: str, name: str, kind: str) -> Denied | None:
        """Why it does not get a field: of what type it is, and what it gives."""
        asked = owner, name
        if asked not in self._known:
            self._known[asked] = self._denies(owner, name, kind)
        return self._known[asked]

    def _denies(self, owner: str, name: str, kind: str) -> Denied | None:
        kind = kind.removesuffix("Connection").removesuffix("Edge")
        if owner == "QueryRoot" and name in COUNTS:
            kind = COUNTS[name]
        if owner == "Mutation":
            return self._write(name)
        if kind in SCOPES and not self.holds(kind):
            return _scope(name, SCOPES[kind])
        if kind == "Customer" and self.groups() is None:
            return Denied(self._no_customers())
        group = PROTECTED.get(owner, {}).get(name)
        if group and group not in (self.groups() or ()):
            return Denied(f"This app is not approved to use the {name} field. See {self._page()} for more details.")
        return None

    def _write(self, name: str) -> Denied | None:
        scope = WRITES.get(name)
        return _scope(name, (scope,)) if scope and scope not in self._scopes else None

    def _page(self) -> str:
        return f"https://partners.shopify.com/1234567/apps/{self.app.id}/customer_data"

    def _no_customers(self) -> str:
        start = "This app is not approved to access the Customer object."
        if self.app.kind != "admin":
            return f"{start} See {self._page()} for more details."
        return (
            f"{start} Access to personally identifiable information (PII) like customer names, addresses, emails, "
            "phone numbers is only available on Shopify, Advanced, and Plus plans."
        )


@lru_cache
def _scope(name: str, scopes: tuple[str, ...]) -> Denied:
    wanted = " or ".join(f"`{scope}`" for scope in scopes)
    return Denied(f"Access denied for {name} field. Required access: {wanted} access scope.", f"{wanted} access scope.")
