"""The notices of a shop: one webhook per topic, lost ones noticed and made again, nobody else's touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from cuadra import accounts, secrets
from cuadra.accounts import Integration
from cuadra.connectors.base import Delivery, Ping
from cuadra.connectors.trouble import Trouble
from cuadra.connectors.woocommerce.hooks import TOPICS, judge
from cuadra.errors import Refused, UsageError
from cuadra.jobs import subscribing, ways
from cuadra.jobs.subscribing import Health
from cuadra_simulators.woocommerce import Shop
from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.model import Webhook
from tests.connectors import shops
from tests.simulators.woocommerce.receiver import Receiver
from tests.world import World

BASE = "https://hooks.example"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(1, orders=6, customers=3, clock=Clock(running=True)) as made:
        made.dispatcher.send = Receiver()
        yield made


@pytest.fixture
def woo(world: World, shop: Shop) -> Integration:
    """An integration of the shop, with notices."""
    return connect(world, shop, notices=BASE)


def connect(world: World, shop: Shop, name: str = "woo", **more: str) -> Integration:
    made = accounts.add_integration(world.db, world.account, name, "woocommerce", shops.settings(shop, **more), "test",
                                    same_store=True)  # fmt: skip
    for key, value in shops.secrets(shop.key).items():
        keys = secrets.KeyFile.of(world.settings)
        secrets.put(world.db, keys, world.account.account_id, made.integration_id, key, value)
    return made


def ensure(world: World, one: Integration) -> Health:
    one = accounts.integration_named(world.db, world.account, one.name)
    with ways.shop(world.db, world.settings, world.account, one) as shop:
        return subscribing.ensure(world.db, world.settings, world.account, one, shop)


def kept(world: World) -> dict[str, tuple[str, datetime, int, datetime | None]]:
    """Topic → (state, last check, how often remade, when lost) as the table has it."""
    return {
        row[0]: tuple(row[1:])
        for row in world.rows("SELECT topic, state, checked_at, remade, lost_at FROM subscription")
    }


def hooks(shop: Shop, topic: str = "") -> list[Webhook]:
    return [hook for hook in shop.world.webhooks.values() if topic in ("", hook.topic)]


def secret_of(world: World, one: Integration) -> str:
    keys = secrets.KeyFile.of(world.settings)
    found = secrets.get(world.db, keys, world.account.account_id, one.integration_id, subscribing.SIGNED_WITH)
    assert found is not None
    return found.reveal()


def touch(shop: Shop) -> None:
    """Save an order, and have the shop tell of it."""
    number = min(shop.truth.orders())
    assert shop.request("PUT", f"orders/{number}", body={"customer_note": "hola"}).status == 200
    assert shop.deliver()


def break_down(shop: Shop, hook: Webhook) -> None:
    """A receiver that fails until the shop has enough of it."""
    hook.status, hook.failures = "disabled", 6


# ---------------------------------------------------------------- asking


def test_asking_twice_is_one_webhook_per_topic(world: World, shop: Shop, woo: Integration) -> None:
    first = ensure(world, woo)
    assert [one.before for one in first.notices] == ["new"] * len(TOPICS)
    assert Counter(hook.topic for hook in hooks(shop)) == Counter(TOPICS)
    assert {hook.delivery_url for hook in hooks(shop)} == {f"{BASE}/in/{woo.address}"} == {first.url}
    before = deepcopy(shop.world.webhooks)
    second = ensure(world, woo)
    assert shop.world.webhooks == before  # a look that finds everything in order asks, and changes nothing
    assert [one.before for one in second.notices] == ["active"] * len(TOPICS)
    assert second.lost_since is None
    assert second.lost == []
    assert all(row[1] > first.notices[0].checked_at and row[2] == 0 for row in kept(world).values())


def test_what_comes_is_signed_with_our_own_secret(world: World, shop: Shop, woo: Integration) -> None:
    receiver = shop.dispatcher.send
    assert isinstance(receiver, Receiver)
    ensure(world, woo)
    secret = secret_of(world, woo)
    assert len(secret) >= 32
    assert secret.isascii()
    assert secret.isalnum()
    assert {hook.secret for hook in hooks(shop)} == {secret}
    pinged = receiver.got[0]
    assert isinstance(judge({}, pinged.body, secret, shop.url), Ping)
    touch(shop)
    assert receiver.deliveries
    for got in receiver.deliveries:
        headers = {name.lower(): value for name, value in got.headers.items()}
        assert isinstance(judge(headers, got.body, secret, shop.url), Delivery)


def test_without_an_address_nothing_is_asked(world: World, shop: Shop) -> None:
    one = connect(world, shop)
    health = ensure(world, one)
    assert health == Health(None)
    assert hooks(shop) == []
    assert kept(world) == {}
    assert shop.calls == Counter()


def test_two_integrations_have_their_own(world: World, shop: Shop, woo: Integration) -> None:
    other = connect(world, shop, "woo2", notices=BASE)
    ensure(world, woo)
    ensure(world, other)
    assert len(hooks(shop)) == 2 * len(TOPICS)
    assert secret_of(world, woo) != secret_of(world, other)


def test_other_people_s_webhooks_are_not_touched(world: World, shop: Shop, woo: Integration) -> None:
    theirs = shop.subscribe("order.updated", "https://somebody.example/in/x", secret="theirs")
    broken = shop.subscribe("order.created", "https://somebody.example/in/y", secret="theirs")
    break_down(shop, broken)
    before = deepcopy([theirs, broken])
    ensure(world, woo)
    ensure(world, woo)
    with ways.shop(world.db, world.settings, world.account, woo) as opened:
        assert subscribing.remove(world.db, world.account, woo, opened) == len(TOPICS)
    assert [theirs, broken] == before
    assert hooks(shop) == [theirs, broken]
    assert kept(world) == {}


def test_more_than_a_page_of_webhooks(world: World, shop: Shop, woo: Integration) -> None:
    for number in range(130):
        shop.subscribe("order.updated", f"https://somebody.example/{number}")
    ensure(world, woo)
    ensure(world, woo)
    assert len(hooks(shop)) == 130 + len(TOPICS)


# ---------------------------------------------------------------- losing


def test_a_deleted_one_is_noticed_and_made_again(world: World, shop: Shop, woo: Integration) -> None:
    ensure(world, woo)
    good = ensure(world, woo)
    (old,) = hooks(shop, "order.updated")
    del shop.world.webhooks[old.id]
    health = ensure(world, woo)
    assert [(one.topic, one.before, one.state, one.remade) for one in health.lost] == [
        ("order.updated", "gone", "active", 1)
    ]
    assert health.lost_since == good.notices[0].checked_at
    (new,) = hooks(shop, "order.updated")
    assert new.id > old.id
    state, checked, remade, lost = kept(world)["order.updated"]
    assert (state, remade) == ("active", 1)
    assert lost is not None
    assert good.notices[0].checked_at < lost <= checked
    assert kept(world)["order.created"][2:] == (0, None)
    assert ensure(world, woo).lost_since is None


def test_a_disabled_one_is_made_anew_without_its_failures(world: World, shop: Shop, woo: Integration) -> None:
    health = ensure(world, woo)
    (old,) = hooks(shop, "order.updated")
    break_down(shop, old)
    found = ensure(world, woo)
    assert [(one.topic, one.before, one.state) for one in found.lost] == [("order.updated", "disabled", "active")]
    assert found.lost_since == health.notices[0].checked_at
    (new,) = hooks(shop, "order.updated")
    assert (new.status, new.failures) == ("active", 0)
    receiver = shop.dispatcher.send
    assert isinstance(receiver, Receiver)
    receiver.error = "refused"
    touch(shop)
    assert new.status == "active"  # an old one would have been disabled by this one failure


def test_a_paused_one_is_made_active_again(world: World, shop: Shop, woo: Integration) -> None:
    ensure(world, woo)
    (old,) = hooks(shop, "order.updated")
    old.status = "paused"
    found = ensure(world, woo)
    assert [(one.before, one.state) for one in found.lost] == [("paused", "active")]
    assert hooks(shop, "order.updated") == [old]
    assert old.status == "active"


def test_duplicates_are_ended(world: World, shop: Shop, woo: Integration) -> None:
    health = ensure(world, woo)
    assert health.url is not None
    (ours,) = hooks(shop, "order.updated")
    for state in ("active", "disabled"):
        shop.subscribe("order.updated", health.url, secret="other").status = state
    again = ensure(world, woo)
    assert again.lost == []
    assert hooks(shop, "order.updated") == [ours]


def test_a_lost_secret_is_made_anew_everywhere(world: World, shop: Shop, woo: Integration) -> None:
    health = ensure(world, woo)
    before = secret_of(world, woo)
    secrets.remove(world.db, world.account.account_id, woo.integration_id, subscribing.SIGNED_WITH)
    found = ensure(world, woo)
    assert {one.before for one in found.notices} == {"unsigned"}
    assert found.lost_since == health.notices[0].checked_at
    assert {hook.secret for hook in hooks(shop)} == {secret_of(world, woo)} != {before}
    assert len(hooks(shop)) == len(TOPICS)


def test_another_address_ends_those_at_the_old_one(world: World, shop: Shop, woo: Integration) -> None:
    ensure(world, woo)
    accounts.set_settings(world.db, world.account, woo, {"notices": "https://new.example/"}, "test")
    found = ensure(world, woo)
    assert found.url == f"https://new.example/in/{woo.address}"
    assert found.ended == len(TOPICS)
    assert found.lost_since is None
    assert {hook.delivery_url for hook in hooks(shop)} == {found.url}
    assert len(hooks(shop)) == len(TOPICS)


def test_a_topic_of_an_earlier_version_is_ended(world: World, shop: Shop, woo: Integration) -> None:
    health = ensure(world, woo)
    assert health.url is not None
    shop.subscribe("product.deleted", health.url)
    assert ensure(world, woo).ended == 1
    assert hooks(shop, "product.deleted") == []


# ---------------------------------------------------------------- interruptions


def test_what_was_lost_is_not_forgotten_when_it_cannot_be_made_again(
    world: World, shop: Shop, woo: Integration
) -> None:
    good = ensure(world, woo)
    for topic in ("order.updated", "order.created"):
        (hook,) = hooks(shop, topic)
        del shop.world.webhooks[hook.id]
    shop.faults.add("error_500", path="^POST webhooks", calls=[2])
    with pytest.raises(Trouble):
        ensure(world, woo)
    assert kept(world)["order.created"][0] == "gone"
    found = ensure(world, woo)
    assert {one.topic for one in found.lost} == {"order.updated", "order.created"}
    assert found.lost_since == good.notices[0].checked_at
    assert Counter(hook.topic for hook in hooks(shop)) == Counter(TOPICS)
    assert ensure(world, woo).lost_since is None


def test_the_first_asking_goes_on_where_it_was_cut(world: World, shop: Shop, woo: Integration) -> None:
    shop.faults.add("error_500", path="^POST webhooks", calls=[3])
    with pytest.raises(Trouble):
        ensure(world, woo)
    shop.faults.clear()
    ensure(world, woo)
    assert Counter(hook.topic for hook in hooks(shop)) == Counter(TOPICS)
    assert {hook.secret for hook in hooks(shop)} == {secret_of(world, woo)}


def test_a_key_that_may_not_write_is_trouble_with_its_reason(world: World, shop: Shop, woo: Integration) -> None:
    for key, value in shops.secrets(shop.read_key).items():
        secrets.put(
            world.db, secrets.KeyFile.of(world.settings), world.account.account_id, woo.integration_id, key, value
        )
    with pytest.raises(Trouble) as trouble:
        ensure(world, woo)
    assert trouble.value.reason == "scope_missing"
    assert hooks(shop) == []


# ---------------------------------------------------------------- the shop's side


def test_one_that_goes_between_the_look_and_the_change_is_made(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(shops.opened(shop)) as opened:
        (first,) = opened.subscribe(["order.updated"], BASE, "s1")
        listed = opened.subscriptions()
        del shop.world.webhooks[int(first.id)]
        monkeypatch.setattr("cuadra.connectors.woocommerce.subscriptions.listed", lambda client: listed)
        (second,) = opened.subscribe(["order.updated"], BASE, "s2")
        assert second.id != first.id
        opened.unsubscribe([first.id, second.id, second.id])
    assert hooks(shop) == []


def test_an_address_for_notices_is_one_of_the_web(world: World, shop: Shop, woo: Integration) -> None:
    for wrong in ("hooks.example", "ftp://hooks.example", "https://", "https://u:p@hooks.example", f"{BASE}?a=1"):
        with pytest.raises(UsageError, match="no address for notices"):
            accounts.set_settings(world.db, world.account, woo, {"notices": wrong}, "test")
    accounts.set_settings(world.db, world.account, woo, {"notices": f"{BASE}/cuadra/"}, "test")
    assert subscribing.address(accounts.integration_named(world.db, world.account, "woo")) == (
        f"{BASE}/cuadra/in/{woo.address}"
    )


def test_files_have_no_shop(world: World) -> None:
    with pytest.raises(Refused, match="reads files"), ways.shop(world.db, world.settings, world.account, world.shop):
        raise AssertionError


def test_the_age_of_a_check_is_that_of_the_look(world: World, shop: Shop, woo: Integration) -> None:
    before = datetime.now(UTC)
    health = ensure(world, woo)
    assert all(before <= one.checked_at <= before + timedelta(seconds=30) for one in health.notices)
