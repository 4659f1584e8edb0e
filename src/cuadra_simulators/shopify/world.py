"""The state of a shop, the numbers it hands out, and the topics that its changes fire."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cuadra_simulators.clock import Clock
from cuadra_simulators.shopify.model import Collection, Customer, Deletion, Order, Product, Variant
from cuadra_simulators.shopify.money import Deal
from cuadra_simulators.shopify.settings import ShopSettings

FIRST = {
    "Order": 6_123_456_780_000, "LineItem": 15_123_456_780_000, "ShippingLine": 5_123_456_780_000,
    "OrderTransaction": 7_223_456_780_000, "Refund": 951_234_567_000, "RefundLineItem": 651_234_567_000,
    "OrderAdjustment": 351_234_567_000, "Fulfillment": 5_623_456_780_000, "FulfillmentLineItem": 13_123_456_780_000,
    "Customer": 8_123_456_789_000, "MailingAddress": 9_423_456_780_000, "Product": 9_123_456_780_000,
    "ProductVariant": 46_123_456_780_000, "InventoryItem": 48_123_456_780_000, "ProductOption": 11_123_456_780_000,
    "Collection": 441_234_567_800, "Metafield": 31_234_567_890_000, "BasicEvent": 151_234_567_890_000,
    "WebhookSubscription": 1_123_456_789_000, "BulkOperation": 5_123_456_780_000, "RefundShippingLine": 751_234_567_000,
    "LineItemGroup": 251_234_567_000, "App": 250_000_000_000, "number": 1_000, "handle": 100,
}  # fmt: skip
"""The number before the first of each kind."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A topic that an action fired, and what it is about. `told`: the body of topics that do not show an object."""

    topic: str
    about: Any
    subject: str
    told: Any = None


class World:
    """One shop. Whoever reads or changes it holds `lock`; changes happen inside `action()`."""

    def __init__(self, settings: ShopSettings, clock: Clock, seed: int) -> None:
        self.settings = settings
        self.clock = clock
        self.seed = seed
        self.rng = random.Random(f"world {seed}")
        self.lock = threading.RLock()
        self.collections: dict[int, Collection] = {}
        self.products: dict[int, Product] = {}
        self.variants: dict[int, Variant] = {}
        self.customers: dict[int, Customer] = {}
        self.orders: dict[int, Order] = {}
        self.erased: dict[int, Order] = {}
        """Orders that were deleted, as they last were. No face shows them; the truth does."""
        self.deletions: list[Deletion] = []
        self.shop_metafields: list[Any] = []
        self.plan = settings.plan
        self.revision = 0
        """Grows with every change of anything."""
        self.range = 0
        """Grows with every change of what is sold."""
        self.quiet = False
        """Whether what happens is told to nobody, as in the past before anybody listened."""
        self.on_fired: Callable[[list[Fired]], None] = lambda fired: None
        self._next = dict(FIRST)
        self._depth = 0
        self._fired: list[Fired] = []
        self.deal = Deal(settings.currency, settings.decimals, settings.currency, settings.decimals, settings.tax_rate)
        """Of an order that is paid in the shop's own currency."""

    @property
    def now(self) -> int:
        """The shop's time."""
        return self.clock.now

    def take(self, kind: str) -> int:
        """The next number of a kind."""
        number = self._next[kind] + 1
        self._next[kind] = number
        return number

    def skip(self, kind: str, many: int) -> None:
        """Leave numbers out."""
        self._next[kind] += many

    def token(self, length: int, alphabet: str = "0123456789abcdef") -> str:
        """A random text of the world's own chance."""
        return "".join(self.rng.choices(alphabet, k=length))

    @contextmanager
    def action(self) -> Iterator[None]:
        """One thing that somebody does: what it fires is told when it ends, each topic and object once."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self.revision += 1
                    fired, self._fired = self._fired, []
                    if fired:
                        self.on_fired(fired)

    def fire(self, topic: str, about: Any, subject: str, told: Any = None) -> None:
        """Say that something happened."""
        assert self._depth, "changes happen inside action()"
        if self.quiet:
            return
        if not any(it.topic == topic and it.about is about and it.told == told for it in self._fired):
            self._fired.append(Fired(topic, about, subject, told))

    def deleted(self, subject: str, number: int, at: int, app: str | None = None) -> None:
        """Note what was deleted, for the shop's timeline."""
        self.deletions.append(Deletion(self.take("BasicEvent"), subject, number, at, app))


def gid(kind: str, number: int | str) -> str:
    """The global id."""
    return f"gid://shopify/{kind}/{number}"


@contextmanager
def unswept() -> Iterator[None]:
    """Very many objects are made inside, none in circles: Python need not look for those to throw away."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
