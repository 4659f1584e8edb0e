"""Hostile inputs, each made from a seed and a number alone: realistic ones that are then broken, and noise."""

from __future__ import annotations

import copy
import csv
import io
import json
import random
import string
import struct
import zipfile
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from cuadra.connectors.files.layout import own_columns
from cuadra.connectors.spool import Part, frame


class Case(NamedTuple):
    """One input: where it goes, its bytes, and how it is to be taken (small plain values)."""

    target: str
    data: bytes
    how: tuple[Any, ...] = ()

    def __str__(self) -> str:
        shown = repr(self.data) if len(self.data) <= 2000 else f"{self.data[:600]!r}… ({len(self.data)} bytes)"
        return f"{self.target}{self.how!r} {shown}"


#: how many of a thousand go where
SHARES = {
    "nested": 280, "csv": 280, "shop": 120, "rows": 110, "layout": 50, "manifest": 35, "sets": 15, "cells": 55, "mend": 25,
    "unframe": 30,
}  # fmt: skip
_WHERE = [name for name, share in SHARES.items() for _ in range(share)]


def case(seed: int, number: int) -> Case:
    """The input of that number."""
    rng = random.Random(f"{seed}:{number}")
    return _MAKERS[rng.choice(_WHERE)](rng)


def line_of(seed: int, number: int) -> bytes:
    """A hostile line of an `orders.jsonl`, to stand among good ones: it holds no line feed of its own."""
    rng = random.Random(f"line:{seed}:{number}")
    return nested(rng).data.replace(b"\n", b" ")


# ---------------------------------------------------------------- words

BIG = 10_000_000
TEXTS = (
    "", " ", "\0", "a\0b", "\ufeff", "\u202egnp.exe", "\u200b", "=1+1", "+54 9 11 5555-0101", "-cmd|' /C calc'!A0",
    "@SUM(A1)", "\t=1", "'=1", "'", '"', '""', "'; DROP TABLE orders; --", "%s %d {x} {0}", "\\u0000", "\\", "\r", "\n",
    "a\r\nb", "a\nb", "Ñandú", "Ã±", "ﬃ" * 90, "ΐ" * 255, "\U0001f45f" * 200, "x" * 255, "x" * 256, "x" * 501,
    "x" * 20_001, "null", "NaN", "true", "0", "-0", "ZAP-001", "noemail@noemail.com", "a@b.com", "SOFIA@EXAMPLE.COM ",
    "a" * 300 + "@example.com", "sofia@exämple.com", "@", "+" * 50, "0" * 40, "+5491155550101", "+999999999999999",
    "cuadra_row", "1:0:2", "..", "../../etc/passwd", "C:\\x", "\x1b[31m", "\x7f", "\x85", "\u2028", "İ", "ß", "ſ",
    "1>2>3", "|", "||", ">", " > ", "a|b|c", "\x1f", "a\x1fb", "é" * 499, "1_000", "١٢٣", "²",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "0.00", "1", "-1", "10.00", "1e400", "-1e400", "1E-999999", "1E+999999", "0E-999999", "0E+999999",
    "0E-16384", "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "inf", "999999999999999", "1e15", "-1e15", "1e14",
    "999999999999999.99", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "1" + "0" * 400,
    "0." + "0" * 60 + "1", "1" * 41, "1,234", "1.234", "1.234,56", "1,234.56", "12.34.56", "1,23457E+12", "1 000",
    "$ 10", "10 €", "1e", "0x10", "1__0", "- 1", "+1", "--1", ".5", "5.", ".", ",", "1e-19", "1e-21", "123456789.123456789",
    "0." + "1" * 38, "１２", "00000000000000000000000000000000000000000000001",
)  # fmt: skip
TIMES = (
    "2026-11-17T11:04:09Z", "2026-11-17 11:04:09", "2026-11-17", "17/11/2026", "17/11/2026 10:15", "11/17/2026",
    "0000-00-00", "0000-00-00 00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1900-01-01",
    "1989-12-31T23:59:59Z", "1990-01-01T00:00:00+14:00", "2100-12-31T23:59:59-23:59", "2101-01-01", "2026-02-30",
    "2026-11-17T24:00:00", "2026-11-17T23:59:60Z", "2026-W47-2", "20261117", "2026-11-17T11:04:09+23:59:59.999999",
    "2026-11-17T11:04:09+99:99", "2026-11-17T11:04:09.123456789Z", "2018-11-04T00:30:00", "2026-03-08T02:30:00", "0",
    "1763377449", "-1", "2026-11-17T11:04:09-00:00", "12026-01-01", "2026-11-17T11:04:09 America/Bogota", "hoy",
)  # fmt: skip
TOKENS = (
    "null", "true", "false", "0", "-0", "0.0", "-0.0", "1e400", "-1e400", "1E-999999", "NaN", "Infinity", "-Infinity",
    "1" + "0" * 400, "-1" + "0" * 400, "9223372036854775808", "18446744073709551616", "1" * 5000, "1e14", "1e15", "0E-999",
    "0e-999999", "0E999", "999999999999999.99", "0.1", "1.10", "[]", "{}", "[[]]", "[null]", "[{}]", "[1]", '{"a":1}', '{"":""}',
    '""', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\uD83D"', '"\\x"', "01", "+1", ".5",
    "1.", "--1", "undefined", "'a'", '{"a":{"b":{"c":[1,2,{"d":null}]}}}', '{"\\u0000":"\\u0000"}', '{"a":18446744073709551616}',
    '{"a":1e308}', '{"a":NaN}', '{"a":-0.0}', "[" * 2000 + "]" * 2000, '[{"id":"1"},{"id":"1"}]', '[{"quantity":"1e400"}]',
    '[{"quantity":null}]', '[{"quantity":"NaN"}]', '[{"unit_price":"9e14","quantity":"9e14"}]',
    '[{"amount":"9e14"},{"amount":"9e14"}]', '[{"state":"x","channel":"email"}]', '[{"state":"allowed","channel":"email"}]', '"2026-11-17"',
)  # fmt: skip


def text_of(rng: random.Random) -> str:
    """A hostile text."""
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(TEXTS)
    if draw < 0.7:
        return rng.choice(NUMBERS)
    if draw < 0.85:
        return rng.choice(TIMES)
    if draw < 0.93:
        return "".join(rng.choice(string.printable) for _ in range(rng.randrange(12)))
    if draw < 0.9999:
        return "".join(chr(rng.randrange(0xD800)) for _ in range(rng.randrange(1, 30)))
    return "é" * (BIG // 2)


def blob(rng: random.Random) -> bytes:
    """Bytes that mean nothing, or something else."""
    draw = rng.randrange(8)
    if draw == 0:
        return b""
    if draw == 1:
        return rng.randbytes(rng.randrange(1, 400))
    if draw == 2:
        return b"\0" * rng.randrange(1, 200)
    if draw == 3:
        return rng.choice([b"[", b"{", b'{"a":', b"[{", b'"', b"\xef\xbb\xbf", b"\xff\xfe", b"PK\x03\x04"]) * (
            100_000 if rng.random() < 0.02 else rng.randrange(1, 50)
        )
    if draw == 4:
        return text_of(rng).encode("utf-8", "surrogatepass")
    if draw == 5:
        return rng.choice(TOKENS).encode()
    if draw == 6:
        return b"a" * BIG if rng.random() < 0.002 else b"\r\n" * rng.randrange(1, 400)
    return bytes(rng.choice(b'{}[]",:;|\t\r\n\\0129.eE+-\xff\xc3\x80"') for _ in range(rng.randrange(200)))


def broken(rng: random.Random, data: bytes) -> bytes:
    """The bytes with something done to them."""
    draw = rng.randrange(12)
    at = rng.randrange(len(data) + 1)
    if draw == 0:
        return data[:at]
    if draw == 1:
        return data[at:]
    if draw == 2:
        return data[:at] + rng.randbytes(rng.randrange(1, 5)) + data[at:]
    if draw == 3:
        return data[:at] + data[at + rng.randrange(1, 20) :]
    if draw == 4:
        return data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-7"]))
    if draw == 5:
        return data.decode("utf-8", "replace").encode("cp1252", "replace")
    if draw == 6:
        return rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0"]) + data
    if draw == 7:
        return data.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b"\n\r", b"\0\n", b"\xef\xbb\xbf\n"]))
    if draw == 8:
        return data.replace(b'"', rng.choice([b"", b"'", b'""', b'"""']), rng.randrange(1, 4))
    if draw == 9:
        other = data[rng.randrange(len(data) + 1) :]
        return data[:at] + other[: rng.randrange(100)] + data[at:]
    if draw == 10:
        spoiled = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            if spoiled:
                spoiled[rng.randrange(len(spoiled))] = rng.choice(b'\0"\\{}[],:;\n\r\xff\x81\xc3\xed0-eE')
        return bytes(spoiled)
    return data + rng.choice([b"\0", b"\n", b"}", b'"', data[:200], b"\x1a", b","])


# ---------------------------------------------------------------- JSON lines

ADDRESS = {
    "name": "Sofía Giménez", "company": "Andina", "street": "Av. Santa Fe 1234", "street2": "4º B", "city": "Buenos Aires",
    "region": "CABA", "postcode": "C1059", "country": "AR", "phone": "+54 11 5555-0101",
}  # fmt: skip
ORDER: dict[str, Any] = {
    "id": "A-1043", "number": "#1043", "created_at": "2026-11-17T11:04:09-03:00", "updated_at": "2026-11-18T08:00:00Z",
    "state": "paid", "payment_state": "paid", "fulfilment_state": "partial", "lifecycle": "open", "currency": "ARS",
    "total": "71998.00", "discount": "0.00", "shipping": "0", "tax": "0", "fees": "0",
    "customer": {
        "id": "C-1001", "person": "P-1", "document": "30111222", "name": "Sofía Giménez", "first_name": "Sofía",
        "last_name": "Giménez", "email": "sofia.gimenez@example.com", "phone": "1155550101", "address": ADDRESS,
        "consents": [{"channel": "email", "state": "allowed", "at": "2026-01-01T00:00:00Z", "note": "web"}],
        "custom": {"club": "oro", "points": 12},
    },
    "billing": ADDRESS, "delivery": ADDRESS,
    "lines": [
        {"id": "1", "product_id": "P1", "variant_id": "V1", "sku": "ZAP-001", "name": "Zapatilla urbana", "quantity": "1",
         "unit": "piece", "unit_price": "45999.00", "discount": "0", "tax": "0", "total": "45999.00", "seller": "andina"},
        {"id": "2", "sku": "REM-010", "name": "Remera básica", "quantity": "2", "unit_price": "12999.50"},
    ],
    "payments": [{"id": "PAY-77001", "method": "credit", "state": "approved", "amount": "71998.00",
                  "paid_at": "2026-11-17T11:05:00Z"}],
    "refunds": [{"id": "R-1", "amount": "0", "refunded_at": "2026-11-19T00:00:00Z", "note": "none"}],
    "shipments": [{"id": "SH-9001", "carrier": "Andreani", "tracking": "AND123456789", "cost": "0", "state": "shipped",
                   "shipped_at": "2026-11-18T10:00:00Z"}],
    "discounts": [{"code": "HOT", "title": "Hot Sale", "amount": "0"}],
    "sales_channel": "web", "seller": "andina", "store": "SUC01", "cart_id": "CART-1", "invoice_number": "FAC-A-0001-00012001",
    "note": "Tocar timbre", "custom": {"gift": True, "n": 1, "deep": {"a": [1, 2]}}, "source_url": "https://example.com/o/1043",
}  # fmt: skip
SMALL: dict[str, Any] = {name: ORDER[name] for name in ("id", "state", "currency", "total", "customer", "lines")}


@cache
def _places_of_order() -> list[tuple[Any, Any]]:
    return _places(ORDER, [])


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """(holder, key) of every value inside."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found.append((value, key))
            _places(value[key], found)
    return found


_SMALL, _ORDER = json.dumps(SMALL), json.dumps(ORDER)


def _token(rng: random.Random) -> str:
    """A JSON token, or what stands where one should be."""
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(TOKENS)
    if draw < 0.95:
        return json.dumps(text_of(rng), ensure_ascii=rng.random() < 0.5)
    if draw < 0.9995:
        return json.dumps(rng.choice(_places_of_order())[0])
    return "[" * 100_000 + "]" * 100_000


def nested(rng: random.Random) -> Case:
    """A line of an `orders.jsonl`, more or less."""
    how = (rng.randrange(6),)
    if rng.random() < 0.06:
        return Case("nested", blob(rng), how)
    order: dict[str, Any] = json.loads(_SMALL if rng.random() < 0.5 else _ORDER)
    order["id"] = f"F-{rng.randrange(1 << 40)}"
    return Case("nested", mutated(rng, order), how)


def mutated(rng: random.Random, order: dict[str, Any]) -> bytes:
    """An object as JSON in which some values are something else, gone, or twice there."""
    tokens: list[str] = []
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 8])):
        places = _places(order, [])
        if not places:
            break
        holder, key = rng.choice(places)
        draw = rng.random()
        if draw < 0.8:
            tokens.append(_token(rng))
            holder[key] = f"@@{len(tokens) - 1}@@"
        elif draw < 0.9:
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(["id", "lines", "custom", "", "x", "\0", "ID", text_of(rng)[:50]])] = holder[key]
    data = json.dumps(order, ensure_ascii=rng.random() < 0.3).encode("utf-8", "surrogatepass")
    for at, token in enumerate(tokens):
        data = data.replace(b'"@@%d@@"' % at, token.encode("utf-8", "surrogatepass"))
    if rng.random() < 0.05:
        data = data.replace(b"{", b'{"id":' + _token(rng).encode("utf-8", "surrogatepass") + b",", rng.randrange(1, 3))
    return broken(rng, data) if rng.random() < 0.15 else data


def shop(rng: random.Random) -> Case:
    """What a WooCommerce shop sends, more or less: a notice, an item of a list, an answer."""
    kind = rng.choice(["order", "order", "order", "product", "category", "customer"])
    how = (kind, rng.choice(["", "", "webhook"]), rng.choice([None, None, None, 200, 404]))
    if rng.random() < 0.06:
        return Case("shop", blob(rng), how)
    made: dict[str, Any] = json.loads(_SHOP[kind])
    made["id"] = rng.randrange(1, 1 << 40)
    return Case("shop", mutated(rng, made), how)


_BILLING = {
    "first_name": "Sofía", "last_name": "Giménez", "company": "", "address_1": "Av. Santa Fe 1234", "address_2": "4º B",
    "city": "Buenos Aires", "state": "C", "postcode": "C1059", "country": "AR", "email": "sofia@example.com",
    "phone": "1155550101",
}  # fmt: skip
_SHOP = {
    "order": json.dumps({
        "id": 1043, "number": "1043", "status": "processing", "currency": "ARS", "total": "71998.00",
        "date_created_gmt": "2026-11-17T14:04:09", "date_modified_gmt": "2026-11-18T08:00:00",
        "date_paid_gmt": "2026-11-17T14:05:00", "discount_total": "0.00", "shipping_total": "0.00", "total_tax": "0.00",
        "customer_id": 7, "customer_note": "Tocar timbre", "created_via": "checkout", "billing": _BILLING,
        "shipping": _BILLING, "payment_method": "cod", "payment_method_title": "Contra entrega",
        "transaction_id": "TX58341464",
        "line_items": [{"id": 1, "name": "Zapatilla urbana", "product_id": 25, "variation_id": 31, "quantity": 2,
                        "subtotal": "71998.00", "total": "71998.00", "total_tax": "0.00", "sku": "ZAP-001"}],
        "shipping_lines": [{"id": 2, "method_title": "Envío", "total": "0.00"}], "fee_lines": [{"id": 3, "total": "0"}],
        "coupon_lines": [{"id": 4, "code": "hot", "discount": "0"}],
        "refunds": [{"id": 5, "reason": "", "total": "-100.00"}],
        "meta_data": [{"id": 1, "key": "_billing_dni", "value": "30111222"}],
    }),
    "product": json.dumps({
        "id": 25, "name": "Zapatilla urbana", "type": "variation", "status": "publish", "sku": "ZAP-001",
        "description": "<p>x</p>", "short_description": "", "parent_id": 3, "categories": [{"id": 4}],
        "brands": [{"id": 1, "name": "Andina"}],
    }),
    "category": json.dumps({"id": 4, "name": "Belleza &amp; Cuidado", "parent": 2}),
    "customer": json.dumps({
        "id": 7, "email": "sofia@example.com", "first_name": "Sofía", "last_name": "Giménez", "billing": _BILLING,
        "meta_data": [{"id": 1, "key": "_billing_dni", "value": "30111222"}],
    }),
}  # fmt: skip


# ---------------------------------------------------------------- delimited sets

#: of every role one realistic record, by column of our own layout
RECORDS: dict[str, dict[str, str]] = {
    "orders": {
        "id": "FAC-A-0001-00012001", "number": "12001", "created_at": "2026-11-17 11:04:09", "state": "paid",
        "currency": "ARS", "total": "71998.00", "customer.email": "sofia.gimenez@example.com", "customer.name": "Sofía Giménez",
        "customer.document": "30111222", "billing.city": "Córdoba", "billing.phone": "1155550101", "store": "SUC01",
        "line.sku": "ZAP-001", "line.name": "Zapatilla urbana", "line.quantity": "1", "line.unit_price": "45999.00",
        "payment.id": "PAY-1000", "payment.amount": "71998.00", "invoice_number": "FAC-A-0001-00012001",
    },
    "lines": {"order_id": "FAC-A-0001-00012001", "id": "1", "sku": "REM-010", "name": "Remera 24\"/1, básica",
              "quantity": "2", "unit_price": "12999.50"},
    "payments": {"order_id": "FAC-A-0001-00012001", "id": "PAY-1001", "method": "credit", "amount": "71998.00",
                 "paid_at": "2026-11-17 11:05:00"},
    "refunds": {"order_id": "FAC-A-0001-00012001", "id": "R-1", "amount": "-1.00", "refunded_at": "2026-11-18"},
    "shipments": {"order_id": "FAC-A-0001-00012001", "id": "SHIP-1", "carrier": "OCA", "tracking": "OCA123", "cost": "0"},
    "discounts": {"order_id": "FAC-A-0001-00012001", "code": "HOT", "title": "Hot Sale", "amount": "0"},
    "customers": {"id": "C-1001", "name": "Martín Paz, hijo", "email": "martin@example.com", "phone": "1155550102",
                  "address.city": "Rosario", "consent.email": "enabled", "consent.at": "2026-01-01"},
    "products": {"id": "P-1", "sku": "ZAP-001", "name": "Zapatilla", "category": "Calzado > Urbano | Ofertas",
                 "category_id": "10|11", "active": "1", "brand": "Andina"},
    "categories": {"id": "10", "name": "Calzado", "parent": "1"},
    "stores": {"id": "SUC01", "name": "Sucursal Palermo"},
}  # fmt: skip
ROLES = tuple(RECORDS)


@cache
def headers(variant: int) -> dict[str, list[str]]:
    """The columns of each file of a set: the usual ones, all there are, or unusual ones."""
    if variant == 1:
        return {role: list(own_columns(role)) for role in ROLES}
    usual = {role: list(record) for role, record in RECORDS.items()}
    if variant == 2:
        return {role: [*names, "Sucursal", "", "extra", "ID ", "cuadra_row", names[0]] for role, names in usual.items()}
    if variant == 3:
        return {role: [*names, *(f"c{at}" for at in range(600))] for role, names in usual.items()}
    return usual


def row_of(rng: random.Random, role: str, names: list[str], delimiter: str, hostile: float) -> bytes:
    """One row of a file of that role; about that share of its cells is hostile."""
    record = RECORDS[role]
    cells = [record.get(name, "") for name in names]
    for _ in range(rng.choice([1, 1, 2, 5])):
        if rng.random() < hostile:
            cells[rng.randrange(len(cells))] = text_of(rng)
    if rng.random() < 0.05:
        cells = cells[: rng.randrange(len(cells) + 1)] if rng.random() < 0.5 else cells + ["x"] * rng.choice([1, 3000])
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=rng.choice(["\n", "\r\n", "\n", ""])).writerow(cells)
    return buffer.getvalue().encode("utf-8", "surrogatepass")


def csv_set(rng: random.Random) -> Case:
    """A framed receipt: the rows of one order over several files, or one row of another record."""
    variant = rng.choice([0, 0, 0, 1, 2, 3, 4])
    names, delimiter = headers(variant), ";" if variant == 4 else ","
    if rng.random() < 0.6:
        roles = ["orders"] * (rng.random() < 0.95) + rng.choices(ROLES[:6], k=rng.randrange(4))
        kind = "order"
    else:
        roles = [rng.choice(ROLES[6:])]
        kind = {"customers": "customer", "products": "product", "categories": "category", "stores": "store"}[roles[0]]
    parts: list[Part] = []
    for role in roles or ["orders"]:
        raw = row_of(rng, role, names[role], delimiter, 0.8)
        if rng.random() < 0.1:
            raw = broken(rng, raw)
        parts.append((ROLES.index(role), rng.randrange(2, 9), raw))
    data = frame(parts)
    draw = rng.random()
    if draw < 0.03:
        data = broken(rng, data)
    elif draw < 0.05:
        data = blob(rng)
    return Case("csv", data, (variant, kind, parts[0][0]))


def file_of(rng: random.Random) -> bytes:
    """A whole delimited file."""
    if rng.random() < 0.08:
        return blob(rng)
    role = rng.choice(ROLES)
    names = headers(rng.choice([0, 0, 0, 2, 3]))[role]
    delimiter = rng.choice([",", ",", ";", "\t", "|"])
    head = io.StringIO()
    csv.writer(head, delimiter=delimiter, lineterminator=rng.choice(["\n", "\r\n"])).writerow(names)
    rows = [row_of(rng, role, names, delimiter, 0.5) for _ in range(rng.choice([0, 1, 2, 5, 10]))]
    data = head.getvalue().encode() + b"".join(rows)
    if rng.random() < 0.3:
        data = b"\xef\xbb\xbf" + data
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        data = broken(rng, data)
    if rng.random() < 0.001:
        data += rng.choice([b"x" * BIG, b'"' + b"x\n" * 300_000, b'"a\n' * 20_000, b"," * 2_000_000, b'a,"b\n' * 5_000])
    return data


def whole_file(rng: random.Random) -> Case:
    """A file into the row reader, with or without a declared dialect."""
    how = (
        rng.choice([None, None, None, ",", ";", "\t", "|"]),
        rng.choice([None, None, None, "utf-8", "cp1252", "latin-1", "windows-1252", "utf-16", "klingon", ""]),
        rng.choice([None, None, ".", ","]),
    )
    return Case("rows", file_of(rng), how)


# ---------------------------------------------------------------- mappings, manifests, archives, folders

MAPPING = """\
ignore = ["*.txt"]

[files.orders]
name = "ventas_{set}.csv"
optional = false
delimiter = ";"
encoding = "cp1252"
decimal = ","

[files.orders.columns]
id = "invoice_number"
total = "total"
created_at = "createtime"
"customer.email" = "email"
"customer.document" = "document"
"line.sku" = "sku"
"line.quantity" = "quantity"
"custom.zona" = "zone"

[files.orders.constants]
state = "paid"
currency = "ARS"

[files.customers]
name = "clientes_{set}.csv"
columns = { id = "service_uid", email = "email" }

[format]
dates = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
time_zone = "America/Argentina/Buenos_Aires"
currency = "ARS"
total = "column"

[states]
paid = "sale"
anulada = { lifecycle = "cancelled" }
"""
_MAPPING_LINES = (
    'time_zone = "America"', 'time_zone = ""', 'time_zone = "../../etc/passwd"', 'time_zone = "Mars/Olympus"',
    'time_zone = "' + "x" * 300 + '"', 'time_zone = "a\\u0000b"', 'currency = "ars"', 'currency = ""', 'total = "abc"',
    'total = "lines"', 'dates = ["%d/%d/%Y"]', 'dates = ["%Q"]', 'dates = ["%"]', 'dates = [""]', "dates = [1]", 'dates = "%d"',
    'delimiter = ""', 'delimiter = ",,"', 'delimiter = "\\n"', 'delimiter = "\\u0000"', 'delimiter = "\\""', 'delimiter = "\\r"',
    'delimiter = " "', 'delimiter = "\U0001f45f"', 'encoding = "utf-16"', 'encoding = ""', "decimal = 1", 'decimal = ";"',
    'name = "{set}_{set}.csv"', 'name = "("', 'name = ""', 'name = "*"', 'name = "**********************"', "name = 1",
    'created_at = "0000"', 'id = ""', 'id = "\\u0000"', '"customer" = "x"', '"custom." = "x"', '"custom.a" = "a"',
    '"custom.a.b" = "b"', '"line.custom.x" = "y"', '"\U0001f45f" = "x"', 'payed = "sale"', 'x = "unknown-word"',
    'x = { payment = "cash" }', 'x = { colour = "red" }', "x = nan", "x = inf", "x = " + "9" * 5000, "x = 1979-05-27T07:32:00Z",
    "x = 0000-00-00", "x = 25:61:00", "x = " + "[" * 3000, "x = " + "{a=" * 3000, "[files.unknown]", "[files.lines]", "[[files]]",
    "[files.orders]", "[files.lines.columns]", 'order_id = "x"', "own = true", "own = 1", "optional = 'no'", "[format.x]",
    'quantity = "mucho"', 'active = "tal vez"', 'created_at = "ayer"', 'category_separator = ""', "[states.x]", 'payment = ""',
)  # fmt: skip


def mapping(rng: random.Random) -> Case:
    """A mapping file."""
    if rng.random() < 0.1:
        return Case("layout", blob(rng))
    lines = MAPPING.split("\n")
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        at = rng.randrange(len(lines) + 1)
        draw = rng.random()
        if draw < 0.75:
            fresh = rng.choice(_MAPPING_LINES)
            key = fresh.partition("=")[0]
            same = [where for where, line in enumerate(lines) if "=" in fresh and line.partition("=")[0] == key]
            if same and rng.random() < 0.8:  # in its own place, else TOML sees no more than a key given twice
                lines[same[0]] = fresh
            else:
                lines.insert(at, fresh)
        elif draw < 0.9 and at < len(lines):
            del lines[at]
        else:
            rng.shuffle(lines)
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    return Case("layout", broken(rng, data) if rng.random() < 0.15 else data)


MANIFEST: dict[str, Any] = {
    "files": {"orders.csv": {"sha256": "0" * 64, "rows": 2}, "lines.csv": {}}, "orders": 2, "totals": {"ARS": "71998.00"},
}  # fmt: skip


def manifest(rng: random.Random) -> Case:
    """A `manifest.json` beside two files."""
    if rng.random() < 0.1:
        return Case("manifest", blob(rng))
    value = copy.deepcopy(MANIFEST)
    tokens: list[str] = []
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        holder, key = rng.choice(_places(value, []) or [(value, "orders")])
        draw = rng.random()
        if draw < 0.6:
            tokens.append(_token(rng))
            holder[key] = f"@@{len(tokens) - 1}@@"
        elif draw < 0.8:
            del holder[key]
        elif isinstance(holder, dict):
            holder[text_of(rng)[:300]] = holder.pop(key)
    data = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    for at, token in enumerate(tokens):
        data = data.replace(b'"@@%d@@"' % at, token.encode("utf-8", "surrogatepass"))
    return Case("manifest", broken(rng, data) if rng.random() < 0.1 else data)


_ENTRIES = (
    "orders.csv", "orders.csv", "lines.csv", "customers.csv", "set/orders.csv", "../orders.csv", "/etc/orders.csv",
    "C:\\orders.csv", "a\\..\\orders.csv", "orders.zip", "orders.csv.gz", "orders.jsonl", "manifest.json", ".orders.csv",
    "orders.csv.part", "", ".", "..", "x" * 300 + ".csv", "orders\n.csv", "ORDERS.CSV", "órdenes.csv", "orders.csv/", "a" * 60_000,
    "con:orders.csv", "readme.txt", "x/" * 500 + "orders.csv", "\u202eorders.csv", "a/orders.csv", "b/orders.csv",
)  # fmt: skip


def archive(rng: random.Random) -> bytes:
    """A zip, whole or not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2,
                                                  zipfile.ZIP_LZMA])) as made:  # fmt: skip
        for name in dict.fromkeys(rng.choice(_ENTRIES) for _ in range(rng.randrange(4))):
            info = zipfile.ZipInfo(name or "x")
            info.filename = name or "x"
            info.compress_type = made.compression
            info.external_attr = rng.choice([0o100644, 0o120777, 0o040755, 0o010644]) << 16
            body = b"0" * 3_000_000 if rng.random() < 0.02 else file_of(rng)[:2_000_000]
            made.writestr(info, body)
    data = buffer.getvalue()
    draw = rng.random()
    if draw < 0.35:
        return broken(rng, data)
    if draw < 0.5:
        spoiled = bytearray(data)
        for _ in range(rng.randrange(1, 4)):  # lies about sizes, flags and methods
            at = rng.choice([data.find(b"PK\x01\x02"), data.find(b"PK\x03\x04"), data.find(b"PK\x05\x06")])
            where = at + rng.randrange(4, 46)
            if at >= 0 and where + 4 <= len(spoiled):
                struct.pack_into(
                    "<I", spoiled, where, rng.choice([0, 1, 0xFFFFFFFF, 0x7FFFFFFF, rng.randrange(1 << 32)])
                )
        return bytes(spoiled)
    return data


_THINGS = ("file", "file", "file", "file", "link_out", "dangling", "loop", "folder", "empty", "fifo")
_NAMES = (
    "orders.csv", "orders.csv", "lines.csv", "customers.csv", "products.csv", "orders.jsonl", "x.jsonl", "x.zip", "manifest.json",
    "readme.txt", "orders.csv.tmp", ".hidden.csv", "órdenes.csv", "orders.CSV", "a.part", "orders.csv~", "x\n.jsonl", "\u202e.jsonl",
)  # fmt: skip


def folder(rng: random.Random) -> Case:
    """A drop folder: (name, what it is) of each thing in it, and the bytes that its files hold."""
    if rng.random() < 0.6:
        return Case("sets", archive(rng), (("x.zip", "file"),))
    things = {
        rng.choice(_NAMES): rng.choice(_THINGS if rng.random() < 0.2 else _THINGS[:4]) for _ in range(rng.randrange(5))
    }
    if rng.random() < 0.02:
        things["x\udcff.jsonl"] = "file"
    data = nested(rng).data + b"\n" if rng.random() < 0.4 else file_of(rng)
    return Case("sets", data[:2_000_000], (*things.items(),))


# ---------------------------------------------------------------- the way back


def cells(rng: random.Random) -> Case:
    """A cell of a file that goes back."""
    return Case("cells", text_of(rng).encode("utf-8", "surrogatepass")[:20_000])


def mend(rng: random.Random) -> Case:
    """A receipt and corrected cells for one of its rows."""
    made = csv_set(rng)
    while len(made.data) > 1_000_000:
        made = csv_set(rng)
    names = headers(made.how[0])[ROLES[made.how[2]]]
    fixed = tuple((rng.choice(names), text_of(rng)[:500]) for _ in range(rng.randrange(4)))
    return Case("mend", made.data, (*made.how, rng.randrange(2, 9), fixed))


def framed(rng: random.Random) -> Case:
    """A body that says it is framed."""
    if rng.random() < 0.3:
        return Case("unframe", blob(rng))
    if rng.random() < 0.4:
        data = csv_set(rng).data
        return Case("unframe", broken(rng, data))
    words = [
        rng.choice(["0", "1", "-1", "2", "-100", "9" * 30, "9" * 5000, "x", "", "1.5", " ", "٣", "-7"])
        for _ in range(3)
    ]
    return Case("unframe", (" ".join(words) + "\n").encode() + blob(rng))


_MAKERS: dict[str, Callable[[random.Random], Case]] = {
    "nested": nested, "csv": csv_set, "rows": whole_file, "layout": mapping, "manifest": manifest, "sets": folder,
    "cells": cells, "mend": mend, "unframe": framed, "shop": shop,
}  # fmt: skip
make = partial(case)
