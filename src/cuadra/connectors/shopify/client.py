"""The GraphQL face of a Shopify shop, as far as it is used, and what its answers mean.

Facts: nearly everything is said with status 200. Beside data there may be errors: what the app is not allowed to see of a
person is null there, and the rest is right. A filter that the shop does not understand is ignored, and everything comes
back, with a warning in the extensions. A version that has been retired is answered by the oldest one that is left. A query
is let in by what it may cost, and charged by what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

import cuadra
from cuadra.connectors.base import Evidence, Pacing
from cuadra.connectors.http import Answer, Http, Trouble, excerpt
from cuadra.connectors.shopify import queries
from cuadra.connectors.shopify.tokens import Tokens

VERSION = "2026-04"
"""The API's version that the queries were written for."""
PAGE, LEAST_PAGE = 50, 1
LEAST_LINES = 5
LIGHT_PAGE = 250
INNER_PAGE = 100
GUESS = 100.0
"""What a query is taken to cost before it was ever asked, in points."""
WALL = "read_all_orders"
"""The permission without which orders of more than 60 days are not shown, and nothing says so."""

Denied = dict[tuple[str | int, ...], list[str]]
"""What may not be seen: (path of the thing) → fields of it."""

_decode_any = msgspec.json.Decoder().decode


class TooCostly(Exception):
    """A query may cost more than the shop admits: to be asked for less at a time."""


class Data(Struct):
    """What a query was answered."""

    data: dict[str, Any]
    denied: Denied
    asked_at: str


class Client:
    """A shop. `base` is where it is reached, `shop` its own name (`demo.myshopify.com`)."""

    def __init__(self, base: str, shop: str, door: Http, tokens: Tokens, make: Callable[..., Http], pace: Pacing,
                 version: str = VERSION) -> None:  # fmt: skip
        """`door` asks without a token; `make` makes what asks with one."""
        self.base, self.shop, self.version, self.tokens = base, shop, version, tokens
        self._door, self._make, self._pace = door, make, pace
        self._token: str | None = None
        self._http: Http | None = None
        self._costs: dict[str, float] = {}
        self._sizes: dict[str, int] = {}
        self._lines = queries.LINES
        self.answered_by: str | None = None
        """The version that answered, where it is not the one that was asked."""
        self.plan: str | None = None

    @property
    def calls(self) -> Any:
        """What was asked so far."""
        return self._door.calls

    def close(self) -> None:
        """Let go of the connections."""
        self._door.close()
        if self._http is not None:
            self._http.close()

    def _open(self) -> tuple[Http, str]:
        token = self.tokens.current()
        if self._http is None or token != self._token:
            if self._http is not None:
                self._http.close()
            self._http = self._make(f"{self.base}/admin/api/{self.version}", {"X-Shopify-Access-Token": token})
            self._http.calls = self._door.calls
            self._token = token
        return self._http, token

    # ---------------------------------------------------------------- asking

    def ask(self, text: str, variables: dict[str, Any] | None = None, *, patient: bool = True) -> Data:
        """Ask. Raises Trouble, and TooCostly for what has to be asked for in smaller pieces."""
        for renewed in (False, True):
            http, token = self._open()
            try:
                answer = self._asked(http, text, variables, patient)
            except Trouble as trouble:
                if renewed or trouble.reason != "credentials_invalid" or not self.tokens.refused(token):
                    raise
                continue
            return self._read(answer)
        raise AssertionError("two tries")

    def _asked(self, http: Http, text: str, variables: dict[str, Any] | None, patient: bool) -> Answer:
        expected = self._costs.get(text, GUESS)
        given = {"lines": self._lines, **(variables or {})} if "$lines" in text else variables or {}
        try:
            answer = http.ask("graphql.json", {"query": text, "variables": given}, patient=patient, cost=expected)
        except Trouble as trouble:
            if trouble.answer is not None and _code(trouble.answer) == "MAX_COST_EXCEEDED":
                raise TooCostly from trouble
            raise
        cost = _cost(answer)
        if cost is not None:
            self._costs[text] = cost.requestedQueryCost
            used = cost.actualQueryCost if cost.actualQueryCost is not None else cost.requestedQueryCost
            self._pace.give_back(expected - used, cost.throttleStatus.currentlyAvailable)
        said = answer.headers.get("x-shopify-api-version", self.version)
        self.answered_by = said if said != self.version else None
        return answer

    def _read(self, answer: Answer) -> Data:
        body = _decoded(answer)
        denied: Denied = {}
        for error in body.get("errors") or ():
            path = tuple(error.get("path") or ())
            if not path or not isinstance(body.get("data"), dict):
                raise _refused(error, answer)
            denied.setdefault(path[:-1], []).append(str(path[-1]))
        data = body.get("data")
        if not isinstance(data, dict):
            proof: Evidence = {"announced": None, "read": 0, "limit": None, "message": excerpt(answer.body)[:200]}
            raise Trouble("source_answer_truncated", proof)
        gone = [name for name in denied.get((), []) if data.get(name) is None]
        if gone:  # not a person's data: a whole list that the app may not read
            raise _refused(next(one for one in body["errors"] if one["path"] == [gone[0]]), answer)
        _heed_warnings(body, answer)
        return Data(data, denied, answer.asked_at)

    def change(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Change something at the shop; returns what the mutation answers. Raises Trouble, for what the shop did not do as
        well."""
        http, token = self._open()
        try:
            answer = http.send("POST", "graphql.json", {"query": text, "variables": variables})
        except Trouble as trouble:
            if trouble.reason != "credentials_invalid" or not self.tokens.refused(token):
                raise
            answer = self._open()[0].send("POST", "graphql.json", {"query": text, "variables": variables})
        (found,) = self._read(answer).data.values()
        for error in (found or {}).get("userErrors") or ():
            field = ".".join(map(str, error.get("field") or ())) or None
            raise Trouble("destination_rejected", {
                "status": 200, "code": error.get("code"), "field": field, "message": str(error.get("message"))[:500],
            })  # fmt: skip
        return found or {}

    # ---------------------------------------------------------------- lists

    def walk(self, text: str, root: str, variables: dict[str, Any], size: int = PAGE) -> Iterator[tuple[list[dict[str, Any]], Data]]:  # fmt: skip
        """A list from its beginning to its end, page by page: things, and the answer they came in. A page that may cost too
        much is made smaller, for good."""
        after = None
        while True:
            first = min(self._sizes.get(text, size), size)
            try:
                found = self.ask(text, {**variables, "first": first, "after": after})
            except TooCostly as err:
                self._less(text, first, err)
                continue
            listed = found.data[root]
            yield listed["nodes"], found
            if not listed["pageInfo"]["hasNextPage"]:
                return
            after = listed["pageInfo"]["endCursor"]

    def by_id(self, text: str, ids: Sequence[str], size: int = PAGE, *, patient: bool = True) -> Iterator[tuple[list[str], Data]]:  # fmt: skip
        """Things by their global ids, as many at a time as the shop admits: (ids, the answer)."""
        at = 0
        while at < len(ids):
            many = min(self._sizes.get(text, size), size)
            some = list(ids[at : at + many])
            try:
                found = self.ask(text, {"ids": some}, patient=patient)
            except TooCostly as err:
                self._less(text, many, err)
                continue
            yield some, found
            at += len(some)

    def _less(self, text: str, size: int, err: TooCostly) -> None:
        """From now on ask for less at a time: fewer things, then fewer lines of each. Raises Trouble where it is least."""
        if size > LEAST_PAGE:
            self._sizes[text] = max(size // 2, LEAST_PAGE)
        elif "$lines" in text and self._lines > LEAST_LINES:
            self._lines //= 2
        else:
            raise _too_costly(text) from err

    def whole(self, thing: dict[str, Any], name: str, text: str) -> None:
        """Follow an inner list to its end, in place."""
        inner = thing.get(name)
        if not isinstance(inner, dict):
            return
        info = inner.pop("pageInfo", None) or {}
        while info.get("hasNextPage"):
            first = self._sizes.get(text, INNER_PAGE)
            try:
                found = self.ask(text, {"id": thing["id"], "first": first, "after": info["endCursor"]}).data
            except TooCostly as err:
                self._less(text, first, err)
                continue
            (root,) = found.values()
            if root is None:  # deleted while it was read: what is known of it stands
                return
            inner["nodes"] += root[name]["nodes"]
            info = root[name]["pageInfo"]

    def complete(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order with its lists to their ends."""
        self.whole(order, "lineItems", queries.MORE_LINES)
        self.whole(order, "shippingLines", queries.MORE_SHIPPING)
        for refund in order.get("refunds") or ():
            self.whole(refund, "refundLineItems", queries.MORE_REFUND_LINES)
        return order

    def count(self, query: str) -> tuple[int, bool]:
        """(orders that a search finds, whether that is exact)."""
        found = self.ask(queries.COUNT, {"query": query}).data["ordersCount"]
        return int(found["count"]), found["precision"] == "EXACT"


# ---------------------------------------------------------------- what an answer means


class _Throttle(Struct):
    currentlyAvailable: float = 0.0
    restoreRate: float = 50.0


class _Cost(Struct):
    requestedQueryCost: float
    actualQueryCost: float | None = None
    throttleStatus: _Throttle = msgspec.field(default_factory=_Throttle)


class _Extensions(Struct):
    cost: _Cost | None = None


class _Costed(Struct):
    extensions: _Extensions | None = None


_decode_cost = msgspec.json.Decoder(_Costed).decode


def _cost(answer: Answer) -> _Cost | None:
    try:
        found = _decode_cost(answer.body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None
    return found.extensions.cost if found.extensions else None


def _decoded(answer: Answer) -> dict[str, Any]:
    try:
        found = _decode_any(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise _spoiled(answer)


def _spoiled(answer: Answer) -> Trouble:
    if answer.body.lstrip()[:1] == b"{":
        proof: Evidence = {"announced": None, "read": len(answer.body), "limit": None, "message": "JSON is cut off"}
        return Trouble("source_answer_truncated", proof, transient=True)
    return Trouble("payload_unreadable", {"position": 0, "message": excerpt(answer.body)[:200]})


def _errors(answer: Answer) -> list[dict[str, Any]]:
    """The errors of an answer: a list of things, or a bare text, or a thing with texts."""
    try:
        body = _decode_any(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = body.get("errors") if isinstance(body, dict) else None
    if isinstance(found, list):
        return [one if isinstance(one, dict) else {"message": str(one)} for one in found]
    return [{"message": excerpt(msgspec.json.encode(found))}] if found else []


def _code(answer: Answer) -> str | None:
    for error in _errors(answer):
        code = (error.get("extensions") or {}).get("code")
        if code:
            return str(code)
    return None


def judge(answer: Answer) -> Trouble | None:
    """What an answer means, as far as its status and codes say it; the rest is read with its data."""
    errors = _errors(answer)
    said = excerpt(answer.body)[:300] if errors else ""
    proof: Evidence = {"status": answer.status, "code": _code(answer), "body": said}
    if answer.status == 401:
        return Trouble("credentials_invalid", {**proof, "last_success": None})
    if answer.status == 402:
        return Trouble("platform_plan_lacks_api", {"answer": said, "plan": None, "status": 402})
    if answer.status == 403:
        if errors:
            return Trouble("scope_missing", {**proof, "permission": said})
        return Trouble("source_blocked_by_firewall", {
            "status": 403, "fingerprint": excerpt(answer.body)[:200], "other_network": None,
            "server": answer.headers.get("server"),
        })  # fmt: skip
    if answer.status == 404:
        return Trouble("source_address_changed", {"address": None, "answer": 404, "asked": answer.url})
    if answer.status in (423, 430) or answer.status >= 500:
        waits = answer.status != 423
        return Trouble("source_unavailable", {"attempts": [], "status": answer.status, "message": said or excerpt(answer.body)},
                       transient=waits)  # fmt: skip
    if answer.status != 200:
        return _ours(answer, said)
    if not errors:
        return _spoiled(answer) if not answer.body.lstrip().startswith(b"{") or not _readable(answer) else None
    code = _code(answer)
    if code == "THROTTLED":
        return _throttled(answer)
    if code == "INTERNAL_SERVER_ERROR":
        return Trouble("source_unavailable", {"attempts": [], "status": 200, "message": said}, transient=True)
    if code == "SHOP_INACTIVE":
        return Trouble("source_unavailable", {"attempts": [], "status": 200, "message": said})
    if code == "MAX_COST_EXCEEDED":
        return _ours(answer, said)
    return None


def _readable(answer: Answer) -> bool:
    try:
        _decode_any(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _throttled(answer: Answer) -> Trouble:
    cost = _cost(answer)
    wait = 1.0
    if cost is not None:
        lacking = cost.requestedQueryCost - cost.throttleStatus.currentlyAvailable
        wait = max(lacking / max(cost.throttleStatus.restoreRate, 1.0), 0.1)
    budget = cost.throttleStatus.restoreRate if cost else None
    proof: Evidence = {"status": 200, "wait": round(wait, 2), "budget": budget, "message": "THROTTLED"}
    return Trouble("source_rate_limited", proof, transient=True, wait=wait)


def _refused(error: dict[str, Any], answer: Answer) -> Trouble:
    """Errors that leave no data: a permission that lacks, or a question that this shop does not take."""
    code = (error.get("extensions") or {}).get("code")
    message = str(error.get("message"))[:300]
    if code == "ACCESS_DENIED" or "ccess denied" in message or "not approved" in message:
        needed = (error.get("extensions") or {}).get("requiredAccess")
        return Trouble("scope_missing", {"status": 200, "code": code, "body": message, "permission": needed or message})
    return _ours(answer, message)


def _ours(answer: Answer, message: str) -> Trouble:
    """A question of ours that the shop does not take is a fault of ours, or its version is another one."""
    return Trouble("internal_error", {"fingerprint": f"shopify {answer.status} {message}"[:300],
                                      "version": cuadra.__version__, "step": "ask"})  # fmt: skip


def _too_costly(text: str) -> Trouble:
    name = text.split("(")[0].split()[-1]
    proof = {"fingerprint": f"shopify {name}: costs too much one by one", "version": cuadra.__version__, "step": name}
    return Trouble("internal_error", proof)


def _heed_warnings(body: dict[str, Any], answer: Answer) -> None:
    """A search that the shop did not understand finds everything, and proves nothing."""
    for search in (body.get("extensions") or {}).get("search") or ():
        for warning in search.get("warnings") or ():
            said = f"{warning.get('field')}: {warning.get('message')}"
            raise _ours(answer, f"search: {said}")
