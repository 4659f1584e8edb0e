"""A Shopify order in our model, whichever of its two shapes it came in. Pure.

Facts: GraphQL says times in UTC and amounts with as few decimals as it likes, notices say the shop's local time and two
decimals; both mean the same. There is no single state: paid, sent, cancelled and closed are four things. `quantity` of a
line counts what was given back and what an edit took out; `currentQuantity` counts neither. The total counts both as well,
and the total of today neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from msgspec import Struct

from cuadra.model import AddressRead, DiscountRead, LineRead, ShipmentRead
from cuadra.money import ZERO, exponent

PAYMENTS = {
    "pending": "pending", "authorized": "authorized", "partially_paid": "partially_paid", "paid": "paid",
    "partially_refunded": "partially_refunded", "refunded": "refunded", "voided": "voided", "expired": "voided",
}  # fmt: skip
FULFILMENTS = {
    "unfulfilled": "unfulfilled", "open": "unfulfilled", "pending_fulfillment": "unfulfilled", "scheduled": "unfulfilled",
    "on_hold": "unfulfilled", "in_progress": "unfulfilled", "request_declined": "unfulfilled",
    "partially_fulfilled": "partial", "partial": "partial", "fulfilled": "fulfilled", "restocked": "returned",
}  # fmt: skip


PERSON = ("firstName", "lastName", "first_name", "last_name")


class States(Struct, frozen=True):
    """What an order is, on each of its axes; `raw` is all of it in a word."""

    raw: str
    lifecycle: str
    payment: str | None
    fulfilment: str | None


def states(financial: str | None, fulfilment: str | None, *, cancelled: bool, closed: bool, test: bool) -> States:
    """From the platform's own words, in any case. A word that is not known stays as it is, and is for the rules to map."""
    paid = None if financial is None else PAYMENTS.get(financial.lower(), financial.lower())
    word = (fulfilment or "unfulfilled").lower()
    sent = FULFILMENTS.get(word, word)
    lifecycle = "test" if test else "cancelled" if cancelled else "completed" if closed else "open"
    raw = lifecycle if lifecycle in ("test", "cancelled") else f"{paid or 'unpaid'}/{sent}"
    return States(raw, lifecycle, paid, sent)


def moment(text: Any) -> datetime | None:
    """A time in UTC; None where there is none."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)


_ONE = Decimal(1)
_UNITS = [Decimal(1).scaleb(-decimals) for decimals in range(5)]


@lru_cache(maxsize=1 << 12)
def _written(text: str, decimals: int) -> Decimal:
    """An amount with so many decimals; the same few prices come again and again."""
    try:
        return _even(Decimal(text), _UNITS[decimals])
    except InvalidOperation:
        return Decimal("NaN")


def _even(amount: Decimal, unit: Decimal) -> Decimal:
    """The amount with the decimals of that unit, where it has no more."""
    even = amount.quantize(unit)
    return even if even == amount else amount


class Money:
    """Amounts of one order, with the decimals of its currency: both shapes write them differently."""

    def __init__(self, currency: str | None) -> None:
        self.currency = currency
        self._decimals = exponent(currency)
        self._unit = _UNITS[self._decimals]

    def of(self, text: Any) -> Decimal | None:
        """An amount, written as a text."""
        if type(text) is str:
            known = len(text) < 32  # what is longer is no price, and is not to stay in memory
            return (_written if known else _written.__wrapped__)(text, self._decimals)
        if text is None or isinstance(text, bool):
            return None
        try:
            return _even(text if type(text) is Decimal else Decimal(str(text)), self._unit)
        except InvalidOperation:
            return None

    def bag(self, thing: Any) -> Decimal | None:
        """The amount in the shop's currency, of a GraphQL `MoneyBag`."""
        if not isinstance(thing, dict) or not isinstance(money := thing.get("shopMoney"), dict):
            return None
        return self.of(money.get("amount"))

    def sum(self, things: Any, name: str) -> Decimal:
        """What the bags of that name in a list come to."""
        found = ZERO
        for one in things or ():
            found += self.bag(one.get(name)) or ZERO
        return found

    def share(self, amount: Decimal, share: Decimal) -> Decimal:
        """A part of an amount."""
        if not amount:
            return ZERO
        if share == 1 and amount.same_quantum(self._unit):
            return amount  # what the longer way comes to
        return self.of(round(amount * share, 6).normalize() + ZERO) or ZERO


class Sold(Struct, gc=False):
    """One line, before what was taken out of it is taken out. What an edit has taken out was not `sold`, see `as_sold`."""

    id: str
    quantity: Decimal
    current: Decimal
    returned: Decimal
    price: Decimal | None
    discounts: Decimal
    tax: Decimal
    product: str | None
    variant: str | None
    sku: str | None
    name: str | None
    sold: Decimal = ZERO

    def removed(self, *, taxes_included: bool) -> Decimal:
        """What the units that an edit has taken out would have cost."""
        gone = self.quantity - self.sold
        if not gone or self.price is None:
            return ZERO
        whole = self.price * self.quantity - self.discounts + (ZERO if taxes_included else self.tax)
        return whole * gone / self.quantity

    def line(self, money: Money) -> LineRead | None:
        """As it was sold. None if nothing is left."""
        sold = self.sold
        if sold <= 0:
            return None
        share = _ONE if sold == self.quantity else sold / self.quantity
        discount, tax = money.share(self.discounts, share), money.share(self.tax, share)
        total = None if self.price is None else money.of(self.price * sold - discount)
        return LineRead(
            id=self.id, product_id=self.product, variant_id=self.variant, sku=self.sku, name=self.name, quantity=sold,
            unit_price=self.price, discount=discount or None, tax=tax, total=total,
        )  # fmt: skip


def lines(sold: Iterable[Sold], money: Money) -> list[LineRead]:
    """All that were sold."""
    return [line for one in sold if (line := one.line(money)) is not None]


def total(first: Decimal | None, sold: Iterable[Sold], money: Money, *, taxes_included: bool) -> Decimal | None:
    """What the order came to, before anything was given back: the total that it would have with everything that an edit
    took out, without that. The total of today will not do, for it lacks what came back as well."""
    if first is None:
        return None
    gone = ZERO
    for one in sold:
        if one.sold != one.quantity:
            gone += one.removed(taxes_included=taxes_included)
    return money.of(round(first - gone, exponent(money.currency))) if gone else first


def discount(total: Decimal | None, sold: Iterable[Sold], money: Money) -> Decimal | None:
    """What was taken off the goods. The shop's sum counts what was taken off the way as well, and the price of the way has
    it in already: an order would not add up."""
    if total is None or not total.is_finite():
        return total
    return money.of(min(total, sum([one.discounts for one in sold], ZERO)))


def as_sold(found: Iterable[Sold], *, cancelled: bool) -> list[Sold]:
    """What an edit has taken out was not sold, what was given back was. Of a cancelled order everything has gone: what it
    was is what was ordered."""
    made = list(found)
    for one in made:
        one.sold = one.quantity if cancelled else min(one.current + one.returned, one.quantity)
    return made


def name_of(title: str | None, variant: str | None) -> str | None:
    """A product's name with that of its variant; one that has no variants has one by this name."""
    if variant in (None, "", "Default Title"):
        return title
    return f"{title} - {variant}" if title else variant


def address(place: Mapping[str, Any] | None, names: Mapping[str, str]) -> AddressRead | None:
    """A postal address; `names`: our field → theirs."""
    if not place:
        return None
    values: dict[str, str] = {}
    for ours, theirs in names.items():
        found = place.get(theirs)
        if isinstance(found, str) and (found := found.strip()):
            values[ours] = found
    person = [said for name in PERSON if (said := text(place.get(name))) is not None]
    if person:
        values["name"] = " ".join(person)
    return AddressRead(**values) if values else None


def shipments(parcels: Iterable[tuple[str, str | None, datetime | None, list[tuple[str | None, str | None]]]],
              ways: Iterable[ShipmentRead]) -> list[ShipmentRead]:  # fmt: skip
    """How it is to go, and the parcels on their way: (number, state, when, [(carrier, tracking)]). A parcel of several
    pieces has a tracking number for each."""
    found = list(ways)
    for number, state, at, tracks in parcels:
        for place, (carrier, tracking) in enumerate(tracks or [(None, None)], 1):
            key = number if place == 1 else f"{number}-{place}"
            found.append(ShipmentRead(id=key, carrier=carrier, tracking=tracking, state=state, shipped_at=at))
    return found


def codes(found: Iterable[Any]) -> list[DiscountRead]:
    """Discount codes; what each of them took off is on the lines."""
    return [DiscountRead(code=code) for one in found if (code := text(one)) is not None]


def text(value: Any) -> str | None:
    """A text that says something."""
    return (value.strip() or None) if isinstance(value, str) else None


def number(gid: Any) -> str | None:
    """The number inside a global id: `gid://shopify/Order/1` → `1`."""
    if not isinstance(gid, str):
        return None
    found = gid[gid.rfind("/") + 1 :]
    if "?" in found:
        found = found.partition("?")[0]
    return found if found.isascii() and found.isdecimal() else None


def custom(attributes: Iterable[tuple[Any, Any]], tags: Iterable[str], confirmation: Any) -> dict[str, Any]:
    """What shops keep beside: their own fields, tags, and the number the buyer was shown."""
    found: dict[str, Any] = {
        str(key): value for key, value in attributes if key and isinstance(value, str | int | float)
    }
    if kept := {said for tag in tags if (said := tag.strip())}:
        found["tags"] = sorted(kept)
    if number := text(confirmation):
        found["confirmation_number"] = number
    return found
