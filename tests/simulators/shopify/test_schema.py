"""The schema is a part of the published one, and every field of it has a value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    parse,
    print_ast,
    validate,
    validate_schema,
)

from cuadra_simulators.shopify import Shop
from cuadra_simulators.shopify.graph.access import PROTECTED
from cuadra_simulators.shopify.graph.execution import the_schema
from cuadra_simulators.shopify.graph.registry import CONNECTIONS, FIELDS
from cuadra_simulators.shopify.webhooks import ENUMS
from tests.simulators.shopify import queries

GENERIC = ("Connection", "Edge", "Payload", "UserError")


def ours() -> list[Any]:
    return [kind for name, kind in the_schema().type_map.items() if not name.startswith("__")]


def default(argument: Any) -> str | None:
    node = argument.ast_node.default_value
    return None if node is None else print_ast(node)


@pytest.mark.shared
@pytest.mark.parametrize("name", [kind.name for kind in ours()])
def test_a_type_is_a_part_of_the_published_one(name: str, published: GraphQLSchema) -> None:
    mine, theirs = the_schema().type_map[name], published.type_map.get(name)
    assert theirs is not None
    assert type(mine) is type(theirs)
    if isinstance(mine, GraphQLEnumType):
        assert set(mine.values) <= set(theirs.values)
    elif isinstance(mine, GraphQLUnionType):
        assert {it.name for it in mine.types} <= {it.name for it in theirs.types}
    elif isinstance(mine, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for field, it in mine.fields.items():
            other = theirs.fields.get(field)
            assert other is not None, field
            assert str(it.type) == str(other.type), field
            if isinstance(mine, GraphQLInputObjectType):
                assert default(it) == default(other), field
            else:
                same_arguments(it, other)
    if isinstance(mine, GraphQLObjectType | GraphQLInterfaceType):
        assert {it.name for it in mine.interfaces} <= {it.name for it in theirs.interfaces}
    if isinstance(mine, GraphQLInputObjectType):
        needed = {name for name, it in theirs.fields.items() if str(it.type).endswith("!") and default(it) is None}
        assert needed <= set(mine.fields)


def same_arguments(mine: Any, theirs: Any) -> None:
    for name, it in mine.args.items():
        assert str(it.type) == str(theirs.args[name].type), name
        assert default(it) == default(theirs.args[name]), name
    needed = {name for name, it in theirs.args.items() if str(it.type).endswith("!") and default(it) is None}
    assert needed <= set(mine.args)


@pytest.mark.shared
def test_protected_fields_are_the_published_ones(shared: Path) -> None:
    path = shared / "platforms" / "schema" / "shopify-admin.protected-fields.json"
    published = json.loads(path.read_text(encoding="utf-8"))["protectedFields"]
    mine = the_schema().type_map
    expected = {
        (it["type"], it["field"], it["content"])
        for it in published
        if it["type"] in mine and it["field"] in getattr(mine[it["type"]], "fields", {})
    }
    assert {(kind, field, group) for kind, them in PROTECTED.items() for field, group in them.items()} == expected


def test_the_schema_is_valid() -> None:
    assert validate_schema(the_schema()) == []


def test_every_field_has_a_value_and_every_value_a_field() -> None:
    wanted = {
        (kind.name, field)
        for kind in ours()
        if isinstance(kind, GraphQLObjectType) and not kind.name.endswith(GENERIC) and kind.name != "PageInfo"
        for field in kind.fields
    }
    have = {(kind, field) for kind, fields in FIELDS.items() for field in fields} | set(CONNECTIONS)
    assert have == wanted


def test_topics_are_those_of_the_schema() -> None:
    kind = the_schema().type_map["WebhookSubscriptionTopic"]
    assert isinstance(kind, GraphQLEnumType)
    assert set(kind.values) == set(ENUMS)


@pytest.mark.parametrize("query", queries.ALL)
def test_what_integrations_ask_is_valid(query: str) -> None:
    assert validate(the_schema(), parse(query)) == []


@pytest.mark.shared
@pytest.mark.parametrize("query", queries.ALL)
def test_what_integrations_ask_is_valid_at_the_platform(query: str, published: GraphQLSchema) -> None:
    assert validate(published, parse(query)) == []


def outline(value: Any) -> Any:
    """Keys and kinds of values, wherever there are any."""
    if isinstance(value, dict):
        return {key: outline(it) for key, it in value.items()}
    if isinstance(value, list):
        return [outline(value[0])] if value else []
    return type(value).__name__


def agree(mine: Any, theirs: Any, path: str = "") -> None:
    """Same keys in the same order, same kinds of values; nulls and empty lists agree with anything."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        assert list(mine) == list(theirs), path
        for key in mine:
            agree(mine[key], theirs[key], f"{path}.{key}")
    elif isinstance(mine, list) and isinstance(theirs, list):
        if mine and theirs:
            agree(mine[0], theirs[0], f"{path}[]")
    elif mine not in ("NoneType", []) and theirs not in ("NoneType", []):
        assert mine == theirs, path


@pytest.mark.shared
@pytest.mark.parametrize("name", ["orders_page", "order_single", "product", "customer"])
def test_answers_look_like_the_samples(name: str, shared: Path, still: Shop) -> None:
    sample = json.loads((shared / "platforms" / "samples" / "shopify" / f"{name}.json").read_text(encoding="utf-8"))
    order = next(it for it in still.truth.orders().values() if it.refunds and it.fulfillments and it.customer_id)
    product = next(it for it in still.truth.products().values() if it.category and it.collections)
    asked = {
        "orders_page": (queries.ORDERS_PAGE, {"first": 3}), "order_single": (queries.ORDER, {"id": order.gid}),
        "product": (queries.PRODUCT, {"id": product.gid}),
        "customer": (queries.CUSTOMER, {"id": f"gid://shopify/Customer/{order.customer_id}"}),
    }[name]  # fmt: skip
    agree(outline(still.graphql(*asked)["data"]), outline(sample["data"]))
