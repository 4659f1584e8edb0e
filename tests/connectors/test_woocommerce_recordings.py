"""Every recorded answer and delivery of a real shop: read, or refused with the reason that its page explains."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cuadra import reasons
from cuadra.connectors.base import Delivery, Ping, Raw, Rejected
from cuadra.connectors.http import general
from cuadra.connectors.trouble import Answer
from cuadra.connectors.woocommerce.client import judge
from cuadra.connectors.woocommerce.hooks import judge as judge_notice
from cuadra.connectors.woocommerce.reader import read
from cuadra.model import Entity

SECRET = "secreto-de-prueba-123"
SHOP = "http://127.0.0.1:18081/"
MOMENT = "2026-11-21T20:18:09+00:00"

#: (status, code) → what it means; a star is any code
MEANING: dict[tuple[int, str], set[str]] = {
    (301, "*"): {"source_address_changed"},
    (400, "rest_invalid_param"): {"internal_error", "destination_rejected"},  # of a question, of a write
    (400, "woocommerce_rest_shop_order_invalid_id"): {"not_found_at_source"},  # a write to an order that is not there
    (400, ""): {"source_blocked_by_firewall"},  # the API of another age: no code at all
    (400, "*"): {"destination_rejected"},
    (401, "*"): {"credentials_invalid"},
    (403, "woocommerce_rest_cannot_view"): {"scope_missing"},
    (404, "rest_no_route"): {"source_address_changed"},
    (404, "*"): {"not_found_at_source"},
    (410, "*"): {"destination_rejected"},
    (413, "*"): {"destination_rejected"},
    (500, "internal_server_error"): {"source_unavailable"},
    (500, "woocommerce_rest_invalid_order_refund_id"): {"not_found_at_source"},
    (500, "*"): {"destination_rejected"},  # a refusal that says 500: not to be tried again
    (501, "*"): {"destination_rejected"},
    (503, "*"): {"source_unavailable"},
}  # fmt: skip
READ = {"orders": Entity.ORDER, "products": Entity.PRODUCT, "categories": Entity.CATEGORY, "customers": Entity.CUSTOMER,
        "variations": Entity.PRODUCT}  # fmt: skip


def recordings(shared: Path) -> list[tuple[str, dict[str, Any]]]:
    folder = shared / "platforms" / "captures" / "woocommerce-9.2.5"
    found = []
    for path in sorted(folder.rglob("*.json")):
        one = json.loads(path.read_text("utf-8"))
        if isinstance(one, dict) and isinstance(one.get("request"), dict):
            found.append((str(path.relative_to(folder)), one))
    return found


def entity_of(path: str) -> Entity | None:
    """What a path of the API lists or shows."""
    parts = [part for part in path.partition("/wc/v3/")[2].split("/") if part]
    if parts and parts[-1].isdecimal():
        parts.pop()
    return READ.get(parts[-1]) if parts and len([part for part in parts if not part.isdecimal()]) <= 2 else None


def test_every_answer_means_what_its_page_says(shared: Path) -> None:
    told: Counter[str] = Counter()
    for name, one in recordings(shared):
        if "status" not in one:
            continue
        asked, body = one["request"], one.get("body_raw")
        raw = body.encode() if body is not None else json.dumps(one["body"]).encode()
        headers = {key.lower(): value for key, value in one["headers"]}
        answer = Answer(one["status"], headers, raw, asked["method"], asked["url"], MOMENT)
        trouble = general(answer) or judge(answer)
        if 200 <= answer.status < 300:
            assert trouble is None, name
            told["answered"] += 1
            continue
        assert trouble is not None, name
        code = one["body"].get("code", "") if isinstance(one["body"], dict) else ""
        wanted = MEANING.get((answer.status, code if isinstance(code, str) else "")) or MEANING[answer.status, "*"]
        assert trouble.reason in wanted, (name, trouble.reason)
        assert set(reasons.get(trouble.reason).evidence) <= set(trouble.evidence), name
        told[trouble.reason] += 1
    assert sum(told.values()) > 300
    assert set(told) >= {
        "answered",
        "credentials_invalid",
        "scope_missing",
        "not_found_at_source",
        "source_unavailable",
    }


def test_everything_listed_is_read_or_says_why_not(shared: Path) -> None:
    told: Counter[str] = Counter()
    for name, one in recordings(shared):
        kind = entity_of(urlsplit(one["request"].get("url", "")).path)
        if (
            kind is None
            or not 200 <= one.get("status", 0) < 300
            or one["request"]["method"] not in ("GET", "PUT", "POST")
        ):
            continue
        body = one["body"]
        for item in body if isinstance(body, list) else [body]:
            found = read(Raw(kind, msgspec.json.encode(item), 1))
            if found.value is not None:
                told["read"] += 1
            elif found.hint is not None:
                told["hint"] += 1  # a light listing: the number, and not what it is now
            else:
                assert found.refused is not None, name
                assert set(reasons.get(found.refused[0]).evidence) <= set(found.refused[1]), name
                told[found.refused[0]] += 1
                assert "_fields" in one["request"]["url"] or "batch" in name or not isinstance(item, dict) or "id" not in item, (
                    name, found.refused,
                )  # fmt: skip
    assert told["read"] > 1_000


def test_every_delivery_is_told_apart(shared: Path) -> None:
    told: Counter[str] = Counter()
    for name, one in recordings(shared):
        if not name.startswith("webhooks/S"):
            continue
        asked = one["request"]
        listed = asked["headers"].items() if isinstance(asked["headers"], dict) else asked["headers"]
        headers = {key.lower(): value for key, value in listed}
        raw = (one.get("body_raw") or asked.get("body_raw") or asked.get("body") or "").encode()
        source = headers.get("x-wc-webhook-source", SHOP)
        judged = judge_notice(headers, raw, SECRET, source)
        genuine = one["signature_matches_hmac_sha256_base64_of_raw_body"]
        if genuine is None:
            assert isinstance(judged, Ping), name
        elif not genuine:
            assert isinstance(judged, Rejected), name
            assert judged.reason == "signature_invalid"
        else:
            assert isinstance(judged, Delivery), (name, judged)
            if judged.entity is not None:
                found = read(Raw(judged.entity, raw, 1, arrival="webhook"))
                assert found.value is not None or found.hint is not None, (name, found)
                told["hint" if found.hint is not None else "read"] += 1
        told[type(judged).__name__] += 1
    assert told["Ping"] > 5
    assert told["hint"] > 5
    assert told["read"] > 60
