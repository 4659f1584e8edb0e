"""Signatures of what is sent, as the Standard Webhooks specification has them (version 1, symmetric).

    webhook-id         the parcel's id
    webhook-timestamp  seconds since 1970, when it was sent: differs from attempt to attempt
    webhook-signature  v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one for each secret, separated by a space

A secret is `whsec_` and the base64 of its key. While a secret is being replaced both are given, separated by a space,
and the receiver may check either.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cuadra.errors import UsageError

PREFIX = "whsec_"
SHORTEST = 24
"""Bytes of a key, as the specification demands."""


def new_secret() -> str:
    """A secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def keys_of(secret: str) -> tuple[bytes, ...]:
    """The keys of one or more secrets. Raises UsageError that says what is wrong and never shows any of it."""
    words = secret.split()
    if not words:
        raise UsageError("The secret for signatures is empty; it is written as whsec_… .")
    return tuple(_key(word) for word in words)


def _key(word: str) -> bytes:
    if not word.startswith(PREFIX):
        raise UsageError("The secret for signatures does not begin with whsec_ .")
    text = word.removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # which binascii.Error is
        raise UsageError("What follows whsec_ in the secret for signatures is not base64.") from None
    if len(key) < SHORTEST:
        raise UsageError("The secret for signatures has {length} bytes; it needs at least {least}.",
                         length=len(key), least=SHORTEST)  # fmt: skip
    return key


def headers(keys: Sequence[bytes], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers that sign a body. `timestamp` in seconds since 1970; `id` visible ASCII."""
    assert id.isascii()
    assert id.isprintable()
    assert id
    signed = f"{id}.{timestamp}.".encode() + body
    made = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }
