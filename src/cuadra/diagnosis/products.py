"""What is known of a product, where no order is in trouble for it: who it is, whether it is active, who sells it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct

from cuadra.db import Conn
from cuadra.db.queries import sql

COUNT_MS = 2_000
"""How long the orders of a product are counted: lines have no index for it."""


class Product(Struct):
    """A product as an answer shows it."""

    product: int
    name: str | None
    sku: str | None
    code: str | None
    active: bool
    inactive_since: datetime | None
    orders: int | None
    """Orders that sell it; None if counting took too long."""
    linked: list[str]
    """By what it is known: «sku:MAT-01», «id:7 (shop)»."""


def find(conn: Conn, account_id: int, text: str) -> tuple[str, list[Product]]:
    """(kind of identifier, products) that a text names: by SKU, by the source's id, by name."""
    key = {"account": account_id, "value": text, "name": " ".join(text.casefold().split())[:500]}
    rows = conn.execute(sql("find_product"), key).fetchall()
    if not rows:
        return "unknown", []
    kind = rows[0][0]
    found = {row[1]: row[1:] for row in rows if row[0] == kind}
    key |= {"products": list(found)}
    links: dict[int, list[str]] = {}
    for number, by, value, store in conn.execute(sql("list_product_keys"), key):
        links.setdefault(number, []).append(f"{by}:{value}" + (f" ({store})" if store else ""))
    sold = _sold(conn, key)
    return "sku" if kind == "sku" else "product", [
        Product(number, name, sku, code, active, since, None if sold is None else sold.get(number, 0),
                links.get(number, []))
        for number, name, sku, code, active, since in found.values()
    ]  # fmt: skip


def _sold(conn: Conn, key: dict[str, Any]) -> dict[int, int] | None:
    """Product → number of orders that sell it."""
    try:
        with conn.transaction():
            conn.execute("SELECT set_config('statement_timeout', %s, true)", (str(COUNT_MS),))
            return dict(conn.execute(sql("count_product_orders"), key).fetchall())
    except psycopg.errors.QueryCanceled:
        return None
    finally:
        conn.execute("SELECT set_config('statement_timeout', '0', true)")


def verdict(found: list[Product]) -> tuple[dict[str, str], str, dict[str, str]]:
    """(text, who acts, what to do), in both languages."""
    if len(found) > 1:
        return (
            {"en": f"{len(found)} products are known by it; no order is.",
             "es": f"{len(found)} productos se conocen por él; ningún pedido."},
            "merchant",
            {"en": "Ask for the one that is meant by its own number, or link the SKU to it: cuadra product link.",
             "es": "Preguntar por el que corresponde con su propio número, o vincularle el SKU: cuadra product link."},
        )  # fmt: skip
    one = found[0]
    sold = {
        "en": "" if one.orders is None else f"; orders that sell it: {one.orders}",
        "es": "" if one.orders is None else f"; pedidos que lo venden: {one.orders}",
    }
    if one.active:
        return (
            {"en": f"It is a product, and it is here{sold['en']}.", "es": f"Es un producto, y está aquí{sold['es']}."},
            "system", {"en": "Nothing to do.", "es": "Nada que hacer."},
        )  # fmt: skip
    return (
        {"en": f"It is a product that is inactive here{sold['en']}.",
         "es": f"Es un producto que aquí está inactivo{sold['es']}."},
        "merchant",
        {"en": f"Orders that sell it are held or let in, as the rule says; to make it active again: "
               f"cuadra product activate {one.product}.",
         "es": f"Los pedidos que lo venden se retienen o entran, según la regla; para activarlo de nuevo: "
               f"cuadra product activate {one.product}."},
    )  # fmt: skip
