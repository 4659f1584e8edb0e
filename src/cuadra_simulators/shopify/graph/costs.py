"""What queries cost: before they run, by what they ask for; afterwards, by what they got."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from cuadra_simulators.shopify.graph.values import arguments, with_defaults
from cuadra_simulators.shopify.money import rounded

FREE = ("MoneyBag", "MoneyV2", "PageInfo", "Count", "Attribute", "TaxLine", "UserError", "FulfillmentTrackingInfo")
MOST = 1000
MUTATION = 10


@dataclass(frozen=True, slots=True)
class Weights:
    """A way to count. `node`: what one node of a connection counts beside its parts; `free`: types that count nothing."""

    node: float
    object: float
    free: tuple[str, ...]
    least: float


DOCUMENTED = Weights(1, 1, (), 0)
"""As the manual says: every object 1, a connection as many times as it may hold."""
MEASURED = Weights(1 / 20, 1, FREE, 1)
"""Near what was measured on a shop: 250 orders alone 13, with up to 250 line ids each 156."""
CostFunction = Callable[[GraphQLSchema, DocumentNode, OperationDefinitionNode, Mapping[str, Any], Any], int]
"""(schema, document, operation, variables, data or None before it runs) → points."""


def cost(weights: Weights) -> CostFunction:
    """A cost function that counts that way."""

    def count(
        schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode,
        variables: Mapping[str, Any], data: Any,
    ) -> int:  # fmt: skip
        counter = _Counter(schema, document, with_defaults(operation, variables), weights)
        if operation.operation.value == "mutation":
            return MUTATION
        root = schema.query_type
        assert root is not None
        points = counter.inside(root, operation.selection_set, data, asked=data is None)
        return max(1, _up(points))

    return count


def _up(points: float) -> int:
    return rounded(Decimal(repr(round(points, 6))))


class _Counter:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], weights: Weights
    ) -> None:
        self.schema = schema
        self.fragments = {it.name.value: it for it in document.definitions if isinstance(it, FragmentDefinitionNode)}
        self.variables = variables
        self.weights = weights

    def inside(self, kind: Any, chosen: SelectionSetNode | None, data: Any, *, asked: bool) -> float:
        """The points of a selection; `asked`: of what it may give, else of what `data` it gave."""
        total = 0.0
        most: dict[str, float] = {}
        for node in chosen.selections if chosen else ():
            if isinstance(node, FieldNode):
                total += self._field(kind, node, data, asked=asked)
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                name, part = fragment.type_condition.name.value, fragment.selection_set
            else:
                assert isinstance(node, InlineFragmentNode)
                name = node.type_condition.name.value if node.type_condition else kind.name
                part = node.selection_set
            points = self.inside(self.schema.type_map[name], part, data, asked=asked)
            if isinstance(kind, GraphQLObjectType):
                total += points
            else:
                most[name] = most.get(name, 0) + points
        return total + max(most.values(), default=0)

    def _field(self, kind: Any, node: FieldNode, data: Any, *, asked: bool) -> float:
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) or node.selection_set is None:
            return 0.0
        field = kind.fields.get(node.name.value)
        if field is None:
            return 0.0
        found = get_named_type(field.type)
        value = data.get(node.alias.value if node.alias else node.name.value) if isinstance(data, Mapping) else None
        if not asked and value is None:
            return 0.0
        if found.name.endswith("Connection"):
            args = arguments(field, node, self.variables)
            return self._connection(found, node, args, value, asked=asked)
        if isinstance(value, list) and not asked:
            return sum(self._object(found, node, one, asked=asked) for one in value)
        return self._object(found, node, value, asked=asked)

    def _object(self, kind: Any, node: FieldNode, value: Any, *, asked: bool) -> float:
        own = 0.0 if kind.name in self.weights.free else self.weights.object
        return own + self.inside(kind, node.selection_set, value, asked=asked)

    def _connection(self, kind: Any, node: FieldNode, args: Mapping[str, Any], value: Any, *, asked: bool) -> float:
        weights = self.weights
        many = args.get("first") or args.get("last") or 0
        points = 0.0
        for part in node.selection_set.selections if node.selection_set else ():
            if not isinstance(part, FieldNode) or part.name.value not in ("nodes", "edges"):
                continue
            inner = get_named_type(kind.fields[part.name.value].type)
            name = part.alias.value if part.alias else part.name.value
            if asked:
                points += many * max(weights.least, self._node(inner, part, None, asked=True))
            else:
                points += sum(
                    max(weights.least, self._node(inner, part, one, asked=False))
                    for one in (value or {}).get(name) or ()
                )
        return max(weights.least, points * weights.node)

    def _node(self, kind: Any, part: FieldNode, value: Any, *, asked: bool) -> float:
        """A node's own points: 1 and its parts where objects count, else its parts."""
        own = 0.0 if self.weights.least else 1.0
        if kind.name.endswith("Edge"):
            inner = next(
                (it for it in (part.selection_set.selections if part.selection_set else ())
                 if isinstance(it, FieldNode) and it.name.value == "node"), None,
            )  # fmt: skip
            if inner is None:
                return own
            kind, part = get_named_type(kind.fields["node"].type), inner
            value = (value or {}).get(inner.alias.value if inner.alias else "node")
        return own + self.inside(kind, part.selection_set, value, asked=asked)


class Bucket:
    """The points that an app has at a shop: they fill up to `size`, `rate` a second."""

    def __init__(self, size: float, rate: float, now: Callable[[], float]) -> None:
        self.size = size
        self.rate = rate
        self._now = now
        self._at = now()
        self._left = size

    @property
    def left(self) -> float:
        """What is there now."""
        moment = self._now()
        self._left = min(self.size, self._left + max(0.0, moment - self._at) * self.rate)
        self._at = moment
        return self._left

    def take(self, points: float) -> None:
        """Use some; what was admitted may take more than there is."""
        self._left = self.left - points

    def resize(self, size: float, rate: float) -> None:
        """Another plan: full from the start."""
        self.size, self.rate, self._left = size, rate, size

    def status(self) -> dict[str, float]:
        """As answers tell it."""
        return {
            "maximumAvailable": float(self.size),
            "currentlyAvailable": int(self.left),
            "restoreRate": float(self.rate),
        }
