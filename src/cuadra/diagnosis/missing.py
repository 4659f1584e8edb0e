"""What is not here, by its reasons: how many orders each keeps away, and who acts."""

from __future__ import annotations

from msgspec import Struct

from cuadra import reasons
from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.db.queries import sql

MOST = 10_000
"""Orders of one reason that are counted; then it is said that there are more."""
URGENCY = ("failed", "held", "waiting", "skipped", "unseen")
"""The standings of what is not here, the most urgent first."""
NEEDING = frozenset({"failed", "held"})
"""Those that somebody must do something about: what waits goes on by itself, what is skipped is meant to be."""


class Missing(Struct):
    """Orders that stand the same way for the same reason."""

    reason: str
    standing: str
    count: int
    more: bool
    """There are more than were counted."""
    text: dict[str, str]
    action: dict[str, str]
    fixed_by: str


def missing(db: Database, account: Account) -> list[Missing]:
    """Every order that is not present, by reason: the most urgent first, of these the most numerous."""
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(
            sql("count_missing"), {"account": account.account_id, "reasons": list(reasons.every()), "most": MOST}
        ).fetchall()
    found = [_missing(*row) for row in rows]
    return sorted(found, key=lambda one: (URGENCY.index(one.standing), -one.count, one.reason))


def _missing(code: str, standing: str, count: int, more: bool) -> Missing:
    reason = reasons.get(code)
    return Missing(code, standing, count, more, {"es": reason.text.es, "en": reason.text.en},
                   {"es": reason.action.es, "en": reason.action.en}, reason.fixed_by)  # fmt: skip
