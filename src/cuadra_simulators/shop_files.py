"""The files of a plausible online shop, as its ERP would drop them: two months of orders in Cuadra's own layout.

Deterministic for the same seed, number of orders and day. Most orders are fine; the others have each of the troubles
that files bring in real life, and what Cuadra is to say of them is known beforehand (`Truth`).

    python -m cuadra_simulators.shop_files FOLDER [ORDERS]
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from cuadra_simulators import shop_words as words
from cuadra_simulators.shop_orders import DAYS, OLD, RECENT, Shop, clock
from cuadra_simulators.shop_troubles import TROUBLES, Chance, Draft, Row, assign

Progress = Callable[[int, int | None, str], None]

FEWEST = 100
"""With fewer orders there is no room for one of each trouble beside those that are fine."""
_ADDRESS = ("street", "street2", "city", "region", "postcode", "country")
COLUMNS: dict[str, tuple[str, ...]] = {
    "stores": ("id", "name"),
    "categories": ("id", "name", "parent"),
    "products": ("id", "sku", "name", "brand", "unit", "active", "category_id"),
    "customers": ("id", "document", "first_name", "last_name", "email", "phone",
                  *(f"address.{name}" for name in _ADDRESS), "consent.email", "consent.phone", "consent.whatsapp",
                  "consent.at"),
    "lines": ("order_id", "id", "product_id", "sku", "name", "quantity", "unit", "unit_price", "discount", "total"),
    "payments": ("order_id", "id", "method", "state", "amount", "paid_at"),
    "refunds": ("order_id", "id", "amount", "refunded_at", "note"),
    "shipments": ("order_id", "id", "carrier", "tracking", "cost", "state", "shipped_at"),
    "discounts": ("order_id", "code", "title", "amount"),
    "orders": ("id", "number", "created_at", "updated_at", "state", "fulfilment_state", "currency", "total",
               "discount", "shipping", "tax", "store", "sales_channel", "invoice_number", "customer.id",
               "customer.document", "customer.first_name", "customer.last_name", "customer.email", "customer.phone",
               *(f"billing.{name}" for name in _ADDRESS), "delivery.name",
               *(f"delivery.{name}" for name in _ADDRESS), "delivery.phone", "note"),
}  # fmt: skip
"""File and columns, in the order in which the files appear: the orders last, for without them there is no set."""


class Truth(Struct):
    """What is in the files, for whoever checks an import of them under the rules as they come."""

    orders: int
    """Orders that the files speak of, the ones without a row of their own too."""
    expected: dict[str, int]
    """Reason → orders that must stand under it; «present» → those without one. Adds up to `orders`."""
    worth_asking: list[tuple[str, str, str]]
    """(identifier as a person types it, what one learns in English, in Spanish)"""
    warned: dict[str, int]
    """Warning → present orders that must carry it."""
    refused: dict[str, int]
    """Reason → rows that name no order or record, or none that can be read."""
    broken: list[tuple[str, int]]
    """(file, line) of every row that must be complained of."""


class _Echo:
    """What the csv module writes to, to get the text of a row back."""

    def write(self, text: str) -> str:
        return text


class _Sheet:
    """One file being written under a temporary name, counting lines as an editor does."""

    def __init__(self, role: str, file: BinaryIO) -> None:
        self.columns = COLUMNS[role]
        self._file = file
        self._line = 1
        self._encode = csv.writer(_Echo(), lineterminator="\n").writerow
        self.put(self.columns)

    def row(self, cells: Row, damage: str = "") -> int:
        """Write a row; returns the line it begins at."""
        values = list(map(cells.get, self.columns, repeat("")))
        if damage == "columns":  # a comma that nobody quoted
            values.insert(self.columns.index("billing.street") + 1, "Piso 3")
        return self.put(values, damage)

    def put(self, values: Sequence[str], damage: str = "") -> int:
        """Write the values as they are."""
        text: str = self._encode(values)
        if damage == "quote":
            street = values[self.columns.index("billing.street")]
            text = text.replace(street, f'"{street}', 1)
        self._file.write(text.encode("cp1252" if damage == "windows" else "utf-8"))
        begun = self._line
        self._line += text.count("\n")
        return begun


def write_set(folder: Path, *, orders: int = 10_000, seed: int = 1043, today: date,
              progress: Progress = lambda done, total, what: None) -> Truth:  # fmt: skip
    """Write the shop's files into `folder`, under temporary names until all are whole, and say what is in them.

    Times are the clock of America/Argentina/Buenos_Aires; the account's currency is ARS, its country AR.
    Raises ValueError below `FEWEST` orders.
    """
    if orders < FEWEST:
        raise ValueError(f"at least {FEWEST} orders are needed for one of each trouble")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {role: stack.enter_context((folder / f"{role}.csv.tmp").open("wb")) for role in COLUMNS}
        writer = _Writer({role: _Sheet(role, file) for role, file in files.items()})
        truth = writer.write(Shop(random.Random(seed), orders, today), orders, progress)
    for role in COLUMNS:
        (folder / f"{role}.csv.tmp").replace(folder / f"{role}.csv")
    return truth


class _Writer:
    """Writes a shop into its sheets and keeps the truth about it."""

    def __init__(self, sheets: dict[str, _Sheet]) -> None:
        self.sheets = sheets
        self.expected: Counter[str] = Counter()
        self.warned: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.broken: list[tuple[str, int]] = []
        self.stars: dict[str, Draft] = {}
        """An order of each trouble, to ask for; one that is fine and on its way under «»."""

    def write(self, shop: Shop, orders: int, progress: Progress) -> Truth:
        """Everything, catalogue first."""
        self._catalogue()
        self._customers(shop)
        moments = shop.moments(orders)
        troubled = assign(moments, shop.today - timedelta(days=RECENT), shop.today - timedelta(days=OLD), shop.rng)
        chance = Chance(shop.rng, shop.registered)
        again: list[Row] = []
        for at, placed in enumerate(moments):
            if at % 1000 == 0:
                progress(at, orders, "orders.csv")
            name = troubled.get(at, "")
            draft = shop.draft(at, placed, TROUBLES[name].product if name else "")
            if name:
                TROUBLES[name].change(draft, chance)
            self._star(name, draft)
            self._order(draft)
            if draft.twice:
                again.append(draft.head)
            if at % 2500 == 99:
                self._nameless(draft)
            self.expected[TROUBLES[name].reason if name else "present"] += 1
            if name and TROUBLES[name].warning:
                self.warned[TROUBLES[name].warning] += 1
            if name == "quote":
                self.refused["file_row_invalid"] += 1
        for row in again:
            self.sheets["orders"].row(row)
        progress(orders, orders, "orders.csv")
        return Truth(orders, dict(sorted(self.expected.items())), self._worth_asking(1043 + orders),
                     dict(sorted(self.warned.items())), dict(sorted(self.refused.items())),
                     sorted(self.broken))  # fmt: skip

    def _catalogue(self) -> None:
        for store in words.STORES:
            self.sheets["stores"].put(store)
        for node in words.CATEGORIES:
            self.sheets["categories"].put(node)
        for product in (*words.catalogue(), *words.FAULTY.values()):
            line = self.sheets["products"].put([
                product.id, product.sku, product.name, product.brand, product.unit, product.active, product.categories,
            ])  # fmt: skip
            if product.active not in ("0", "1"):
                self._refuse("products", line, "file_row_invalid")

    def _refuse(self, role: str, line: int, reason: str) -> None:
        self.broken.append((f"{role}.csv", line))
        self.refused[reason] += 1

    def _customers(self, shop: Shop) -> None:
        """Those with an account, their will about each channel stated or not; one row with a date nobody can read."""
        sheet, rng = self.sheets["customers"], shop.rng
        for person in shop.registered:
            row = {"id": person.id, "document": person.document, "first_name": person.first, "last_name": person.last,
                   "email": person.email, "phone": person.phone}  # fmt: skip
            row |= {f"address.{name}": value for name, value in person.place.items()}
            if rng.random() < 0.75:
                stated = rng.choices(("yes", "no", "", "unsubscribe"), (12, 3, 4, 1), k=3)
                row |= dict(zip(("consent.email", "consent.phone", "consent.whatsapp"), stated, strict=True))
                row["consent.at"] = clock(shop.today - timedelta(days=rng.randrange(DAYS, 900)))
            sheet.row(row)
        line = sheet.row({"id": "870000001", "first_name": "Prudencia", "last_name": "Salvatierra",
                          "email": "prudencia.salvatierra@example.org", "consent.email": "yes",
                          "consent.at": "hace mucho"})  # fmt: skip
        self._refuse("customers", line, "file_row_invalid")

    def _star(self, name: str, draft: Draft) -> None:
        if name == "unpaid" and name not in self.stars:  # one whose buyer has no other order
            draft.head |= {"customer.id": "", "customer.document": "", "customer.first_name": "Clara",
                           "customer.last_name": "Luz", "customer.email": "clara.luz@example.com",
                           "customer.phone": "", "delivery.phone": ""}  # fmt: skip
        if name or draft.shipments:
            self.stars.setdefault(name, draft)

    def _order(self, draft: Draft) -> None:
        first: dict[str, int] = {}
        if not draft.headless:
            first["orders"] = self.sheets["orders"].row(draft.head, draft.damage)
        for role, rows in (("lines", draft.lines), ("payments", draft.payments), ("refunds", draft.refunds),
                           ("shipments", draft.shipments), ("discounts", draft.discounts)):  # fmt: skip
            for row in rows:
                row["order_id"] = draft.head["id"]
                first.setdefault(role, self.sheets[role].row(row))
        self.broken += [(f"{role}.csv", first[role]) for role in draft.broken]

    def _nameless(self, draft: Draft) -> None:
        """Rows that name no order: the sum under a page of orders, and a line that lost its number."""
        line = self.sheets["orders"].row({"state": "subtotal", "currency": "ARS", "total": draft.head["total"]})
        self._refuse("orders", line, "file_required_field_empty")
        row = {"id": "9", "sku": "MAT-0410-AZ", "name": "Set de mate de cerámica azul", "quantity": "1"}
        self._refuse("lines", self.sheets["lines"].row(row), "file_required_field_empty")

    def _worth_asking(self, after: int) -> list[tuple[str, str, str]]:
        def head(name: str, column: str) -> str:
            return self.stars[name].head[column]

        return [
            (self.stars[""].shipments[0]["tracking"],
             "A tracking number leads to its sale, which is present.",
             "Un número de seguimiento lleva a su venta, que está presente."),
            (head("unpaid", "customer.email"),
             "An order of this buyer waits for its payment, and until when is known.",
             "Un pedido de esta persona espera su pago, y se sabe hasta cuándo."),
            (head("inactive", "invoice_number"),
             "An invoice number leads to an order that is held: it sells a product that the catalogue has retired.",
             "Un número de factura lleva a un pedido retenido: vende un producto dado de baja en el catálogo."),
            (head("cut_total", "number"),
             "The order failed for one cell; file, line, column and value are named.",
             "El pedido falló por una sola celda; se indican archivo, línea, columna y valor."),
            (f"#{after + 957}",
             "This number is in no file, and where it was looked for is shown.",
             "Este número no está en ningún archivo, y se muestra dónde se buscó."),
        ]  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write a set up to today into the folder named."""
    if not 1 <= len(arguments) <= 2 or (len(arguments) == 2 and not arguments[1].isdecimal()):
        sys.stderr.write("usage: python -m cuadra_simulators.shop_files FOLDER [ORDERS]\n")
        return 2
    try:
        truth = write_set(
            Path(arguments[0]), orders=int(arguments[1]) if len(arguments) == 2 else 10_000, today=date.today()
        )
    except (OSError, ValueError) as err:
        sys.stderr.write(f"{err}\n")
        return 1
    for reason, count in sorted(truth.expected.items(), key=lambda pair: -pair[1]):
        sys.stdout.write(f"{count:>9,}  {reason}\n")
    for identifier, english, spanish in truth.worth_asking:
        sys.stdout.write(f"\n{identifier}\n  {english}\n  {spanish}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
