"""One GraphQL request: read, checked against the schema, admitted by its cost, executed, and charged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from cuadra_simulators.shopify.graph import goods, lines, mutations, orders, people, roots, things  # noqa: F401
from cuadra_simulators.shopify.graph.access import Access
from cuadra_simulators.shopify.graph.costs import MOST, Bucket, CostFunction
from cuadra_simulators.shopify.graph.paging import Page, paged
from cuadra_simulators.shopify.graph.registry import CONNECTIONS, FIELDS, Context, type_of
from cuadra_simulators.shopify.model import Customer
from cuadra_simulators.shopify.services import Services

LIMITS = "https://shopify.dev/api/usage/rate-limits"
_UNKNOWN = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'\.")
_UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(\w+)' on field '(\w+)\.(\w+)'\.")
KEPT = 200


@cache
def the_schema() -> GraphQLSchema:
    """The schema, read once."""
    return build_schema(files("cuadra_simulators.shopify").joinpath("schema.graphql").read_text(encoding="utf-8"))


class Executor:
    """Answers the queries of all apps of a shop."""

    def __init__(self, services: Services, cost: CostFunction) -> None:
        self.services = services
        self.cost = cost
        self.schema = the_schema()
        self._read: dict[str, DocumentNode | list[Any]] = {}

    def run(self, access: Access, bucket: Bucket, query: str, variables: Mapping[str, Any], name: str | None,
            *, debug: bool = False, throttled: bool = False) -> dict[str, Any]:  # fmt: skip
        """The answer, always to be sent with HTTP 200."""
        document = self._parsed(query)
        if not isinstance(document, DocumentNode):
            return {"errors": document}
        operation = get_operation_ast(document, name)
        if operation is None:
            return {"errors": [{"message": "An operation name is required"}]}
        wrong = get_variable_values(self.schema, operation.variable_definitions or (), dict(variables))
        if isinstance(wrong, list):
            return {"errors": [{**_formatted(it), "extensions": {"code": "INVALID_VARIABLE"}} for it in wrong]}
        asked = self.cost(self.schema, document, operation, variables, None)
        if asked > MOST:
            return _too_dear(asked)
        if throttled or asked > bucket.left:
            return _throttled(asked, bucket)
        context = Context(self.services, access, self.services.world.now)
        with self.services.world.lock:
            result = execute_sync(
                self.schema, document, None, context, dict(variables), name, field_resolver=_resolve,
                type_resolver=lambda value, info, kind: type_of(value),
            )  # fmt: skip
        if result.data is None and result.errors and all(it.path is None for it in result.errors):
            return {"errors": [_formatted(it) for it in result.errors]}
        got = self.cost(self.schema, document, operation, variables, result.data or {})
        bucket.take(min(got, asked))
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [_formatted(it) for it in result.errors]
        answer["extensions"] = {
            "cost": {"requestedQueryCost": asked, "actualQueryCost": min(got, asked), "throttleStatus": bucket.status()}
        }
        if context.searches or debug:
            answer["extensions"]["search"] = _searches(context, operation)
        return answer

    def _parsed(self, query: str) -> DocumentNode | list[Any]:
        """The document, or the errors that it has."""
        known = self._read.get(query)
        if known is None:
            if len(self._read) > KEPT:
                self._read.clear()
            known = self._read[query] = _checked(self.schema, query)
        return known


def _checked(schema: GraphQLSchema, query: str) -> DocumentNode | list[Any]:
    try:
        document = parse(query)
    except GraphQLError as error:
        return [{"message": error.message, "locations": [{"line": it.line, "column": it.column} for it in error.locations or ()]}]  # fmt: skip
    problems = validate(schema, document)
    return [_invalid(document, it) for it in problems] if problems else document


def _resolve(source: Any, info: GraphQLResolveInfo[Context], **args: Any) -> Any:
    """The value of any field, if the app may have it."""
    context = info.context
    owner, name = info.parent_type.name, info.field_name
    kind = get_named_type(info.return_type).name
    denied = context.access.denies(owner, name, kind)
    if denied is not None and kind != "Customer":
        raise GraphQLError(denied.message, extensions=dict(denied.extensions()))
    if isinstance(source, Page):
        return page_field(source, name)
    if isinstance(source, tuple) and source and isinstance(source[0], Page):
        return source[1] if name == "node" else source[0].cursor(source[1])
    lister = CONNECTIONS.get((owner, name))
    if lister is not None:
        listing = lister(source, context, args)
        for search in context.searches:
            search["path"] = search["path"] or [name]
        services = context.services
        return paged(listing, args, services.faults, name, services.world.settings.walk_limit)
    value = (
        source.get(name)
        if isinstance(source, dict) and owner not in FIELDS
        else FIELDS[owner][name](source, context, args)
    )
    if denied is not None and isinstance(value, Customer):
        raise GraphQLError(denied.message, extensions=dict(denied.extensions()))
    return value


def page_field(page: Page, name: str) -> Any:
    """The fields of connections and of what they say about their pages."""
    if name == "nodes":
        return page.nodes
    if name == "edges":
        return [(page, node) for node in page.nodes]
    if name == "pageInfo":
        return page
    if name in ("startCursor", "endCursor"):
        return page.cursor(page.nodes[0 if name == "startCursor" else -1]) if page.nodes else None
    return page.after if name == "hasNextPage" else page.before


def _formatted(error: GraphQLError) -> dict[str, Any]:
    said: dict[str, Any] = {"message": error.message}
    if error.locations:
        said["locations"] = [{"line": it.line, "column": it.column} for it in error.locations]
    if error.extensions:
        said["extensions"] = error.extensions
    if error.path:
        said["path"] = error.path
    return said


def _invalid(document: DocumentNode, error: GraphQLError) -> dict[str, Any]:
    said = _formatted(error)
    if found := _UNKNOWN.match(error.message):
        said["message"] = f"Field '{found[1]}' doesn't exist on type '{found[2]}'"
        said["extensions"] = {"code": "undefinedField", "typeName": found[2], "fieldName": found[1]}
    elif found := _UNKNOWN_ARGUMENT.match(error.message):
        said["message"] = f"Field '{found[3]}' doesn't accept argument '{found[1]}'"
        said["extensions"] = {"code": "argumentNotAccepted", "name": found[3], "typeName": "Field",
                              "argumentName": found[1]}  # fmt: skip
    if error.nodes:
        said["path"] = next(iter(_paths(document, error.nodes[0], [])), [])
    return said


def _paths(node: Node, wanted: Node, path: list[str]) -> Iterator[list[str]]:
    """Where in the document a node stands: the operation, then field by field."""
    if isinstance(node, OperationDefinitionNode):
        path = [f"{node.operation.value} {node.name.value}" if node.name else node.operation.value]
    elif isinstance(node, FieldNode):
        path = [*path, node.alias.value if node.alias else node.name.value]
    if node is wanted:
        yield path
        return
    for key in node.keys:
        inside = getattr(node, key, None)
        for child in inside if isinstance(inside, list | tuple) else (inside,):
            if isinstance(child, Node):
                yield from _paths(child, wanted, path)


def _searches(context: Context, operation: OperationDefinitionNode) -> list[dict[str, Any]]:
    if context.searches:
        return context.searches
    roots_ = [it.name.value for it in operation.selection_set.selections if isinstance(it, FieldNode)]
    return [{"path": [name], "query": "", "warnings": []} for name in roots_]


def _too_dear(points: int) -> dict[str, Any]:
    message = (
        f"Query cost is {points}, which exceeds the single query max cost limit ({MOST}).\n\n"
        f"See {LIMITS} for more information on how the cost of a query is calculated."
    )
    said = {"code": "MAX_COST_EXCEEDED", "cost": points, "maxCost": MOST, "documentation": LIMITS}
    return {"errors": [{"message": message, "extensions": said}]}


def _throttled(points: int, bucket: Bucket) -> dict[str, Any]:
    cost = {"requestedQueryCost": points, "actualQueryCost": None, "throttleStatus": bucket.status()}
    return {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS}}],
        "extensions": {"cost": cost},
    }
