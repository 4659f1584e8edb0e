"""What keeps a shop from answering, in words that say what to do. Pure.

A trouble names a reason of the catalogue; whoever sets up a shop wants to know which switch it is.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from cuadra.connectors.base import Finding
from cuadra.connectors.http import excerpt
from cuadra.connectors.trouble import Trouble
from cuadra.connectors.woocommerce.client import error_of

MAINTENANCE = "wp_die"


def explain(trouble: Trouble, address: str) -> Finding:
    """The finding of a trouble with the shop at `address`."""
    proof = trouble.evidence
    if trouble.reason == "source_address_changed":
        return _elsewhere(trouble, address)
    if trouble.reason == "source_unavailable":
        return _unavailable(trouble, address)
    if trouble.reason == "source_timeout":
        return Finding(False, "The shop did not answer within {seconds} seconds",
                       {"seconds": round(float(proof["limit"]))}, trouble.reason)  # fmt: skip
    if trouble.reason == "source_rate_limited":
        return Finding(False, "The shop's host allows no more requests for now (429); make «pace» smaller",
                       {}, trouble.reason)  # fmt: skip
    if trouble.reason == "source_blocked_by_firewall":
        return Finding(False, "A firewall or a security plugin of the shop turns us away (status {status}); it has to let "
                       "our address through to /wp-json/", {"status": proof.get("status")}, trouble.reason)  # fmt: skip
    error = error_of(trouble.answer) if trouble.answer else None
    return Finding(False, "The shop does not give what was asked for: {status} {code}",
                   {"status": proof.get("status") or "", "code": error.code if error else trouble.reason},
                   trouble.reason)  # fmt: skip


def _elsewhere(trouble: Trouble, address: str) -> Finding:
    """A redirection, or no such path."""
    if trouble.evidence.get("answer") == "rest_no_route":
        return Finding(False, "WordPress answers at {url}, and WooCommerce's API (wc/v3) is not there: the plugin is "
                       "switched off or too old", {"url": address}, trouble.reason)  # fmt: skip
    if trouble.evidence.get("answer") in (404, 410):
        return Finding(False, "There is no API of WordPress at {url}; check the address and the folder the shop lives in",
                       {"url": address}, trouble.reason)  # fmt: skip
    target = urlsplit(str(trouble.evidence.get("address") or ""))
    here = urlsplit(address)
    path, separator, _rest = target.path.partition("/wp-json/")
    if target.hostname == here.hostname and separator and target.path.endswith("/"):
        return Finding(False, "WordPress has plain permalinks, with which its API does not work; choose any other "
                       "structure under Settings › Permalinks", {}, trouble.reason)  # fmt: skip
    moved = (
        f"{target.scheme}://{target.netloc}{path.rstrip('/') if separator else ''}" if target.netloc else target.path
    )
    return Finding(False, "The shop sends us to another address, {address}; if that is right, set url={address}",
                   {"address": moved}, trouble.reason)  # fmt: skip


def _unavailable(trouble: Trouble, address: str) -> Finding:
    """Nothing answers, or not the shop."""
    status, answer = trouble.evidence.get("status"), trouble.answer
    error = error_of(answer) if answer else None
    if error is not None and error.code == MAINTENANCE:
        return Finding(False, "The shop is in maintenance; try again in some minutes", {}, trouble.reason)
    if status is None:
        why = str(trouble.evidence.get("message") or "")
        if "CERTIFICATE_VERIFY_FAILED" in why:
            return Finding(False, "The certificate of {url} is not valid: {why}", {"url": address, "why": why},
                           trouble.reason)  # fmt: skip
        return Finding(False, "Nothing answers at {url}: {why}", {"url": address, "why": why}, trouble.reason)
    return Finding(False, "The shop's server fails (status {status}); look into its error log", {"status": status},
                   trouble.reason)  # fmt: skip


def unreadable(body: bytes) -> Finding:
    """An answer that says 200 and is no list. Only its beginning is shown: more could be somebody's order."""
    return Finding(False, "What the shop answers is no JSON; a plugin or a PHP warning spoils it: «{start}»",
                   {"start": " ".join(excerpt(body[:60]).split())}, "payload_unreadable")  # fmt: skip
