"""A real marketplace's orders as an ERP would drop them, against an independent count over the same files."""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cuadra import accounts
from cuadra.db import Database
from cuadra.settings import Settings
from tests.world import World

MAPPING = """
ignore = ["sellers.csv", "category_translation.csv", "README.md"]
[format]
currency = "BRL"
time_zone = "America/Sao_Paulo"
total = "payments"
[states]
canceled = "cancelled"
unavailable = "not_sale"
created = "unpaid"
delivered = "completed"
shipped = "sale"
invoiced = "sale"
processing = "sale"
approved = "sale"
[files.orders]
name = "orders.csv"
optional = false
columns = { id = "order_id", state = "order_status", created_at = "order_purchase_timestamp", "customer.id" = "customer_id" }
[files.lines]
name = "order_items.csv"
[files.lines.columns]
order_id = "order_id"
id = "order_item_id"
product_id = "product_id"
seller = "seller_id"
unit_price = "price"
shipping = "freight_value"
[files.payments]
name = "order_payments.csv"
columns = { order_id = "order_id", id = "payment_sequential", method = "payment_type", amount = "payment_value" }
[files.customers]
name = "customers.csv"
[files.customers.columns]
id = "customer_id"
person = "customer_unique_id"
"address.postcode" = "customer_zip_code_prefix"
"address.city" = "customer_city"
"address.region" = "customer_state"
[files.products]
name = "products.csv"
columns = { id = "product_id", category = "product_category_name" }
"""


def truth(folder: Path) -> tuple[Counter[str], int, int]:
    """(orders by how they must stand, present ones that do not add up, people), counted without Cuadra."""

    def rows(name: str) -> list[dict[str, str]]:
        with (folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    parts: dict[str, Decimal] = defaultdict(Decimal)
    lines: Counter[str] = Counter()
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows("order_items.csv"):
        parts[row["order_id"]] += Decimal(row["price"]) + Decimal(row["freight_value"])
        lines[row["order_id"]] += 1
    for row in rows("order_payments.csv"):
        paid[row["order_id"]] += Decimal(row["payment_value"])
    stands: Counter[str] = Counter()
    odd = 0
    for row in rows("orders.csv"):
        number, state = row["order_id"], row["order_status"]
        day = datetime.fromisoformat(row["order_purchase_timestamp"]).replace(tzinfo=UTC)
        if state == "canceled":
            stands["cancelled_at_source"] += 1
        elif state == "unavailable":
            stands["state_not_eligible"] += 1
        elif state == "created":
            stands["never_paid" if datetime.now(UTC) - day > timedelta(days=30) else "payment_not_verified"] += 1
        elif not lines[number]:
            stands["order_without_products"] += 1
        else:
            stands["present"] += 1
            odd += parts[number] != paid[number]
    return stands, odd, len({row["customer_unique_id"] for row in rows("customers.csv")})


def test_the_olist_set_is_accounted_for_to_the_last_order(
    shared: Path, db: Database, settings: Settings, tmp_path: Path
) -> None:
    folder = shared / "data" / "olist"
    world = World(db, settings, tmp_path)
    accounts.change(db, world.account, "test", currency="BRL", country="BR", time_zone="America/Sao_Paulo")
    mapping = tmp_path / "olist.toml"
    mapping.write_text(MAPPING)
    world.integration("olist", mapping=mapping, path=folder, products__identify_by="id",
                      customers__contact_required="false")  # fmt: skip

    report = world.import_now("olist")
    stands, odd, people = truth(folder)
    assert report.items.seen == report.items.created == sum(stands.values()) == 8135
    assert stands["present"] == report.orders["present"] == 6893
    assert {code: n for code, n in stands.items() if code != "present"} == report.by_reason
    assert report.by_reason == {"cancelled_at_source": 625, "state_not_eligible": 609, "never_paid": 5,
                                "order_without_products": 3}  # fmt: skip
    assert report.warnings == {"totals_do_not_add_up": odd} == {"totals_do_not_add_up": 40}
    assert world.rows("SELECT count(*) FROM customer") == [(people,)] == [(8016,)]

    again = tmp_path / "shuffled"
    again.mkdir()
    mixer = random.Random(7)
    for path in folder.glob("*.csv"):
        header, *lines = path.read_bytes().splitlines()
        mixer.shuffle(lines)
        (again / path.name).write_bytes(b"\r\n".join([header, *lines]) + b"\r\n")
    integration = accounts.integration_named(db, world.account, "olist")
    accounts.set_settings(db, world.account, integration, {"path": str(again)}, "test")
    second = world.import_now("olist")
    assert (second.items.seen, second.items.unchanged) == (8135, 8135)
    assert second.orders == report.orders
    assert second.entities["customer"].unchanged == 8135
    assert world.rows("SELECT count(*) FROM customer") == [(people,)]
