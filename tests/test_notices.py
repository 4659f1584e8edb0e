"""What a notice sets in motion: products fetched together, details completed later, errors that are signed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from cuadra.jobs import relinking
from tests.shopworld import SECRET, Followed, followed, hurried
from tests.world import World

__all__ = ["hurried"]


@pytest.fixture
def shop(world: World, hurried: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    """A shop of which nothing has been read yet."""
    monkeypatch.setattr(relinking, "FIRST_PAUSE", timedelta(0))
    with followed(world, connector="woocommerce", orders=1, customers=2) as it:
        yield it


def tell(shop: Followed) -> None:
    """Notices of orders arrive; those of products, whose stock has moved, go astray."""
    shop.answer = 202
    for sent in shop.shop.deliver():
        if sent.topic.startswith("order."):
            shop.hear(sent.body)


def sold(shop: Followed, number: int) -> list[int]:
    """What was sold with an order, as the shop numbers it."""
    return [line.variation_id or line.product_id for line in shop.shop.truth.orders()[number].lines]


def lines(world: World) -> Counter[str | None]:
    return Counter(reason for (reason,) in world.rows("SELECT reason FROM order_line"))


def asked(shop: Followed, before: Counter[str]) -> Counter[str]:
    """Calls since then for products and their variations."""
    return Counter({name: n for name, n in (shop.shop.calls - before).items() if "products" in name})


def test_the_products_of_a_batch_are_fetched_together(world: World, shop: Followed) -> None:
    shop.scan()
    category = next(one for one in shop.shop.world.categories.values() if one.parent)
    things = {
        shop.shop.request("POST", "products", body={
            "name": f"Novedad {at}", "sku": f"NOV-{at}", "regular_price": "100", "description": f"Recién llegada, {at}",
            "categories": [{"id": category.id}],
        }).json()["id"]
        for at in range(30)
    }  # fmt: skip
    numbers = [shop.shop.desk.place([(thing, 1)], status="processing") for thing in things]
    tell(shop)
    before = Counter(shop.shop.calls)
    shop.work(asking=True)
    assert asked(shop, before) == {"GET products": 1}
    assert all(world.standing(str(number)) == ("present", None) for number in numbers)
    assert not lines(world).keys() - {None}
    told = world.rows(
        "SELECT p.code, p.description, c.path, p.origin FROM order_line l JOIN product p USING (account_id, product_id)"
        " JOIN category c ON c.account_id = p.account_id AND c.category_id = p.category_id"
        " WHERE p.sku LIKE 'NOV-%%'"
    )
    assert {int(code) for code, *_ in told} == things
    assert {origin for *_, origin in told} == {"catalogue"}
    assert all(text and text.startswith("Recién llegada") for _, text, *_ in told)
    (path,) = {path for _, _, path, _ in told}
    assert category.name in path
    assert path != category.name  # with what stands above it

    # what is known is not asked for again
    before = Counter(shop.shop.calls)
    shop.shop.desk.place([(min(things), 1)], status="processing")
    tell(shop)
    shop.work()
    assert not asked(shop, before)


def test_variations_are_fetched_once_each_with_what_their_product_says(world: World, shop: Followed) -> None:
    """No list of the shop shows a variation."""
    kinds = [one for one in shop.shop.world.products.values() if one.parent and one.status == "publish"][:5]
    shop.world.rules("tienda", products__identify_by="id")
    for _ in range(2):
        for one in kinds:
            shop.shop.desk.place([(one.id, 1)], status="processing")
    tell(shop)
    before = Counter(shop.shop.calls)
    shop.work()
    made = asked(shop, before)
    assert made["GET products/{id}"] <= len(kinds) + 1, made
    assert set(lines(world)) == {None}
    told = world.rows("SELECT code, origin FROM product WHERE code = ANY(%s)", [str(one.id) for one in kinds])
    assert {int(code) for code, _ in told} == {one.id for one in kinds}
    assert {origin for _, origin in told} == {"catalogue"}


def test_details_that_cannot_be_had_now_come_by_themselves(world: World, shop: Followed) -> None:
    shop.shop.faults.add("error_500", path="GET products")
    number = shop.shop.desk.place(status="processing")
    tell(shop)
    shop.work(asking=False)
    assert world.standing(str(number)) == ("present", None)
    assert set(lines(world)) == {"product_details_pending"}
    assert {int(one) for (one,) in world.rows("SELECT source_id FROM relink WHERE kind = 'product'")} == set(
        sold(shop, number)
    )
    shop.shop.faults.clear()
    shop.work()
    assert set(lines(world)) == {None}
    assert world.rows("SELECT 1 FROM relink") == []
    assert world.rows("SELECT DISTINCT origin FROM product") == [("catalogue",)]
    assert not world.rows("SELECT 1 FROM orders WHERE 'product_details_pending' = ANY(warnings) OR incomplete")


def test_of_a_product_that_the_shop_has_deleted_nothing_more_is_waited_for(world: World, shop: Followed) -> None:
    shop.shop.faults.add("error_500", path="GET products")
    thing = next(p.id for p in shop.shop.world.products.values() if p.type == "simple" and p.sku and not p.parent)
    number = shop.shop.desk.place([(thing, 1)], status="processing")
    tell(shop)
    shop.work(asking=False)
    shop.shop.desk.delete_product(thing)
    shop.shop.faults.clear()
    shop.work()
    assert world.standing(str(number)) == ("present", None)
    assert set(lines(world)) == {None}
    assert world.rows("SELECT 1 FROM relink") == []
    assert world.rows("SELECT origin FROM product WHERE code = %s", str(thing)) == [("gone",)]


def test_an_error_that_was_signed_is_a_hint_and_nothing_else(world: World, shop: Followed) -> None:
    shop.scan()
    with shop.shop.world.request():
        owner = shop.shop._staff("gerente", "administrator")
    for hook in shop.shop.world.webhooks.values():
        hook.status = "paused"
    shop.shop.subscribe("order.updated", "http://127.0.0.1:1/in/x", secret=SECRET, user=owner)
    shop.shop.demote(owner)
    before = world.rows("SELECT source_id, standing, reason FROM orders ORDER BY 1")
    number = shop.shop.desk.place(status="processing")
    tell(shop)
    shop.work()
    ((outcome, reason, proof, identifier),) = world.rows(
        "SELECT outcome, reason, evidence, order_id FROM attempt ORDER BY receipt_id DESC LIMIT 1"
    )
    assert (outcome, reason, identifier) == ("hint", "scope_missing", None)
    assert proof["scope_missing"]["status"] == 403
    assert world.rows("SELECT source_id, standing, reason FROM orders ORDER BY 1") == before
    assert world.rows("SELECT 1 FROM relink") == []  # it names no order
    shop.scan()
    assert world.standing(str(number)) == ("present", None)  # the next look finds what the notice could not say


def test_an_order_that_was_gone_when_its_notice_was_made(world: World, shop: Followed) -> None:
    number = shop.shop.desk.place(status="processing")
    shop.shop.desk.erase(number)
    tell(shop)
    shop.work()
    assert set(world.rows("SELECT outcome, reason FROM attempt")) == {("hint", "not_found_at_source")}
    assert world.rows("SELECT 1 FROM orders") == []
