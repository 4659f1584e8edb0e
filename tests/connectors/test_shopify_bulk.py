"""A bulk file, line by line: what it takes to put an order together from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cuadra.connectors.http import Trouble
from cuadra.connectors.shopify import bulk

GID = "gid://shopify/Order/7"
NO_MONEY = {"shopMoney": {"amount": "0.0", "currencyCode": "ARS"}}
ORDER: dict[str, Any] = {
    "id": GID, "legacyResourceId": "7", "name": "#7 __parentId", "createdAt": "2026-01-02T03:04:05Z", "updatedAt": None,
    "cancelledAt": None, "closedAt": None, "test": False, "sourceName": "web", "currencyCode": "ARS",
    "displayFinancialStatus": "PAID", "displayFulfillmentStatus": None, "email": None, "phone": None, "note": None,
    "tags": [], "taxesIncluded": True, "customer": None, "billingAddress": None, "shippingAddress": None,
    "totalPriceSet": NO_MONEY, "totalTaxSet": NO_MONEY, "totalDiscountsSet": NO_MONEY, "totalShippingPriceSet": NO_MONEY,
    "shippingLine": {"id": "gid://shopify/ShippingLine/1", "title": "Envío", "discountedPriceSet": NO_MONEY},
    "transactions": [], "refunds": [], "fulfillments": [],
}  # fmt: skip
LINES: list[dict[str, Any]] = [
    {"id": f"gid://shopify/LineItem/{number}", "quantity": 2, "currentQuantity": 2, "title": '","__parentId":"x"}'}
    for number in (1, 2)
]


def put_together(tmp_path: Path, *written: str) -> list[tuple[str, bytes | None]]:
    path = tmp_path / "bulk.jsonl"
    path.write_text("".join(line + "\n" for line in written), "utf-8")
    return list(bulk.orders(path, tmp_path / "work", lambda *_: None))


def compact(thing: dict[str, Any]) -> str:
    return json.dumps(thing, separators=(",", ":"), ensure_ascii=False)


def test_an_order_is_the_same_however_its_lines_are_written(tmp_path: Path) -> None:
    platform = [compact(ORDER), *(compact({**line, "__parentId": GID}) for line in LINES)]
    others = [
        json.dumps({"__parentId": GID, **LINES[0]}), json.dumps({**LINES[1], "__parentId": GID}, indent=None) + "\r",
        "  " + json.dumps(ORDER) + " ",
    ]  # fmt: skip
    ways = {"nodes": [ORDER["shippingLine"]]}
    for written in (platform, others):
        ((gid, body),) = put_together(tmp_path, *written)
        assert gid == GID
        assert body is not None
        assert json.loads(body) == {**ORDER, "lineItems": {"nodes": LINES}, "shippingLines": ways}


def test_of_what_a_file_does_not_tell_the_shop_is_asked_again(tmp_path: Path) -> None:
    lines = [compact({**line, "currentQuantity": 1, "__parentId": GID}) for line in LINES]
    given_back = {**ORDER, "refunds": [{"id": "gid://shopify/Refund/1"}]}
    unasked = {name: value for name, value in ORDER.items() if name != "tags"}
    for order, whole in ((ORDER, True), (given_back, False), (unasked, False), (
        {**given_back, "cancelledAt": "2026-01-03T00:00:00Z"}, True), ({**ORDER, "shippingLine": None}, True), (
        {**ORDER, "totalShippingPriceSet": {"shopMoney": {"amount": "5.0"}}}, False)):  # fmt: skip
        ((_, body),) = put_together(tmp_path, compact(order), *lines)
        assert (body is not None) == whole


def test_lines_without_their_order_are_a_file_that_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="source_answer_truncated") as found:
        put_together(tmp_path, *(compact({**line, "__parentId": GID}) for line in LINES))
    assert found.value.evidence["message"] == "line 1: its order is not in the file"
