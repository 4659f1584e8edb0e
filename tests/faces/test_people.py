"""What a platform says that is of no order: the app was thrown out, a buyer wants his data or wants to be forgotten."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from cuadra import accounts, secrets
from cuadra.connectors.base import Raw, Rejected, Told
from cuadra.connectors.shopify.hooks import judge
from cuadra.faces.intake.app import Intake
from cuadra.jobs import problems, taking, telling, working
from cuadra.ledger import person
from cuadra.ledger.acts import Act
from cuadra.model import Entity
from cuadra.secrets import KeyFile, Secret
from tests.faces.conftest import Cuadra
from tests.faces.listening import during, post
from tests.shopifyworld import Followed, following, hurried_shopify
from tests.test_person import found
from tests.world import World, line, order

__all__ = ["hurried_shopify"]
pytestmark = pytest.mark.usefixtures("hurried_shopify")
TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
HERE = "https://hooks.example/in/x"


def signed(
    body: bytes, topic: str, *, shop: str = "cafe.myshopify.com", secret: str = "s", webhook: str = "w1"
) -> dict[str, str]:
    """The headers of a genuine delivery."""
    mark = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {"x-shopify-hmac-sha256": mark, "x-shopify-topic": topic, "x-shopify-shop-domain": shop,
            "x-shopify-webhook-id": webhook, "content-type": "application/json"}  # fmt: skip


def of_buyer(orders: list[int] | None = None, *, shop: str = "cafe.myshopify.com", **who: Any) -> bytes:
    return json.dumps({"shop_id": 1, "shop_domain": shop, "customer": who, "orders_to_redact": orders or []}).encode()


def heard(shop: Followed, topic: str, customer: Any = None) -> None:
    """The platform asks, and what it asks is worked off."""
    shop.shop.ask_privacy(topic, customer)
    shop.shop.deliver()
    shop.work()


def listening(shop: Followed) -> None:
    for topic in TOPICS:
        shop.shop.subscribe(topic, HERE)


def buyer_of(shop: Followed) -> Any:
    """Somebody with orders that are present here, whom nothing else is like."""
    ours = {
        row[0]
        for row in shop.rows("SELECT source_id FROM orders WHERE standing = 'present' AND customer_id IS NOT NULL")
    }
    return next(one for one in shop.shop.world.customers.values()
                if one.email and one.orders and {str(n) for n in one.orders} <= ours)  # fmt: skip


# ---------------------------------------------------------------- what it is


def test_whom_a_request_names() -> None:
    body = of_buyer([7, 8], id=501, email="ana@example.com", phone=None)
    told = judge(signed(body, "customers/redact"), body, "s", "cafe.myshopify.com")
    assert isinstance(told, Told)
    assert (told.kind, told.topic) == ("erase_person", "customers/redact")
    assert told.subject == {"id": "501", "email": "ana@example.com", "phone": None, "orders": ["7", "8"]}
    assert told.webhook.startswith("w1:")
    body = b'{"shop_id": 1, "shop_domain": "cafe.myshopify.com"}'
    told = judge(signed(body, "shop/redact"), body, "s", "cafe.myshopify.com")
    assert isinstance(told, Told)
    assert (told.kind, told.subject) == ("erase_store", {})


@pytest.mark.parametrize("topic", [*TOPICS, "app/uninstalled"])
def test_a_genuine_notice_of_something_else_is_no_request(topic: str) -> None:
    """The topic is not signed: whoever has seen a notice of an order could send it again under another one."""
    bodies = [
        {"id": 1, "line_items": [], "customer": {"id": 5}}, {}, {"shop_id": 1},
        {"shop_id": 1, "shop_domain": "cafe.myshopify.com", "customer": {"id": 5}, "line_items": []},
    ]  # fmt: skip
    if topic != "customers/redact":
        bodies.append({"shop_domain": "cafe.myshopify.com", "customer": {"id": 5}, "orders_to_redact": []})
    if topic != "customers/data_request":
        bodies.append({"shop_domain": "cafe.myshopify.com", "customer": {"id": 5}, "orders_requested": []})
    for said in bodies:
        body = json.dumps(said).encode()
        found = judge(signed(body, topic), body, "s", "cafe.myshopify.com")
        assert isinstance(found, Rejected), (topic, said)
        assert found.reason == "payload_unreadable"
    other = b'{"shop_id": 1, "shop_domain": "te.myshopify.com"}'
    found = judge(signed(other, "shop/redact"), other, "s", "cafe.myshopify.com")
    assert isinstance(found, Rejected)
    assert found.reason == "store_unexpected"


def test_a_request_that_cannot_be_read_is_refused_and_one_that_is_not_genuine_too() -> None:
    body = b'{"customer": "ana"}'
    found = judge(signed(body, "customers/redact"), body, "s", "cafe.myshopify.com")
    assert isinstance(found, Rejected)
    assert found.reason == "payload_unreadable"
    found = judge(signed(body, "customers/redact", secret="other"), body, "s", "cafe.myshopify.com")
    assert isinstance(found, Rejected)
    assert found.reason == "signature_invalid"


# ---------------------------------------------------------------- on its way in


def shopify(world: World, name: str, secret: str) -> str:
    """An active integration; the path of its notices."""
    one = accounts.add_integration(world.db, world.account, name, "shopify", {"shop": f"{name}.myshopify.com"}, "test")
    accounts.move(world.db, world.account, one, "active", "test")
    secrets.put(
        world.db,
        KeyFile.of(world.settings),
        world.account.account_id,
        one.integration_id,
        "webhook_secret",
        Secret(secret),
    )
    return f"/in/{accounts.integration_named(world.db, world.account, name).address}"


def test_requests_are_kept_apart_from_receipts_and_one_that_comes_again_is_the_same(world: World, info: str) -> None:
    path = shopify(world, "cafe", "s")
    body = of_buyer(id=501, email="ana@example.com")
    intake = Intake(world.settings, info)

    async def act() -> list[int]:
        return [(await post(intake, path, body, signed(body, "customers/redact"))).status for _ in range(3)]

    assert during(intake, act) == [200] * 3
    assert world.rows("SELECT kind, subject ->> 'email' FROM platform_notice") == [("erase_person", "ana@example.com")]
    assert world.rows("SELECT 1 FROM receipt") == []


def test_a_request_goes_to_the_shop_that_it_names(world: World, info: str) -> None:
    path = shopify(world, "cafe", "s")
    shopify(world, "te", "t")
    body = of_buyer(id=1, shop="te.myshopify.com")
    intake = Intake(world.settings, info)

    async def act() -> list[int]:
        ours = signed(body, "customers/redact", shop="te.myshopify.com", secret="t")
        another = signed(body, "customers/redact", shop="mate.myshopify.com", secret="s")
        orders = signed(body, "orders/create", shop="te.myshopify.com", secret="t")
        return [(await post(intake, path, body, headers)).status for headers in (ours, another, orders)]

    assert during(intake, act) == [401, 409, 401], "the app's own secret signs all; another app's does not"
    secrets.put(world.db, KeyFile.of(world.settings), world.account.account_id,
                accounts.integration_named(world.db, world.account, "te").integration_id, "webhook_secret", Secret("s"))  # fmt: skip

    later = Intake(world.settings, info)

    async def again() -> list[int]:
        ours = signed(body, "customers/redact", shop="te.myshopify.com", secret="s")
        orders = signed(body, "orders/create", shop="te.myshopify.com", secret="s")
        return [(await post(later, path, body, headers)).status for headers in (ours, orders)]

    assert during(later, again) == [200, 409]
    assert world.rows("SELECT i.name FROM platform_notice n JOIN integration i USING (integration_id)") == [("te",)]


# ---------------------------------------------------------------- done


def test_a_buyer_who_wants_to_be_forgotten_is(world: World) -> None:
    with following(world, orders=40) as shop:
        shop.scan()
        listening(shop)
        who = buyer_of(shop)
        traces = (who.email,)
        assert found(world, traces=traces)
        before = shop.rows("SELECT count(*), sum(total) FROM orders WHERE standing = 'present'")
        heard(shop, "customers/redact", who)
        assert found(world, traces=traces) == []
        assert shop.rows("SELECT count(*), sum(total) FROM orders WHERE standing = 'present'") == before
        (request,) = telling.requests(world.db, world.account)
        assert request.result == {"customers": 1, "orders": len(who.orders)}
        assert request.subject == {}
        shop.scan()
        assert found(world, traces=traces) == [], "what is read again brings nobody back"


def test_a_request_waits_for_receipts_that_name_the_buyer(world: World) -> None:
    with following(world, orders=30) as shop:
        shop.scan()
        listening(shop)
        who = buyer_of(shop)
        shop.shop.ask_privacy("customers/redact", who)
        shop.shop.deliver()
        raw = Raw(Entity.ORDER, json.dumps({"id": 990, "email": who.email}).encode(), 1)
        taking.keep(world.db, world.account, shop.one, [raw], "webhook")
        assert telling.due(world.db, world.account, shop.one) == 0
        (request,) = telling.requests(world.db, world.account)
        assert (request.open, request.tries) == (True, 1)
        shop.work()
        assert telling.requests(world.db, world.account)[0].tries == 1, "put off"
        with world.db.transaction(world.account.account_id) as conn:
            conn.execute("UPDATE platform_notice SET due_at = now()")
        accounts.move(world.db, world.account, shop.one, "paused", "test")
        shop.work()
        assert not telling.requests(world.db, world.account)[0].open, (
            "the right does not rest while the integration does"
        )
        assert found(world, traces=(who.email,)) == []


def test_data_is_handed_out_by_a_person(world: World, cuadra: Cuadra) -> None:
    with following(world, orders=40) as shop:
        shop.scan()
        listening(shop)
        who = buyer_of(shop)
        heard(shop, "customers/data_request", who)
        (request,) = telling.requests(world.db, world.account)
        assert (request.kind, request.open) == ("export_person", True)
        listed = cuadra("person", "requests", "--json")
        assert who.email not in listed.out
        assert json.loads(listed.out)[0]["kind"] == "export_person"
        assert who.email in cuadra("person", "requests", "--show-personal").out
        handed = json.loads(cuadra("person", "export", "--request", str(request.number)).out)
        assert {one["id"] for one in handed["orders"]} == {str(number) for number in who.orders}
        assert handed["customers"]
        (request,) = telling.requests(world.db, world.account)
        assert not request.open
        assert request.subject == {}
        again = cuadra("person", "export", "--request", str(request.number))
        assert again.code == 2
        assert cuadra("person", "export").code == 2
        assert cuadra("person", "export", "--request", "1").code == 2


def test_a_shop_speaks_for_itself_only(world: World) -> None:
    """A buyer whom another store knows too stays there; his orders of this shop forget him."""
    with following(world, orders=40) as shop:
        shop.scan()
        listening(shop)
        who = buyer_of(shop)
        other = {"id": "9", "name": "Eva Otra", "email": who.email}
        world.take(order("900", customer=other, lines=[line()]))
        heard(shop, "customers/redact", who)
        assert {place[0] for place in found(world, traces=(who.email,))} <= {
            "customer_key",
            "orders",
            "receipt",
            "identifier",
            "customer",
            "order_version",
        }
        kept = shop.rows("SELECT count(*) FILTER (WHERE o.customer_email IS NOT NULL) FROM orders o JOIN store s USING (store_id)"
                         " WHERE s.platform LIKE 'shopify%%' AND o.source_id = ANY(%s)", [str(n) for n in who.orders])  # fmt: skip
        assert kept == [(0,)]
        assert shop.rows("SELECT customer_email FROM orders WHERE source_id = '900'") == [(who.email,)]


def test_after_an_app_was_thrown_out_everybody_is_forgotten(world: World) -> None:
    with following(world, orders=40) as shop:
        shop.scan()
        listening(shop)
        emails = tuple({one.email for one in shop.shop.world.customers.values() if one.email})
        assert found(world, traces=emails)
        many = shop.rows("SELECT count(*), sum(total) FROM orders")
        shop.shop.uninstall()
        heard(shop, "shop/redact")
        assert found(world, traces=emails) == []
        assert shop.rows("SELECT count(*), sum(total) FROM orders") == many
        assert shop.one.state == "broken"


def test_a_contact_that_two_people_share_erases_only_the_one_who_asks(world: World) -> None:
    with following(world, orders=40) as shop:
        shop.scan()
        who = buyer_of(shop)
        other = next(one for one in shop.shop.world.customers.values() if one.id != who.id and one.email and one.orders)
        buyer = person.Buyer(str(who.id), other.email, None, [str(other.orders[0])])
        person.erase_buyer(world.db, Act(world.account, "test"), shop.one.store_id, buyer)
        assert found(world, traces=(who.email,)) == []
        rows = shop.rows(
            "SELECT count(*) FROM customer_key WHERE kind = 'email' AND value = %s", other.email.casefold()
        )
        assert rows == [(1,)], "whose order was named, or whose contact it is, is not himself forgotten"
        kept = shop.rows(
            "SELECT count(*) FROM receipt WHERE kind = 'customer' AND position(%s::bytea IN body) > 0",
            other.email.encode(),
        )
        assert kept[0][0] >= 1, "nor is his own record"


def test_a_request_waits_while_the_store_is_imported_and_is_done_of_a_removed_one(world: World) -> None:
    with following(world, orders=40) as shop:
        shop.scan()
        listening(shop)
        who = buyer_of(shop)
        shop.shop.ask_privacy("customers/redact", who)
        shop.shop.deliver()
        with world.db.transaction(world.account.account_id) as conn:
            conn.execute("UPDATE run SET state = 'running', ended_at = NULL")
        assert telling.due(world.db, world.account, shop.one) == 0
        with world.db.transaction(world.account.account_id) as conn:
            conn.execute("UPDATE run SET state = 'finished', ended_at = now()")
            conn.execute("UPDATE platform_notice SET due_at = now()")
        gone = shop.one
        accounts.move(world.db, world.account, gone, "removed", "test")
        with world.db.again() as db:
            shops = working.Shops(world.settings, db)
            working.listen(db, shops)
            shops.close()
        assert found(world, traces=(who.email,)) == []


# ---------------------------------------------------------------- the app


def test_an_app_that_is_thrown_out_breaks_its_integration_until_it_is_back(world: World) -> None:
    with following(world, orders=10) as shop:
        shop.scan()
        shop.shop.uninstall()
        shop.shop.deliver()
        shop.work()
        assert shop.one.state == "broken"
        problem = problems.last(world.db, world.account.account_id, shop.one.integration_id)
        assert problem is not None
        assert problem.reason == "app_uninstalled"
        assert shop.scan().problem is not None
        problem = problems.last(world.db, world.account.account_id, shop.one.integration_id)
        assert problem is not None
        assert problem.reason == "app_uninstalled", "the refusal only follows from it"
        shop.shop.app.installed = True
        shop.secret("access_token", shop.shop.tokens.permanent(shop.shop.app))
        assert shop.scan().problem is None
        assert shop.one.state == "active"
        assert problems.last(world.db, world.account.account_id, shop.one.integration_id) is None
