"""A Shopify shop, followed: in the end the ledger has every order as the shop has it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.shopifyworld import compare, following, hurried_shopify
from tests.world import World

__all__ = ["hurried_shopify"]
pytestmark = pytest.mark.usefixtures("hurried_shopify")
NOTHING: Counter[str] = Counter()


@pytest.mark.parametrize("history", ["pages", "bulk"])
def test_the_first_import_is_the_shop(world: World, history: str) -> None:
    with following(world, orders=120, settings={"history": history}) as shop:
        report = shop.scan()
        assert report.problem is None, report.problem
        shop.scan()  # what was sold while the first one began
        many, wrong, said = compare(shop)
        assert wrong == NOTHING, said[:10]
        assert many >= 120
