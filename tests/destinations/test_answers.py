"""What an answer means: always one of the reasons, with everything that its proof needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cuadra import reasons
from cuadra.connectors.trouble import Trouble
from cuadra.destinations.answers import LONGEST, clean, had_it, judge, shows, unreachable, words

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["errors", "error", "detail", "field", "code", "message", "loc", "invalid-params", "name", "limit"])
        | st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "location", "content-type"]), st.text(), max_size=3)
CODES = {"destination_unavailable", "destination_rejected", "destination_has_it_already", "destination_queue_full",
         "destination_limit_exceeded"}  # fmt: skip


def proven(trouble: Trouble) -> Trouble:
    reason = reasons.get(trouble.reason)
    assert trouble.reason in CODES
    assert reason.subject == "delivery"
    assert set(reason.evidence) <= set(trouble.evidence)
    assert trouble.evidence["scope"] in ("order", "endpoint")
    json.dumps(trouble.evidence, allow_nan=False, ensure_ascii=False).encode()  # as the database takes it
    assert not any("\0" in value for value in trouble.evidence.values() if isinstance(value, str))
    assert all(one.isprintable() for one in trouble.evidence["message"])
    assert len(trouble.evidence["message"]) <= LONGEST
    return trouble


def said(status: int, body: Any = b"", **headers: str) -> Trouble:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    trouble = judge(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, size=7, at="T", ms=3
    )
    assert trouble is not None
    return proven(trouble)


@given(st.integers() | st.integers(100, 599), HEADERS, st.binary() | JSON.map(lambda it: json.dumps(it).encode()))
@example(400, {}, b"[" * 60_000)
@example(400, {}, b'{"error":' * 10_000)
@example(429, {"retry-after": "9" * 5000}, b"")
@example(503, {"retry-after": "Fri, 31 Dec 9999 23:59:59 -0000"}, b"")
@example(503, {"retry-after": "Mon, 01 Jan 0001 00:00:00 -0000"}, b"")
@example(400, {}, b'{"message": "\\ud800 \\u0000 \\u001b[2J \\u202e"}')
@example(400, {}, b'{"errors": {"\\u0000": []}}')
def test_any_answer_has_a_known_meaning(status: int, headers: dict[str, str], body: bytes) -> None:
    trouble = judge(status, headers, body)
    assert (trouble is None) == (200 <= status < 300)
    if trouble is not None:
        proven(trouble)
        assert trouble.wait is None or 0 <= trouble.wait <= 86400
        assert trouble.transient == (trouble.reason in ("destination_unavailable", "destination_queue_full"))


@pytest.mark.parametrize(
    ("status", "reason", "scope"),
    [
        (301, "destination_rejected", "endpoint"), (307, "destination_rejected", "endpoint"),
        (400, "destination_rejected", "order"), (401, "destination_rejected", "endpoint"),
        (403, "destination_rejected", "endpoint"), (404, "destination_rejected", "endpoint"),
        (408, "destination_unavailable", "endpoint"), (409, "destination_has_it_already", "order"),
        (410, "destination_rejected", "endpoint"), (413, "destination_limit_exceeded", "order"),
        (422, "destination_rejected", "order"), (425, "destination_unavailable", "endpoint"),
        (429, "destination_queue_full", "endpoint"), (500, "destination_unavailable", "endpoint"),
        (501, "destination_rejected", "endpoint"), (502, "destination_unavailable", "endpoint"),
        (503, "destination_unavailable", "endpoint"), (504, "destination_unavailable", "endpoint"),
        (522, "destination_unavailable", "endpoint"),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, reason: str, scope: str) -> None:
    trouble = said(status)
    assert (trouble.reason, trouble.evidence["scope"], trouble.evidence["status"]) == (reason, scope, status)


@pytest.mark.parametrize(
    ("body", "code", "field", "message"),
    [
        ({"error": {"code": "bad_email", "field": "email", "message": "No."}}, "bad_email", "email", "No."),
        ({"error": {"type": "invalid", "param": "customer.email", "message": "No."}}, "invalid", "customer.email", "No."),
        ({"errors": [{"field": "total", "message": "Negative"}]}, 422, "total", "Negative"),
        ({"message": "Invalid.", "errors": {"email": ["is taken"]}}, 422, "email", "Invalid."),
        ({"errors": {"email": ["is taken"]}}, 422, "email", '{"errors": {"email": ["is taken"]}}'),
        ({"type": "https://x.example/p", "title": "Invalid", "invalid-params": [{"name": "age", "reason": "is text"}]},
         "https://x.example/p", "age", "is text"),
        ({"title": "Invalid", "errors": [{"detail": "must be above 0", "pointer": "#/age"}]}, 422, "#/age", "must be above 0"),
        ({"detail": [{"loc": ["body", "lines", 0], "msg": "required", "type": "missing"}]},
         "missing", "body.lines.0", "required"),
        ([{"code": 12, "message": "No."}], "12", None, "No."),
        ({"error": "invalid_grant", "error_description": "Expired"}, 422, None, "Expired"),
        (b"<h1>No</h1>\n\x1b[2J\0", 422, None, "<h1>No</h1> \ufffd[2J\ufffd"),
        (b"", 422, None, ""),
    ],
)  # fmt: skip
def test_what_a_destination_names(body: Any, code: object, field: str | None, message: str) -> None:
    proof = said(422, body).evidence
    assert (proof["code"], proof["field"], proof["message"]) == (code, field, message)


def test_a_404_that_names_a_field_is_about_the_order() -> None:
    assert said(404, {"error": {"field": "customer"}}).evidence["scope"] == "order"


def test_where_it_sends_us_is_kept() -> None:
    assert said(308, location="https://new.example/\n").evidence["address"] == "https://new.example/ "


def test_how_long_it_wants_us_to_wait() -> None:
    assert said(429, retry_after="120").wait == 120
    assert said(503, retry_after="Fri, 31 Dec 9999 23:59:59 GMT").wait == 86400
    assert said(503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT").wait == 0
    assert said(503, retry_after="soon").wait is None


def test_what_was_too_large_and_for_what() -> None:
    proof = said(413, {"error": {"limit": 1000}}).evidence
    assert (proof["limit"], proof["value"]) == (1000, 7)
    assert said(413).evidence["limit"] is None


def test_an_attempt_is_kept_with_its_moment() -> None:
    assert said(502).evidence["attempts"] == [{"at": "T", "ms": 3, "status": 502}]
    gone = proven(unreachable("ConnectError: \x1b[31mno", at="T", ms=3))
    assert gone.transient
    assert gone.evidence["attempts"] == [{"at": "T", "ms": 3, "status": None}]


def test_an_answer_that_is_repeated_says_so() -> None:
    assert had_it(208, {})
    assert had_it(200, {"idempotent-replayed": "true"})
    assert had_it(201, {"idempotency-replayed": "True"})
    assert not had_it(200, {"idempotent-replayed": "false"})
    assert not had_it(200, {})


@pytest.mark.parametrize(
    ("body", "seen"),
    [(b"", True), (b"<html>", True), (b'{"sequence": 4}', False), (b'{"sequence": 5}', True), (b'{"sequence": 6}', True),
     (b'{"sequence": "x"}', True), (b'{"sequence": true}', True), (b"[]", True)],
)  # fmt: skip
def test_an_older_version_is_not_ours(body: bytes, seen: bool) -> None:
    assert shows(body, 5) is seen


@given(st.text(), st.binary())
def test_words_are_words(text: str, body: bytes) -> None:
    for found in (clean(text), words(body)):
        assert len(found) <= LONGEST
        assert all(one.isprintable() for one in found)
        found.encode()
