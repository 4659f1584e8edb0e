"""Signatures are those of the specification: an implementation that is not ours believes them, and no others."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from cuadra.destinations.signing import PREFIX, headers, keys_of, new_secret
from cuadra.errors import UsageError

KEYS = st.binary(min_size=24, max_size=64)
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
BODIES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200).map(str.encode)


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def secret_of(key: bytes) -> str:
    return PREFIX + base64.b64encode(key).decode()


@given(KEYS, IDS, BODIES)
def test_another_implementation_believes_it(key: bytes, id: str, body: bytes) -> None:
    made = headers(keys_of(secret_of(key)), id, now(), body)
    Webhook(secret_of(key)).verify(body, made, json_parse=False)


@given(KEYS, KEYS, IDS, BODIES)
def test_while_a_secret_is_replaced_either_is_believed(old: bytes, new: bytes, id: str, body: bytes) -> None:
    made = headers(keys_of(f"{secret_of(new)} {secret_of(old)}"), id, now(), body)
    for key in (old, new):
        Webhook(secret_of(key)).verify(body, made, json_parse=False)


@given(KEYS, IDS, BODIES, st.sampled_from(["body", "id", "time", "key"]))
def test_whatever_is_changed_is_not_believed(key: bytes, id: str, body: bytes, changed: str) -> None:
    made = headers(keys_of(secret_of(key)), id, now(), body)
    made |= {"id": {"webhook-id": id + "x"}, "time": {"webhook-timestamp": str(now() - 60)}}.get(changed, {})
    reader = Webhook(secret_of(key + b"x" if changed == "key" else key))
    with pytest.raises(WebhookVerificationError):
        reader.verify(body + b" " if changed == "body" else body, made, json_parse=False)


def test_the_example_of_the_specification() -> None:
    made = headers(
        keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_is_one_and_no_other() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert [len(key) for key in keys_of(f"{one}\n{other}")] == [32, 32]


def test_padding_may_be_left_out() -> None:
    key = bytes(range(25))
    assert keys_of(secret_of(key).rstrip("=")) == (key,)


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("", "is empty"),
        ("c2VjcmV0" * 5, "does not begin with whsec_"),
        ("whsec_not-base64!" + "A" * 30, "is not base64"),
        ("whsec_ñandú" + "A" * 30, "is not base64"),
        ("whsec_" + "A" * 37, "is not base64"),
        ("whsec_", "has 0 bytes"),
        (secret_of(b"x" * 23), "has 23 bytes; it needs at least 24"),
        (f"{secret_of(b'x' * 32)} whsec_AAAA", "has 3 bytes"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(secret: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        keys_of(secret)
    hidden = secret.split()[-1].removeprefix(PREFIX) if secret else ""
    assert not hidden or hidden not in str(caught.value)
    assert caught.value.__cause__ is None
