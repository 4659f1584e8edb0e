"""The state of a shop, the numbers it hands out, and the hooks that its changes fire."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.model import ApiKey, Category, Coupon, Meta, Order, Product, User, Webhook
from cuadra_simulators.woocommerce.settings import STATUSES, ShopSettings

Fired = list[tuple[str, int]]


class World:
    """One shop. Whoever reads or changes it holds `lock`; changes happen inside `request()`."""

    def __init__(self, settings: ShopSettings, clock: Clock, seed: int) -> None:
        self.settings = settings
        self.clock = clock
        self.seed = seed
        self.rng = random.Random(f"world {seed}")
        self.lock = threading.RLock()
        self.statuses = dict(STATUSES)
        """Statuses that are registered now: WooCommerce's own and those of plugins."""
        self.categories: dict[int, Category] = {}
        self.tags: dict[int, str] = {}
        self.products: dict[int, Product] = {}
        self.users: dict[int, User] = {}
        self.coupons: dict[int, Coupon] = {}
        self.orders: dict[int, Order] = {}
        self.erased: dict[int, Order] = {}
        """Orders deleted for good, as they last were. No face shows them; the truth does."""
        self.keys: dict[str, ApiKey] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.revision = 0
        """Grows with every change of anything."""
        self.on_fired: Callable[[Fired], None] = lambda fired: None
        self._next: Counter[str] = Counter()
        self._depth = 0
        self._fired: Fired = []

    @property
    def now(self) -> int:
        """The shop's time."""
        return self.clock.now

    def take(self, kind: str) -> int:
        """The next number of a kind. Products, orders, refunds and coupons are posts and share one sequence."""
        self._next[kind] += 1
        return self._next[kind]

    def start_at(self, kind: str, number: int) -> None:
        """Begin a sequence there."""
        self._next[kind] = number - 1

    def token(self, length: int, alphabet: str = "0123456789abcdef") -> str:
        """A random text of the world's own chance."""
        return "".join(self.rng.choices(alphabet, k=length))

    @contextmanager
    def request(self) -> Iterator[None]:
        """One PHP request: what it fires is queued when it ends, each hook and argument once."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    fired, self._fired = list(dict.fromkeys(self._fired)), []
                    self.revision += 1
                    self.on_fired(fired)

    def fire(self, hook: str, argument: int) -> None:
        """Say that something happened, as WordPress does to its plugins."""
        assert self._depth, "changes happen inside request()"
        self._fired.append((hook, argument))

    def index(self, order: Order) -> None:
        """Note what a search index would now learn of an order."""
        entry = (self.now, order.status, order.modified)
        if not order.indexed or order.indexed[-1][1:] != entry[1:]:
            order.indexed.append(entry)

    def set_meta(self, metas: list[Meta], key: str, value: Any, *, sequence: str = "meta") -> None:
        """Write a custom field: the first of that key, or a new one. None removes it; WordPress keeps texts only."""
        value = as_stored(value)
        found = next((meta for meta in metas if meta.key == key), None)
        if value is None:
            metas[:] = [meta for meta in metas if meta.key != key]
        elif found:
            found.value = value
        else:
            metas.append(Meta(self.take(sequence), key, value))

    def delivery_id(self, webhook_id: int) -> str:
        """The same for everything that one webhook sends within one second."""
        text = f"{self.seed}/{webhook_id}/{self.now}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def as_stored(value: Any) -> Any:
    """A value as the database gives it back: texts, or whole arrays and objects."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int | float):
        return str(value)
    return value
