"""People and orders of the simulated shop, made one after the other from one seeded chance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from cuadra_simulators import shop_words as words
from cuadra_simulators.shop_troubles import Draft, Person, Row

DAYS = 60
SALE_DAY = 21
"""The day of the big sale, in days before today."""
RECENT, OLD = 25, 33
"""Unpaid orders younger than the first still wait some days from now; older than the second they wait no more."""
WEEKDAYS = (1.0, 0.95, 0.95, 1.0, 1.1, 1.3, 1.4)
HOURS = (3, 1.5, 0.7, 0.4, 0.3, 0.4, 0.9, 1.8, 2.8, 4, 5, 5.4, 5.2, 5, 4.6, 4.6, 4.8, 5.2, 5.8, 6.6, 8, 9, 8, 5.5)
CHANNELS = ("web", "web", "web", "app", "instagram")


class Shop:
    """The people, the catalogue and the chance that orders come from. Call `draft` with times in their order."""

    def __init__(self, rng: random.Random, orders: int, today: date) -> None:
        self.rng = rng
        self.today = datetime(today.year, today.month, today.day)
        self.products = words.catalogue()
        self.barcodes = [product for product in self.products if product.sku.isdecimal()]
        self.sold = [*self.products, *(words.FAULTY[name] for name in ("orphan", "loop", "no_category"))]
        self._by_area: Counter[str] = Counter()
        self.people = [self._person(at) for at in range(max(40, min(orders * 11 // 20, 300_000)))]
        self.registered = [person for person in self.people if person.id]
        self._order_id = 5_820_113_046_712

    def _person(self, at: int) -> Person:
        rng = self.rng
        first, last = _pick(rng, words.FIRST_NAMES), _pick(rng, words.LAST_NAMES)
        city, region, postcode, area = _pick(rng, words.CITIES)
        local = _plain(f"{first}.{last}")
        place = {
            "street": f"{_pick(rng, words.STREETS)} {rng.randrange(100, 6000)}", "street2": _pick(rng, words.FLOORS),
            "city": city, "region": region, "postcode": postcode, "country": "AR",
        }  # fmt: skip
        return Person(
            str(880_000_000 + 41 * at) if rng.random() < 0.7 else "", str(18_000_000 + 97 * at + rng.randrange(97)),
            first, last, f"{local}{at + 1}@example.{_pick(rng, ('com', 'com', 'org'))}", self._phone(area), place,
        )  # fmt: skip

    def _phone(self, area: str) -> str:
        """A mobile number that nobody else has, in one of its spellings: 555… and on, where no real one is likely."""
        self._by_area[area] += 1
        local = str((55_500_000 if area == "11" else 5_550_000) + self._by_area[area])
        if len(set(local[-7:])) == 1:  # 555-5555 is what a filler looks like
            return self._phone(area)
        form = _pick(self.rng, words.PHONE_FORMS)
        return form.format(area=area, head=local[:-4], tail=local[-4:])

    def moments(self, orders: int) -> list[datetime]:
        """When the orders were placed: evenings and weekends, and one day of a sale."""
        days = [self.today - timedelta(days=back) for back in range(DAYS, 0, -1)]
        weights = [5.0 if self.today - day == timedelta(days=SALE_DAY) else WEEKDAYS[day.weekday()] for day in days]
        hours = self.rng.choices(range(24), HOURS, k=orders)
        return sorted(
            day + timedelta(hours=hour, seconds=int(self.rng.random() * 3600))
            for day, hour in zip(self.rng.choices(days, weights, k=orders), hours, strict=True)
        )

    def draft(self, at: int, placed: datetime, product: str) -> Draft:
        """An order that is fine, but for a product asked for by name."""
        rng = self.rng
        self._order_id += 900 + int(rng.random() * 39_100)
        person = self.people[int(len(self.people) * rng.random() ** 1.5)]
        lines, goods = self._lines(product)
        sale = self.today.date() - placed.date() == timedelta(days=SALE_DAY)
        coupon = ("DIADEOFERTAS", "Día de ofertas", 15) if sale else ("BIENVENIDA10", "Primera compra", 10)
        discount = goods * coupon[2] // 100 if sale or rng.random() < 0.06 else 0
        pickup = rng.random() < 0.12
        shipping = 0 if pickup or goods > 15_000_000 else _pick(rng, (459_000, 589_000, 749_000, 980_000))
        total = goods - discount + shipping
        age = (self.today - placed).days
        state = "completed" if age > 6 else "shipped" if age > 2 else _pick(rng, ("paid", "processing"))
        settled = min(placed + timedelta(minutes=1 + int(rng.random() * 89)), self.today)
        head: Row = {
            "id": str(self._order_id), "number": f"#{1043 + at}", "created_at": clock(placed),
            "updated_at": clock(settled), "state": state, "fulfilment_state": "fulfilled" if age > 6 else "",
            "currency": "ARS", "total": _money(total), "discount": _money(discount), "shipping": _money(shipping),
            "tax": _money(round(total * 21 / 121)), "store": _pick(rng, ("palermo", "rosario")) if pickup else "web",
            "sales_channel": _pick(rng, CHANNELS), "invoice_number": f"0003-{at + 20_001:08}",
            "note": _pick(rng, words.NOTES) if rng.random() < 0.07 else "",
        }  # fmt: skip
        _buyer(head, person, pickup, rng)
        draft = Draft(head, lines)
        draft.payments = [{
            "id": str(70_411_000_000 + 17 * at), "method": _pick(rng, words.METHODS), "state": "approved",
            "amount": head["total"], "paid_at": head["updated_at"],
        }]  # fmt: skip
        if discount:
            draft.discounts = [{"code": coupon[0], "title": coupon[1], "amount": head["discount"]}]
        if not pickup and age > 2:
            draft.shipments = [{
                "id": f"ENV-{at + 100_000}", "carrier": _pick(rng, words.CARRIERS),
                "tracking": f"RV{360_000_000 + 13 * at}AR", "cost": head["shipping"],
                "state": "entregado" if age > 6 else "en camino", "shipped_at": clock(settled + timedelta(days=1)),
            }]  # fmt: skip
        return draft

    def _lines(self, product: str) -> tuple[list[Row], int]:
        rng = self.rng
        first = _pick(rng, self.barcodes) if product == "barcode" else words.FAULTY.get(product)
        chosen = _some(rng, self.sold, _pick(rng, (1, 1, 1, 2, 2, 3, 4)))
        rows: list[Row] = []
        goods = 0
        for at, item in enumerate([first, *chosen[1:]] if first else chosen):
            hundredths = rng.randrange(50, 600, 25) if item.unit else 100 * _pick(rng, (1, 1, 1, 1, 2, 3))
            gross = item.price * hundredths // 100
            off = gross // 10 if rng.random() < 0.08 else 0
            goods += gross - off
            rows.append({
                "id": str(at + 1), "product_id": item.id, "sku": item.sku, "name": item.name,
                "quantity": _money(hundredths) if item.unit else str(hundredths // 100), "unit": item.unit,
                "unit_price": _money(item.price), "discount": _money(off), "total": _money(gross - off),
            })  # fmt: skip
        return rows, goods


def _buyer(head: Row, person: Person, pickup: bool, rng: random.Random) -> None:
    head |= {
        "customer.id": person.id, "customer.document": person.document if rng.random() < 0.8 else "",
        "customer.first_name": person.first, "customer.last_name": person.last, "customer.email": person.email,
        "customer.phone": person.phone,
    }  # fmt: skip
    if rng.random() < 0.04:
        head["customer.email"] = f" {person.email.title()}"
    for name, value in person.place.items():
        head[f"billing.{name}"] = value
        head[f"delivery.{name}"] = "" if pickup else value
    if not pickup:
        head["delivery.name"] = f"{person.first} {person.last}"
        if rng.random() < 0.1:  # some checkouts ask for the phone with the address only
            head |= {"customer.phone": "", "delivery.phone": person.phone}


_T = TypeVar("_T")


def _pick(rng: random.Random, choices: Sequence[_T]) -> _T:
    """One of them. Called a dozen times an order, and quicker than the library's own; no better chance is needed."""
    return choices[int(rng.random() * len(choices))]


def _some(rng: random.Random, choices: Sequence[_T], count: int) -> list[_T]:
    """So many of them, no two the same."""
    return [_pick(rng, choices)] if count == 1 else rng.sample(choices, count)


def _plain(text: str) -> str:
    return text.lower().translate(str.maketrans("áéíóúüñ ", "aeiouun."))


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def clock(moment: datetime) -> str:
    """As an ERP writes it: the shop's own clock, without a zone."""
    return moment.isoformat(" ")
