"""Recordings of a real shop, to hold a simulated one against."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
