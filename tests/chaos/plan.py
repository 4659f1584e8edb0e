"""What is to happen, and when: a pure function of a seed. Times are seconds from the beginning of the shop's life."""

from __future__ import annotations

import random

from msgspec import Struct

WEBHOOKS = {"webhook_drop": 0.10, "webhook_duplicate": 0.10, "webhook_delay": 0.15, "webhook_reorder": 0.30}
ALWAYS: dict[str, dict[str, float]] = {
    "woocommerce": WEBHOOKS,
    "shopify": {**WEBHOOKS, "webhook_stale": 0.10, "bulk_failed": 0.10, "bulk_partial": 0.10, "bulk_canceled": 0.10,
                "bulk_expired": 0.10},
}  # fmt: skip
"""Of each platform's shop all the time, at these rates."""
FAULTS: dict[str, dict[str, dict[str, float]]] = {
    "woocommerce": {
        "too_many": {"rate": 0.3, "seconds": 1}, "error_500": {"rate": 0.3}, "timeout": {"rate": 0.1, "seconds": 1},
        "short_page": {"rate": 0.5}, "skip_item": {"rate": 0.3}, "cut_body": {"rate": 0.2}, "reset": {"rate": 0.2},
        "webhook_crash": {"rate": 0.1},
    },
    "shopify": {
        "too_many": {"rate": 0.3}, "error_500": {"rate": 0.2}, "bad_gateway": {"rate": 0.2}, "timeout": {"rate": 0.1, "seconds": 1},
        "internal_error": {"rate": 0.2}, "skip_item": {"rate": 0.3}, "repeat_item": {"rate": 0.3}, "cut_body": {"rate": 0.2},
        "reset": {"rate": 0.2}, "unavailable": {"rate": 0.2}, "frozen": {"rate": 0.2}, "forbidden": {"rate": 0.2},
        "token_expired": {"rate": 0.2}, "version_retired": {"rate": 0.5}, "index_lag": {"seconds": 4},
    },
}  # fmt: skip
"""Of each platform's shop, for a while each."""
CRM_FAULTS: dict[str, dict[str, float]] = {
    "error_500": {"rate": 0.4}, "too_many": {"rate": 0.3, "seconds": 1}, "timeout": {"rate": 0.05, "seconds": 1},
    "unavailable": {"rate": 0.3}, "lost_answer": {"rate": 0.3}, "reset": {"rate": 0.2},
}  # fmt: skip
OUTAGES = ("down", "expired")
"""Of each shop, and of the CRM."""
MOST_LISTED = 15_000
"""More orders than that the shops do not have when they are opened: the rest of them comes in files."""


class Accident(Struct, frozen=True):
    """Something that goes wrong at a moment. `seconds`: until it is over, or until what was killed is started again.
    `shop`: the platform of the one that is struck."""

    at: float
    kind: str
    what: str = ""
    seconds: float = 0.0
    shop: str = ""


class Share(Struct, frozen=True):
    """What a shop has of it all. `listed`: orders that it has when it opens, which come by listing; `events`: of its life
    while accidents happen; about a third of them are new orders."""

    listed: int
    events: int


class Plan(Struct, frozen=True):
    """All of it."""

    seed: int
    seconds: float
    shops: dict[str, Share]
    """By platform."""
    history: str
    """How the Shopify shop's orders of before are fetched."""
    filed: int
    """Orders in the file set."""
    dropped_at: float
    """When the file set is dropped."""
    workers: int
    accidents: tuple[Accident, ...]


def draw(seed: int, *, orders: int, kills: int, pg_kills: int, minutes: float, workers: int = 3, namespaces: bool = True,
         disks: bool = True, clocks: bool = True) -> Plan:  # fmt: skip
    """The plan of a seed. What this machine cannot do is left out, and changes nothing of the rest."""
    rng, length = random.Random(f"accidents {seed}"), minutes * 60.0
    live = max(30, min(orders // 6, int(length * 2.5)))
    listed = max(60, min((orders - live) * 2 // 3, MOST_LISTED))
    filed = max(100, orders - live - listed)
    found = _killed(rng, length, kills, min(pg_kills, kills), workers)
    found += _faults(rng, length)
    for wanted, make in ((namespaces, _cuts), (disks, _full_disks), (clocks, _clocks)):
        some = make(random.Random(f"{make.__name__} {seed}"), length, workers)
        found += some if wanted else []
    dropped, history = length * rng.uniform(0.05, 0.15), rng.choice(("pages", "bulk"))
    shops = {one: Share(listed // len(FAULTS), live * 3 // len(FAULTS)) for one in FAULTS}
    return Plan(seed, length, shops, history, filed, dropped, workers, tuple(sorted(found, key=lambda one: one.at)))


def _killed(rng: random.Random, length: float, kills: int, pg_kills: int, workers: int) -> list[Accident]:
    """Spread over the whole time, PostgreSQL's too; who is killed when is chance."""
    victims = ["postgres"] * pg_kills
    victims += ["intake" if rng.random() < 0.2 else f"worker-{rng.randrange(workers)}" for _ in range(kills - pg_kills)]
    rng.shuffle(victims)
    step = length * 0.95 / max(kills, 1)
    return [Accident(length * 0.02 + step * (at + rng.random()), "kill", one, rng.uniform(0.2, 3.0))
            for at, one in enumerate(victims)]  # fmt: skip


def _often(length: float, every: float) -> int:
    return max(1, round(length / every))


def _at(rng: random.Random, length: float, kind: str, what: str, least: float, most: float, shop: str = "") -> Accident:
    seconds = min(rng.uniform(least, most), length / 4)
    return Accident(rng.uniform(0.05 * length, max(0.95 * length - seconds, 0.1 * length)), kind, what, seconds, shop)


def _faults(rng: random.Random, length: float) -> list[Accident]:
    many = range(_often(length, 300))
    found = [_at(rng, length, "crm", name, 4, 12) for name in CRM_FAULTS for _ in many]
    found += [_at(rng, length, f"crm_{name}", "", 4, 10) for name in OUTAGES for _ in many]
    for shop, kinds in FAULTS.items():
        found += [_at(rng, length, "shop", name, 4, 12, shop) for name in kinds for _ in many]
        found += [_at(rng, length, f"shop_{name}", "", 4, 10, shop) for name in OUTAGES for _ in many]
    return found


def _cuts(rng: random.Random, length: float, workers: int) -> list[Accident]:
    """The worker in the namespace is the last one. Some cuts are shorter than what is noticed, some longer."""
    many = _often(length, 90)
    return [_at(rng, length, "cut", f"worker-{workers - 1}", *((3, 8) if rng.random() < 0.4 else (18, 30)))
            for _ in range(many)]  # fmt: skip


def _full_disks(rng: random.Random, length: float, _workers: int) -> list[Accident]:
    return [_at(rng, length, "disk", "", 2, 6) for _ in range(_often(length, 200))]


def _clocks(rng: random.Random, length: float, _workers: int) -> list[Accident]:
    return [_at(rng, length, "clock", "worker-0", 10, 40) for _ in range(_often(length, 240))]
