"""«That order was not there» is said only where it is true: of a source that shows everything late, whose lists fail in
parts, leave things out or do not reach far enough back; in a model of it, and with a simulated shop and the ledger."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from msgspec import Struct, structs

from cuadra import connectors, coverage
from cuadra.connectors import http, woocommerce
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.coverage import SETTLE, absence
from cuadra.jobs import census, ways
from cuadra.model import Axis, Covered
from cuadra_simulators.woocommerce import Clock
from tests.shopworld import Followed, followed, hurried
from tests.world import World

__all__ = ["hurried"]

QUESTIONS = 10_000
T0 = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATE = SETTLE / MINUTE
Cheat = Callable[[Covered, bool], Covered | None]
"""(what a slice would cover, whether it was read to its end) → what is noted."""


def at(minutes: float) -> datetime:
    return T0 + minutes * MINUTE


def honest(covered: Covered, whole: bool) -> Covered | None:
    """A slice that failed has covered nothing."""
    return covered if whole else None


class Order(Struct):
    """An order: when it was created and changed, and when the source's lists knew of it, in minutes."""

    stamps: list[float]
    shown: list[float]
    kept: bool
    """Whether a filtered list has it."""
    gone: float

    def listed_as(self, read: float) -> float | None:
        """The stamp under which the source lists it by then."""
        if read >= self.gone:
            return None
        known = [stamp for stamp, shown in zip(self.stamps, self.shown, strict=True) if shown <= read]
        return max(known, default=None)


class Source:
    """Two days of a shop, and everything that was read of it. Times are minutes."""

    LONG = 2 * 24 * 60.0

    def __init__(self, rng: random.Random, cheat: Cheat = honest) -> None:
        self.rng, self.cheat = rng, cheat
        self.orders = [self._order() for _ in range(150)]
        self.covered: list[Covered] = []
        self.known: set[int] = set()
        self.reach = rng.uniform(0, self.LONG / 4) if rng.random() < 0.3 else None
        self.watermark = 0.0

    def _order(self) -> Order:
        rng = self.rng
        stamps = [rng.uniform(0, self.LONG)]
        for _ in range(rng.choice((0, 0, 1, 2, 5))):
            stamps.append(stamps[-1] + rng.expovariate(1 / 120))
        gone = rng.uniform(stamps[0], 2 * self.LONG) if rng.random() < 0.1 else float("inf")
        return Order(stamps, [one + rng.uniform(0, LATE) for one in stamps], rng.random() < 0.5, gone)

    def look(self, now: float) -> float:
        """One look at the source, by one of its lists, whole or in slices; returns when it ended."""
        axis = Axis.UPDATED if self.rng.random() < 0.8 else Axis.CREATED
        start = self.watermark if axis is Axis.UPDATED else self.rng.uniform(0, now)
        if self.rng.random() < 0.1:
            start = self.rng.uniform(start, now)  # somebody skipped an outage
        cuts = sorted(self.rng.uniform(start, now) for _ in range(self.rng.choice((0, 0, 1, 3))))
        bounded = self.rng.random() < 0.2
        slices = list(pairwise([start, *cuts, now if bounded else float("inf")]))
        if self.rng.random() < 0.2:
            self.rng.shuffle(slices)
        filtered = self.rng.random() < 0.15
        for low, high in slices:
            now += self.rng.expovariate(1 / 2)
            self._slice(axis, low, high, now, filtered)
        self.watermark = now - LATE - 10
        return now

    def _slice(self, axis: Axis, low: float, high: float, read: float, filtered: bool) -> None:
        whole = self.rng.random() > 0.15
        for number, order in enumerate(self.orders):
            stamp = order.listed_as(read)
            if stamp is None or (filtered and not order.kept) or (self.reach and order.stamps[0] < self.reach):
                continue
            if low <= (stamp if axis is Axis.UPDATED else order.stamps[0]) < high and (
                whole or self.rng.random() < 0.5
            ):
                self.known.add(number)
        covered = Covered(axis, at(low), at(min(high, read)), at(read), "status=paid" if filtered else "",
                          at(self.reach) if self.reach is not None else None)  # fmt: skip
        noted = self.cheat(covered, whole)
        if noted is not None:
            self.covered.append(noted)

    def ask(self, now: float, found: Found, settle: timedelta) -> None:
        """Ask of an order that is there and has not been handed over, and of one that never was."""
        there = [number for number, order in enumerate(self.orders)
                 if order.stamps[0] <= now < order.gone and number not in self.known]  # fmt: skip
        if there:
            asked = self.rng.choice(there)
            found.asked += 1
            found.false += absence(at(self.orders[asked].stamps[0]), self.covered, settle) is not None
        imagined = self.rng.uniform(0, now)
        found.asked += 1
        found.imagined += 1
        found.proven += absence(at(imagined), self.covered, settle) is not None


class Found(Struct):
    """What came of the questions."""

    asked: int = 0
    imagined: int = 0
    proven: int = 0
    """Of those of orders that never were: so many were answered with a proof."""
    false: int = 0


def questions(cheat: Cheat = honest, settle: timedelta = SETTLE, many: int = QUESTIONS, seed: int = 1) -> Found:
    """So many questions at random moments, to one source after the other."""
    rng, found = random.Random(seed), Found()
    while found.asked < many:
        source, now = Source(rng, cheat), 60.0
        while now < Source.LONG and found.asked < many:
            now = source.look(now)
            for _ in range(3):
                now += rng.expovariate(1 / 15)
                source.ask(now, found, settle)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_ten_thousand_questions_none_is_answered_with_a_false_proof(seed: int) -> None:
    found = questions(seed=seed)
    assert found.false == 0
    assert found.asked >= QUESTIONS
    assert found.proven > 0.4 * found.imagined, found  # and what was not there is often proven not to have been


def _as_if_whole(covered: Covered, whole: bool) -> Covered:
    return covered


def _unfiltered(covered: Covered, whole: bool) -> Covered | None:
    return structs.replace(covered, filter="") if whole else None


def _far_reaching(covered: Covered, whole: bool) -> Covered | None:
    return structs.replace(covered, reach=None) if whole else None


def _open_ended(covered: Covered, whole: bool) -> Covered | None:
    return structs.replace(covered, end=covered.read_at) if whole else None


@pytest.mark.parametrize(
    ("cheat", "settle"),
    [(_as_if_whole, SETTLE), (_unfiltered, SETTLE), (_far_reaching, SETTLE), (_open_ended, SETTLE),
     (honest, timedelta(0)), (honest, SETTLE / 2)],
)  # fmt: skip
def test_the_questions_would_find_each_way_of_believing_too_much(cheat: Cheat, settle: timedelta) -> None:
    assert questions(cheat, settle).false > 0


def test_changes_in_slices_prove_nothing_until_a_look_without_an_end() -> None:
    """Created at 10 and changed again at 181, after the slices up to 180 were fixed and before the first was read."""
    slices = [Covered(Axis.UPDATED, at(low), at(low + 60), at(182 + low / 60)) for low in (0, 60, 120)]
    assert absence(at(10), slices) is None
    assert absence(at(10), [*slices, Covered(Axis.UPDATED, at(150), at(300), at(300))])
    late = structs.replace(slices[0], read_at=at(400))
    assert absence(at(10), [late, *slices[1:], Covered(Axis.UPDATED, at(150), at(300), at(300))]) is None


# ---------------------------------------------------------------- with a shop, and the ledger


class LateAtFirst(WooCommerceConnector):
    """The connector of a shop whose lists may be two seconds behind; stamps are whole seconds."""

    info = structs.replace(WooCommerceConnector.info, name="woocommerce-late", settle=timedelta(seconds=3))


@pytest.fixture
def late(hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        http, "PATIENCE", http.Patience(timeout=5.0, attempts=2, first_pause=0.01, unsaid=0.01, longest=1.0)
    )
    monkeypatch.setattr(woocommerce, "OVERLAP", LateAtFirst.info.settle)
    monkeypatch.setitem(connectors.registry(), "woocommerce-late", LateAtFirst())


def asked_of_the_ledger(shop: Followed, found: Found, settle: timedelta) -> None:
    """Ask of every order that the shop has and the ledger lacks, and of as many moments at which there was none."""
    covered = coverage.load(shop.world.db, shop.world.account.account_id, shop.one.integration_id)
    here = {one for (one,) in shop.world.rows("SELECT source_id FROM orders WHERE standing <> 'unseen'")}
    truth = shop.shop.truth.orders(erased=False)
    for order in truth.values():
        if str(order.id) not in here:
            found.asked += 1
            found.false += absence(datetime.fromtimestamp(order.created, UTC), covered, settle) is not None
    taken = {order.created for order in truth.values()}
    now = shop.shop.clock.now
    for second in range(now - 20, now):
        if second not in taken:
            found.asked += 1
            found.imagined += 1
            found.proven += absence(datetime.fromtimestamp(second, UTC), covered, settle) is not None


def followed_late(world: World, settle: timedelta) -> Found:
    """Some hundred questions while orders are placed and changed, and lists are late and fail."""
    found, stop = Found(), threading.Event()
    with followed(world, connector="woocommerce-late", subscribed=False, orders=6, customers=3) as shop:
        assert not shop.scan().notes
        shop.shop.faults.add("index_lag", seconds=2)
        shop.shop.faults.add("error_500", rate=0.5, path="GET orders$")
        shop.shop.faults.add("short_page", rate=0.2, path="GET orders$")

        def trade() -> None:
            while not stop.wait(0.15):
                shop.shop.life.step("place")
                shop.shop.life.step("edit")

        trading = threading.Thread(target=trade)
        trading.start()
        try:
            failed = 0
            for _ in range(12):
                failed += bool(shop.scan().notes)
                asked_of_the_ledger(shop, found, settle)
                time.sleep(0.6)
                asked_of_the_ledger(shop, found, settle)
        finally:
            stop.set()
            trading.join()
        assert failed, shop.shop.faults.happened
        shop.shop.faults.clear()
        time.sleep(LateAtFirst.info.settle.total_seconds() + 1)
        assert not shop.scan().notes
        asked_of_the_ledger(shop, found, settle)
        assert not shop.shop.truth.orders(erased=False).keys() - {
            int(one) for (one,) in world.rows("SELECT source_id FROM orders")
        }
    return found


def test_the_ledger_of_a_late_and_failing_shop_has_no_false_proof(world: World, late: None) -> None:
    found = followed_late(world, LateAtFirst.info.settle)
    assert found.false == 0
    assert found.asked - found.imagined > 100, found
    assert found.proven > 0.3 * found.imagined, found


def test_a_census_covers_no_part_of_a_second(world: World, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop takes bounds in whole seconds: of an order of the last one its lists say nothing."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with followed(world, subscribed=False, orders=3, customers=2, clock=Clock(moment)) as shop:
        shop.scan()
        shop.shop.desk.place(status="processing")
        monkeypatch.setattr(census, "utc_now", lambda: moment + timedelta(seconds=0.5))
        with world.db.again() as db, ways.shop(db, world.settings, world.account, shop.one) as woo:
            found = census.take(db, world.account, shop.one, woo, moment - timedelta(days=60), lambda *_: None)
        assert (found.listed, found.ours, found.counted, found.proven) == (3, 3, 3, True)
        covered = coverage.load(world.db, world.account.account_id, shop.one.integration_id)
        looks = [one for one in covered if one.axis is Axis.CREATED and one.read_at < moment + MINUTE]
        assert absence(moment, looks, timedelta(0)) is None
        assert absence(moment - MINUTE, looks, timedelta(0))


def test_the_ledger_would_show_a_false_proof_if_lists_were_believed_at_once(world: World, late: None) -> None:
    assert followed_late(world, timedelta(0)).false > 0
