"""Signatures as the Standard Webhooks specification has them."""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping

PREFIX = "whsec_"
TOLERANCE = 300
"""Seconds by which the sender's clock may differ."""


class Verifier:
    """Checks signatures made with one secret, `whsec_` and its base64."""

    def __init__(self, secret: str) -> None:
        encoded = secret.removeprefix(PREFIX)
        try:
            self._secret = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except ValueError as error:
            raise ValueError("a secret is whsec_ and base64") from error
        if not secret.startswith(PREFIX) or not self._secret:
            raise ValueError("a secret is whsec_ and base64")

    def problem(self, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """What is wrong with a delivery's signature; empty when nothing is. Names of headers are in lower case."""
        id_, stamp, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not (id_ and stamp and given):
            return "webhook-id, webhook-timestamp and webhook-signature are needed"
        if not re.fullmatch(r"[0-9]{1,15}", stamp):
            return "webhook-timestamp is not in seconds since 1970"
        if abs(now - int(stamp)) > TOLERANCE:
            return "webhook-timestamp is more than five minutes away"
        digest = hmac.digest(self._secret, f"{id_}.{stamp}.".encode("latin-1") + body, "sha256")
        expected = b"v1," + b64encode(digest)
        good = [hmac.compare_digest(expected, one.encode("latin-1")) for one in given.split(" ")]
        return "" if any(good) else "no signature matches"
