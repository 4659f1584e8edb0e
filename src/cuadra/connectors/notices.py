"""Settings that every live connector has alike."""

from __future__ import annotations

from urllib.parse import urlsplit

from cuadra.errors import UsageError


def check_address(address: str) -> None:
    """The intake may be any address of the web that a path can be put behind. Raises UsageError for what is none."""
    parts = urlsplit(address)
    bad = parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username
    if address and bad:
        raise UsageError("«{address}» is no address for notices; write it as https://hooks.example.", address=address)
