"""What a client may write into an order, field by field, and what WooCommerce quietly leaves alone."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

from cuadra_simulators.woocommerce import orders, products
from cuadra_simulators.woocommerce.model import Address, Charge, Line, Order, Product
from cuadra_simulators.woocommerce.rest.params import BOOLEAN, INTEGER, OBJECT, Param, Table, invalid, is_email
from cuadra_simulators.woocommerce.rest.wire import RestError
from cuadra_simulators.woocommerce.world import World

_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTC BTN BWP BYR BYN BZD CAD
    CDF CHF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP GMD GNF GTQ
    GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR IRT ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK
    LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
    PGK PHP PKR PLN PRB PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS SRD SSP STN SYP SZL THB TJS TMT
    TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VEF VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW
"""
CURRENCIES = tuple(_CODES.split())
TEXTS = {
    "customer_note": "note", "payment_method": "payment_method", "payment_method_title": "payment_title",
    "transaction_id": "transaction_id",
}  # fmt: skip
PARTS = ("line_items", "shipping_lines", "fee_lines", "coupon_lines")
"""Writing any of these recalculates the order."""


def table(world: World) -> Table:
    """What is checked when one order is written. A batch goes past it."""
    return {
        "status": Param(choices=("auto-draft", *world.statuses)), "currency": Param(choices=CURRENCIES),
        "customer_id": Param(INTEGER), "billing": Param(OBJECT), "shipping": Param(OBJECT),
        "set_paid": Param(BOOLEAN, default=False), "meta_data": Param(OBJECT),
        **{name: Param(OBJECT) for name in PARTS}, "dp": Param(INTEGER),
    }  # fmt: skip


def check(body: dict[str, Any]) -> None:
    """The checks of one order that a table cannot say."""
    email = (body.get("billing") or {}).get("email")
    if email and not is_email(str(email)):
        raise invalid("billing", "rest_invalid_email", "Invalid email address.")


def write(world: World, order: Order, body: dict[str, Any]) -> None:
    """Put the given fields into an order that is not saved yet. `date_created`, `total` and `number` are ignored."""
    _customer(world, order, body)
    if body.get("currency"):
        if body["currency"] not in CURRENCIES:
            raise RestError("order_invalid_currency", "Invalid currency code", 400)
        order.currency = body["currency"]
    for name, attribute in TEXTS.items():
        if name in body:
            setattr(order, attribute, str(body[name] or ""))
    email = str((body.get("billing") or {}).get("email") or "")
    if email and not is_email(email):
        raise RestError("order_invalid_billing_email", "Invalid billing email address", 400)
    _address(order.billing, body.get("billing"))
    _address(order.shipping, body.get("shipping"))
    for given in body.get("meta_data") or []:
        _meta(world, order, given)
    for given in body.get("line_items") or []:
        _line(world, order, given)
    for given in body.get("shipping_lines") or []:
        _charge(world, order, order.shipping_lines, given, title="method_title")
    for given in body.get("fee_lines") or []:
        _charge(world, order, order.fees, given, title="name")
    for given in body.get("coupon_lines") or []:
        _coupon(world, order, given)
    if any(name in body for name in PARTS):
        orders.recalculate(world, order)


def amount(value: Any) -> Decimal:
    """An amount as clients write it: text or number."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)


def _customer(world: World, order: Order, body: dict[str, Any]) -> None:
    if body.get("customer_id") is None:
        return
    number = int(body["customer_id"])
    if number and number not in world.users:
        raise RestError("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
    order.customer_id = number
    if number and not order.billing.email:
        order.billing.email = world.users[number].email


def _address(address: Address, given: dict[str, Any] | None) -> None:
    for part in fields(address):
        if given and part.name in given:
            setattr(address, part.name, str(given[part.name] or ""))


def _meta(world: World, order: Order, given: dict[str, Any]) -> None:
    found = next((meta for meta in order.meta if meta.id == given.get("id")), None)
    if found and given.get("value") is None:
        order.meta.remove(found)
    elif found:
        found.key, found.value = given.get("key", found.key), given["value"]
    elif given.get("key"):
        world.set_meta(order.meta, given["key"], given.get("value"))


def _line(world: World, order: Order, given: dict[str, Any]) -> None:
    line = next((line for line in order.lines if line.id == given.get("id")), None)
    if given.get("id") and not line:
        raise RestError("woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order.", 400)
    if line and (given.get("quantity") == 0 or ("product_id" in given and given["product_id"] is None)):
        order.lines.remove(line)
        return
    if not line:
        line = orders.add_line(world, order, _product(world, given), int(given.get("quantity", 1)))
    _write_line(line, given)


def _write_line(line: Line, given: dict[str, Any]) -> None:
    """A new quantity alone leaves the amounts as they were."""
    line.name, line.quantity = given.get("name", line.name), int(given.get("quantity", line.quantity))
    line.tax_class = given.get("tax_class", line.tax_class)
    if "subtotal" in given:
        line.subtotal = amount(given["subtotal"])
    if "total" in given:
        line.total = amount(given["total"])
        line.subtotal = max(line.subtotal, line.total)


def _product(world: World, given: dict[str, Any]) -> Product | None:
    if given.get("sku"):
        return products.by_sku(world, str(given["sku"]))
    number = given.get("variation_id") or given.get("product_id")
    if not number:
        raise RestError("woocommerce_rest_required_product_reference", "Product ID or SKU is required.", 400)
    return world.products.get(int(number))


def _charge(world: World, order: Order, charges: list[Charge], given: dict[str, Any], *, title: str) -> None:
    found = next((charge for charge in charges if charge.id == given.get("id")), None)
    if found and title in given and given[title] is None:
        charges.remove(found)
        return
    if not found:
        found = Charge(world.take("item"), "", Decimal(0))
        charges.append(found)
    found.title = given.get(title, found.title)
    found.method_id, found.instance_id = given.get("method_id", found.method_id), given.get("instance_id", "")
    found.tax_status = given.get("tax_status", found.tax_status)
    if "total" in given:
        found.total = amount(given["total"])


def _coupon(world: World, order: Order, given: dict[str, Any]) -> None:
    code = str(given.get("code", "")).lower()
    coupon = next((coupon for coupon in world.coupons.values() if coupon.code == code), None)
    if not coupon:
        raise RestError("woocommerce_rest_invalid_coupon", f'Coupon "{code}" does not exist!', 400)
    if all(used.code != code for used in order.coupons):
        orders.add_coupon(world, order, coupon)
