"""The test of a connection: everything the integration needs, looked at in under a minute, nothing written.

Whether a key may write is asked with an empty batch: the shop checks the permission and finds nothing to do, and its
orders keep their update times. A key's own permission and that of its user are refused differently, and both alike for
reading and writing; so what a refusal means is found out by asking for the other one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Finding, Raw
from cuadra.connectors.examining import as_read
from cuadra.connectors.http import Http
from cuadra.connectors.trouble import Answer, Trouble
from cuadra.connectors.woocommerce.about import QUESTION, about
from cuadra.connectors.woocommerce.client import Client, error_of
from cuadra.connectors.woocommerce.explain import explain, unreadable
from cuadra.connectors.woocommerce.hooks import site
from cuadra.connectors.woocommerce.reach import reach
from cuadra.connectors.woocommerce.reader import read
from cuadra.model import Entity

CALL_SECONDS = 10.0
ALL_SECONDS = 30.0
"""No call begins later than this; with the last one's time and the look at our own address it stays under a minute."""
SIGNED_MINUTES = 15
"""So far apart may two clocks be for a signed request."""
CLOCK_MINUTES = 5
REFUSED = "woocommerce_rest_authentication_error"
DENIED = ("scope_missing", "credentials_invalid")
OPTIONAL = (*DENIED, "not_found_at_source", "source_address_changed")
"""Refusals of what is good to know and not needed: some shops do not have the route."""

_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode


class _Environment(Struct):
    version: str = ""
    wp_version: str = ""
    wp_cron: bool | None = None


class _Money(Struct):
    currency: str = ""
    number_of_decimals: int | None = None


class _Status(Struct):
    environment: _Environment = msgspec.field(default_factory=_Environment)
    settings: _Money = msgspec.field(default_factory=_Money)


class _Currency(Struct):
    code: str = ""


def examine(client: Client, address: str | None, now: Callable[[], datetime], currency: str = "") -> Iterator[Finding]:
    """Findings as they are made; see `connectors.base.Shop`. `currency` is the account's."""
    with client.brief(CALL_SECONDS) as api, client.brief(CALL_SECONDS, anonymous=True) as front:
        yield from _Test(client, api, front, now, address, currency).run()
    yield from reach(address, private=client.private)


class _Test:
    """One test: what it has learned so far decides what can still be asked."""

    def __init__(self, client: Client, api: Http, front: Http, now: Callable[[], datetime], address: str | None,
                 currency: str) -> None:  # fmt: skip
        self._client, self._api, self._front, self._now = client, api, front, now
        self._address, self._own = address, currency
        self._ends = time.monotonic() + ALL_SECONDS
        self._closed = False
        """Nothing more can be learned from the shop."""
        self._sample: bytes | None = None
        """An order, if there is one and orders can be read."""
        self._readable = True
        self._money = _Money()

    def run(self) -> Iterator[Finding]:
        """Everything about the shop itself."""
        if self._client.signed:
            yield Finding(None, "The shop is called over plain HTTP: every request is signed (OAuth 1.0a), and what it "
                          "answers travels readable; use https where the shop has it")  # fmt: skip
        for step in (self._door, self._reading, self._writing, self._changes, self._status, self._currency, self._home,
                     self._order):  # fmt: skip
            if self._closed:
                return
            try:
                yield from step()
            except Trouble as trouble:
                yield explain(trouble, self._client.address)
                self._closed = trouble.reason not in ("destination_rejected", "internal_error")

    def _get(self, path: str, params: dict[str, Any], *, front: bool = False) -> Answer:
        """Ask once, and not for ever. Raises Trouble."""
        if time.monotonic() > self._ends:
            raise Trouble("source_timeout", {"attempts": 1, "limit": ALL_SECONDS})
        return (self._front if front else self._api).get(path, params, patient=False)

    # ---------------------------------------------------------------- the key

    def _door(self) -> Iterator[Finding]:
        """Is the API there, and is the key known? Asked of orders: the API's own index answers to any key."""
        try:
            answer = self._get("orders", {"per_page": 1, "status": "any"})
        except Trouble as trouble:
            if trouble.reason == "credentials_invalid":
                yield from self._unknown(trouble)
            elif trouble.reason == "scope_missing":
                self._readable = False
                yield self._known()
                yield _denied("The user of the key may not read orders: the key must belong to a shop manager or an "
                              "administrator")  # fmt: skip
            else:
                raise
            return
        try:
            items = _decode_items(answer.body)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
            yield unreadable(answer.body)
            self._closed = True
            return
        self._sample = bytes(items[0]) if items else None
        yield self._known()
        apart = self._apart(answer)
        if abs(apart) > CLOCK_MINUTES:
            yield Finding(None, "The shop's clock is {minutes} minutes away from ours; one of them should be put right",
                          {"minutes": abs(round(apart))})  # fmt: skip
        yield Finding(True, "Orders can be read")

    def _known(self) -> Finding:
        return Finding(True, "{url} answers, and knows the key", {"url": self._client.address})

    def _unknown(self, trouble: Trouble) -> Iterator[Finding]:
        """401. A key that may only write looks like a wrong secret, until it is asked to write."""
        error = error_of(trouble.answer) if trouble.answer else None
        if error is None or error.code != REFUSED:
            self._closed = True
            yield Finding(False, "The shop does not know the key: it is wrong or was revoked, or the shop's server keeps the "
                          "Authorization header from WordPress", {}, trouble.reason)  # fmt: skip
            return
        apart = self._apart(trouble.answer)
        if self._client.signed and abs(apart) > SIGNED_MINUTES and self._known_by(apart):
            self._closed = True
            yield Finding(False, "The shop's clock is {minutes} minutes away from ours, and it refuses what is signed more "
                          "than 15 minutes away; put the clock right, or use https", {"minutes": abs(round(apart))},
                          trouble.reason)  # fmt: skip
        elif self._may_write("orders") != "credentials_invalid":
            self._readable = False
            yield self._known()
            yield _denied("The key may not read orders: it is for writing only; make one for reading and writing")
        else:
            self._closed = True
            yield Finding(False, "The shop refuses the key: the secret is not that of the key" if not self._client.signed
                          else "The shop refuses the key: key or secret are wrong, or {url} is not the address that the shop "
                          "gives itself", {"url": self._client.address}, trouble.reason)  # fmt: skip

    def _apart(self, answer: Answer | None) -> float:
        """Minutes by which the shop's clock is ahead of ours; 0 where it does not show."""
        try:
            there = parsedate_to_datetime(answer.headers.get("date", "") if answer else "")
        except ValueError:
            return 0.0
        return (there.astimezone(UTC) - self._now()).total_seconds() / 60

    def _known_by(self, minutes: float) -> bool:
        """Whether the key is good by the shop's own clock: else it is not the clock that is wrong."""
        with self._client.brief(CALL_SECONDS, ahead=minutes * 60) as api:
            try:
                api.get("orders", {"per_page": 1, "_fields": "id"}, patient=False)
            except Trouble as trouble:
                return trouble.reason == "scope_missing"
        return True

    # ---------------------------------------------------------------- permissions

    def _reading(self) -> Iterator[Finding]:
        may = self._may_read("products")
        yield Finding(True, "Products can be read") if may else _denied("The key may not read products")
        may = self._may_read("customers")
        yield Finding(True, "Customers can be read") if may else _denied("The key may not read customers")
        may = self._may_read("webhooks")
        yield Finding(True, "Webhooks can be read") if may else _denied("The key may not read webhooks: whether notices "
                                                                       "are still sent cannot be seen")  # fmt: skip

    def _may_read(self, path: str) -> bool:
        try:
            self._get(path, {"per_page": 1, "_fields": "id"})
        except Trouble as trouble:
            if trouble.reason not in DENIED:
                raise
            return False
        return True

    def _writing(self) -> Iterator[Finding]:
        refusal = self._may_write("orders")
        if refusal == "credentials_invalid":
            yield _denied("The key may only read: it can neither ask for webhooks nor give an order a state; make one for "
                          "reading and writing")  # fmt: skip
            return
        yield Finding(True, "Orders can be given a state") if not refusal else _denied("The user of the key may not change "
                                                                                     "orders")  # fmt: skip
        refusal = self._may_write("webhooks")
        yield Finding(True, "Webhooks can be asked for") if not refusal else _denied("The user of the key may not make "
                                                                                   "webhooks")  # fmt: skip

    def _may_write(self, path: str) -> str:
        """The reason of the refusal, or nothing. An empty batch changes nothing."""
        if time.monotonic() > self._ends:
            raise Trouble("source_timeout", {"attempts": 1, "limit": ALL_SECONDS})
        try:
            self._api.send("POST", f"{path}/batch", {})
        except Trouble as trouble:
            if trouble.reason not in DENIED:
                raise
            return trouble.reason
        return ""

    # ---------------------------------------------------------------- what kind of shop it is

    def _changes(self) -> Iterator[Finding]:
        """A shop that does not know `modified_after` says nothing and lists everything."""
        if self._sample is None:
            return
        answer = self._get("orders", {"modified_after": "2100-01-01T00:00:00", "dates_are_gmt": "true", "per_page": 1,
                                      "_fields": "id"})  # fmt: skip
        listed = _decoded(answer, list[Any])
        if listed:
            yield Finding(
                False, "The shop cannot list what has changed since a moment: WooCommerce must be 5.8 or later"
            )
        elif "x-wp-total" not in answer.headers:
            yield Finding(
                None, "The shop's lists come without their totals (X-WP-Total): a cache or a proxy takes them away"
            )
        else:
            yield Finding(True, "Changes since a moment can be listed")

    def _status(self) -> Iterator[Finding]:
        try:
            answer = self._get("system_status", {"_fields": "environment,settings"})
        except Trouble as trouble:
            if trouble.reason not in OPTIONAL:
                raise
            answer = None
        status = _decoded(answer, _Status) if answer else None
        if status is None:
            yield Finding(None, "The key may not see the system status: version, decimals and cron stay unknown")
            return
        self._money = status.settings
        it = status.environment
        yield Finding(True, "WooCommerce {version} on WordPress {wordpress}",
                      {"version": it.version, "wordpress": it.wp_version})  # fmt: skip
        if it.wp_cron is not None:
            yield Finding(it.wp_cron or None, "WordPress's own cron is on" if it.wp_cron else
                          "WordPress's own cron is off: webhooks come only if the shop's host runs it by the clock")  # fmt: skip

    def _currency(self) -> Iterator[Finding]:
        code = self._money.currency or self._own_currency()
        if not code:
            yield Finding(None, "The currency of the shop cannot be seen; every order names its own")
            return
        decimals = self._money.number_of_decimals
        yield Finding(True, "Currency {currency}" if decimals is None else "Currency {currency}, {decimals} decimals",
                      {"currency": code, "decimals": decimals})  # fmt: skip
        if self._own and code != self._own:
            yield Finding(None, "The shop sells in {currency} and the account keeps {own}: the rule «currency» says what "
                          "becomes of its orders", {"currency": code, "own": self._own})  # fmt: skip

    def _own_currency(self) -> str:
        try:
            found = _decoded(self._get("data/currencies/current", {}), _Currency)
        except Trouble as trouble:
            if trouble.reason not in OPTIONAL:
                raise
            return ""
        return found.code if found else ""

    def _home(self) -> Iterator[Finding]:
        """What the site says of itself to anybody. Some sites say it to nobody, and no harm is done."""
        try:
            found = about(self._get(*QUESTION, front=True))
        except Trouble:
            found = None
        if found is None:
            yield Finding(None, "The shop does not tell its time zone; nothing depends on it")
            return
        yield Finding(True, "Time zone {zone}", {"zone": found.zone})
        if found.home and site(found.home) != site(self._client.address):
            yield Finding(False if self._address else None, "The shop calls itself {home}, and its notices say so: set "
                          "url={home}, else they are refused", {"home": found.home}, "source_address_changed")  # fmt: skip

    # ---------------------------------------------------------------- an order, end to end

    def _order(self) -> Iterator[Finding]:
        if self._sample is None:
            if self._readable:
                yield Finding(None, "There is no order to try reading")
            return
        found = read(Raw(Entity.ORDER, self._sample, int(self._now().timestamp() * 1_000_000)))
        yield as_read(found)


def _denied(text: str) -> Finding:
    return Finding(False, text, {}, "scope_missing")


def _decoded(answer: Answer, kind: Any) -> Any:
    """The answer as that kind; None if it is something else."""
    try:
        return msgspec.convert(_decode_any(answer.body), kind, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None
