"""Orders to measure with, in Cuadra's own layout: every value is a pure function of the order's index, so the same
parameters give the same bytes on any machine, and any row can be written without the ones before it.

    nested(count)      one JSONL of nested orders, about 1.9 kB a line, oldest first
    unsorted(count)    a set of four CSV files whose rows stand in no order

Both are written once, below `bench/data`, and used again as long as their seal (generator version, parameters) holds.
The default rules admit every order; each total adds up to the cent.
"""

from __future__ import annotations

import csv
import itertools
import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

VERSION = 1
FOLDER = Path(__file__).parent / "data"
PEOPLE_PER_ORDER = 0.31
PRODUCTS = 3_000

_START = datetime(2024, 1, 1, tzinfo=UTC)
_MINUTES = 730 * 24 * 60
_MASK = (1 << 64) - 1


class Expected(Struct):
    """What a whole import of the data must leave behind. `cents` is the sum of all totals, in minor units."""

    orders: int
    lines: int
    payments: int
    customers: int
    products: int
    cents: int
    bytes: int


class _Seal(Struct):
    version: int
    kind: str
    count: int
    expected: Expected


class Pattern:
    """How many children the order of an index has, repeating; finds the owner of the n-th child without a list."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        self._counts = counts
        self._before = (0, *itertools.accumulate(counts))

    def of(self, order: int) -> int:
        return self._counts[order % len(self._counts)]

    def total(self, orders: int) -> int:
        rounds, rest = divmod(orders, len(self._counts))
        return rounds * self._before[-1] + self._before[rest]

    def owner(self, child: int) -> tuple[int, int]:
        """(order, place among its children) of a child."""
        rounds, rest = divmod(child, self._before[-1])
        at = max(at for at in range(len(self._counts)) if self._before[at] <= rest)
        return rounds * len(self._counts) + at, rest - self._before[at]


LINES = Pattern((1, 2, 4, 3, 1, 2, 5, 2))
PAYMENTS = Pattern((1, 1, 1, 1, 1, 1, 1, 2, 1, 1))

_FIRST = (
    "María José", "Juan Ignacio", "Lucía", "Martín", "Sofía", "Agustín", "Valentina", "Federico", "Camila", "Gonzalo",
    "Florencia", "Matías", "Julieta", "Santiago", "Carolina", "Nicolás", "Micaela", "Tomás", "Belén", "Sebastián",
    "Rocío", "Ezequiel", "Paula", "Ramiro", "Daniela", "Leandro", "Victoria", "Iván", "Natalia", "Emiliano", "Ángeles",
)  # fmt: skip
_LAST = (
    "González", "Rodríguez", "Fernández", "López", "Martínez", "Díaz", "Pérez", "Gómez", "Sánchez", "Romero", "Sosa",
    "Álvarez", "Torres", "Ruiz", "Ramírez", "Flores", "Acosta", "Benítez", "Medina", "Herrera", "Suárez", "Aguirre",
    "Giménez", "Gutiérrez", "Pereyra", "Rojas", "Molina", "Castro", "Ortiz", "Núñez", "Luna", "Juárez", "Cabrera",
    "Ríos", "Ferreyra", "Godoy", "Morales",
)  # fmt: skip
_STREETS = (
    "Avenida Rivadavia", "Calle San Martín", "Bulevar Oroño", "Avenida Corrientes", "Calle Belgrano",
    "Pasaje Los Álamos", "Avenida Colón", "Calle 9 de Julio", "Avenida Hipólito Yrigoyen", "Calle Mitre",
    "Diagonal 74", "Avenida del Libertador", "Calle Sarmiento",
)  # fmt: skip
_CITIES = (
    ("Ciudad Autónoma de Buenos Aires", "Ciudad Autónoma de Buenos Aires", 1000), ("Rosario", "Santa Fe", 2000),
    ("Córdoba", "Córdoba", 5000), ("La Plata", "Buenos Aires", 1900), ("Mendoza", "Mendoza", 5500),
    ("Mar del Plata", "Buenos Aires", 7600), ("San Miguel de Tucumán", "Tucumán", 4000), ("Salta", "Salta", 4400),
    ("Neuquén", "Neuquén", 8300), ("Bahía Blanca", "Buenos Aires", 8000), ("Paraná", "Entre Ríos", 3100),
)  # fmt: skip
_THINGS = (
    "Remera", "Camisa", "Pantalón", "Campera", "Zapatillas", "Vestido", "Buzo", "Pollera", "Cinturón", "Mochila",
    "Gorra", "Medias", "Bufanda", "Cartera", "Sandalias",
)  # fmt: skip
_KINDS = ("clásica", "deportiva", "de algodón", "de lino", "estampada", "lisa", "térmica", "liviana")
_COLOURS = ("negro", "blanco", "azul marino", "verde oliva", "bordó", "gris melange", "arena")
_SIZES = ("XS", "S", "M", "L", "XL", "único")
_STATES = ("paid", "completed", "processing", "shipped", "delivered", "completed", "approved", "invoiced")
_METHODS = ("visa_credito", "mastercard_debito", "mercado_pago", "transferencia", "amex", "efectivo")
_CHANNELS = ("online_store", "instagram", "mobile_app", "marketplace", "showroom")
_CARRIERS = ("Correo Argentino", "Andreani", "OCA", "Moto mensajería")
_COUPONS = (("BIENVENIDA10", "Bienvenida"), ("HOTSALE", "Hot Sale de mayo"), ("CLUB", "Club de clientes"))
_NOTES = (
    "Entregar después de las 18 hs, el timbre no funciona: llamar por teléfono al llegar, por favor.",
    "Es un regalo: no incluir la factura en el paquete y envolver con papel y moño, muchas gracias.",
    "Dejar en portería a nombre de la familia; el encargado recibe paquetes hasta las 20 hs.",
)
_MAIL = ("correo-ficticio.example", "buzon-ficticio.example", "cartas-ficticias.example")


def _hash(index: int, salt: int) -> int:
    """64 well-mixed bits (splitmix64) of an index: the same on every machine and version of Python."""
    x = (index * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03 + 0x632BE59BD9B4E019) & _MASK
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _MASK
    return x ^ (x >> 31)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def people(orders: int) -> int:
    """How many people there are; a few of them buy nothing."""
    return max(1, int(orders * PEOPLE_PER_ORDER))


def person(number: int) -> dict[str, Any]:
    """A customer of the shop, with keys nobody else has."""
    bits = _hash(number, 1)
    first, last = _FIRST[bits % len(_FIRST)], _LAST[(bits >> 8) % len(_LAST)]
    plain = (first + "." + last).casefold().translate(_ASCII)
    return {
        "id": str(7_300_000_000 + number),
        "document": str(20_000_001 + number * 17),
        "first_name": first,
        "last_name": last,
        "email": f"{plain}.{number}@{_MAIL[(bits >> 16) % len(_MAIL)]}",
        "phone": f"+54911{40_000_009 + number * 13}",
    }


_ASCII = str.maketrans("áéíóúñ ", "aeioun.")


def address(number: int, who: dict[str, Any], salt: int = 2) -> dict[str, Any]:
    """Where a person lives, or (another salt) has things sent."""
    bits = _hash(number, salt)
    city, region, postcode = _CITIES[(bits >> 8) % len(_CITIES)]
    place = {
        "name": f"{who['first_name']} {who['last_name']}",
        "street": f"{_STREETS[bits % len(_STREETS)]} {(bits >> 16) % 6_000 + 1}",
        "city": city,
        "region": region,
        "postcode": str(postcode + (bits >> 40) % 90),
        "country": "AR",
        "phone": who["phone"],
    }
    if (bits >> 48) % 3 == 0:
        place["street2"] = f"Piso {(bits >> 52) % 20 + 1}, depto. {'ABCDEF'[(bits >> 58) % 6]}"
    return place


def _line_cents(order: int, at: int) -> tuple[int, int, int, int, int]:
    """(product, quantity, unit price, discount, tax) of a line, amounts in cents."""
    bits = _hash(order * 8 + at, 3)
    product = (bits & 0xFFFFFFFF) * PRODUCTS >> 32
    price = 150_000 + _hash(product, 4) % 12_000_000
    quantity = 1 + (0, 0, 0, 1, 0, 2, 0, 0)[bits >> 32 & 7]
    discount = price * quantity // 10 if bits >> 40 & 7 == 0 else 0
    return product, quantity, price, discount, (price * quantity - discount) * 21 // 100


def line(order: int, at: int) -> dict[str, Any]:
    """The line of an order at a place. `total` is without tax, after the line's discount."""
    product, quantity, price, discount, tax = _line_cents(order, at)
    bits = _hash(product, 5)
    colour, size = _COLOURS[(bits >> 16) % len(_COLOURS)], _SIZES[(bits >> 24) % len(_SIZES)]
    found = {
        "id": f"{14_000_000_000 + order * 8 + at}",
        "product_id": str(8_100_000_000 + product),
        "variant_id": str(44_100_000_000 + product),
        "sku": f"SKU-{product:05d}-{size}",
        "name": f"{_THINGS[bits % len(_THINGS)]} {_KINDS[(bits >> 8) % len(_KINDS)]} {colour}, talle {size}",
        "quantity": str(quantity),
        "unit_price": _money(price),
        "tax": _money(tax),
        "total": _money(price * quantity - discount),
    }
    if discount:
        found["discount"] = _money(discount)
    return found


class _Sums(Struct):
    discount: int
    shipping: int
    tax: int
    total: int


def _sums(order: int) -> _Sums:
    bits = _hash(order, 6)
    net = tax = 0
    for at in range(LINES.of(order)):
        _, quantity, price, discount, line_tax = _line_cents(order, at)
        net += price * quantity - discount
        tax += line_tax
    discount = net // 20 if bits & 3 == 0 else 0
    shipping = 0 if bits >> 2 & 3 == 0 else 250_000 + (bits >> 8) % 900_000
    return _Sums(discount, shipping, tax, net + tax + shipping - discount)


def payment(order: int, at: int) -> dict[str, Any]:
    """The payment of an order at a place; where there are two, the first is a third of the total."""
    total = _sums(order).total
    parts = [total] if PAYMENTS.of(order) == 1 else [total // 3, total - total // 3]
    return {
        "id": f"{91_000_000_000 + order * 2 + at}",
        "method": _METHODS[_hash(order, 7) % len(_METHODS)],
        "state": "paid",
        "amount": _money(parts[at]),
        "paid_at": _time(_created(order) + timedelta(minutes=3 + at)),
    }


#: orders that two years bring; more of them begin again at the first day
_SPAN = 200_000


def _created(order: int) -> datetime:
    return _START + timedelta(minutes=order % _SPAN * _MINUTES // _SPAN, seconds=order % 60)


def head(order: int, orders: int) -> tuple[dict[str, Any], int]:
    """(the order's own fields, number of the person who bought)."""
    bits = _hash(order, 8)
    sums = _sums(order)
    created = _created(order)
    found = {
        "id": str(5_400_000_000 + order),
        "number": f"TM-{100_000 + order}",
        "created_at": _time(created),
        "updated_at": _time(created + timedelta(minutes=5 + bits % 40_000)),
        "state": _STATES[bits % len(_STATES)],
        "currency": "ARS",
        "total": _money(sums.total),
        "discount": _money(sums.discount),
        "shipping": _money(sums.shipping),
        "tax": _money(sums.tax),
        "sales_channel": _CHANNELS[(bits >> 16) % len(_CHANNELS)],
        "cart_id": f"{bits:016x}",
    }
    if bits >> 20 & 1:
        found["invoice_number"] = f"B-0003-{order:08d}"
    if bits >> 21 & 3 == 0:
        found["note"] = _NOTES[(bits >> 24) % len(_NOTES)]
    return found, (bits >> 32) * people(orders) >> 32


def order(index: int, orders: int) -> tuple[dict[str, Any], int]:
    """(one whole nested order, number of the person who bought)."""
    found, buyer = head(index, orders)
    bits = _hash(index, 9)
    who = person(buyer)
    found["customer"] = who
    found["billing"] = address(buyer, who)
    found["delivery"] = address(buyer, who) if bits & 3 else address(buyer, who, 10)
    found["lines"] = [line(index, at) for at in range(LINES.of(index))]
    found["payments"] = [payment(index, at) for at in range(PAYMENTS.of(index))]
    if found["shipping"] != "0.00":
        carrier = _CARRIERS[(bits >> 8) % len(_CARRIERS)]
        shipment = {"id": f"{61_000_000_000 + index}", "carrier": carrier, "cost": found["shipping"]}
        if bits >> 4 & 1:
            shipment |= {"tracking": f"AR{bits >> 20:013d}", "state": "shipped", "shipped_at": found["updated_at"]}
        found["shipments"] = [shipment]
    if found["discount"] != "0.00":
        code, title = _COUPONS[(bits >> 16) % len(_COUPONS)]
        found["discounts"] = [{"code": code, "title": title, "amount": found["discount"]}]
    found["custom"] = {
        "utm_source": ("google", "instagram", "newsletter", "direct")[bits >> 24 & 3],
        "utm_campaign": f"temporada-{(bits >> 32) % 40:02d}",
        "landing": f"/coleccion/{_THINGS[bits >> 36 & 7].lower()}?utm_medium=cpc&gclid={bits:016x}",
        "gift": bool(bits >> 26 & 1),
        "installments": (1, 3, 6, 12)[bits >> 28 & 3],
    }
    found["source_url"] = f"https://tienda-modelo.example/admin/orders/{found['id']}"
    return found, buyer


# ---------------------------------------------------------------- files


def nested(orders: int) -> tuple[Path, Expected]:
    """The JSONL of that many orders, and what it holds."""
    folder = FOLDER / f"nested-{orders}"
    path = folder / "orders.jsonl"
    known = _sealed(folder, "nested", orders)
    if known is not None:
        return path, known
    print(f"Writing {orders:,} nested orders to {path} …", flush=True)
    buyers = bytearray(people(orders))
    products = bytearray(PRODUCTS)
    encode = msgspec.json.Encoder().encode
    cents = 0
    with path.open("wb", buffering=1 << 20) as file:
        for index in range(orders):
            value, buyer = order(index, orders)
            buyers[buyer] = 1
            for at in range(LINES.of(index)):
                products[_line_cents(index, at)[0]] = 1
            cents += _sums(index).total
            file.write(encode(value))
            file.write(b"\n")
    return path, _seal(folder, "nested", orders, Expected(
        orders, LINES.total(orders), PAYMENTS.total(orders), sum(buyers), sum(products), cents, path.stat().st_size,
    ))  # fmt: skip


def _shuffled(count: int, share: float) -> Iterator[int]:
    """All numbers below `count`, far apart from one another, without a list of them."""
    step = max(1, int(count * share))
    while math.gcd(step, count) != 1:
        step += 1
    at = count // 3
    for _ in range(count):
        at = (at + step) % count
        yield at


_PERSON = ("id", "document", "first_name", "last_name", "email", "phone")
_PLACE = ("name", "street", "street2", "city", "region", "postcode", "country", "phone")
_HEAD = ("id", "number", "created_at", "updated_at", "state", "currency", "total", "discount", "shipping", "tax",
         "sales_channel", "cart_id", "invoice_number", "note")  # fmt: skip
_LINE = ("id", "product_id", "variant_id", "sku", "name", "quantity", "unit_price", "discount", "tax", "total")
_PAYMENT = ("id", "method", "state", "amount", "paid_at")


def unsorted(orders: int) -> tuple[Path, Expected]:
    """The folder of a CSV set of that many orders, rows in no order, and what it holds."""
    folder = FOLDER / f"unsorted-{orders}"
    known = _sealed(folder, "unsorted", orders)
    path = folder / "set"
    if known is not None:
        return path, known
    print(f"Writing {orders:,} orders as an unsorted set of CSV files to {path} …", flush=True)
    path.mkdir(exist_ok=True)
    size = _table(path / "customers.csv", (*_PERSON, *(f"address.{name}" for name in _PLACE)), _customers(orders))
    products = bytearray(PRODUCTS)
    cents = 0

    def heads() -> Iterator[list[Any]]:
        nonlocal cents
        for index in _shuffled(orders, 0.6180339887):
            value, buyer = head(index, orders)
            who = person(buyer)
            cents += _sums(index).total
            yield [*_cells(value, _HEAD), who["id"], who["email"], who["phone"]]

    def lines() -> Iterator[list[Any]]:
        for child in _shuffled(LINES.total(orders), 0.7548776662):
            index, at = LINES.owner(child)
            products[_line_cents(index, at)[0]] = 1
            yield [5_400_000_000 + index, *_cells(line(index, at), _LINE)]

    def payments() -> Iterator[list[Any]]:
        for child in _shuffled(PAYMENTS.total(orders), 0.5698402910):
            index, at = PAYMENTS.owner(child)
            yield [5_400_000_000 + index, *_cells(payment(index, at), _PAYMENT)]

    size += _table(path / "orders.csv", (*_HEAD, "customer.id", "customer.email", "customer.phone"), heads())
    size += _table(path / "lines.csv", ("order_id", *_LINE), lines())
    size += _table(path / "payments.csv", ("order_id", *_PAYMENT), payments())
    return path, _seal(folder, "unsorted", orders, Expected(
        orders, LINES.total(orders), PAYMENTS.total(orders), people(orders), sum(products), cents, size,
    ))  # fmt: skip


def _customers(orders: int) -> Iterator[list[Any]]:
    for number in _shuffled(people(orders), 0.6823278038):
        who = person(number)
        yield [*_cells(who, _PERSON), *_cells(address(number, who), _PLACE)]


def _cells(values: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
    return [values.get(name, "") for name in names]


def _table(path: Path, header: tuple[str, ...], rows: Iterator[list[Any]]) -> int:
    with path.open("w", encoding="utf-8", newline="", buffering=1 << 20) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path.stat().st_size


def _sealed(folder: Path, kind: str, count: int) -> Expected | None:
    """What the folder holds, if it was finished with this generator and these parameters; else it is made ready."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        seal = msgspec.json.decode((folder / "seal.json").read_bytes(), type=_Seal)
    except (OSError, msgspec.MsgspecError):
        return None
    found = sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in (".jsonl", ".csv"))
    fits = (seal.version, seal.kind, seal.count, seal.expected.bytes) == (VERSION, kind, count, found)
    return seal.expected if fits else None


def _seal(folder: Path, kind: str, count: int, expected: Expected) -> Expected:
    part = folder / "seal.part"
    part.write_bytes(msgspec.json.encode(_Seal(VERSION, kind, count, expected)))
    os.sync()  # what was just written must not be on its way to the disk while something is measured
    part.replace(folder / "seal.json")
    return expected
