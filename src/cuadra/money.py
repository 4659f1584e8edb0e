"""Money: exact decimals with a currency beside them, and minor units for filters and sorting."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

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


def exponent(currency: str | None) -> int:
    """Number of decimals of a currency (ISO 4217); two where the currency is not known."""
    return _EXPONENTS.get(currency or "", 2)


def to_minor(amount: Decimal, currency: str | None) -> int:
    """Amount in minor units (cents), rounded half to even. `amount` must be below `LIMIT`."""
    return int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_EVEN))


def problem(amount: Decimal) -> str | None:
    """Why a decimal cannot be an amount or a quantity, as the name of a rule; None if it can."""
    if not amount.is_finite():
        return "a finite number"
    if not -LIMIT < amount < LIMIT:
        return "a number below 10^15"
    # -20 < exponent keeps 1E-999999 out without writing it; few digits are the rule, and cheap to see
    if not -20 <= amount.adjusted() <= 20 or len(str(amount)) > 40:
        return "at most 40 characters"
    return None
