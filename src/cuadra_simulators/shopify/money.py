"""Amounts: whole numbers of the currency's smallest unit inside, texts outside."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple


class Deal(NamedTuple):
    """The currencies of an order: the shop's, and what its buyer paid in at `rate` for one of the shop's."""

    currency: str
    decimals: int
    presentment: str
    presentment_decimals: int
    rate: Decimal

    @property
    def abroad(self) -> bool:
        """Whether the two differ."""
        return self.currency != self.presentment


class Money(NamedTuple):
    """An amount of one currency."""

    units: int
    decimals: int
    currency: str


class Bag(NamedTuple):
    """An amount of an order, in both its currencies."""

    units: int
    deal: Deal

    @property
    def shop(self) -> Money:
        """In the shop's currency."""
        return Money(self.units, self.deal.decimals, self.deal.currency)

    @property
    def presentment(self) -> Money:
        """In the buyer's."""
        deal = self.deal
        if deal.currency == deal.presentment:
            return Money(self.units, deal.decimals, deal.currency)
        return Money(exchanged(self.units, deal), deal.presentment_decimals, deal.presentment)


def exchanged(units: int, deal: Deal) -> int:
    """The buyer's smallest units for so many of the shop's."""
    return rounded(units * deal.rate * 10 ** (deal.presentment_decimals - deal.decimals))


def rounded(amount: Decimal) -> int:
    """To whole units, halves away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def share(units: int, part: int, whole: int) -> int:
    """`part` of `whole` of an amount."""
    return units if part == whole else (2 * units * part + whole) // (2 * whole)


def short(units: int, decimals: int) -> str:
    """As GraphQL writes it: «1024.0», «25.98»."""
    whole, part = divmod(abs(units), 10**decimals)
    rest = (f"{part:0{decimals}d}".rstrip("0") if decimals else "") or "0"
    return f"{'-' if units < 0 else ''}{whole}.{rest}"


def full(units: int, decimals: int) -> str:
    """As webhooks write it: «1024.00», and «1024» where the currency has no decimals."""
    whole, part = divmod(abs(units), 10**decimals)
    return f"{'-' if units < 0 else ''}{whole}" + (f".{part:0{decimals}d}" if decimals else "")


def exact(units: int, decimals: int) -> Decimal:
    """As a number."""
    return Decimal(units).scaleb(-decimals)
