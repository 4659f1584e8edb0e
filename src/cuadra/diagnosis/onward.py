"""Where an order went on to from here: of each destination the newest delivery, what was answered, and in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cuadra import reasons
from cuadra.db import Conn
from cuadra.db.queries import sql
from cuadra.diagnosis import masking

_FIELDS = ("destination", "sequence", "kind", "version", "standing", "reason", "evidence", "tries", "asked_at", "due_at",
           "sent_at", "ended_at")  # fmt: skip


def deliveries(conn: Conn, account_id: int, order_id: int, personal: bool) -> list[dict[str, Any]]:
    """The newest delivery of an order at each destination, and how many there were."""
    found: dict[int, dict[str, Any]] = {}
    for number, *values in conn.execute(sql("list_order_deliveries"), {"account": account_id, "order": order_id}):
        if number in found:
            found[number]["deliveries"] += 1
            continue
        one = dict(zip(_FIELDS, values, strict=True)) | {"deliveries": 1}
        one["evidence"] = masking.evidence(one["evidence"] or {}, personal)
        found[number] = one
    return list(found.values())


def notes(found: list[dict[str, Any]], present_since: datetime | None) -> list[dict[str, Any]]:
    """A sentence for each destination, with its proof."""
    return [_note(one, present_since) for one in found]


def _note(one: dict[str, Any], since: datetime | None) -> dict[str, Any]:
    code, name = one["reason"], one["destination"]
    proof: dict[str, Any] = {"present_at": since, "at": one["sent_at"] or one["ended_at"], "due": one["due_at"]}
    if one["standing"] == "done":
        taken = one["kind"] == "order.present"
        es, en = ("lo tiene", "has it") if taken else ("sabe que ya no cuenta", "knows that it does not count any more")
        return _said("", f"{name} {es}.", f"{name} {en}.", {"at": one["sent_at"]}, good=True)
    if one["standing"] == "waiting" and code is None:
        return _said("", f"En camino a {name}.", f"On its way to {name}.", {"asked_at": one["asked_at"]})
    reason = reasons.get(code)
    where = _where(one["evidence"])
    colon = f": {where}" if where else ""
    return _said(code, f"{name} · {reason.text.es.rstrip('.')}{colon}.", f"{name} · {reason.text.en.rstrip('.')}{colon}.",
                 {**proof, **one["evidence"]})  # fmt: skip


def _where(evidence: dict[str, Any]) -> str:
    """«422 email», where the destination says so."""
    status, field = evidence.get("status"), evidence.get("field")
    return " ".join(str(part) for part in (status, f"«{field}»" if field else None) if part)


def _said(code: str, es: str, en: str, evidence: dict[str, Any], *, good: bool = False) -> dict[str, Any]:
    kept = {key: value for key, value in evidence.items() if value is not None and key not in ("scope",)}
    return {"reason": code, "es": es, "en": en, "evidence": kept, "good": good}
