"""The steps of an attempt and their compact form: one letter each, in order, as `attempt.steps` stores them.

    receive  verify  read  admit  match_customer  match_products  record  deliver
      s        s      s      h          -               -            s       -

`s`uccess, `w`arning, wai`t`ing, `h`eld, s`k`ipped, `f`ailed, `-` not reached.
"""

from __future__ import annotations

from cuadra.model import Standing, StepOutcome

STEPS = ("receive", "verify", "read", "admit", "match_customer", "match_products", "record", "deliver")
RECEIVE, VERIFY, READ, ADMIT, MATCH_CUSTOMER, MATCH_PRODUCTS, RECORD, DELIVER = range(8)

_LETTERS = {
    StepOutcome.SUCCESS: "s", StepOutcome.WARNING: "w", StepOutcome.WAITING: "t", StepOutcome.HELD: "h",
    StepOutcome.SKIPPED: "k", StepOutcome.FAILED: "f",
}  # fmt: skip
_OUTCOMES = {letter: outcome for outcome, letter in _LETTERS.items()}
_STANDING_LETTERS = {
    Standing.WAITING: "t", Standing.HELD: "h", Standing.SKIPPED: "k", Standing.FAILED: "f",
}  # fmt: skip


def letter_of(standing: Standing) -> str:
    """The letter of the step at which an order got this standing."""
    return _STANDING_LETTERS.get(standing, "s")


def unpack(steps: str) -> list[tuple[str, StepOutcome | None]]:
    """(step, outcome or None where it was not reached) of a compact form."""
    return [(name, _OUTCOMES.get(letter)) for name, letter in zip(STEPS, steps, strict=False)]
