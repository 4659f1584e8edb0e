"""What is to happen, and when: a pure function of a seed. Times are seconds from the beginning of the shop's life."""

from __future__ import annotations

import random

from msgspec import Struct

WEBHOOKS = {"webhook_drop": 0.10, "webhook_duplicate": 0.10, "webhook_delay": 0.15, "webhook_reorder": 0.30}
"""All the time, at these rates."""
FAULTS: dict[str, dict[str, float]] = {
    "too_many": {"rate": 0.3, "seconds": 1}, "error_500": {"rate": 0.3}, "timeout": {"rate": 0.1, "seconds": 1},
    "short_page": {"rate": 0.5}, "skip_item": {"rate": 0.3}, "cut_body": {"rate": 0.2}, "reset": {"rate": 0.2},
    "webhook_crash": {"rate": 0.1},
}  # fmt: skip
"""Of the shop, for a while each."""
CRM_FAULTS: dict[str, dict[str, float]] = {
    "error_500": {"rate": 0.4}, "too_many": {"rate": 0.3, "seconds": 1}, "timeout": {"rate": 0.05, "seconds": 1},
    "unavailable": {"rate": 0.3}, "lost_answer": {"rate": 0.3}, "reset": {"rate": 0.2},
}  # fmt: skip
OUTAGES = ("shop_down", "shop_expired", "crm_down", "crm_expired")
MOST_LISTED = 15_000
"""More orders than that a shop does not have when it is opened: the rest of them comes in files."""


class Accident(Struct, frozen=True):
    """Something that goes wrong at a moment. `seconds`: until it is over, or until what was killed is started again."""

    at: float
    kind: str
    what: str = ""
    seconds: float = 0.0


class Plan(Struct, frozen=True):
    """All of it."""

    seed: int
    seconds: float
    listed: int
    """Orders that the shop has when it opens: they come by listing."""
    filed: int
    """Orders in the file set."""
    dropped_at: float
    """When the file set is dropped."""
    events: int
    """Of the shop's life while accidents happen; about a third of them are new orders."""
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
    dropped = length * rng.uniform(0.05, 0.15)
    return Plan(seed, length, listed, filed, dropped, live * 3, workers, tuple(sorted(found, key=lambda one: one.at)))


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


def _at(rng: random.Random, length: float, kind: str, what: str, least: float, most: float) -> Accident:
    seconds = min(rng.uniform(least, most), length / 4)
    return Accident(rng.uniform(0.05 * length, max(0.95 * length - seconds, 0.1 * length)), kind, what, seconds)


def _faults(rng: random.Random, length: float) -> list[Accident]:
    found = []
    for kinds, kind in ((FAULTS, "shop"), (CRM_FAULTS, "crm")):
        found += [_at(rng, length, kind, name, 4, 12) for name in kinds for _ in range(_often(length, 300))]
    return found + [_at(rng, length, name, "", 4, 10) for name in OUTAGES for _ in range(_often(length, 300))]


def _cuts(rng: random.Random, length: float, workers: int) -> list[Accident]:
    """The worker in the namespace is the last one. Some cuts are shorter than what is noticed, some longer."""
    many = _often(length, 90)
    return [_at(rng, length, "cut", f"worker-{workers - 1}", *((3, 8) if rng.random() < 0.4 else (18, 30)))
            for _ in range(many)]  # fmt: skip


def _full_disks(rng: random.Random, length: float, _workers: int) -> list[Accident]:
    return [_at(rng, length, "disk", "", 2, 6) for _ in range(_often(length, 200))]


def _clocks(rng: random.Random, length: float, _workers: int) -> list[Accident]:
    return [_at(rng, length, "clock", "worker-0", 10, 40) for _ in range(_often(length, 240))]
