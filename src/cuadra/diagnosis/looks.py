"""What the sources themselves said when they were asked: read from what was stored of it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from msgspec import Struct

from cuadra import reasons
from cuadra.db import Conn
from cuadra.db.queries import sql


class Seen(Struct):
    """One source's last answer to a question."""

    integration: str
    at: datetime
    kind: str
    found: list[str]
    reason: str | None
    evidence: dict[str, Any]

    @property
    def status(self) -> int | None:
        """Of the call that decided."""
        calls = self.evidence.get("calls") or []
        return calls[0].get("status") if calls else None

    def brief(self) -> dict[str, Any]:
        """As a part of a proof."""
        calls = self.evidence.get("calls") or []
        said = {"integration": self.integration, "asked_at": self.at, "found": len(self.found),
                "request": ", ".join(_request(one) for one in calls)}  # fmt: skip
        return said | ({"cause": self.reason} if self.reason else {})


def _request(call: dict[str, Any]) -> str:
    """One question, and the status that came back; none where nothing was asked."""
    return f"{call['request']} → {call['status']}" if call.get("status") else str(call["request"])


def of(conn: Conn, account_id: int, query: str) -> list[Seen]:
    """The last answer of each source to this question."""
    return [Seen(*row) for row in conn.execute(sql("last_looks"), {"account": account_id, "query": key(query)})]


def key(query: str) -> str:
    """Under what a question is kept: only as a digest, for it may be somebody's email or phone."""
    return hashlib.sha256(query.casefold().encode("utf-8", "replace")).hexdigest()[:32]


def notes(found: list[Seen], *, known: bool) -> list[dict[str, Any]]:
    """For whoever asks: the source was asked, and when; or it could not be."""
    made: list[dict[str, Any]] = []
    for one in found:
        if one.reason is not None:
            reason = reasons.get(one.reason)
            proof = {"integration": one.integration, "asked_at": one.at, **(one.evidence.get("trouble") or {})}
            made.append({
                "reason": one.reason, "es": f"No se pudo preguntar a la tienda: {reason.text.es}",
                "en": f"The shop could not be asked: {reason.text.en}", "evidence": proof,
            })  # fmt: skip
        elif known and one.found:
            made.append({
                "reason": "", "es": "La tienda misma, consultada, lo tiene así.",
                "en": "The shop itself was asked, and has it like this.", "evidence": one.brief(), "good": True,
            })  # fmt: skip
    return made
