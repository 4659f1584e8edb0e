"""States of ours that go to the shop: written once, recognised when they come back, held until the stock is written off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cuadra.connectors import http
from cuadra.errors import Refused
from cuadra.jobs import relinking, ways, writing_back
from cuadra.ledger import acts
from cuadra_simulators.woocommerce.rest.api import Api
from cuadra_simulators.woocommerce.rest.mishaps import RESET, TIMEOUT
from cuadra_simulators.woocommerce.rest.wire import Reply, Request
from tests.rules import ana, one, order_id, way
from tests.shopworld import Followed, followed, hurried
from tests.world import World

__all__ = ["hurried"]

PUT = "PUT orders/{id}"


@pytest.fixture
def shop(world: World, hurried: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    """A shop that is followed, with a mapping of states; whoever failed may try again at once."""
    monkeypatch.setattr(writing_back, "FIRST_PAUSE", timedelta(0))
    monkeypatch.setattr(relinking, "FIRST_PAUSE", timedelta(0))
    with mapped(world) as it:
        yield it


@contextmanager
def mapped(world: World) -> Iterator[Followed]:
    """A shop with a state of a plugin, followed, with a mapping of states."""
    with followed(world, connector="woocommerce", orders=2, customers=2) as it:
        it.shop.register_status("en-camino", "En camino")
        world.rules("tienda", mapping="delivered=completed:out,packed=processing:out,sent=en-camino:both,"
                    "annulled=cancelled:in", states__raw="en-camino=sale")  # fmt: skip
        it.scan()
        yield it


def placed(shop: Followed) -> str:
    """An order that is present."""
    number = str(shop.shop.desk.place(status="processing"))
    shop.shop.deliver()
    shop.work()
    assert shop.world.standing(number) == ("present", None)
    return number


def wish(shop: Followed, number: str, own: str) -> acts.Wished:
    world = shop.world
    return acts.set_own_state(world.db, ana(world), order_id(world, number), own, way(world, "tienda"), "completed")


def written(shop: Followed) -> int:
    return shop.shop.calls[PUT]


def there(shop: Followed, number: str) -> str:
    return shop.shop.truth.orders()[int(number)].status


def own(shop: Followed, number: str) -> Any:
    return one(shop.world, "SELECT own_state FROM orders WHERE source_id = %s", number)


def stands(shop: Followed) -> list[tuple[Any, ...]]:
    return shop.world.rows("SELECT own_state, state, standing, reason FROM write_back")


def echoes(shop: Followed) -> None:
    """Notices of what we have written, an import, and a census: nothing is written for that."""
    before = written(shop)
    for _ in range(2):
        shop.shop.deliver()
        shop.work()
        shop.scan(compare=True)
    assert written(shop) == before


def test_a_state_of_ours_reaches_the_shop_and_its_echo_is_recognised(shop: Followed) -> None:
    number = placed(shop)
    assert wish(shop, number, "sent") == acts.Wished("en-camino")
    shop.work()
    assert (there(shop, number), written(shop)) == ("en-camino", 1)
    assert stands(shop) == [("sent", "en-camino", "done", None)]
    echoes(shop)
    assert (own(shop, number), written(shop)) == ("sent", 1)
    assert shop.world.standing(number) == ("present", None)
    assert one(shop.world, "SELECT state FROM orders WHERE source_id = %s", number) == "en-camino"


def test_what_completes_an_order_waits_for_its_stock(shop: Followed) -> None:
    number = placed(shop)
    assert wish(shop, number, "delivered") == acts.Wished("completed", held=True)
    shop.work()
    shop.scan()
    assert (there(shop, number), written(shop)) == ("processing", 0)
    assert stands(shop) == [("delivered", "completed", "held", "completion_blocked_by_stock")]
    proof = one(shop.world, "SELECT evidence FROM write_back")
    assert proof == {"stock_entries": 0, "order": number}

    acts.write_off(shop.world.db, ana(shop.world), order_id(shop.world, number))
    shop.work()
    assert (there(shop, number), written(shop)) == ("completed", 1)
    assert stands(shop) == [("delivered", "completed", "done", None)]
    echoes(shop)
    assert own(shop, number) == "delivered"
    assert shop.world.rows("SELECT 1 FROM attempt WHERE reason = 'change_after_freeze'") == []
    assert shop.world.rows("SELECT 1 FROM frozen_change") == []
    assert shop.world.standing(number) == ("present", None)

    # somebody else's change of the frozen order is one
    shop.shop.desk.edit(int(number), note="después de la baja")
    shop.shop.deliver()
    shop.work()
    assert shop.world.rows("SELECT 1 FROM attempt WHERE reason = 'change_after_freeze'")


def test_an_order_that_is_written_off_already_is_completed_at_once(shop: Followed) -> None:
    number = placed(shop)
    acts.write_off(shop.world.db, ana(shop.world), order_id(shop.world, number))
    assert wish(shop, number, "delivered") == acts.Wished("completed")
    shop.work()
    assert there(shop, number) == "completed"
    echoes(shop)
    assert shop.world.rows("SELECT 1 FROM attempt WHERE reason = 'change_after_freeze'") == []


def test_an_answer_that_is_cut_off_is_no_reason_to_write_again(shop: Followed) -> None:
    number = placed(shop)
    shop.shop.faults.add("cut_body", path="PUT orders", times=1)
    wish(shop, number, "sent")
    shop.work()
    assert shop.shop.faults.happened["cut_body"] == 1
    assert (there(shop, number), written(shop)) == ("en-camino", 1)
    assert stands(shop) == [("sent", "en-camino", "done", None)]
    echoes(shop)
    assert one(shop.world, "SELECT state FROM orders WHERE source_id = %s", number) == "en-camino"


@pytest.mark.parametrize("how", [RESET, TIMEOUT])
def test_a_write_that_was_done_and_never_answered_is_not_done_twice(
    world: World, hurried: None, monkeypatch: pytest.MonkeyPatch, how: int
) -> None:
    answer, lost = Api.answer, Counter[str]()

    def losing(api: Api, request: Request) -> Reply:
        reply = answer(api, request)
        if request.method == "PUT" and not lost["PUT"]:  # it is done, and nobody is told
            lost["PUT"] += 1
            return Reply(how, b"", [("X-Hold", "1")])
        return reply

    monkeypatch.setattr(Api, "answer", losing)
    monkeypatch.setattr(http, "PATIENCE", http.Patience(timeout=0.5, first_pause=0.01, unsaid=0.01, longest=1.0))
    with mapped(world) as shop:
        number = placed(shop)
        wish(shop, number, "sent")
        shop.work()
        assert there(shop, number) == "en-camino"
        ((standing, due, reason),) = world.rows("SELECT standing, due_at > now(), reason FROM write_back")
        assert (standing, due) == ("waiting", True)  # it looks first, and not at once
        assert reason == ("source_unavailable" if how == RESET else "source_timeout")
        monkeypatch.setattr(writing_back, "utc_now", lambda: datetime.now(UTC) + writing_back.FIRST_PAUSE * 2)
        later(shop)
        assert (lost["PUT"], written(shop)) == (1, 1)
        assert stands(shop)[0][:3] == ("sent", "en-camino", "done")
        echoes(shop)


def later(shop: Followed) -> None:
    """A look at what is to be written, when its pause is over."""
    world = shop.world
    with world.db.again() as db, ways.shop(db, world.settings, world.account, shop.one) as woo:
        assert writing_back.due(db, world.account, shop.one, woo) == 1


def test_a_write_that_was_not_done_is_tried_again(shop: Followed) -> None:
    number = placed(shop)
    shop.shop.faults.add("reset", path="PUT orders", times=2)
    wish(shop, number, "sent")
    shop.work()
    assert there(shop, number) == "en-camino"
    assert written(shop) == 3
    assert stands(shop) == [("sent", "en-camino", "done", None)]


def test_a_shop_that_never_answers_ends_with_its_reason(shop: Followed) -> None:
    number = placed(shop)
    shop.shop.faults.add("error_500", path="PUT orders")
    wish(shop, number, "sent")
    shop.work()
    assert written(shop) == writing_back.ATTEMPTS
    assert stands(shop) == [("sent", "en-camino", "failed", "source_unavailable")]
    assert one(shop.world, "SELECT evidence FROM write_back")["status"] == 500
    shop.shop.faults.clear()
    wish(shop, number, "sent")  # the newest wish counts
    shop.work()
    assert (there(shop, number), stands(shop)) == ("en-camino", [("sent", "en-camino", "done", None)])


def test_a_refused_write_fails_at_once_with_its_reason(shop: Followed) -> None:
    number = placed(shop)
    shop.shop.world.statuses.pop("en-camino")  # the plugin is gone
    shop.shop.api.reload()
    wish(shop, number, "sent")
    shop.work()
    assert written(shop) == 1
    assert stands(shop) == [("sent", "en-camino", "failed", "destination_rejected")]
    assert one(shop.world, "SELECT evidence FROM write_back")["field"] == "status"
    assert there(shop, number) == "processing"


def test_of_two_wishes_the_newest_is_written(shop: Followed) -> None:
    number = placed(shop)
    wish(shop, number, "delivered")
    wish(shop, number, "sent")
    shop.work()
    assert (there(shop, number), written(shop)) == ("en-camino", 1)
    acts.write_off(shop.world.db, ana(shop.world), order_id(shop.world, number))
    shop.work()
    assert (there(shop, number), written(shop)) == ("en-camino", 1)


def test_what_somebody_has_done_there_is_not_written(shop: Followed) -> None:
    number = placed(shop)
    shop.shop.desk.set_status(int(number), "en-camino")
    shop.shop.deliver()
    wish(shop, number, "sent")
    shop.work()
    assert written(shop) == 0
    assert stands(shop) == [("sent", "en-camino", "done", None)]


def test_inwards_our_state_follows_the_shop(shop: Followed) -> None:
    number = placed(shop)
    shop.shop.desk.set_status(int(number), "en-camino")
    shop.shop.deliver()
    shop.work()
    assert own(shop, number) == "sent"
    shop.shop.desk.cancel(int(number))
    shop.shop.deliver()
    shop.work()
    assert own(shop, number) == "annulled"
    assert (written(shop), stands(shop)) == (0, [])


def test_outwards_only_our_state_stays_whatever_the_shop_says(shop: Followed) -> None:
    number = placed(shop)
    assert own(shop, number) is None  # «packed» is only written
    shop.shop.desk.set_status(int(number), "completed")
    shop.shop.deliver()
    shop.work()
    assert own(shop, number) is None


def test_a_state_of_the_inward_direction_stays_with_us(shop: Followed) -> None:
    number = placed(shop)
    assert wish(shop, number, "annulled") == acts.Wished(None)
    shop.work()
    assert (own(shop, number), written(shop), stands(shop)) == ("annulled", 0, [])


def test_only_a_present_order_and_a_mapped_state_are_taken(shop: Followed) -> None:
    number = placed(shop)
    with pytest.raises(Refused, match="mapping"):
        wish(shop, number, "inventado")
    shop.shop.desk.cancel(int(number))
    shop.shop.deliver()
    shop.work()
    with pytest.raises(Refused, match="not present"):
        wish(shop, number, "sent")
