"""An open WooCommerce shop, asked for single things; see `connectors.base.Shop`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Calls, Entry, Evidence, Finding, Look, Raw, Subscription
from cuadra.connectors.trouble import Answer, Trouble
from cuadra.connectors.woocommerce import subscriptions
from cuadra.connectors.woocommerce.about import QUESTION, about
from cuadra.connectors.woocommerce.client import PAGE, Client
from cuadra.connectors.woocommerce.examine import examine
from cuadra.connectors.woocommerce.orders import moment
from cuadra.model import Axis, Entity

PATHS = {Entity.ORDER: "orders", Entity.PRODUCT: "products", Entity.CUSTOMER: "customers"}
SINGLY = 3
"""So many things are asked for one by one: a list would have to be asked twice, with and without the trash."""
STATUSES = ("any", "trash")
PAGE_SECONDS = 10.0
"""The site's own page may take so long; nothing waits for what it says."""
_FIELDS = "id,status,date_created_gmt,date_modified_gmt,total,refunds"


class _Refund(Struct):
    id: int
    total: Decimal = Decimal(0)


class _Light(Struct):
    id: int
    status: str | None = None
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None
    total: Decimal | None = None
    refunds: list[_Refund] = []


class _Numbered(Struct):
    id: int
    number: str | int | None = None


_decode_light = msgspec.json.Decoder(_Light, strict=False).decode
_decode_numbered = msgspec.json.Decoder(_Numbered, strict=False).decode


class WooShop:
    """A shop that can be asked."""

    def __init__(self, client: Client, now: Callable[[], datetime], currency: str = "") -> None:
        """`currency` is the account's."""
        self.client, self._now, self._currency = client, now, currency

    @property
    def calls(self) -> Calls:
        """What was asked so far."""
        return self.client.http.calls

    def close(self) -> None:
        """Let go of the connection."""
        self.client.http.close()

    # ---------------------------------------------------------------- single things

    def fetch(self, kind: Entity, ids: Sequence[str], *, patient: bool = True) -> Look:
        """Things by their ids: a few one by one, many in lists; what no list shows is asked for by itself."""
        look = Look()
        left = list(dict.fromkeys(ids))
        if len(left) > SINGLY:
            for at in range(0, len(left), PAGE):
                try:
                    self._included(look, kind, left[at : at + PAGE], patient)
                except Trouble as trouble:  # one thing that the shop fails at fails the whole list
                    look.trouble = (trouble.reason, trouble.evidence)
            found = {raw.asked["id"] for raw in look.raws if raw.asked}
            left = [one for one in left if one not in found]
        self._one_by_one(look, kind, left, patient)
        return look

    def _one_by_one(self, look: Look, kind: Entity, ids: Sequence[str], patient: bool) -> None:
        """A thing that the shop fails at is left out; where it fails twice in a row it is not the thing."""
        failed = 0
        if ids:
            look.trouble = None
        for number in ids:
            try:
                self._single(look, kind, number, patient)
                failed = 0
            except Trouble as trouble:
                look.trouble = (trouble.reason, trouble.evidence)
                failed += 1
                if failed > 1:
                    return

    def _single(self, look: Look, kind: Entity, number: str, patient: bool) -> None:
        path = f"{PATHS[kind]}/{number}"
        asked = self._now()
        try:
            answer = self.client.http.get(path, patient=patient)
        except Trouble as trouble:
            if trouble.reason != "not_found_at_source" or trouble.answer is None:
                self._note(look, path, asked, trouble.answer, 0)
                raise
            answer = trouble.answer
            self._note(look, path, asked, answer, 0)
            look.raws.append(self._raw(kind, answer.body, asked, number, 404))  # whatever status it says so with
            return
        self._note(look, path, asked, answer, 1)
        look.raws.append(self._raw(kind, answer.body, asked, number, answer.status))

    def _included(self, look: Look, kind: Entity, ids: Sequence[str], patient: bool) -> None:
        left = set(ids)
        for status in STATUSES if kind is Entity.ORDER else ("any",):
            extra = {"role": "all"} if kind is Entity.CUSTOMER else {"status": status}
            asked = self._now()
            page = self.client.page(PATHS[kind], {"include": ",".join(sorted(left)), **extra}, patient=patient)
            self._note(look, f"{PATHS[kind]}?include={len(left)}", asked, None, len(page.items))
            for item in page.items:
                number = str(_decode_numbered(item).id)
                left.discard(number)
                look.raws.append(self._raw(kind, item, asked, number, 200))
            if not left:
                return

    def search(self, kind: str, text: str) -> Look:
        """Orders by number or by the buyer's email, the trash too. The shop searches its own way, in many fields: what
        has another number than the one asked for is left out."""
        look = Look()
        try:
            for status in STATUSES:
                asked = self._now()
                page = self.client.page("orders", {"search": text, "status": status}, patient=False)
                # what was asked is not kept: it may be somebody's email or phone
                self._note(look, f"orders?search=<{kind}>&status={status}", asked, None, len(page.items))
                for item in page.items:
                    head = _decode_numbered(item)
                    if kind == "email" or str(head.number) == text:
                        look.raws.append(self._raw(Entity.ORDER, item, asked, str(head.id), 200))
        except Trouble as trouble:
            look.trouble = (trouble.reason, trouble.evidence)
        return look

    def _note(self, look: Look, request: str, asked: datetime, answer: Answer | None, found: int) -> None:
        took = (self._now() - asked) / timedelta(milliseconds=1)
        look.calls.append({"request": f"GET {request}", "status": answer.status if answer else 200,
                           "at": asked.isoformat(), "ms": round(took), "found": found})  # fmt: skip

    @staticmethod
    def _raw(kind: Entity, body: bytes, asked: datetime, number: str, status: int) -> Raw:
        """An answer as a receipt. Its sequence is when it was asked for: it is not older than that."""
        return Raw(kind, body, int(asked.timestamp() * 1_000_000), asked={"id": number, "status": status})

    # ---------------------------------------------------------------- all at a glance

    def census(self, start: datetime, end: datetime) -> Iterator[list[Entry]]:
        """Every order created within, with its state, total and refunds: nothing else tells of a refund taken back."""
        for status in STATUSES:
            light = {"status": status, "_fields": _FIELDS, "before": self.client.text(end)}
            for items in self.client.walk("orders", Axis.CREATED, start, light):
                try:
                    yield [_entry(_decode_light(item)) for item in items]
                except msgspec.ValidationError as err:
                    proof: Evidence = {"position": 0, "message": str(err)[:300]}
                    raise Trouble("payload_unreadable", proof) from err

    def count(self, start: datetime, end: datetime) -> int:
        """The shop's own count, of two lists: the trash is in no other."""
        window = {"after": self.client.text(start - timedelta(seconds=1)), "before": self.client.text(end),
                  "dates_are_gmt": "true", "per_page": 1, "_fields": "id"}  # fmt: skip
        return sum(self.client.page("orders", {**window, "status": status}).total or 0 for status in STATUSES)

    def reach(self) -> datetime | None:
        """A key sees orders of any age."""
        return None

    def time_zone(self) -> str | None:
        """Of the site, which tells it to anybody, or to nobody."""
        with self.client.brief(PAGE_SECONDS, anonymous=True) as front:
            try:
                found = about(front.get(*QUESTION, patient=False))
            except Trouble:
                return None
        return found.named_zone if found else None

    def counts(self, since: datetime) -> dict[str, int]:
        """Orders created since then, by state; plugins bring states of their own, which the shop's report names."""
        reported = msgspec.json.decode(self.client.http.get("reports/orders/totals").body)
        states = [one["slug"] for one in reported if isinstance(one, dict) and "slug" in one]
        found: dict[str, int] = {}
        for state in dict.fromkeys([*states, "trash"]):
            window = {"status": state, "after": self.client.text(since - timedelta(seconds=1)), "dates_are_gmt": "true",
                      "per_page": 1, "_fields": "id"}  # fmt: skip
            count = self.client.page("orders", window).total
            if count:
                found[state] = count
        return found

    # ---------------------------------------------------------------- setting up

    def examine(self, address: str | None) -> Iterator[Finding]:
        """Whether everything is there that the integration needs. Nothing is written."""
        return examine(self.client, address, self._now, self._currency)

    def cured(self, reasons: Collection[str]) -> frozenset[str]:
        """None: a key sees an order whole, or not at all."""
        return frozenset()

    def subscriptions(self) -> list[Subscription]:
        """The shop's webhooks, whoever made them."""
        return subscriptions.listed(self.client)

    def subscribe(self, topics: Sequence[str], url: str, secret: str) -> list[Subscription]:
        """One active webhook for each topic."""
        return subscriptions.subscribe(self.client, topics, url, secret)

    def unsubscribe(self, ids: Sequence[str]) -> None:
        """End webhooks."""
        subscriptions.unsubscribe(self.client, ids)

    # ---------------------------------------------------------------- writing

    def set_state(self, order: str, state: str) -> Raw:
        """Give an order a state. The answer is the order as it is now."""
        asked = self._now()
        answer = self.client.http.send("PUT", f"orders/{order}", {"status": state})
        return self._raw(Entity.ORDER, answer.body, asked, order, answer.status)


def _entry(light: _Light) -> Entry:
    return Entry(
        str(light.id), light.status, moment(light.date_created_gmt), moment(light.date_modified_gmt), light.total,
        {str(one.id): abs(one.total) for one in light.refunds},
    )  # fmt: skip
