"""What a destination means by an answer. Pure.

The status decides; a body in JSON may name a code, a field and words, in any of the shapes that are usual:

    {"error": {"code": …, "field": …, "message": …}}      {"errors": [{"field": …, "message": …}]}
    {"errors": {"email": ["…"]}}                           {"detail": [{"loc": ["body", "email"], "msg": …}]}
    {"type": …, "title": …, "detail": …, "invalid-params": [{"name": …, "reason": …}]}      (RFC 7807 and 9457)

Every trouble has a `scope`: `order`, and other orders may pass, or `endpoint`, and none will until somebody acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cuadra.connectors.base import Evidence
from cuadra.connectors.http import retry_after
from cuadra.connectors.trouble import Trouble

LONGEST = 500
"""Characters that are kept of a destination's words."""

_NEVER = (501, 505)
"""Of the errors of a server those that waiting does not end."""
_ENDPOINT = (401, 402, 403, 404, 405, 407, 410, 421, 426)
"""Refusals that another order would get as well: of the credential, of the account, of the address."""

_decode = msgspec.json.Decoder().decode


def judge(status: int, headers: Mapping[str, str], body: bytes, *, size: int | None = None,
          at: str = "", ms: int = 0) -> Trouble | None:  # fmt: skip
    """The trouble that an answer means; None: the parcel is taken. Header names in lower case; `size` in bytes, of what
    was sent; `at` and `ms`, when it was and how long it took. Never raises."""
    if 200 <= status < 300:
        return None
    said = _read(body)
    message = _message(said) or words(body)
    proof: Evidence = {"status": status, "message": message}
    wait = retry_after(headers)
    if status == 409:
        return Trouble("destination_has_it_already", {**proof, "scope": "order", "answer": status, "compared": None})
    if status == 429:
        proof |= {"scope": "endpoint", "code": _code(said) or status, "wait": wait}
        return Trouble("destination_queue_full", proof, transient=True, wait=wait)
    if status == 413:
        return Trouble("destination_limit_exceeded", {**proof, "scope": "order", "limit": _limit(said), "value": size})
    if status in (408, 425) or (status >= 500 and status not in _NEVER):
        attempt = {"at": at, "ms": ms, "status": status}
        proof |= {"scope": "endpoint", "attempts": [attempt], "wait": wait}
        return Trouble("destination_unavailable", proof, transient=True, wait=wait)
    field = _field(said)
    proof |= {"scope": _scope(status, field), "code": _code(said) or status, "field": field}
    if 300 <= status < 400:
        proof["address"] = clean(headers.get("location", ""))
    return Trouble("destination_rejected", proof)


def unreachable(message: str, *, at: str = "", ms: int = 0) -> Trouble:
    """The trouble that nothing answered: no name, no connection, a certificate that nobody vouches for, no time left."""
    attempt = {"at": at, "ms": ms, "status": None}
    proof: Evidence = {
        "status": None,
        "message": clean(message),
        "scope": "endpoint",
        "attempts": [attempt],
        "wait": None,
    }
    return Trouble("destination_unavailable", proof, transient=True)


def had_it(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer of success says that the same parcel had been taken before: by its status, or by the header that
    APIs with idempotency keys send with an answer that they repeat."""
    replayed = headers.get("idempotent-replayed") or headers.get("idempotency-replayed") or ""
    return status == 208 or replayed.strip().lower() == "true"


def shows(body: bytes, sequence: int) -> bool:
    """Whether an order that was found is as new as ours: one that tells its `sequence` has to have reached it."""
    there = _of(_read(body), "sequence")
    return not isinstance(there, int) or isinstance(there, bool) or there >= sequence


def words(body: bytes) -> str:
    """A body as far as people can read it."""
    return clean(body[: LONGEST * 4].decode("utf-8", "replace"))


def clean(text: str) -> str:
    """At most `LONGEST` characters, none of which a terminal or a page obeys; the database takes all of them."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "\ufffd" for one in text[:LONGEST])


def _scope(status: int, field: str | None) -> str:
    if status == 404 and field:  # «no such customer» rather than «no such address»
        return "order"
    return "order" if 400 <= status < 500 and status not in _ENDPOINT else "endpoint"


def _read(body: bytes) -> Any:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _of(value: Any, *path: str) -> Any:
    """A value within objects; None where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _places(said: Any) -> Iterator[dict[str, Any]]:
    """The objects in which a destination may speak of what is wrong, the most exact first."""
    listed = [_of(said, name) for name in ("errors", "error", "detail", "details", "invalid-params", "invalid_params")]
    listed.append(_of(said, "error", "details"))
    for one in listed:
        if isinstance(one, dict):
            yield one
        if isinstance(one, list) and one and isinstance(one[0], dict):
            yield one[0]
    if isinstance(said, list) and said:
        said = said[0]
    if isinstance(said, dict):
        yield said


def _field(said: Any) -> str | None:
    listed = _of(said, "errors")
    for place in _places(said):
        for name in ("field", "param", "pointer", "path", "loc", "property"):
            found = _text(place.get(name))
            if found:
                return found
    for name in ("invalid-params", "invalid_params"):
        params = _of(said, name)
        if isinstance(params, list) and params:
            return _text(_of(params[0], "name"))
    if isinstance(listed, dict) and listed:  # {"email": ["is taken"]}
        return _text(next(iter(listed)))
    return None


def _code(said: Any) -> str | None:
    for place in _places(said):
        for name in ("code", "type"):
            found = _text(place.get(name))
            if found:
                return found
    return None


def _message(said: Any) -> str | None:
    for place in _places(said):
        for name in ("message", "msg", "reason", "detail", "title", "error_description", "error"):
            found = place.get(name)
            if isinstance(found, str) and found.strip():
                return clean(found)
    return None


def _limit(said: Any) -> Any:
    for place in _places(said):
        for name in ("limit", "max", "maximum", "max_size"):
            found = place.get(name)
            if isinstance(found, int) and not isinstance(found, bool):
                return found
    return None


def _text(value: Any) -> str | None:
    """A name or a number as text, a path with dots; None for anything else."""
    if isinstance(value, list) and value and all(isinstance(one, str | int) for one in value):
        value = ".".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return clean(str(value).strip())[:200] or None
