"""The REST face of a WooCommerce shop (wc/v3), as far as it is used, and what its answers mean.

Facts: a key is sent by Basic over TLS and signed by OAuth 1.0a over plain HTTP; an unknown key is not told apart from none;
times are sent in UTC without a zone together with `dates_are_gmt`, the only form that no version gets wrong; lists count
in X-WP-Total; 500 with a bare number inside is a refusal, not a fault.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import msgspec
from msgspec import Struct

import cuadra
from cuadra.connectors.base import Evidence, Pacing
from cuadra.connectors.http import Http, Verify, excerpt
from cuadra.connectors.trouble import Answer, Trouble
from cuadra.model import Axis

PAGE = 100
SECOND = timedelta(seconds=1)
ONE_SECOND_PAGES = 200
"""Pages of orders of one and the same second: more are a fault of the shop, not a second."""

_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode


class Head(Struct):
    """What a walk needs of an item: its number and its times."""

    id: int = 0
    date_modified_gmt: Any = None
    date_created_gmt: Any = None


_decode_head = msgspec.json.Decoder(Head).decode


class _Kind(Struct):
    id: int = 0
    type: str | None = None


_decode_kind = msgspec.json.Decoder(_Kind).decode


class OAuth(httpx.Auth):
    """One-legged OAuth 1.0a, HMAC-SHA256, in the query: what the shop wants over plain HTTP."""

    def __init__(self, key: str, secret: str, ahead: float = 0.0) -> None:
        """`ahead`: seconds by which the shop's clock differs from ours."""
        self._key, self._secret, self._ahead = key, secret, ahead

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        signed = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)) | {
            "oauth_consumer_key": self._key, "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA256", "oauth_timestamp": str(int(time.time() + self._ahead)),
        }  # fmt: skip
        address = str(request.url.copy_with(query=None))
        signed["oauth_signature"] = signature(request.method, address, signed, self._secret)
        request.url = request.url.copy_with(
            query="&".join(f"{_coded(k)}={_coded(v)}" for k, v in signed.items()).encode()
        )
        yield request


def signature(method: str, address: str, parameters: Mapping[str, str], secret: str) -> str:
    """The signature of a request; parameters are coded twice, as the shop's own code does."""
    pairs = sorted(f"{_coded(name)}={_coded(value)}" for name, value in parameters.items())
    base = "&".join([method.upper(), _coded(address), _coded("&".join(pairs))])
    return base64.b64encode(hmac.new(f"{secret}&".encode(), base.encode(), hashlib.sha256).digest()).decode()


def _coded(text: str) -> str:
    return quote(text, safe="-._~")


class ShopError(Struct):
    """An error body of the shop."""

    code: str = ""
    message: str = ""
    data: Any = None


def error_of(answer: Answer) -> ShopError | None:
    """The error body, if the answer has one."""
    try:
        return msgspec.convert(_decode_any(answer.body), ShopError)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError):
        return None


_INVALID_ID = re.compile(
    r"woocommerce_rest_(\w+_)?invalid_id|woocommerce_rest_term_invalid|woocommerce_rest_invalid_order_refund_id"
)
"""The shop's own word for «there is no such thing»; a plugin's 404 is none."""
_OWN_CODES = ("woocommerce_", "rest_forbidden")
"""How the shop's own refusals begin; plugins that shut the API to everybody have codes of their own."""


def judge(answer: Answer) -> Trouble | None:
    """What an answer means. Codes are matched, never messages: those are in the language of the site.

    401 says that the shop does not know who asks, and 403 that he may not. But a key that may only read is 401 too when
    it writes, as a wrong one is: see `Client`.
    """
    if 200 <= answer.status < 300:
        return None
    error = error_of(answer)
    if error is None or not error.code:
        return _not_the_shop(answer)
    said: Evidence = {"status": answer.status, "code": error.code, "body": excerpt(answer.body)}
    if answer.status in (401, 403) and not error.code.startswith(_OWN_CODES):
        return _blocked(answer)
    if answer.status == 401:
        return Trouble("credentials_invalid", {**said, "last_success": None})
    if answer.status == 403:
        return Trouble("scope_missing", {**said, "permission": permission(answer)})
    if error.code == "rest_no_route":
        return Trouble("source_address_changed", {"address": None, "answer": error.code, "asked": answer.url})
    if _INVALID_ID.fullmatch(error.code) and (answer.status in (404, 500) or answer.method != "GET"):
        return Trouble("not_found_at_source", {**said, "answer": error.code, "asked_at": answer.asked_at})
    if answer.status >= 500 and answer.status != 501 and not isinstance(error.data, int | float):
        proof = {"attempts": [], "status": answer.status, "code": error.code, "message": excerpt(answer.body)}
        return Trouble("source_unavailable", proof, transient=True)
    named = error.data.get("params") if isinstance(error.data, dict) else None
    field = ", ".join(map(str, named))[:200] if isinstance(named, dict | list) else None
    if answer.method == "GET":  # a question of ours that this shop does not take is a fault of ours
        asked = f"{answer.method} {_resource(answer)}"
        mark = " ".join(filter(None, ("woocommerce", asked, error.code, field)))
        return Trouble("internal_error", {**said, "fingerprint": mark, "version": cuadra.__version__, "step": asked})
    return Trouble("destination_rejected", {**said, "message": error.message[:500], "field": field})


def _not_the_shop(answer: Answer) -> Trouble:
    """Not the shop's own words: a host, a firewall or a page of WordPress stands in between."""
    if answer.status in (404, 410):
        return Trouble("source_address_changed", {"address": None, "answer": answer.status, "asked": answer.url})
    if answer.status < 500 or answer.status == 501:
        return _blocked(answer)
    proof = {"attempts": [], "status": answer.status, "message": excerpt(answer.body)}
    return Trouble("source_unavailable", proof, transient=True)


def _blocked(answer: Answer) -> Trouble:
    proof: Evidence = {"status": answer.status, "fingerprint": excerpt(answer.body)[:200], "other_network": None,
                       "server": answer.headers.get("server")}  # fmt: skip
    return Trouble("source_blocked_by_firewall", proof)


def permission(answer: Answer) -> str:
    """What was not allowed: «write orders»."""
    return f"{'read' if answer.method == 'GET' else 'write'} {_resource(answer)}".replace("_", " ")


def _resource(answer: Answer) -> str:
    return answer.url.partition("/wc/v3/")[2].partition("/")[0]


class Page(Struct):
    """One page of a list: its items byte for byte, and how many there are in all."""

    items: list[bytes]
    total: int | None


def _spoiled(answer: Answer, total: int | None, err: Exception) -> Trouble:
    """A list that cannot be read: cut off, or something else altogether."""
    if answer.body.lstrip().startswith(b"["):
        proof: Evidence = {"announced": total, "read": 0, "limit": PAGE, "message": str(err)[:300]}
        return Trouble("source_answer_truncated", proof)
    before = answer.body.partition(b"[{")[0]  # what follows is somebody's order
    return Trouble("payload_unreadable", {"position": 0, "message": excerpt(before)[:200]})


class Client:
    """A shop. `address` is the site's, with the folder it lives in."""

    def __init__(self, address: str, key: str, secret: str, *, pace: Pacing, private: bool = False,
                 verify: Verify = True, timeout: float | None = None) -> None:  # fmt: skip
        self.address = address.rstrip("/")
        self.signed = not address.startswith("https:")
        """Requests are signed: without TLS the shop takes no key as it is."""
        self.private = private
        self._key, self._secret = key, secret
        self._pace, self._verify = pace, verify
        self.http = Http(self._api, self._judge, pace=pace, auth=self._auth(), private=private, verify=verify,
                         timeout=timeout)  # fmt: skip

    @property
    def _api(self) -> str:
        return f"{self.address}/wp-json/wc/v3"

    def _auth(self, ahead: float = 0.0) -> httpx.Auth:
        return OAuth(self._key, self._secret, ahead) if self.signed else httpx.BasicAuth(self._key, self._secret)

    def brief(self, seconds: float, *, anonymous: bool = False, ahead: float = 0.0) -> Http:
        """The same shop with less patience, at the same pace and counted together. `anonymous` stands at the site's own
        address and shows no key: WordPress itself would take it for a user's password. `ahead` signs by another clock."""
        made = Http(self.address if anonymous else self._api, judge, pace=self._pace, private=self.private,
                    auth=None if anonymous else self._auth(ahead), verify=self._verify, timeout=seconds)  # fmt: skip
        made.calls = self.http.calls
        return made

    def _judge(self, answer: Answer) -> Trouble | None:
        """A key that is refused when it writes, and reads, is a right one without the permission."""
        trouble = judge(answer)
        if trouble is None or trouble.reason != "credentials_invalid" or answer.method == "GET":
            return trouble
        try:
            self.http.get("orders", {"per_page": 1, "_fields": "id"}, patient=False)
        except Trouble:
            return trouble
        return Trouble("scope_missing", {**trouble.evidence, "permission": permission(answer)})

    def page(self, path: str, params: Mapping[str, Any], *, patient: bool = True) -> Page:
        """One page of a list. A page with fewer items than its own count says is asked for again, once."""
        for last in (False, True):
            answer = self.http.get(path, {"per_page": PAGE, **params}, patient=patient)
            said = answer.headers.get("x-wp-total", "")
            total = int(said) if said.isdecimal() else None
            try:
                items = [bytes(one) for one in _decode_items(answer.body)]
                for one in items:
                    _decode_head(one)  # things, each with its number
            except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as err:
                if not last:
                    continue
                raise _spoiled(answer, total, err) from err
            size = int(params.get("per_page", PAGE))
            before = (int(params.get("page", 1)) - 1) * size
            if total is None or len(items) >= min(size, max(0, total - before)) or last:
                return Page(items, total)
        raise AssertionError("two tries")

    def walk(self, path: str, axis: Axis, since: datetime, params: Mapping[str, Any]) -> Iterator[list[bytes]]:
        """Everything created, or changed, at `since` or later, oldest first, page by page.

        By key set: always the first page after the newest time seen, so that a list that moves under the walk can repeat
        an item and never skip one. Page numbers are used only inside one second that has more items than a page.
        """
        after = since - SECOND  # the shop's bound is exclusive
        seen: set[tuple[int, datetime | None]] = set()
        while True:
            page = self.page(path, _window(axis, after, params, 1))
            heads = [(head.id, _time(head, axis)) for head in map(_decode_head, page.items)]
            stamps = [stamp for _, stamp in heads if stamp is not None]
            if (stamps and min(stamps) <= after) or (len(page.items) >= PAGE and not stamps):
                # the filter is not heeded (by a cache, an old version): such a walk would never end, and prove nothing
                proof = {"announced": page.total, "read": len(page.items), "limit": PAGE,
                         "message": f"{_AFTER[axis]}={_text(after)}"}  # fmt: skip
                raise Trouble("source_answer_truncated", proof)
            fresh = [item for item, head in zip(page.items, heads, strict=True) if head not in seen]
            if fresh:
                yield fresh
            if (len(page.items) < PAGE and (page.total or 0) <= len(page.items)) or not stamps:
                return
            newest = max(stamps)
            if newest - SECOND <= after:
                yield from self._one_second(path, axis, after, params)
                after = newest
                seen = set()
            else:
                after = newest - SECOND
                seen = set(heads)

    def numbered(self, path: str, params: Mapping[str, Any]) -> Iterator[list[bytes]]:
        """A list that has no times, by page numbers, in the order of its numbers."""
        for number in range(1, 10_000):
            page = self.page(path, {"orderby": "id", "order": "asc", "page": number, **params})
            if page.items:
                yield page.items
            if len(page.items) < PAGE and (page.total is None or page.total <= number * PAGE):
                return

    @staticmethod
    def variable(items: list[bytes]) -> list[int]:
        """The numbers of those products that have variations: no list names these."""
        return [head.id for head in map(_decode_kind, items) if head.type == "variable"]

    @staticmethod
    def text(moment: datetime) -> str:
        """A time as the shop's filters want it: UTC without a zone, whole seconds."""
        return _text(moment)

    def _one_second(self, path: str, axis: Axis, after: datetime, params: Mapping[str, Any]) -> Iterator[list[bytes]]:
        within = {**params, _BEFORE[axis]: _text(after + 2 * SECOND)}
        for number in range(2, ONE_SECOND_PAGES):
            page = self.page(path, _window(axis, after, within, number))
            if not page.items:
                return
            yield page.items


_ORDER = {Axis.CREATED: "date", Axis.UPDATED: "modified"}
_AFTER = {Axis.CREATED: "after", Axis.UPDATED: "modified_after"}
_BEFORE = {Axis.CREATED: "before", Axis.UPDATED: "modified_before"}


def _window(axis: Axis, after: datetime, params: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {"orderby": _ORDER[axis], "order": "asc", "page": number, "dates_are_gmt": "true", **params,
            _AFTER[axis]: _text(after)}  # fmt: skip


def _text(moment: datetime) -> str:
    """UTC without a zone, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _time(head: Head, axis: Axis) -> datetime | None:
    try:
        said = head.date_created_gmt if axis is Axis.CREATED else head.date_modified_gmt
        return datetime.fromisoformat(said if isinstance(said, str) else "").replace(tzinfo=UTC)
    except ValueError:
        return None
