"""The rules of import and matching, one test per row of the feature map and per setting."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from cuadra.jobs import ways
from cuadra.ledger import Way
from cuadra.ledger.acts import Act
from tests.world import World

_blanks = itertools.count(1)


def again(one: dict[str, Any]) -> bytes:
    """The same order in other bytes, so that its file is a new one."""
    return msgspec.json.encode(one) + b" " * next(_blanks)


def ana(world: World) -> Act:
    """A person who acts."""
    return Act(world.account, "ana")


def order_id(world: World, source_id: str) -> int:
    """Our number of an order."""
    return int(world.rows("SELECT order_id FROM orders WHERE source_id = %s", source_id)[0][0])


def way(world: World, name: str = "shop") -> Way:
    """An integration with its current rules."""
    number = world.rows("SELECT integration_id FROM integration WHERE name = %s", name)[0][0]
    return way_of(world)(number)


def way_of(world: World) -> Any:
    """The function that acts ask for the rules of an integration."""
    return lambda number: ways.way_by_id(world.db, world.account, number)


def one(world: World, statement: str, *values: Any) -> Any:
    """The only value of a query."""
    ((value,),) = world.rows(statement, *values)
    return value


def evidence(world: World, source_id: str) -> Any:
    """The stored evidence of an order, by code."""
    return one(world, "SELECT evidence FROM orders WHERE source_id = %s", source_id)
