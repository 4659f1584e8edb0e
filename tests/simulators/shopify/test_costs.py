"""What queries cost, what is admitted, and what is said to those who ask for too much."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.shopify import DOCUMENTED, MEXICO, Shop, cost
from tests.simulators.shopify.queries import ORDERS_PAGE, PING, TAG

FLAT = "{ orders(first: 250) { nodes { id name createdAt } } }"
NESTED = "{ orders(first: 250) { nodes { id lineItems(first: 250) { nodes { id } } } } }"


def spent(shop: Shop, query: str, variables: Any = None) -> dict[str, Any]:
    said: dict[str, Any] = shop.graphql(query, variables)["extensions"]["cost"]
    return said


def test_requested_costs_are_those_measured_on_a_shop(still: Shop) -> None:
    assert spent(still, FLAT)["requestedQueryCost"] == 13
    assert spent(still, NESTED)["requestedQueryCost"] == 156


def test_what_is_charged_is_what_was_got(shop: Shop) -> None:
    said = spent(shop, NESTED)
    assert 0 < said["actualQueryCost"] < said["requestedQueryCost"]
    assert said["throttleStatus"] == {
        "maximumAvailable": 2000.0, "currentlyAvailable": 2000 - said["actualQueryCost"], "restoreRate": 100.0,
    }  # fmt: skip


def test_the_manual_counts_every_object() -> None:
    shop = Shop(1, orders=10, odd=False, cost=cost(DOCUMENTED))
    assert spent(shop, "{ orders(first: 10) { nodes { id customer { id } } } }")["requestedQueryCost"] == 20
    assert spent(shop, "{ node(id: \"gid://shopify/Order/1\") { ... on Order { app { id } customer { id } } "
                       "... on Product { category { id } } } }")["requestedQueryCost"] == 3  # fmt: skip


def test_a_mutation_costs_ten(shop: Shop) -> None:
    gid = f"gid://shopify/Order/{next(iter(shop.world.orders))}"
    assert spent(shop, TAG, {"id": gid, "tags": ["x"]})["requestedQueryCost"] == 10


def test_a_variables_default_counts(shop: Shop) -> None:
    query = "query($n: Int = 200) { orders(first: $n) { nodes { id } } }"
    assert spent(shop, query)["requestedQueryCost"] == 10
    assert spent(shop, query, {"n": 40})["requestedQueryCost"] == 2


@pytest.mark.parametrize(("plan", "rate"), [("basic", 100), ("grow", 100), ("advanced", 200), ("plus", 1000),
                                            ("enterprise", 2000)])  # fmt: skip
def test_the_bucket_holds_twenty_seconds(plan: str, rate: int) -> None:
    status = spent(Shop(1, orders=1, settings=replace(MEXICO, plan=plan)), PING)["throttleStatus"]
    assert (status["maximumAvailable"], status["restoreRate"]) == (20.0 * rate, float(rate))


def emptied(shop: Shop) -> dict[str, Any]:
    for _ in range(500):
        answer: dict[str, Any] = shop.graphql(NESTED)
        if "data" not in answer:
            return answer
    raise AssertionError("never throttled")


def test_an_empty_bucket_throttles_with_200_and_fills_with_time(shop: Shop) -> None:
    answer = emptied(shop)
    assert answer["errors"] == [{"message": "Throttled", "extensions": {
        "code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"}}]  # fmt: skip
    said = answer["extensions"]["cost"]
    assert said["requestedQueryCost"] == 156
    assert said["actualQueryCost"] is None
    assert said["throttleStatus"]["currentlyAvailable"] < 156
    assert shop.graphql(PING)["data"]  # a small one still goes through
    shop.clock.advance(2)
    assert shop.graphql(NESTED)["data"]


def test_another_app_has_a_bucket_of_its_own(shop: Shop) -> None:
    emptied(shop)
    assert shop.graphql(NESTED, token=shop.tokens.permanent(shop.install()))["data"]


def test_the_bucket_may_fill_in_real_time() -> None:
    shop = Shop(1, orders=60, settings=replace(MEXICO, real_time_limits=True))
    shop.bucket(shop.app).take(10_000)
    shop.clock.advance(10_000)
    assert shop.graphql(PING)["errors"][0]["message"] == "Throttled"


@pytest.mark.shared
def test_throttling_looks_like_the_sample(shop: Shop, shared: Path) -> None:
    sample = json.loads((shared / "platforms" / "samples" / "shopify" / "error_throttled.json").read_text())
    mine = emptied(shop)
    assert mine["errors"] == sample["errors"]
    assert list(mine) == list(sample)
    assert list(mine["extensions"]["cost"]) == list(sample["extensions"]["cost"])


def test_a_query_over_1000_is_refused_before_it_runs(shop: Shop) -> None:
    dear = """{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { variant { id } product { id
      variants(first: 250) { nodes { id inventoryItem { id } } } } } } } } }"""
    answer = shop.graphql(dear)
    error = answer["errors"][0]
    assert list(answer) == ["errors"]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["extensions"]["maxCost"] == 1000 < error["extensions"]["cost"]
    assert error["message"].startswith(f"Query cost is {error['extensions']['cost']}, which exceeds")
    assert spent(shop, PING)["throttleStatus"]["currentlyAvailable"] >= 1990


def test_throttling_on_command(shop: Shop) -> None:
    shop.faults.add("too_many", times=1)
    assert shop.graphql(PING)["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert shop.graphql(ORDERS_PAGE, {"first": 5})["data"]
