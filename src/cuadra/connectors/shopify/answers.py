"""What the answers of a Shopify shop mean. Pure.

Facts: nearly everything is said with status 200; errors may be a list, a thing or a bare text; beside errors there may be
half an order, so that a body is never repeated in a proof.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

import cuadra
from cuadra.connectors.base import Evidence
from cuadra.connectors.http import excerpt
from cuadra.connectors.trouble import Answer, Trouble

_decode_any = msgspec.json.Decoder().decode


class _Throttle(Struct):
    currentlyAvailable: float = 0.0
    restoreRate: float = 50.0


class _Cost(Struct):
    requestedQueryCost: float
    actualQueryCost: float | None = None
    throttleStatus: _Throttle = msgspec.field(default_factory=_Throttle)


class _Extensions(Struct):
    cost: _Cost | None = None


class _Costed(Struct):
    extensions: _Extensions | None = None


_decode_cost = msgspec.json.Decoder(_Costed).decode


def cost_of(answer: Answer) -> _Cost | None:
    """What a query cost; None where it is not said."""
    try:
        found = _decode_cost(answer.body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None
    return found.extensions.cost if found.extensions else None


def decoded(answer: Answer) -> dict[str, Any]:
    """The body. Raises Trouble where it is none."""
    try:
        found = _decode_any(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise _spoiled(answer)


def _spoiled(answer: Answer) -> Trouble:
    if answer.body.lstrip()[:1] == b"{":
        proof: Evidence = {"announced": None, "read": len(answer.body), "limit": None, "message": "JSON is cut off"}
        return Trouble("source_answer_truncated", proof, transient=True)
    return Trouble("payload_unreadable", {"position": 0, "message": excerpt(answer.body)[:200]})


def errors_of(answer: Answer) -> list[dict[str, Any]]:
    """The errors of an answer: a list of things, or a bare text, or a thing with texts."""
    try:
        body = _decode_any(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = body.get("errors") if isinstance(body, dict) else None
    if isinstance(found, str):
        return [{"message": found}]
    if isinstance(found, list):
        return [one if isinstance(one, dict) else {"message": str(one)} for one in found]
    return [{"message": excerpt(msgspec.json.encode(found))}] if found else []


def code_of(answer: Answer) -> str | None:
    """The first code of its errors."""
    for error in errors_of(answer):
        code = (error.get("extensions") or {}).get("code")
        if code:
            return str(code)
    return None


def judge(answer: Answer) -> Trouble | None:
    """What an answer means, as far as its status and codes say it; the rest is read with its data."""
    errors = errors_of(answer)
    # never the body itself: beside an error there may be half an order
    said = "; ".join(str(one.get("message")) for one in errors)[:300]
    proof: Evidence = {"status": answer.status, "code": code_of(answer), "body": said}
    if answer.status == 401:
        return Trouble("credentials_invalid", {**proof, "last_success": None})
    if answer.status == 402:
        return Trouble("platform_plan_lacks_api", {"answer": said, "plan": None, "status": 402})
    if answer.status == 403:
        if errors:
            return Trouble("scope_missing", {**proof, "permission": said})
        return Trouble("source_blocked_by_firewall", {
            "status": 403, "fingerprint": excerpt(answer.body)[:200], "other_network": None,
            "server": answer.headers.get("server"),
        })  # fmt: skip
    if answer.status == 404:
        return Trouble("source_address_changed", {"address": None, "answer": 404, "asked": answer.url})
    if answer.status in (423, 430) or answer.status >= 500:
        waits = answer.status != 423
        return Trouble("source_unavailable", {"attempts": [], "status": answer.status, "message": said or excerpt(answer.body)},
                       transient=waits)  # fmt: skip
    if answer.status != 200:
        return ours(answer, said)
    if not errors:
        return _spoiled(answer) if not answer.body.lstrip().startswith(b"{") or not _readable(answer) else None
    code = code_of(answer)
    if code == "THROTTLED":
        return _throttled(answer)
    if code == "INTERNAL_SERVER_ERROR":
        return Trouble("source_unavailable", {"attempts": [], "status": 200, "message": said}, transient=True)
    if code == "SHOP_INACTIVE":
        return Trouble("source_unavailable", {"attempts": [], "status": 200, "message": said})
    if code == "MAX_COST_EXCEEDED":
        return ours(answer, said)
    return None


def _readable(answer: Answer) -> bool:
    try:
        _decode_any(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _throttled(answer: Answer) -> Trouble:
    cost = cost_of(answer)
    wait = 1.0
    if cost is not None:
        lacking = cost.requestedQueryCost - cost.throttleStatus.currentlyAvailable
        wait = max(lacking / max(cost.throttleStatus.restoreRate, 1.0), 0.1)
    budget = cost.throttleStatus.restoreRate if cost else None
    proof: Evidence = {"status": 200, "wait": round(wait, 2), "budget": budget, "message": "THROTTLED"}
    return Trouble("source_rate_limited", proof, transient=True, wait=wait)


def denial(error: dict[str, Any]) -> bool:
    """Whether it is said that something may not be seen, and not that something failed."""
    message = str(error.get("message"))
    code = (error.get("extensions") or {}).get("code")
    return code == "ACCESS_DENIED" or "ccess denied" in message or "not approved" in message


def refused(error: dict[str, Any], answer: Answer) -> Trouble:
    """Errors that leave no data: a permission that lacks, or a question that this shop does not take."""
    code = (error.get("extensions") or {}).get("code")
    message = str(error.get("message"))[:300]
    if denial(error):
        needed = (error.get("extensions") or {}).get("requiredAccess")
        return Trouble("scope_missing", {"status": 200, "code": code, "body": message, "permission": needed or message})
    return ours(answer, message)


def ours(answer: Answer, message: str) -> Trouble:
    """A question of ours that the shop does not take is a fault of ours, or its version is another one."""
    return Trouble("internal_error", {"fingerprint": f"shopify {answer.status} {message}"[:300],
                                      "version": cuadra.__version__, "step": "ask"})  # fmt: skip


def too_costly(text: str) -> Trouble:
    """A query that costs too much even for the least that can be asked."""
    name = text.split("(")[0].split()[-1]
    proof = {"fingerprint": f"shopify {name}: costs too much one by one", "version": cuadra.__version__, "step": name}
    return Trouble("internal_error", proof)


def heed_warnings(body: dict[str, Any], answer: Answer) -> None:
    """A search that the shop did not understand finds everything, and proves nothing."""
    for search in (body.get("extensions") or {}).get("search") or ():
        for warning in search.get("warnings") or ():
            said = f"{warning.get('field')}: {warning.get('message')}"
            raise ours(answer, f"search: {said}")
