"""What was not taken: counted in memory and written down once a second, so that a flood costs next to nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from cuadra.connectors.base import Evidence
from cuadra.db.queries import sql
from cuadra.faces.intake.link import Link
from cuadra.faces.intake.notices import proof

Key = tuple[int, int, datetime, str]


class Refusals:
    """One entry per integration, hour and reason, with the evidence of the last one. Bodies are never kept.

    What is counted in the last second is lost if the program is killed: the refused themselves have been told.
    """

    def __init__(self) -> None:
        self._found: dict[Key, tuple[int, datetime, dict[str, Any]]] = {}
        self._hours: dict[tuple[int, int, str], tuple[datetime, int]] = {}

    def note(self, account_id: int, integration_id: int, reason: str, evidence: Evidence, at: datetime) -> None:
        """Count one."""
        hour = _hour(at)
        key = (account_id, integration_id, hour, reason)
        self._hours[account_id, integration_id, reason] = (
            hour, self.in_this_hour(account_id, integration_id, reason, at) + 1,
        )  # fmt: skip
        count = self._found[key][0] if key in self._found else 0
        self._found[key] = (count + 1, at, proof(evidence))

    def in_this_hour(self, account_id: int, integration_id: int, reason: str, at: datetime) -> int:
        """How many were counted since the hour began, written down or not."""
        hour, counted = self._hours.get((account_id, integration_id, reason), (at, 0))
        return counted if hour == _hour(at) else 0

    async def flush(self, link: Link) -> None:
        """Write down what was counted, in one transaction. Raises psycopg.Error; then it is kept for the next time."""
        if not self._found:
            return
        found, self._found = self._found, {}
        rows = [{"account": account, "integration": integration, "reason": reason, "at": at, "count": count,
                 "evidence": evidence}
                for (account, integration, _hour, reason), (count, at, evidence) in found.items()]  # fmt: skip
        try:
            await link.run(sql("note_refusals"), {"refusals": msgspec.json.encode(rows).decode()})
        except BaseException:
            self._put_back(found)
            raise

    def _put_back(self, found: dict[Key, tuple[int, datetime, dict[str, Any]]]) -> None:
        for key, (count, at, evidence) in found.items():
            later = self._found.get(key)
            self._found[key] = (count, at, evidence) if later is None else (count + later[0], *later[1:])


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
