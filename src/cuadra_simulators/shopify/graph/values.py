"""The values of arguments, as a document and its variables give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import FieldNode, GraphQLField, OperationDefinitionNode, Undefined, value_from_ast_untyped


def arguments(field: GraphQLField, node: FieldNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """By name: what is given, else the default."""
    given = {it.name.value: value_from_ast_untyped(it.value, dict(variables)) for it in node.arguments or ()}
    known = {
        name: value_from_ast_untyped(it.ast_node.default_value)
        for name, it in field.args.items()
        if it.ast_node is not None and it.ast_node.default_value is not None
    }
    return {**known, **{name: value for name, value in given.items() if value is not Undefined}}


def with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables, with the defaults that the operation has for those that are missing."""
    known = {
        it.variable.name.value: value_from_ast_untyped(it.default_value)
        for it in operation.variable_definitions or ()
        if it.default_value is not None
    }
    return {**known, **variables}
