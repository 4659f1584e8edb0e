"""What goes wrong in the simulated shop: each trouble, how often, and what Cuadra is to say of its orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from cuadra_simulators import shop_words as words

Row = dict[str, str]


class Person(Struct):
    """A buyer. One with an `id` has an account and stands in the file of customers too."""

    id: str
    document: str
    first: str
    last: str
    email: str
    phone: str
    place: Row


class Draft(Struct):
    """An order before it is written: rows by file, and what is to be spoiled as they are written."""

    head: Row
    lines: list[Row]
    payments: list[Row] = field(default_factory=list)
    shipments: list[Row] = field(default_factory=list)
    discounts: list[Row] = field(default_factory=list)
    refunds: list[Row] = field(default_factory=list)
    damage: Literal["", "columns", "quote", "windows"] = ""
    """What is wrong with the bytes of the order's own row."""
    headless: bool = False
    """The order's own row is in no file."""
    twice: bool = False
    """Its row comes again at the end of the file."""
    broken: tuple[str, ...] = ()
    """Files in which the first row of this order is to be complained of."""


class Chance(Struct):
    """What a trouble may draw from."""

    rng: random.Random
    people: list[Person]
    """Those with an account."""


class Trouble(Struct, frozen=True):
    """One kind of trouble. `reason` is what its orders stand under with the rules as they come; `warning` what present
    ones carry. `when` limits it to orders old or young enough for it."""

    rate: float
    reason: str
    change: Callable[[Draft, Chance], None]
    warning: str = ""
    when: Literal["", "recent", "old", "late"] = ""
    product: str = ""
    """Key of the faulty product that the first line sells; «barcode»: one whose SKU is a long number."""


def _state(state: str, *, fulfilment: str = "") -> Callable[[Draft, Chance], None]:
    """An order that never became a sale: nothing sent, nothing invoiced, its payment not made."""

    def change(draft: Draft, _: Chance) -> None:
        draft.head |= {"state": state, "fulfilment_state": fulfilment, "invoice_number": ""}
        draft.shipments = []
        for payment in draft.payments:
            payment |= {"state": "pending", "paid_at": ""}

    return change


def _head(**cells: str) -> Callable[[Draft, Chance], None]:
    def change(draft: Draft, _: Chance) -> None:
        draft.head |= cells

    return change


def _spoil(sheet: str, column: str, choices: tuple[str, ...]) -> Callable[[Draft, Chance], None]:
    """One cell that cannot be read."""

    def change(draft: Draft, chance: Chance) -> None:
        row = draft.head if sheet == "orders" else draft.lines[0]
        row[column] = chance.rng.choice(choices)
        draft.broken = (sheet,)

    return change


def _returned(draft: Draft, _: Chance) -> None:
    draft.head |= {"state": "completed", "fulfilment_state": "returned"}
    _give_back(draft, "devolución", draft.head["total"])


def _refunded(draft: Draft, _: Chance) -> None:
    draft.head |= {"state": "refunded"}
    _give_back(draft, "arrepentimiento de compra", draft.head["total"])


def _partly_refunded(draft: Draft, _: Chance) -> None:
    _give_back(draft, "faltó una unidad", draft.lines[-1]["total"])


def _give_back(draft: Draft, note: str, amount: str) -> None:
    stamp = draft.head["updated_at"]
    draft.refunds = [{"id": f"R{draft.head['number'][1:]}", "amount": amount, "refunded_at": stamp, "note": note}]


def _no_lines(draft: Draft, _: Chance) -> None:
    draft.lines = []


def _nobody(draft: Draft, _: Chance) -> None:
    """A sale over the counter that names no customer."""
    for name in draft.head:
        if name.startswith(("customer.", "billing.", "delivery.")):
            draft.head[name] = ""
    draft.head |= {"store": "palermo", "sales_channel": "local", "note": ""}
    draft.shipments = []


def _no_contact(draft: Draft, _: Chance) -> None:
    empty = ("customer.id", "customer.document", "customer.email", "customer.phone", "delivery.phone")
    draft.head |= dict.fromkeys(empty, "")


def _bad_email(draft: Draft, chance: Chance) -> None:
    local = draft.head["customer.email"].split("@")[0] or "cliente"
    draft.head["customer.email"] = chance.rng.choice(words.BAD_EMAILS).format(local)


def _masked(draft: Draft, chance: Chance) -> None:
    """Bought at a marketplace, which keeps the buyer's address and phone to itself."""
    buyer = chance.rng.randrange(10**8, 10**9)
    letters = "".join(chance.rng.choices("abcdefghijkmnpqrstuvwxyz23456789", k=8))
    draft.head |= {
        "sales_channel": "mercadolibre", "customer.id": f"ML-{buyer}", "customer.document": "", "customer.phone": "",
        "customer.email": f"{draft.head['customer.first_name'][0].lower()}{letters}@mail.mercadolibre.com",
        "delivery.phone": "",
    }  # fmt: skip


def _two_people(draft: Draft, chance: Chance) -> None:
    """A guest with the email of one person and the phone of another, both of them known customers."""
    one, other = chance.rng.sample(chance.people, 2)
    draft.head |= {
        "customer.id": "", "customer.document": "", "customer.first_name": one.first, "customer.last_name": one.last,
        "customer.email": one.email, "customer.phone": other.phone, "delivery.phone": "",
    }  # fmt: skip


def _wrong_total(draft: Draft, chance: Chance) -> None:
    """Off by an amount with cents that no discount of the shop has, so that no other reading makes it right again."""
    cents = int(draft.head["total"].replace(".", "")) + chance.rng.choice((-90_011, 1, 150_011, 1_200_011))
    draft.head["total"] = f"{cents // 100}.{cents % 100:02}"
    for payment in draft.payments:
        payment["amount"] = draft.head["total"]


def _nothing(draft: Draft, _: Chance) -> None:
    """The faulty product is all there is to it."""


def _damage(kind: Literal["columns", "quote", "windows"], *broken: str) -> Callable[[Draft, Chance], None]:
    def change(draft: Draft, _: Chance) -> None:
        draft.damage, draft.broken = kind, broken
        draft.head["note"] = ""  # one over two lines would leave a second row that nobody can read
        if kind == "windows":
            draft.head |= {"customer.last_name": "Núñez", "note": "Dejar en conserjería"}

    return change


def _headless(draft: Draft, _: Chance) -> None:
    draft.headless, draft.broken, draft.payments = True, ("lines",), []


def _twice(draft: Draft, _: Chance) -> None:
    draft.twice = True


_INVALID = "field_format_invalid"
_TEST = "test_or_draft_order"

#: every trouble by its name; about one order in twelve has one
TROUBLES: dict[str, Trouble] = {
    "unpaid": Trouble(0.014, "payment_not_verified", _state("pending"), when="recent"),
    "never_paid": Trouble(0.010, "never_paid", _state("awaiting_payment"), when="old"),
    "cancelled": Trouble(0.012, "cancelled_at_source", _state("cancelled")),
    "on_hold": Trouble(0.003, "state_not_eligible", _state("on_hold")),
    "unknown_state": Trouble(0.0025, "status_not_mapped", _head(state="despachado_parcial", fulfilment_state="")),
    "draft": Trouble(0.001, _TEST, _state("draft")),
    "test": Trouble(0.0008, _TEST, _state("test")),
    "failed": Trouble(0.0015, "failed_or_trashed_at_source", _state("failed")),
    "trashed": Trouble(0.0005, "failed_or_trashed_at_source", _state("trashed")),
    "deleted": Trouble(0.0004, "deleted_at_source", _state("deleted")),
    "returned": Trouble(0.0015, "returned_or_refunded", _returned),
    "refunded": Trouble(0.004, "present", _refunded),
    "partly_refunded": Trouble(0.003, "present", _partly_refunded),
    "no_lines": Trouble(0.001, "order_without_products", _no_lines),
    "nobody": Trouble(0.001, "order_without_customer", _nobody),
    "no_contact": Trouble(0.002, "customer_without_contact", _no_contact),
    "dollars": Trouble(0.002, "currency_mismatch", _head(currency="USD")),
    "inactive": Trouble(0.003, "product_inactive", _nothing, product="inactive"),
    "no_sku": Trouble(0.002, "present", _nothing, "product_sku_missing", product="no_sku"),
    "shared_sku": Trouble(0.002, "present", _nothing, "product_sku_duplicate", product="shared"),
    "bad_email": Trouble(0.003, "present", _bad_email, "customer_contact_invalid"),
    "masked": Trouble(0.006, "present", _masked, "customer_contact_masked"),
    "filler": Trouble(0.003, "present", _head(**{"customer.email": "noemail@noemail.com"}),
                      "customer_placeholder_contact"),
    "two_people": Trouble(0.001, "present", _two_people, "customer_identity_conflict"),
    "wrong_total": Trouble(0.0015, "present", _wrong_total, "totals_do_not_add_up"),
    "cut_total": Trouble(0.001, _INVALID, _spoil("orders", "total", words.CUT_CELLS)),
    "bad_date": Trouble(0.001, _INVALID, _spoil("orders", "created_at", words.BAD_DATES)),
    "bad_quantity": Trouble(0.0006, _INVALID, _spoil("lines", "quantity", ("dos", "1 u.", "--"))),
    "spreadsheet": Trouble(0.001, _INVALID, _spoil("lines", "sku", ("7,79E+12", "7.79055E+12")), product="barcode"),
    "columns": Trouble(0.0006, _INVALID, _damage("columns", "orders")),
    "quote": Trouble(0.0004, "required_field_missing", _damage("quote", "orders", "lines")),
    "headless": Trouble(0.0005, "required_field_missing", _headless),
    "windows": Trouble(0.0008, "present", _damage("windows"), warning="file_special_characters", when="late"),
    "twice": Trouble(0.0015, "present", _twice),
}  # fmt: skip


def assign(moments: list[datetime], recent: datetime, old: datetime, rng: random.Random) -> dict[int, str]:
    """Which order has which trouble: at least one of each, at most one an order."""
    free = list(range(len(moments)))
    rng.shuffle(free)
    late = int(len(moments) * 0.6)

    def fits(at: int, when: str) -> bool:
        if when == "late":
            return at >= late
        return moments[at] >= recent if when == "recent" else not when or moments[at] < old

    given: dict[int, str] = {}
    for name, trouble in sorted(TROUBLES.items(), key=lambda pair: not pair[1].when):  # the choosy ones first
        wanted = max(1, round(trouble.rate * len(moments)))
        kept: list[int] = []
        while wanted and free:
            at = free.pop()
            if fits(at, trouble.when):
                given[at] = name
                wanted -= 1
            else:
                kept.append(at)
        free += kept
    return given
