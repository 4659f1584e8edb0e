"""Many changes in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cuadra_simulators.woocommerce.rest.context import Call
from cuadra_simulators.woocommerce.rest.wire import Answer, RestError
from cuadra_simulators.woocommerce.shapes.common import Json

MOST = 100
One = Callable[[dict[str, Any]], Json]


def run_batch(call: Call, *, create: One, update: One, delete: Callable[[int], Json]) -> Answer:
    """Do what is asked for, one thing after the other. What fails becomes an error inside an answer of 200."""
    asked = {name: list(call.body.get(name) or []) for name in ("create", "update", "delete")}
    if sum(len(items) for items in asked.values()) > MOST:
        text = f"Unable to accept more than {MOST} items for this request."
        raise RestError("woocommerce_rest_request_entity_too_large", text, 413)
    steps: list[tuple[str, Callable[[Any], Json]]] = [("create", create), ("update", update), ("delete", delete)]
    done = {name: [_try(step, item) for item in asked[name]] for name, step in steps if asked[name]}
    return Answer(done or [])


def _try(step: Callable[[Any], Json], item: Any) -> Json:
    number = item.get("id", 0) if isinstance(item, dict) else item
    try:
        return step(item)
    except RestError as problem:
        return {"id": number, "error": problem.shape()}
