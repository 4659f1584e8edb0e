"""Simulated stores, and the published schema to hold against them."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema

from cuadra_simulators.shopify import Shop


@pytest.fixture
def shop() -> Shop:
    """A small shop. In process."""
    return Shop(1, orders=80)


@pytest.fixture(scope="module")
def still() -> Shop:
    """A shop with some of everything, for reading only."""
    return Shop(3, orders=240)


@pytest.fixture(scope="session")
def published(shared: Path) -> GraphQLSchema:
    """The published schema."""
    path = shared / "platforms" / "schema" / "shopify-admin.graphql"
    return build_schema(path.read_text(encoding="utf-8"), assume_valid=True)
