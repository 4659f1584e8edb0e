"""The token that a shop is asked with: one that lasts, one of a day that is asked for anew, or one of an hour that is renewed.

Facts: what a merchant made in the shop's own admin lasts; an app of the shop's organisation gets one for 24 hours for its id
and secret, and no other way to renew it; an app of others' gets one of an hour and a refresh token that is replaced each
time it is used, the one before it being good until the new one is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from cuadra.connectors.base import Revealed, Vault
from cuadra.connectors.http import Form, Http, excerpt
from cuadra.connectors.trouble import Answer, Trouble
from cuadra.errors import UsageError

TOKEN, CLIENT, SECRET, REFRESH = "access_token", "client_id", "client_secret", "refresh_token"
EARLY = timedelta(minutes=5)
"""So long before it ends a token is renewed."""
PATH = "admin/oauth/access_token"


class Granted(Struct):
    """What the shop answers who asks for a token."""

    access_token: str
    expires_in: float | None = None
    refresh_token: str | None = None


_decode = msgspec.json.Decoder(Granted, strict=False).decode


class Tokens:
    """The token of one integration, whatever its kind."""

    def __init__(self, door: Http, given: Mapping[str, Revealed], vault: Vault | None,
                 now: Callable[[], datetime]) -> None:  # fmt: skip
        """`door` is the shop itself, asked without a token. Raises UsageError where no kind is complete."""
        self._door, self._given, self._vault, self._now = door, given, vault, now
        self._lock = threading.Lock()
        self._token: str | None = None
        self._ends: datetime | None = None
        self.kind = _kind(given)

    def current(self) -> str:
        """The token to ask with. Raises Trouble if a new one is wanted and refused."""
        with self._lock:
            if self._token is None or (self._ends is not None and self._ends - EARLY <= self._now()):
                self._renew()
            assert self._token is not None
            return self._token

    def refused(self, token: str) -> bool:
        """The shop does not take it: is there another one? Raises Trouble where none is given."""
        with self._lock:
            if self._token != token:
                return True  # somebody has renewed it meanwhile
            if self.kind == TOKEN:
                return False
            self._ends = self._now()
            self._renew(refused=True)
            return self._token != token

    def _renew(self, *, refused: bool = False) -> None:
        if self.kind == TOKEN:
            self._token, self._ends = self._given[TOKEN].reveal(), None
        elif self.kind == CLIENT:
            self._take(self._ask({
                "grant_type": "client_credentials", CLIENT: self._given[CLIENT].reveal(),
                SECRET: self._given[SECRET].reveal(),
            }))  # fmt: skip
        else:
            self._refresh(refused)

    def _refresh(self, refused: bool) -> None:
        """Of all programs one renews it, and the others take what it got."""
        vault = self._vault
        with vault.alone() if vault else nullcontext():
            kept = vault.get(TOKEN) if vault else None
            if kept is not None and kept != self._token and not (refused and self._token is None):
                # renewed by somebody else, or before this program began: good until the shop says no
                self._token, self._ends = kept, None
                return
            refresh = (vault.get(REFRESH) if vault else None) or self._given[REFRESH].reveal()
            found = self._ask({
                "grant_type": "refresh_token", REFRESH: refresh, CLIENT: self._given[CLIENT].reveal(),
                SECRET: self._given[SECRET].reveal(),
            })  # fmt: skip
            if vault and found.refresh_token:
                vault.put(REFRESH, found.refresh_token)  # first: without it there is no way back in
                vault.put(TOKEN, found.access_token)
            self._take(found)

    def _take(self, found: Granted) -> None:
        self._token = found.access_token
        self._ends = None if found.expires_in is None else self._now() + timedelta(seconds=found.expires_in)

    def _ask(self, values: dict[str, str]) -> Granted:
        answer = self._door.ask(PATH, Form(values))
        try:
            return _decode(answer.body)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as err:
            raise Trouble("credentials_invalid", {
                "status": answer.status, "code": None, "body": type(err).__name__, "last_success": None,  # the body may hold a token
            }) from err  # fmt: skip


def judge_grant(answer: Answer) -> Trouble | None:
    """What the shop means by its answer to somebody who asks for a token."""
    if answer.status == 200:
        return None
    said = {"status": answer.status, "code": None, "body": excerpt(answer.body)[:300]}
    if answer.status in (400, 401, 403):
        return Trouble("credentials_invalid", {**said, "last_success": None})
    if answer.status == 404:
        return Trouble("source_address_changed", {"address": None, "answer": 404, "asked": answer.url})
    return Trouble("source_unavailable", {"attempts": [], "status": answer.status, "message": excerpt(answer.body)},
                   transient=answer.status >= 500)  # fmt: skip


def _kind(given: Mapping[str, Revealed]) -> str:
    """Which way there is. A refresh token is more than the token that came with it."""
    if REFRESH in given and CLIENT in given and SECRET in given:
        return REFRESH
    if TOKEN in given:
        return TOKEN
    if CLIENT in given and SECRET in given:
        return CLIENT
    raise UsageError("The shop's credentials are missing; set access_token, or client_id and client_secret: "
                     "cuadra integration set NAME --secret {name}=-.", name=TOKEN)  # fmt: skip
