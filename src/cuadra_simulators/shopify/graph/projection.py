"""A query made into plain functions: what the executor would answer, for very many objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    get_named_type,
    is_leaf_type,
)

from cuadra_simulators.shopify.graph.registry import CONNECTIONS, FIELDS, Args, Context, Lister, Listing, type_of
from cuadra_simulators.shopify.graph.values import arguments

Get = Callable[[Any], Any]
MOST_CONNECTIONS = 5
MOST_LEVELS = 2


class Unfit(Exception):
    """A query that bulk operations do not take."""


class _Null(Exception):
    """A field that may not be null would be: its parent is, instead."""


@dataclass(slots=True)
class Plan:
    """How to show one node: its own fields, and the connections below it, whose nodes stand for themselves."""

    fields: list[tuple[str, Get]] = field(default_factory=list)
    children: list[tuple[Callable[[Any], Listing | None], Plan]] = field(default_factory=list)
    ident: Get = str

    def show(self, it: Any) -> dict[str, Any]:
        """The node without what is below it."""
        return {key: get(it) for key, get in self.fields}


class Projector:
    """The plans of one query for one app. Unfit when bulk operations would refuse it."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode,
                 context: Context) -> None:  # fmt: skip
        self.schema = schema
        self.context = context
        self.fragments = {it.name.value: it for it in document.definitions if isinstance(it, FragmentDefinitionNode)}
        self.connections = 0
        root = schema.query_type
        assert root is not None
        chosen = self._collect(root, operation.selection_set.selections)
        if len(chosen) != 1:
            raise Unfit("Bulk queries must have exactly one top-level field.")
        nodes = next(iter(chosen.values()))
        name = nodes[0].name.value
        if name in ("node", "nodes"):
            raise Unfit("Bulk queries cannot use the top-level fields `node` and `nodes`.")
        kind = get_named_type(root.fields[name].type)
        self.denied = context.access.denies("QueryRoot", name, kind.name)
        plan = Plan()
        self._field(plan, root, name, nodes, 0, listed=False)
        if not self.connections:
            raise Unfit("Bulk queries must contain at least one connection.")
        if self.connections > MOST_CONNECTIONS:
            raise Unfit(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
        if not plan.children or plan.fields:
            raise Unfit("The top-level field of a bulk query must be a connection.")
        self._lister, self.plan = plan.children[0]

    def roots(self) -> Sequence[Any]:
        """The nodes of the first connection."""
        listing = self._lister(None)
        return listing.items if listing else ()

    def lines(self, it: Any) -> Iterator[dict[str, Any]]:
        """A root and everything below it, parents before children."""
        return self._lines(it, self.plan, None)

    def _lines(self, it: Any, plan: Plan, parent: str | None) -> Iterator[dict[str, Any]]:
        try:
            said = plan.show(it)
        except _Null:
            return
        if parent is not None:
            said["__parentId"] = parent
        yield said
        for lister, child in plan.children:
            listing = lister(it)
            if listing is not None:
                own = plan.ident(it)
                for one in listing.items:
                    yield from self._lines(one, child, own)

    def _collect(self, kind: Any, selections: Sequence[SelectionNode]) -> dict[str, list[FieldNode]]:
        """The fields chosen of an object type, by the key they are answered under."""
        chosen: dict[str, list[FieldNode]] = {}
        for it in selections:
            if isinstance(it, FieldNode):
                chosen.setdefault(it.alias.value if it.alias else it.name.value, []).append(it)
                continue
            part: FragmentDefinitionNode | InlineFragmentNode
            if isinstance(it, FragmentSpreadNode):
                part = self.fragments[it.name.value]
            else:
                assert isinstance(it, InlineFragmentNode)
                part = it
            name = part.type_condition.name.value if part.type_condition else kind.name
            if name == kind.name or self._is(kind, name):
                for key, nodes in self._collect(kind, part.selection_set.selections).items():
                    chosen.setdefault(key, []).extend(nodes)
        return chosen

    def _is(self, kind: Any, name: str) -> bool:
        above = self.schema.type_map[name]
        if isinstance(above, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(above, kind)
        return False

    def _plan(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], level: int, *, listed: bool) -> Plan:
        """`level`: connections above; `listed`: inside a list that is no connection."""
        plan = Plan()
        if "id" in FIELDS.get(kind.name, {}):
            resolve, context = FIELDS[kind.name]["id"], self.context
            plan.ident = lambda it: resolve(it, context, {})
        selections = [one for node in nodes if node.selection_set for one in node.selection_set.selections]
        for key, chosen in self._collect(kind, selections).items():
            self._field(plan, kind, key, chosen, level, listed=listed)
        return plan

    def _field(self, plan: Plan, owner: GraphQLObjectType, key: str, nodes: list[FieldNode], level: int, *,
               listed: bool) -> None:  # fmt: skip
        name = nodes[0].name.value
        if name == "__typename":
            plan.fields.append((key, _always(owner.name)))
            return
        field_ = owner.fields[name]
        kind = get_named_type(field_.type)
        args = arguments(field_, nodes[0], {})
        lister = CONNECTIONS.get((owner.name, name))
        if lister is not None:
            self._connection(plan, kind, lister, args, nodes, level, listed=listed)
            return
        context = self.context
        denied = context.access.denies(owner.name, name, kind.name)
        if denied is not None:
            plan.fields.append((key, _null if isinstance(field_.type, GraphQLNonNull) else _none))
            return
        resolve = FIELDS[owner.name][name]

        def get(it: Any) -> Any:
            return resolve(it, context, args)

        if is_leaf_type(kind):
            plan.fields.append((key, get))
            return
        many = _is_list(field_.type)
        inner = self._inner(kind, nodes, level, listed=listed or many)
        if isinstance(inner, Plan) and inner.children:
            plan.children += [(_below(get, below), child) for below, child in inner.children]
        show = inner.show if isinstance(inner, Plan) else _by_type(inner)
        plan.fields.append((key, _object(get, show, many=many, needed=isinstance(field_.type, GraphQLNonNull))))

    def _inner(self, kind: Any, nodes: list[FieldNode], level: int, *, listed: bool) -> Plan | dict[str, Plan]:
        if isinstance(kind, GraphQLObjectType):
            return self._plan(kind, nodes, level, listed=listed)
        return {it.name: self._plan(it, nodes, level, listed=listed) for it in self.schema.get_possible_types(kind)}

    def _connection(self, plan: Plan, kind: Any, lister: Lister, args: Args, nodes: list[FieldNode], level: int, *,
                    listed: bool) -> None:  # fmt: skip
        if listed:
            raise Unfit("Queries that contain a connection field within a list field are not currently supported.")
        if level > MOST_LEVELS:
            raise Unfit(f"Bulk queries cannot nest connections more than {MOST_LEVELS} levels deep.")
        self.connections += 1
        inside = self._collect(
            kind, [one for node in nodes if node.selection_set for one in node.selection_set.selections]
        )
        chosen = list(inside.get("nodes", []))
        for edge in inside.get("edges", []):
            chosen += [it for it in (edge.selection_set.selections if edge.selection_set else ())
                       if isinstance(it, FieldNode) and it.name.value == "node"]  # fmt: skip
        item = get_named_type(kind.fields["nodes"].type)
        known = "Node" in [it.name for it in getattr(item, "interfaces", ())]
        if not known or not isinstance(item, GraphQLObjectType):
            raise Unfit("The connection fields of a bulk query must be of types that implement the Node interface.")
        child = self._plan(item, chosen, level + 1, listed=False)
        context = self.context
        plan.children.append((lambda it: lister(it, context, args), child))


def _always(value: Any) -> Get:
    return lambda it: value


def _none(it: Any) -> None:
    return None


def _null(it: Any) -> None:
    raise _Null


def _is_list(kind: Any) -> bool:
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList)


def _below(get: Get, lister: Callable[[Any], Listing | None]) -> Callable[[Any], Listing | None]:
    def read(it: Any) -> Listing | None:
        inside = get(it)
        return None if inside is None else lister(inside)

    return read


def _by_type(plans: dict[str, Plan]) -> Get:
    return lambda value: plans[type_of(value)].show(value)


def _object(get: Get, show: Get, *, many: bool, needed: bool) -> Get:
    """The value of a field that has fields; nothing in place of one that cannot be shown."""

    def one(it: Any) -> Any:
        value = get(it)
        if value is None:
            return None
        try:
            return [show(part) for part in value] if many else show(value)
        except _Null:
            if needed:
                raise
            return None

    return one
