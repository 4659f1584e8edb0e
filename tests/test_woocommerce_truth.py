"""The ledger against the truth of a shop in which everything happens at once, and half of the notices go astray.

CUADRA_TEST_SHOP_ORDERS sets how many orders there are in the end (3,000 is the figure of the promise; less here)."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from cuadra import coverage
from tests.shoptruth import compare
from tests.shopworld import Followed, followed, hurried
from tests.world import World

__all__ = ["hurried"]

ORDERS = int(os.environ.get("CUADRA_TEST_SHOP_ORDERS", "240"))
ROUNDS = 8


def say(text: str) -> None:
    """Figures for whoever runs this with -s."""
    sys.stdout.write(text + "\n")


def begin(shop: Followed, lost: float) -> None:
    """Everything that goes wrong in a bad week; so many of the notices go astray."""
    faults = shop.shop.faults
    faults.add("webhook_drop", rate=lost)
    faults.add("webhook_duplicate", rate=0.20)
    faults.add("webhook_delay", rate=0.20, seconds=2)
    faults.add("webhook_reorder", rate=0.50)
    faults.add("error_500", rate=0.03)
    faults.add("timeout", rate=0.02, seconds=0.05)
    faults.add("short_page", rate=0.02)
    faults.add("reset", rate=0.01)


def live(shop: Followed, *, scans: bool, notices: bool) -> None:
    """Some days of a shop's life in a hurry; orders change while pages are read."""
    events = max(1, ORDERS // ROUNDS)  # about a third of the events are new orders

    def some() -> None:
        for _ in range(events // 2):
            shop.shop.life.step()

    for number in range(ROUNDS):
        some()
        if notices:
            shop.shop.deliver()
        beside = threading.Thread(target=some)
        beside.start()
        shop.work()
        if scans:
            shop.scan(compare=number == ROUNDS // 2)
        beside.join()
    time.sleep(2.1)  # what was delayed arrives
    if notices:
        shop.shop.deliver()
    shop.work()
    if scans:
        shop.scan()
        report = shop.scan(compare=True)
        assert report.proven, report.as_json()


def calls(world_shop: Followed, before: Counter[str]) -> Counter[str]:
    return world_shop.shop.calls - before


def lived(
    world: World, *, scans: bool = True, notices: bool = True, faults: bool = True, lost: float = 0.30
) -> tuple[Followed, Counter[str]]:
    """Follow a shop through it; returns it, closed, with the calls that were made after the first import."""
    with followed(world, orders=ORDERS * 2 // 3, customers=max(20, ORDERS // 10), subscribed=notices) as shop:
        first = shop.scan()
        assert first.proven
        before = Counter(shop.shop.calls)
        if faults:
            begin(shop, lost)
        live(shop, scans=scans, notices=notices)
        return shop, calls(shop, before)


@pytest.mark.parametrize("notices", [True, False], ids=["notices", "no notices"])
def test_everything_ends_as_the_shop_has_it(world: World, hurried: None, notices: bool) -> None:
    shop, made = lived(world, notices=notices)
    compared, wrong, said = compare(world.rows, shop.shop.truth.orders())
    say(f"{compared} orders compared; calls after the first import: {sum(made.values())} {dict(made)}")
    say(f"faults: {dict(shop.shop.faults.happened)}")
    assert not wrong, (wrong, said[:20])
    assert compared >= ORDERS * 2 // 3
    assert shop.shop.faults.happened["error_500"]
    assert not notices or shop.shop.faults.happened["webhook_drop"]
    assert world.rows("SELECT kind, source_id FROM relink") == []


def test_faults_cost_at_most_three_times_the_calls(world: World, hurried: None) -> None:
    _, quiet = lived(world, faults=False)
    with world.db.again() as db, db.transaction(world.account.account_id) as conn:
        conn.execute("UPDATE integration SET name = 'former', state = 'removed' WHERE name = 'tienda'")
        conn.execute("UPDATE store SET source_id = 'former' WHERE source_id = 'tienda'")  # the next one is another shop
    _, troubled = lived(world)
    say(f"calls without faults {sum(quiet.values())}, with faults {sum(troubled.values())}")
    assert sum(troubled.values()) <= 3 * sum(quiet.values())


def test_without_scans_only_what_was_sent_is_known(world: World, hurried: None) -> None:
    shop, _ = lived(world, scans=False, lost=0.80)  # of most orders some notice comes: there are several of each
    truth = shop.shop.truth.orders()
    known = {one for (one,) in world.rows("SELECT source_id FROM orders")}
    first = world.rows("SELECT min(started_at) FROM run")[0][0].timestamp()
    unsaid = [one for one in truth.values() if not one.announced and not one.deletion_announced and one.created > first]
    sent = [one for one in truth.values() if one.announced]
    say(f"{len(sent)} orders were announced, {len(unsaid)} were not")
    assert sent
    assert unsaid
    assert all(str(one.id) in known for one in sent)
    assert not [one.id for one in unsaid if str(one.id) in known]
    # and nobody says of one that never came that it was not there
    covered = coverage.load(world.db, world.account.account_id, shop.one.integration_id)
    for one in unsaid:
        assert coverage.absence(datetime.fromtimestamp(one.created, UTC), covered) is None
