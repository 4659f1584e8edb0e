"""What is kept of a request, and what is answered. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from cuadra.connectors.base import Evidence, Told
from cuadra.model import Entity

RETRY_SECONDS = 30
"""When a sender is to try again what could not be stored."""

_LONGEST = 200
_MOST_HEADERS = 20
_ALSO = ("content-type", "user-agent")


class Notice(Struct, frozen=True):
    """One genuine notice on its way into the inbox."""

    account_id: int
    integration_id: int
    retention: int
    kind: Entity
    sequence: int
    headers: dict[str, str]
    body: bytes


class Of(Struct, frozen=True):
    """One that is of no order, and whose it is."""

    account_id: int
    integration_id: int
    told: Told


class Answer(Struct, frozen=True):
    """What a sender is told: a status, and a word for whoever reads its log. Never what it has sent."""

    status: int
    word: bytes

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer."""
        found = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(self.word))]
        if self.status == 503:
            found.append((b"retry-after", b"%d" % RETRY_SECONDS))
        if self.status == 405:
            found.append((b"allow", b"POST"))
        return found


TAKEN = Answer(200, b"taken\n")
PONG = Answer(200, b"listening\n")
NOT_USED = Answer(200, b"not used\n")
ONLY_POST = Answer(405, b"only POST\n")

STATUSES = {
    "signature_invalid": 401, "intake_address_unknown": 404, "store_unexpected": 409, "integration_is_draft": 409,
    "payload_too_large": 413, "internal_error": 500, "intake_refused_for_space": 503, "intake_unavailable": 503,
}  # fmt: skip


def refused(reason: str) -> Answer:
    """The answer to what is not taken; what a connector refuses for a reason of its own is a 409."""
    return Answer(STATUSES.get(reason, 409), f"{reason}\n".encode())


def names(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their lower-case names; of two of one name the last counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def kept(headers: Mapping[str, str], own: str) -> dict[str, str]:
    """The headers that are stored beside a notice: never its signature. `own`: how those begin that its platform adds."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        if own and name.startswith(own):
            if "signature" in name or "hmac" in name or len(found) == _MOST_HEADERS:
                continue
        elif name not in _ALSO:
            continue
        found[name] = value if len(value) <= _LONGEST and value.isprintable() else clean(value)
    return found


def clean(text: str) -> str:
    """A text from outside, short and without what a database or a terminal stumbles over."""
    short = text[:_LONGEST]
    return short if short.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in short)


def proof(evidence: Evidence) -> dict[str, Any]:
    """Evidence of a refusal with small values only, whatever a connector has put into it."""
    return {clean(str(key)): value if value is None or isinstance(value, bool | int | float) else clean(str(value))
            for key, value in list(evidence.items())[:_MOST_HEADERS]}  # fmt: skip


def seen(headers: Mapping[str, str], client: str, body: bytes | None) -> Evidence:
    """What every refusal says of its request: from where, of what, how much; of the body a digest only."""
    topic = next((value for name, value in headers.items() if name.endswith("-topic")), None)
    found: Evidence = {"sender": sender(headers, client), "topic": topic}
    if body is not None:
        found |= {"size": len(body), "digest": hashlib.sha256(body).hexdigest()[:16]}
    return found


def sender(headers: Mapping[str, str], client: str) -> str:
    """Whose request it is. A proxy on this machine says it in the last entry of X-Forwarded-For."""
    try:
        local = ipaddress.ip_address(client).is_loopback
    except ValueError:
        local = True
    last = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return last or client if local else client
