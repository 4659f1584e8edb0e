"""Recordings of a real shop, and simulated shops to hold against them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuadra_simulators.woocommerce import COLOMBIA, Shop

Recorded = Callable[[str], Any]


@pytest.fixture(scope="session")
def captures(shared: Path) -> Path:
    """The folder of the recordings."""
    folder = shared / "platforms" / "captures" / "woocommerce-9.2.5"
    if not folder.is_dir():
        pytest.skip("needs the recordings of WooCommerce 9.2.5 (CUADRA_SHARED)")
    return folder


@pytest.fixture(scope="session")
def recorded(captures: Path) -> Recorded:
    """A recording by its name, without the ending."""

    def read(name: str) -> Any:
        return json.loads((captures / f"{name}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture
def shop() -> Shop:
    """A small shop like the recorded one: Bogotá, pesos without decimals. In process."""
    return Shop(1, orders=60, settings=COLOMBIA)


@pytest.fixture(scope="module")
def big_shop() -> Shop:
    """A shop with some of everything, for reading only."""
    shop = Shop(3, orders=400, settings=COLOMBIA)
    shop.desk.open_checkout()
    return shop
