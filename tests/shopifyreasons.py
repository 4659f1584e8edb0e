"""Reasons that only a Shopify shop gives, reached in a simulated one; see `test_reasons_reached`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cuadra_simulators.shopify import ALL_SCOPES
from tests.shopifyworld import Followed, following
from tests.world import World

Proof = dict[str, Any]


def _following(world: World, **shop: Any) -> Any:
    return following(world, connector="shopify", notices=False, orders=6, **shop)


def _of_run(shop: Followed, code: str) -> Proof:
    """The proof that the newest run's report has under its notes."""
    ((report,),) = shop.rows("SELECT report FROM run WHERE report IS NOT NULL ORDER BY run_id DESC LIMIT 1")
    return next(note["evidence"] for note in report["notes"] if note.get("reason") == code)


def an_order_of_a_shop_with_a_cheap_plan(world: World) -> Proof:
    with _following(world, kind="admin") as shop:
        shop.shop.upgrade("basic")
        shop.scan()
        found = shop.rows(
            "SELECT evidence -> 'customer_data_hidden_by_plan' FROM orders WHERE evidence ? 'customer_data_hidden_by_plan'"
        )
    assert found[0][0]["plan"]
    proof: Proof = found[0][0]
    return proof


def history_without_the_permission_for_it(world: World) -> Proof:
    with _following(world, days=100, scopes=[one for one in ALL_SCOPES if one != "read_all_orders"]) as shop:
        shop.scan()
        return _of_run(shop, "history_beyond_platform_window")


def a_shop_that_is_frozen(world: World) -> Proof:
    with _following(world) as shop:
        shop.shop.faults.add("frozen", path="Products")
        shop.scan()
        ((reason, proof),) = shop.rows("SELECT reason, evidence FROM run WHERE reason IS NOT NULL")
    assert reason == "platform_plan_lacks_api"
    found: Proof = proof
    return found


def an_answer_of_another_version(world: World) -> Proof:
    with _following(world) as shop:
        shop.shop.faults.add("version_retired")
        report = shop.scan()
        assert not report.troubled, "everything was read"
        return _of_run(shop, "source_structure_changed")


def a_shop_that_removes_the_app(world: World) -> Proof:
    with following(world, connector="shopify", orders=6) as shop:
        shop.scan()
        shop.shop.uninstall()
        shop.shop.deliver()
        shop.work()
        ((reason, proof),) = shop.rows("SELECT reason, evidence FROM problem WHERE ended_at IS NULL")
    assert reason == "app_uninstalled"
    found: Proof = proof
    return found


SCENARIOS: list[tuple[str, Callable[[World], Proof]]] = [
    ("app_uninstalled", a_shop_that_removes_the_app),
    ("customer_data_hidden_by_plan", an_order_of_a_shop_with_a_cheap_plan),
    ("history_beyond_platform_window", history_without_the_permission_for_it),
    ("platform_plan_lacks_api", a_shop_that_is_frozen),
    ("source_structure_changed", an_answer_of_another_version),
]
