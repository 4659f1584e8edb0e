"""Amounts come out as the real shop computed them: every recorded order is built again from its prices."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from cuadra_simulators.woocommerce.clock import Clock
from cuadra_simulators.woocommerce.model import Charge, Line, Order, UsedCoupon
from cuadra_simulators.woocommerce.settings import COLOMBIA
from cuadra_simulators.woocommerce.shapes import orders as shapes
from cuadra_simulators.woocommerce.shapes.common import View
from cuadra_simulators.woocommerce.totals import apply_coupons, calculate, rate_of, without_tax
from cuadra_simulators.woocommerce.world import World
from tests.simulators.woocommerce.conftest import Recorded

LISTS = ("p1_per_page100", "p2_per_page100", "status_trash", "status_checkout-draft")
SUMS = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax")


@pytest.fixture(scope="module")
def world() -> World:
    return World(COLOMBIA, Clock(), 1)


def shown_price(line: dict[str, Any]) -> Decimal:
    """The price with tax of one piece, from the exact tax of a recorded line."""
    if not line["taxes"]:
        return Decimal(line["subtotal"]) / line["quantity"]
    tax = Decimal(line["taxes"][0]["subtotal"])
    percent = {1: 19, 2: 5}[line["taxes"][0]["id"]]
    return ((tax * 100 / percent + tax) / line["quantity"]).quantize(Decimal("0.01"))


def rebuilt(recorded: dict[str, Any]) -> Order:
    """The order, from prices, quantities, coupons and charges only."""
    order = Order(recorded["id"], recorded["status"], recorded["currency"], recorded["order_key"], 0, 0)
    for given in recorded["line_items"]:
        line = Line(given["id"], given["name"], 0, 0, given["quantity"], Decimal(0), Decimal(0), given["tax_class"])
        line.taxable = bool(given["taxes"])
        rate = rate_of(line, COLOMBIA)
        line.subtotal = line.total = without_tax(shown_price(given), line.quantity, rate, COLOMBIA)
        order.lines.append(line)
    for given in recorded["shipping_lines"]:
        order.shipping_lines.append(Charge(given["id"], given["method_title"], Decimal(given["total"])))
    for given in recorded["fee_lines"]:
        status = given["tax_status"]
        order.fees.append(Charge(given["id"], given["name"], Decimal(given["total"]), tax_status=status))
    for given in recorded["coupon_lines"]:
        nominal = Decimal(str(given["nominal_amount"]))
        kind = given["discount_type"]
        order.coupons.append(UsedCoupon(given["id"], given["code"], 0, kind, nominal, given["free_shipping"], 0))
    ids = count(10_000)
    if order.coupons:
        apply_coupons(order, COLOMBIA)
    calculate(order, COLOMBIA, lambda: next(ids))
    return order


def differences(world: World, recorded: dict[str, Any]) -> list[str]:
    """Where the amounts of the two are not the same text."""
    mine = shapes.order(View(world, "https://x", 0), rebuilt(recorded))
    found = [f"{name} {mine[name]} {recorded[name]}" for name in SUMS if mine[name] != recorded[name]]
    parts = (
        ("line_items", ("subtotal", "subtotal_tax", "total", "total_tax", "taxes", "price")),
        ("shipping_lines", ("total", "total_tax", "taxes")), ("fee_lines", ("total", "total_tax", "taxes")),
        ("tax_lines", ("rate_code", "label", "tax_total", "shipping_tax_total", "rate_percent")),
        ("coupon_lines", ("discount", "discount_tax", "nominal_amount")),
    )  # fmt: skip
    for part, names in parts:
        for ours, theirs in zip(mine[part], recorded[part], strict=True):
            found += [f"{part} {n} {ours[n]} {theirs[n]}" for n in names if ours[n] != theirs[n]]
    return found


def test_every_recorded_order_adds_up_as_it_did(world: World, recorded: Recorded) -> None:
    orders = {order["id"]: order for name in LISTS for order in recorded(f"orders_list/{name}")["body"]}
    assert len(orders) == 160
    wrong = {number: found for number, order in orders.items() if (found := differences(world, order))}
    assert not wrong
