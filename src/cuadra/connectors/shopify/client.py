"""The GraphQL face of a Shopify shop, as far as it is used, and what its answers mean.

Facts: nearly everything is said with status 200. Beside data there may be errors: what the app is not allowed to see of a
person is null there, and the rest is right. A filter that the shop does not understand is ignored, and everything comes
back, with a warning in the extensions. A version that has been retired is answered by the oldest one that is left. A query
is let in by what it may cost, and charged by what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from cuadra.connectors.base import Evidence, Pacing
from cuadra.connectors.http import Http, excerpt
from cuadra.connectors.shopify import queries
from cuadra.connectors.shopify.answers import (
    code_of,
    cost_of,
    decoded,
    denial,
    errors_of,
    heed_warnings,
    refused,
    too_costly,
)
from cuadra.connectors.shopify.tokens import Tokens
from cuadra.connectors.trouble import Answer, Trouble

VERSION = "2026-04"
"""The API's version that the queries were written for."""
PAGE, LEAST_PAGE = 50, 1
LEAST_LINES = 5
LIGHT_PAGE = 250
INNER_PAGE = 100
WALK = 25_000
"""A list ends there without a word, whatever there is more."""
GUESS = 100.0
"""What a query is taken to cost before it was ever asked, in points."""
WALL = "read_all_orders"
"""The permission without which orders of more than 60 days are not shown, and nothing says so."""

Denied = dict[tuple[str | int, ...], list[str]]
"""What may not be seen: (path of the thing) → fields of it."""


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
            if trouble.answer is not None and code_of(trouble.answer) == "MAX_COST_EXCEEDED":
                raise TooCostly from trouble
            raise
        cost = cost_of(answer)
        if cost is not None:
            self._costs[text] = cost.requestedQueryCost
            used = cost.actualQueryCost if cost.actualQueryCost is not None else cost.requestedQueryCost
            self._pace.give_back(expected - used, cost.throttleStatus.currentlyAvailable)
        said = answer.headers.get("x-shopify-api-version", self.version)
        self.answered_by = said if said != self.version else None
        return answer

    def _read(self, answer: Answer) -> Data:
        body = decoded(answer)
        denied: Denied = {}
        for error in errors_of(answer):
            path = tuple(error.get("path") or ())
            if not path or not isinstance(body.get("data"), dict) or not denial(error):
                raise refused(error, answer)
            denied.setdefault(path[:-1], []).append(str(path[-1]))
        data = body.get("data")
        if not isinstance(data, dict):
            proof: Evidence = {"announced": None, "read": 0, "limit": None, "message": excerpt(answer.body)[:200]}
            raise Trouble("source_answer_truncated", proof)
        gone = [name for name in denied.get((), []) if data.get(name) is None]
        if gone:  # not a person's data: a whole list that the app may not read
            raise refused(next(one for one in body["errors"] if one["path"] == [gone[0]]), answer)
        heed_warnings(body, answer)
        return Data(data, denied, answer.asked_at)

    def brief(self, text: str, variables: dict[str, Any], *, patient: bool = True) -> Data:
        """Ask once, for fewer lines of each thing where it would cost too much. Raises Trouble."""
        while True:
            try:
                return self.ask(text, variables, patient=patient)
            except TooCostly as err:
                size = int(variables.get("first", LEAST_PAGE))
                self._less(text, size, err)
                if size > LEAST_PAGE:
                    variables = {**variables, "first": max(size // 2, LEAST_PAGE)}

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

    def walk(self, text: str, root: str, variables: dict[str, Any], size: int = PAGE, *, resumed: bool = False) -> Iterator[tuple[list[dict[str, Any]], Data]]:  # fmt: skip
        """A list from its beginning to its end, page by page: things, and the answer they came in. A page that may cost too
        much is made smaller, for good. `resumed`: whoever asks goes on by himself where a list ends too early."""
        after, walked = None, 0
        while True:
            first = min(self._sizes.get(text, size), size)
            try:
                found = self.ask(text, {**variables, "first": first, "after": after})
            except TooCostly as err:
                self._less(text, first, err)
                continue
            listed = found.data[root]
            yield listed["nodes"], found
            walked += len(listed["nodes"])
            if walked >= WALK and not resumed and not listed["pageInfo"]["hasNextPage"]:
                proof: Evidence = {"announced": None, "read": walked, "limit": WALK, "message": f"{root} end there"}
                raise Trouble("source_answer_truncated", proof)
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
            raise too_costly(text) from err

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
        if found is None:
            raise Trouble(
                "source_answer_truncated", {"announced": None, "read": 0, "limit": None, "message": "no count"}
            )
        return int(found["count"]), found["precision"] == "EXACT"
