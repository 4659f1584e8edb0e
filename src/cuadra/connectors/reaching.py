"""Whether notices can reach us: a look at our own public address, as far as that can be seen from here."""

from __future__ import annotations

import httpx

from cuadra.connectors.base import Finding

SECONDS = 5.0


def base_of(address: str) -> str:
    """The public address of our intake, from that of an integration's notices."""
    return address.rpartition("/in/")[0]


def answering(base: str) -> Finding:
    """Whether our intake answers at its public address, as far as it can be seen from this machine. WordPress takes a
    redirection for delivered, Shopify for a failure; neither follows."""
    try:
        answer = httpx.get(f"{base}/health", timeout=SECONDS, follow_redirects=False, trust_env=False)
    except httpx.HTTPError as error:
        return Finding(None, "Whether anybody takes notices at {url} cannot be told from here: {why}",
                       {"url": base, "why": str(error) or type(error).__name__})  # fmt: skip
    if answer.is_redirect:
        return Finding(False, "{url} redirects to {target}; shops do not follow a redirection: every notice would be lost",
                       {"url": base, "target": answer.headers.get("location", "")[:200]})  # fmt: skip
    if answer.status_code != 200:
        return Finding(None, "{url}/health answers {status}: is that where notices are taken?",
                       {"url": base, "status": answer.status_code})  # fmt: skip
    return Finding(True, "Somebody answers at {url}", {"url": base})
