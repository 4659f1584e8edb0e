"""One trouble of one party, from its first sight to its end: an outage is one problem, however many ask meanwhile.

While it lasts nobody but the clock asks that party, and the clock only when the pause is over; the first good answer ends
it. Transient trouble is met again with growing pauses, and waits (blue) until that series has ended; after it, and for
what repeating does not cure, somebody is needed (red).
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.types.json import Jsonb

from cuadra import reasons
from cuadra.clock import utc_now
from cuadra.connectors.base import Evidence
from cuadra.db import Database
from cuadra.db.queries import sql

FETCH, DELIVER = "fetch", "deliver"
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
MENDED_PAUSE = 30.0
"""What a person has to mend is not tried more often than that."""
SERIES = 3
"""So often transient trouble is met before it counts as a failure."""
UNINSTALLED = "app_uninstalled"
CREDENTIALS = frozenset({"credentials_invalid", "scope_missing", "source_address_changed", UNINSTALLED})
"""What a person has to mend: the integration is broken until an answer comes."""
OUTAGE = CREDENTIALS | {
    "source_timeout",
    "source_rate_limited",
    "source_unavailable",
    "source_blocked_by_firewall",
    "destination_unavailable",
    "destination_rejected",
    "destination_queue_full",
}
"""What concerns everything that is asked of a party, and not one thing only."""


class Problem(Struct, frozen=True):
    """Trouble that lasts."""

    reason: str
    evidence: Evidence
    since: datetime
    last_at: datetime
    count: int
    next_at: datetime

    @property
    def red(self) -> bool:
        """Whether somebody is needed; else it is being retried."""
        return reasons.get(self.reason).retry != "auto" or self.count > SERIES

    def resting(self, now: datetime) -> bool:
        """Whether nobody is to ask: it is asked again by the clock alone, when the pause is over."""
        return self.reason in OUTAGE and self.next_at > now


def pause(count: int, asked: float | None = None) -> float:
    """Seconds until the next try, after so many; `asked`: those that the party itself asked for, which are believed while
    they help."""
    grown = min(FIRST_PAUSE * 2.0 ** min(max(count - 1, 0), 20), LONGEST_PAUSE)
    if asked is not None and count <= SERIES:
        return asked * random.uniform(1.0, 1.2)
    return max(grown * random.uniform(0.8, 1.2), asked or 0.0)


def transient(reason: str) -> bool:
    """Whether trying again may help without anybody's doing."""
    return reasons.get(reason).retry == "auto"


def last(db: Database, account_id: int, party: int, step: str = FETCH) -> Problem | None:
    """The problem that lasts; None: all is well."""
    with db.transaction(account_id) as conn:
        row = conn.execute(sql("open_problem"), {"account": account_id, "party": party, "step": step}).fetchone()
    return None if row is None else Problem(*row[1:])


def resting(db: Database, account_id: int, party: int, step: str = FETCH) -> bool:
    """Whether the party is to be left alone now."""
    found = last(db, account_id, party, step)
    return found is not None and found.resting(utc_now())


def meet(db: Database, account_id: int, party: int, reason: str, evidence: Evidence, step: str = FETCH,
         asked: float | None = None) -> Problem:  # fmt: skip
    """It was met, for the first time or again. `next_at` says when it is worth trying again: soon where it may pass, and
    now and then where somebody has to act, for nobody tells us that he has."""
    before = last(db, account_id, party, step)
    if before is not None and before.reason == UNINSTALLED and reason in CREDENTIALS:
        reason, evidence = (
            before.reason,
            before.evidence,
        )  # what the platform said itself; the refusal only follows from it
    count = (before.count if before else 0) + 1
    seconds = pause(count, asked) if transient(reason) else max(pause(count), MENDED_PAUSE)
    with db.transaction(account_id) as conn:
        conn.execute(sql("meet_problem"), {
            "account": account_id, "party": party, "step": step, "reason": reason,
            "evidence": Jsonb(_plain(evidence)), "pause": seconds,
        })  # fmt: skip
    found = last(db, account_id, party, step)
    assert found is not None
    return found


def over(db: Database, account_id: int, party: int, step: str = FETCH) -> bool:
    """The party answers as it should. True if that was not so before."""
    with db.transaction(account_id) as conn:
        return (
            conn.execute(sql("end_problem"), {"account": account_id, "party": party, "step": step}).fetchone()
            is not None
        )


def mended(db: Database, account_id: int, party: int) -> None:
    """Somebody has changed something: it is worth asking again at once."""
    with db.transaction(account_id) as conn:
        conn.execute(sql("hasten_probe"), {"account": account_id, "party": party})


def _plain(evidence: Evidence) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, datetime) else value for key, value in evidence.items()}
