"""Which orders a list holds, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cuadra_simulators.woocommerce.model import Order
from cuadra_simulators.woocommerce.rest.context import Call
from cuadra_simulators.woocommerce.rest.dates import within
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, DATED, INTEGER, INTEGERS, PAGED, STRINGS, Param, Table
from cuadra_simulators.woocommerce.world import World

HIDDEN = ("trash", "auto-draft")
KEPT = 16
"""How many lists are remembered while nothing changes, for walks through many pages."""
ORDER_BY = ("date", "id", "include", "title", "slug", "modified")
_Row = tuple[str, int, Order]


def table(world: World) -> Table:
    """What a list of orders accepts; plugins add to the statuses."""
    return {
        **PAGED, **DATED, "order": Param(default="desc", choices=("asc", "desc")),
        "orderby": Param(default="date", choices=ORDER_BY), "parent": Param(INTEGERS, ()),
        "parent_exclude": Param(INTEGERS, ()), "customer": Param(INTEGER), "product": Param(INTEGER),
        "status": Param(STRINGS, ("any",), ("any", "trash", "auto-draft", *world.statuses)), "dp": Param(INTEGER),
        "order_item_display_meta": Param(BOOLEAN, default=False), "include_meta": Param(STRINGS, ()),
        "exclude_meta": Param(STRINGS, ()),
    }  # fmt: skip


class OrderFinder:
    """Lists of orders, remembered from page to page as long as the shop stands still."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Order]] = {}
        self._revision = -1

    def find(self, call: Call) -> list[Order]:
        """All orders that fit, sorted."""
        lag = call.services.faults.index_lag
        if self._revision != call.world.revision or lag or len(self._kept) > KEPT:
            self._kept.clear()
            self._revision = call.world.revision
        asked = repr({key: value for key, value in call.values.items() if key not in ("page", "per_page", "offset")})
        if asked not in self._kept:
            self._kept[asked] = _find(call.world, call.values, lag)
        return self._kept[asked]


def _find(world: World, values: dict[str, Any], lag: float) -> list[Order]:
    rows = _rows(world, lag)
    wanted = set(values["status"])
    if "any" in wanted:  # whatever stands beside it
        rows = [row for row in rows if row[0] not in HIDDEN]
    else:
        rows = [row for row in rows if row[0] in wanted]
    created, modified = within(values, world.settings.tz)
    tests = _tests(world, values)
    rows = [
        row for row in rows
        if modified(row[1]) and created(row[2].created) and all(test(row[2]) for test in tests)
    ]  # fmt: skip
    rows.sort(key=_sorting(values), reverse=values["order"] == "desc" and values["orderby"] != "include")
    return [order for _, _, order in rows]


def _rows(world: World, lag: float) -> list[_Row]:
    """(status, modified, order) as the index knows them: now, or so many seconds ago."""
    if not lag:
        return [(order.status, order.modified, order) for order in world.orders.values()]
    limit = world.now - lag
    rows: list[_Row] = []
    for order in world.orders.values():
        known = [entry for entry in order.indexed if entry[0] <= limit]
        if known:
            rows.append((known[-1][1], known[-1][2], order))
    return rows


def _tests(world: World, values: dict[str, Any]) -> list[Callable[[Order], bool]]:
    tests: list[Callable[[Order], bool]] = []
    if values["include"]:
        included = frozenset(values["include"])
        tests.append(lambda order: order.id in included)
    if values["exclude"]:
        excluded = frozenset(values["exclude"])
        tests.append(lambda order: order.id not in excluded)
    if values["customer"] is not None:
        tests.append(lambda order: order.customer_id == values["customer"])
    if values["product"] is not None:
        tests.append(lambda order: any(values["product"] in (at.product_id, at.variation_id) for at in order.lines))
    if values["parent"] and 0 not in values["parent"]:
        tests.append(lambda order: False)
    if values["search"]:
        text = values["search"].casefold()
        tests.append(lambda order: str(order.id) == text or text in _searchable(order))
    return tests


def _searchable(order: Order) -> str:
    parts = [line.name for line in order.lines]
    for a in (order.billing, order.shipping):
        parts += [a.first_name, a.last_name, a.company, a.address_1, a.address_2, a.city, a.email, a.phone]
    return " ".join(parts).casefold()


def _sorting(values: dict[str, Any]) -> Callable[[_Row], Any]:
    if values["orderby"] == "include":
        places = {at: place for place, at in enumerate(values["include"])}
        return lambda row: places.get(row[2].id, 0)
    if values["orderby"] == "modified":
        return lambda row: (row[1], row[2].id)
    if values["orderby"] == "id":
        return lambda row: row[2].id
    return lambda row: (row[2].created, row[2].id)
