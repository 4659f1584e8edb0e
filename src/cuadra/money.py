"""Money: exact decimals with a currency beside them, and minor units for filters and sorting."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import UNSET, UnsetType

# ISO 4217 gives most currencies two decimals; these are the others.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
         "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip

LIMIT = Decimal(10) ** 15
"""No single amount or quantity of a shop is as large; a larger one is a broken field."""

ZERO = Decimal(0)
_FEW_DIGITS = ZERO.__sizeof__()
"""What a decimal takes that has its digits in place: up to 76 of them. To ask this is far cheaper than to write it."""


def exponent(currency: str | None) -> int:
    """Number of decimals of a currency (ISO 4217); two where the currency is not known."""
    return _EXPONENTS.get(currency or "", 2)


def to_minor(amount: Decimal, currency: str | None) -> int:
    """Amount in minor units (cents), rounded half to even. `amount` must be below `LIMIT`."""
    return int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_EVEN))


def text_and_minor(amount: Decimal, currency: str | None) -> tuple[str, int | None]:
    """The amount in digits, and in minor units; no minor units for one that no shop has (the product of two broken
    fields). The same as `str` and `to_minor`: most amounts have exactly the decimals of their currency, and there the
    digits are the answer already."""
    digits = str(amount)
    if len(digits) < 18 and digits[-3:-2] == "." and currency not in _EXPONENTS:
        return digits, int(digits.replace(".", ""))
    return digits, to_minor(amount, currency) if abs(amount) < LIMIT else None


def problem(amount: Decimal) -> str | None:
    """Why a decimal cannot be an amount or a quantity, as the name of a rule; None if it can."""
    if not amount.is_finite():
        return "a finite number"
    if not -LIMIT < amount < LIMIT:
        return "a number below 10^15"
    # -20 < exponent keeps 1E-999999 out without writing it
    if not -20 <= amount.adjusted() <= 20 or amount.__sizeof__() > _FEW_DIGITS:
        return "at most 76 digits"
    return None


def usual(values: Iterable[Decimal | UnsetType | None]) -> bool:
    """Whether there is surely no `problem` with any of these; quick, for it is asked of every order."""
    for value in values:
        if (
            value is not None
            and value is not UNSET
            and not (value.__sizeof__() <= _FEW_DIGITS and -12 < value.adjusted() < 12 and value.is_finite())
        ):
            return False
    return True
