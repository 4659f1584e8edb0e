"""A Shopify shop, followed: in the end the ledger has every order as the shop has it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cuadra import accounts, coverage, secrets
from cuadra.connectors import http
from cuadra.connectors.base import Place
from cuadra.connectors.shopify import ShopifyConnector, bulk, queries
from cuadra.connectors.trouble import Trouble
from cuadra.diagnosis import why
from cuadra.errors import Refused, UsageError
from cuadra.jobs import looking, relinking, ways
from cuadra.model import Axis, Covered, Entity
from cuadra_simulators.shopify import ALL_SCOPES, DOCUMENTED, MEXICO, cost, orders
from tests.shopifytruth import compare
from tests.shopifyworld import NAME, Followed, downloaded, following, hurried_shopify
from tests.world import World

__all__ = ["hurried_shopify"]
pytestmark = pytest.mark.usefixtures("hurried_shopify")
NOTHING: Counter[str] = Counter()


def same(shop: Followed) -> int:
    """Every order is as the shop has it."""
    many, wrong, said = compare(shop.rows, shop.shop.truth.orders())
    assert wrong == NOTHING, said[:10]
    return many


def calls(shop: Followed, what: str) -> int:
    return sum(count for name, count in shop.shop.calls.items() if what in name)


# ---------------------------------------------------------------- history


@pytest.mark.parametrize("history", ["pages", "bulk"])
def test_the_first_import_is_the_shop(world: World, history: str) -> None:
    with following(world, orders=120, settings={"history": history}) as shop:
        report = shop.scan()
        assert report.problem is None, report.problem
        assert same(shop) >= 120
        assert (calls(shop, "RunBulk") > 0) == (history == "bulk")
        assert accounts.integration_named(world.db, world.account, NAME).time_zone == shop.shop.settings.zone


def test_a_bulk_file_that_was_downloaded_by_hand_is_taken_and_covers_nothing(world: World, tmp_path: Path) -> None:
    with following(world, orders=40, notices=False) as shop:
        path = downloaded(shop, tmp_path / "bulk.jsonl")
        report = shop.scan(file=path)
        assert report.problem is None
        same(shop)
        assert not [one for one in coverage.load(world.db, world.account.account_id, shop.one.integration_id)
                    if one.axis is Axis.CREATED and not one.filter]  # fmt: skip


def test_a_file_that_is_none_is_refused_with_its_line(world: World, tmp_path: Path) -> None:
    path = tmp_path / "bulk.jsonl"
    path.write_text('{"id":"gid://shopify/Order/1","legacyResourceId":"1"}\nnot this\n')
    with following(world, orders=2, notices=False) as shop:
        report = shop.scan(file=path)
        assert report.problem is not None
        reason, proof = report.problem
        assert reason == "payload_unreadable"
        assert "line 2" in proof["message"]


def test_a_bulk_file_that_would_fill_the_disk_is_not_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with following(world, orders=10, notices=False, settings={"history": "bulk"}) as shop:
        with monkeypatch.context() as little:
            little.setattr(http, "LEAST_FREE", 1 << 60)
            report = shop.scan()
        assert report.problem is not None
        reason, proof = report.problem
        assert reason == "intake_refused_for_space"
        assert proof["free"] < proof["limit"]
        shop.scan()
        same(shop)


def test_a_bulk_operation_that_finds_nothing_more_is_given_up_and_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with following(world, orders=20, notices=False, settings={"history": "bulk"}) as shop:
        with monkeypatch.context() as hasty:
            hasty.setattr(bulk, "STUCK_SECONDS", 1.0)
            shop.shop.faults.add("bulk_stuck")
            report = shop.scan()
        assert report.problem is not None
        assert report.problem[0] == "source_timeout"
        shop.shop.faults.clear()
        assert shop.scan().problem is None, "it was ended: the next one finds the door open"
        same(shop)


@pytest.mark.parametrize("fault", ["bulk_failed", "bulk_partial", "bulk_canceled", "bulk_expired"])
def test_a_bulk_operation_that_fails_brings_nothing_and_covers_nothing(world: World, fault: str) -> None:
    with following(world, orders=40, notices=False, settings={"history": "bulk"}) as shop:
        shop.shop.faults.add(fault)
        report = shop.scan()
        assert report.problem is not None
        assert not [
            one for one in coverage.load(world.db, world.account.account_id, shop.one.integration_id) if not one.filter
        ]
        shop.shop.faults.clear()
        shop.scan()
        same(shop)


# ---------------------------------------------------------------- living on


def test_what_happens_is_known_by_notices(world: World) -> None:
    with following(world, orders=30) as shop:
        shop.scan()
        shop.shop.live(80)
        shop.shop.advance(30)
        shop.work()
        same(shop)
        assert not shop.rows("SELECT 1 FROM attempt WHERE outcome = 'failed'")


def test_what_happens_is_known_by_imports_alone(world: World) -> None:
    with following(world, orders=30, notices=False) as shop:
        shop.scan()
        shop.shop.live(60, deliver=False)
        shop.scan(compare=True)
        same(shop)


def test_everything_of_a_long_order_came_back(world: World) -> None:
    """More lines than one answer tells of a refund."""
    with following(world, orders=60, notices=False) as shop:
        shop.scan()
        it = shop.shop.world.orders[shop.shop.odd["lines_60"]]
        with shop.shop.world.action():
            orders.refund(shop.shop.world, it, shop.shop.world.now, [(one, one.current, "RETURN") for one in it.lines])
        report = shop.scan()
        assert report.problem is None, report.problem
        assert calls(shop, "MoreRefundLines") == 1
        same(shop)


def test_faults_of_all_kinds_lose_nothing(world: World) -> None:
    """Notices dropped, doubled, late, in another order; answers that fail, are cut off or throttled; orders that a page
    leaves out."""
    with following(world, orders=60) as shop:
        shop.scan()
        for kind, rate, seconds in (
            ("webhook_drop", 0.3, 0), ("webhook_duplicate", 0.2, 0), ("webhook_delay", 0.2, 20), ("webhook_reorder", 0.3, 0),
            ("webhook_stale", 0.1, 0), ("error_500", 0.05, 0), ("too_many", 0.05, 0), ("cut_body", 0.03, 0),
            ("reset", 0.02, 0), ("internal_error", 0.03, 0), ("skip_item", 0.1, 0), ("repeat_item", 0.1, 0),
        ):  # fmt: skip
            shop.shop.faults.add(kind, rate=rate, seconds=seconds)
        for _ in range(4):
            shop.shop.live(30)
            shop.shop.advance(30)
            shop.work()
            shop.scan()
        happened = dict(shop.shop.faults.happened)
        shop.shop.faults.clear()
        shop.shop.advance(3600)
        shop.work()
        shop.scan(compare=True)
        shop.work()
        same(shop)
        assert len(happened) >= 8, happened


def test_one_store_through_two_integrations_and_two_ways_has_each_order_once(world: World) -> None:
    """A bulk file, page by page, and notices, all at once."""
    with following(world, orders=50, settings={"history": "bulk"}) as shop:
        settings = {**shop.one.settings, "history": "pages"}
        with pytest.raises(Refused, match="already connected"):
            accounts.add_integration(world.db, world.account, "otra", "shopify-settled", settings, "test")
        other = accounts.add_integration(
            world.db, world.account, "otra", "shopify-settled", settings, "test", same_store=True
        )
        assert other.store_id == shop.one.store_id
        accounts.move(world.db, world.account, other, "active", "test")
        world.rules("otra", first__since="2015-01-01")
        for name in ("access_token", "client_secret"):
            shop.secret(name, shop.secret(name), integration="otra")
        second = threading.Thread(target=shop.scan, kwargs={"name": "otra"})
        second.start()
        shop.scan()
        shop.shop.live(20)
        shop.shop.advance(10)
        second.join()
        shop.work()
        same(shop)
        assert shop.rows("SELECT source_id FROM orders GROUP BY source_id HAVING count(*) > 1") == []
        assert {name for (name,) in shop.rows("SELECT i.name FROM run r JOIN integration i USING (integration_id)"
                                              " WHERE r.state = 'finished'")} == {NAME, "otra"}  # fmt: skip


def test_a_subscription_that_the_shop_has_deleted_is_made_again(world: World) -> None:
    with following(world, orders=5) as shop:
        shop.scan()
        before = set(shop.shop.hooks.subscriptions)
        shop.answer = 500
        shop.shop.live(3)
        shop.shop.advance(6 * 3600)
        assert len(shop.shop.hooks.subscriptions) < len(before), "after eight failures it is gone"
        shop.answer = 200
        report = shop.scan()
        assert any(note.get("reason") == "subscription_disabled" for note in report.notes)
        assert len(shop.shop.hooks.subscriptions) == len(before)
        same(shop)


def test_a_new_client_secret_and_the_old_one_both_count(world: World) -> None:
    with following(world, orders=5) as shop:
        shop.scan()
        shop.secret("client_secret", shop.shop.rotate_secret())
        shop.scan()
        shop.shop.live(3)
        shop.shop.advance(30)
        assert all(one.ok for one in shop.shop.deliveries), "signed with the old one for a while"
        shop.shop.advance(2 * 3600)
        shop.shop.live(3)
        shop.shop.advance(30)
        assert all(one.ok for one in shop.shop.deliveries)
        shop.work()
        same(shop)


# ---------------------------------------------------------------- what may be seen


def test_what_the_plan_hides_is_filled_after_an_upgrade_by_itself(world: World) -> None:
    with following(world, orders=40, kind="admin") as shop:
        shop.shop.upgrade("basic")
        shop.scan()
        hidden = shop.rows("SELECT count(*) FROM orders WHERE 'customer_data_hidden_by_plan' = ANY(warnings)")[0][0]
        assert hidden >= 30
        assert shop.rows("SELECT count(*) FROM orders WHERE reason IN ('order_without_customer', 'customer_without_contact')"
                         " AND 'customer_data_hidden_by_plan' = ANY(warnings)") == [(0,)]  # fmt: skip
        assert shop.rows("SELECT count(*) FROM orders WHERE customer_email IS NOT NULL") == [(0,)]
        shop.scan(compare=True)
        assert (
            shop.rows("SELECT count(*) FROM orders WHERE 'customer_data_hidden_by_plan' = ANY(warnings)")[0][0]
            == hidden
        )
        shop.shop.upgrade("grow")
        shop.scan(compare=True)
        shop.work()
        assert shop.rows("SELECT count(*) FROM orders WHERE 'customer_data_hidden_by_plan' = ANY(warnings)") == [(0,)]
        same(shop)


def test_without_the_permission_for_older_orders_it_says_what_it_cannot_see(world: World) -> None:
    scopes = [one for one in ALL_SCOPES if one != "read_all_orders"]
    with following(world, orders=120, days=120, scopes=scopes) as shop:
        report = shop.scan()
        (note,) = [one for one in report.notes if one.get("reason") == "history_beyond_platform_window"]
        wall = datetime.fromisoformat(note["evidence"]["oldest"])
        assert abs(datetime.now(UTC) - timedelta(days=60) - wall) < timedelta(minutes=5)
        truth = shop.shop.truth.orders()
        seen = {int(one) for (one,) in shop.rows("SELECT source_id FROM orders")}
        older = {one.id for one in truth.values() if one.created < wall.timestamp()}
        assert older
        assert not seen & older
        settle = timedelta(0)
        read = coverage.load(world.db, world.account.account_id, shop.one.integration_id)
        assert coverage.absence(wall - timedelta(days=5), read, settle) is None, "no absence is proven there"
        assert coverage.absence(wall + timedelta(days=5), read, settle) is not None
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked:
            texts = [one.text.format(**one.values) for one in asked.examine(None)]
        assert any("read_all_orders" in one for one in texts)
        shop.shop.app.scopes.add("read_all_orders")
        shop.scan()
        same(shop)


def test_what_was_hidden_while_nobody_looked_is_read_once_it_may_be_seen(world: World) -> None:
    """Off for longer than the platform shows: what was made meanwhile is hidden, said to be, and read with the permission."""
    now = datetime.now(UTC)
    before = Covered(Axis.UPDATED, now - timedelta(days=300), now - timedelta(days=90), now - timedelta(days=90))
    begun = Covered(Axis.CREATED, now - timedelta(days=300), now - timedelta(days=90), now - timedelta(days=90))
    scopes = [one for one in ALL_SCOPES if one != "read_all_orders"]
    with following(world, orders=3, scopes=scopes, notices=False) as shop:
        connector = ShopifyConnector()

        def look(*covered: Covered) -> Covered:
            place = Place(
                "MXN",
                "UTC",
                world.tmp,
                {"access_token": secrets.Secret(shop.shop.token)},
                covered,
                since=now - timedelta(days=300),
            )
            *_, changes = connector.offers(shop.one.settings, place, lambda *_: None)
            assert changes.name == "changes"
            return changes.covers[0]

        veiled = look(before, begun)
        assert veiled.reach is not None
        assert veiled.reach > now - timedelta(days=61)
        shop.shop.app.scopes.add("read_all_orders")
        whole = look(before, begun, veiled)
        assert whole.reach is None
        assert whole.start <= veiled.start
        after = look(before, begun, veiled, whole)
        assert after.reach is None
        assert after.start > now - timedelta(days=1), "once"


@pytest.mark.parametrize("lacking", ["read_products", "read_customers", "read_orders"])
def test_each_permission_that_lacks_is_named(world: World, lacking: str) -> None:
    scopes = [one for one in ALL_SCOPES if lacking.removeprefix("read_") not in one]
    with following(world, orders=5, scopes=scopes, notices=False) as shop:
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked:
            found = [one for one in asked.examine(None) if one.good is False]
        assert any(lacking in str(one.values) + one.text for one in found), found


def test_the_connection_test_is_all_good_for_a_shop_that_is(world: World) -> None:
    with following(world, orders=5, notices=False) as shop:
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked:
            found = list(asked.examine(None))
        assert not [one for one in found if one.good is False], found
        assert any("was read to its end" in one.text for one in found)


# ---------------------------------------------------------------- asking


def test_a_token_of_a_day_is_asked_for_anew(world: World) -> None:
    with following(world, orders=5, credentials={"client_id": "?", "client_secret": "?"}) as shop:
        shop.secret("client_id", shop.shop.app.client_id)
        shop.secret("client_secret", shop.shop.app.client_secret)
        shop.scan()
        shop.shop.tokens.expire(shop.shop.app)
        shop.shop.live(3)
        report = shop.scan()
        assert report.problem is None
        same(shop)


def test_a_token_of_an_hour_is_renewed_by_one_and_used_by_all(world: World) -> None:
    with following(world, orders=5, kind="public", notices=False) as shop:
        given = shop.shop.tokens.exchange(shop.shop.app)
        for name, value in (("client_id", shop.shop.app.client_id), ("client_secret", shop.shop.app.client_secret),
                            ("refresh_token", given["refresh_token"]), ("access_token", given["access_token"])):  # fmt: skip
            shop.secret(name, value)
        shop.scan()
        assert shop.secret("refresh_token") == given["refresh_token"], "the token is good: nothing was renewed"
        for _ in range(3):
            shop.shop.tokens.expire(shop.shop.app)
            with (
                ways.shop(world.db, world.settings, world.account, shop.one) as one,
                ways.shop(world.db, world.settings, world.account, shop.one) as two,
            ):
                assert one.time_zone() == two.time_zone() == shop.shop.settings.zone
        assert shop.secret("refresh_token") != given["refresh_token"]
        shop.scan()
        same(shop)


def test_a_shop_that_takes_the_token_back_breaks_the_integration_until_it_takes_one(world: World) -> None:
    with following(world, orders=5, notices=False) as shop:
        shop.scan()
        shop.shop.revoke()
        report = shop.scan()
        assert report.problem is not None
        assert report.problem[0] == "credentials_invalid"
        assert shop.one.state == "broken"
        assert shop.rows("SELECT count(*) FROM run WHERE ended_at IS NULL") == [(0,)]
        shop.secret("access_token", shop.shop.tokens.permanent(shop.shop.app))
        shop.scan()
        assert shop.one.state == "active"


def test_what_may_not_be_seen_any_more_is_not_gone(world: World) -> None:
    with following(world, orders=8, notices=False) as shop:
        shop.scan()
        number = next(str(one.id) for one in shop.shop.truth.orders().values() if one.exists)
        with world.db.again() as db:
            relinking.ask_for(db, world.account, shop.one, Entity.ORDER, [number], "census")
        shop.shop.app.scopes.discard("read_orders")
        shop.shop.app.scopes.discard("write_orders")
        shop.work()
        assert shop.rows("SELECT reason FROM relink") == [("scope_missing",)]
        assert shop.rows("SELECT count(*) FROM orders WHERE reason = 'deleted_at_source'") == [(0,)]


def test_an_order_too_old_to_be_shown_is_said_to_be_that_and_asked_for_no_more(world: World) -> None:
    scopes = [one for one in ALL_SCOPES if one != "read_all_orders"]
    with following(world, orders=60, days=120, scopes=scopes, notices=False) as shop:
        shop.scan()
        old = min(shop.shop.truth.orders())
        with world.db.again() as db:
            relinking.ask_for(db, world.account, shop.one, Entity.ORDER, [str(old), "99999999999999"], "census")
        shop.work()
        assert shop.rows("SELECT count(*) FROM relink") == [(0,)]
        stands = dict(
            shop.rows("SELECT source_id, reason FROM orders WHERE source_id IN (%s, '99999999999999')", str(old))
        )
        assert stands == {str(old): "history_beyond_platform_window", "99999999999999": "not_found_at_source"}


def test_where_only_empty_fields_were_hidden_the_warning_goes_too(world: World) -> None:
    """Nothing of the order has changed but that it is known now that there is no phone."""
    with following(
        world, orders=10, kind="public", approved=frozenset({"name", "email", "address"}), notices=False
    ) as shop:
        shop.scan()
        assert shop.rows("SELECT count(*) FROM orders WHERE 'customer_data_hidden_by_plan' = ANY(warnings)")[0][0] > 0
        shop.shop.app.approved = frozenset({"name", "email", "address", "phone"})
        shop.scan(compare=True)
        shop.work()
        assert shop.rows("SELECT count(*) FROM orders WHERE 'customer_data_hidden_by_plan' = ANY(warnings)") == [(0,)]


def test_a_list_that_ends_too_early_is_gone_on_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from cuadra.connectors.shopify import client, offers, shop

    for module in (client, offers):
        monkeypatch.setattr(module, "WALK", 20)
    monkeypatch.setattr(shop, "SLICE", 15)
    settings = replace(MEXICO, walk_limit=20)
    with following(
        world, orders=60, customers=50, notices=False, settings={"history": "pages"}, shop_settings=settings
    ) as it:
        it.shop.upgrade("enterprise")
        report = it.scan()
        assert report.problem is None, report.problem
        same(it)
        known = {
            value.partition(":")[2] for (value,) in it.rows("SELECT value FROM customer_key WHERE kind = 'source'")
        }
        assert {str(number) for number in it.shop.truth.customers()} <= known
        products = {value for (value,) in it.rows("SELECT value FROM product_key WHERE kind = 'id'")}
        assert {str(number) for number in it.shop.truth.products()} <= products


def test_only_a_connector_that_can_takes_a_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}")
    with pytest.raises(Refused, match="takes no files"):
        world.import_now(file=tmp_path / "x.jsonl")


def test_a_token_that_was_revoked_is_said(world: World) -> None:
    with following(world, orders=5, notices=False) as shop:
        shop.shop.revoke()
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked, pytest.raises(Trouble) as met:
            asked.time_zone()
        assert met.value.reason == "credentials_invalid"


def test_without_the_secret_that_signs_no_notices_can_be_taken(world: World) -> None:
    with (
        following(world, orders=2, credentials={"access_token": "x"}) as shop,
        pytest.raises(UsageError, match="client_secret"),
    ):
        shop.scan()


def test_a_page_that_would_cost_too_much_is_made_smaller(world: World) -> None:
    """By the documented costs, of which nobody knows whether a shop goes by them, one order with its lines is too much."""
    with following(
        world, orders=25, notices=False, settings={"history": "pages", "points": "2000"}, cost=cost(DOCUMENTED)
    ) as shop:
        shop.shop.upgrade("enterprise")
        report = shop.scan()
        assert report.problem is None, report.problem
        same(shop)


def test_who_asks_too_much_waits_and_goes_on(world: World) -> None:
    with following(world, orders=25, notices=False, settings={"history": "pages", "points": "10000"}) as shop:
        shop.shop.faults.add("too_many", calls=[3, 4, 9])
        report = shop.scan()
        assert report.problem is None, report.problem
        assert shop.shop.faults.happened["too_many"] == 3
        same(shop)


def test_a_search_that_is_not_understood_is_a_failure(world: World) -> None:
    with following(world, orders=5, notices=False) as shop:
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked, pytest.raises(Trouble) as met:
            asked.client.ask(queries.COUNT, {"query": "updatedat:>='2026-01-01T00:00:00Z'"})  # type: ignore[attr-defined]
        assert met.value.reason == "internal_error"
        assert "updatedat" in json.dumps(met.value.evidence)


def test_a_version_that_was_retired_is_noticed(world: World) -> None:
    with following(world, orders=5, notices=False) as shop:
        shop.shop.faults.add("version_retired")
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked:
            found = [one for one in asked.examine(None) if one.reason == "source_structure_changed"]
        assert found


def test_an_order_is_looked_for_by_its_number_name_and_email(world: World) -> None:
    with following(world, orders=20, notices=False) as shop:
        truth = next(one for one in shop.shop.truth.orders().values() if one.email and one.exists)
        with ways.shop(world.db, world.settings, world.account, shop.one) as asked:
            by_id = asked.fetch(Entity.ORDER, [str(truth.id)], patient=False)
            by_name = asked.search("number", truth.name.lstrip("#"))
            by_mail = asked.search("email", truth.email or "")
            nobody = asked.fetch(Entity.ORDER, ["1"], patient=False)
        for look in (by_id, by_name, by_mail):
            assert look.trouble is None
            assert str(truth.id) in [raw.asked["id"] for raw in look.raws if raw.asked]
        assert [raw.asked["status"] for raw in nobody.raws if raw.asked] == [404]


def test_a_tracking_number_is_found_among_what_was_not_read_yet(world: World) -> None:
    with following(world, orders=20, notices=False) as shop:
        shop.scan()
        known = next(
            number
            for one in shop.shop.truth.orders().values()
            for it in one.fulfillments
            for _, number, _ in it.tracking
        )
        before = calls(shop, "Orders")
        answer = why.why(world.db, world.account, known)
        assert isinstance(answer, why.Answer)
        assert answer.order is not None, "what was read is known by its parcels"
        assert calls(shop, "Orders") == before
        for act in ("place", "pay", "fulfil", "track"):
            shop.shop.live(8, act=act, deliver=False)
        fresh = _tracking(shop) - _known(shop)
        assert fresh
        (asked,) = looking.ask(world.db, world.settings, world.account, next(iter(fresh)))
        assert asked.found
        assert any("no search" in one["request"] for one in asked.calls)
        (asked,) = looking.ask(world.db, world.settings, world.account, "JD014600006281999999")
        assert asked.found == []
        assert any("pages" in one["request"] for one in asked.calls)


def _tracking(shop: Followed) -> set[str]:
    return {
        number for one in shop.shop.truth.orders().values() for it in one.fulfillments for _, number, _ in it.tracking
    }


def _known(shop: Followed) -> set[str]:
    return {value for (value,) in shop.rows("SELECT value FROM identifier WHERE kind = 'tracking'")}


@pytest.mark.parametrize("settings", [{"shop": "nada"}, {"shop": "a.myshopify.com", "history": "x"},
                                      {"shop": "a.myshopify.com", "categories": "x"}, {"shop": "a.myshopify.com", "points": "0"},
                                      {"shop": "a.myshopify.com", "notices": "ftp://x"}])  # fmt: skip
def test_settings_that_cannot_work_are_refused_by_name(settings: dict[str, str]) -> None:
    from cuadra.connectors.shopify import ShopifyConnector

    with pytest.raises(UsageError):
        ShopifyConnector().check(settings)


def test_the_budget_is_a_bucket_that_is_shared() -> None:
    now, slept = [0.0], []
    pace = http.Pace(50, 500, clock=lambda: now[0], sleep=slept.append)
    for _ in range(5):
        pace.wait(100)
    assert slept == [], "the bucket was full"
    pace.wait(100)
    assert slept == [2.0]
    pace.give_back(90)
    now[0] = 2.0
    pace.wait(10)
    assert slept == [2.0], "of the last hundred only ten were used"
    pace.give_back(0, left=0)
    pace.wait(50)
    assert slept[-1] == 1.0, "the platform itself says that nothing is left"
