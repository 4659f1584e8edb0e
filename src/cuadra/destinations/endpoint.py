"""A destination of one's own: an address that takes orders in JSON, signed, by HTTP.

    POST https://crm.example/in
    Content-Type: application/json
    webhook-id: …   webhook-timestamp: …   webhook-signature: v1,…     see `signing`
    Authorization: Bearer …                                            where a token is given

Any answer of 2xx says that the parcel is taken. What else may be answered, and what it means: `answers`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import quote

import httpx
from msgspec import Struct

import cuadra
from cuadra.clock import utc_now
from cuadra.connectors import network
from cuadra.connectors.http import Verify
from cuadra.connectors.trouble import Trouble
from cuadra.destinations import answers, signing
from cuadra.destinations.base import Delivered, Parcel
from cuadra.errors import UsageError

BODY_LIMIT: Final = 64 << 10
"""Bytes that are read of an answer."""
TIMEOUT: Final = 15.0
"""Seconds for a whole exchange, from connecting to the last byte of the answer."""
KEY: Final = "{key}"


class Endpoint:
    """One address, with its connections. See `base.Destination`."""

    def __init__(self, url: str, secret: str, *, token: str | None = None, read_back: str | None = None,
                 allowed: network.Allowed = network.NOBODY, verify: Verify = True, timeout: float = TIMEOUT,
                 now: Callable[[], datetime] = utc_now) -> None:  # fmt: skip
        """`secret`: one or more, see `signing.keys_of`. `read_back`: where an order can be seen, with `{key}` for its id
        here. `allowed`: hosts, by name, that may be in a private network and without TLS. `timeout` in seconds. Raises
        UsageError for what cannot work; looks no name up."""
        self._allowed = _names(allowed)
        self._url = checked(url, self._allowed)
        self._keys = signing.keys_of(secret)
        self._read_back = None if read_back is None else _template(read_back, self._allowed)
        self._timeout, self._now = timeout, now
        self._token = _checked_token(token)
        self._client = httpx.Client(
            timeout=timeout, follow_redirects=False, trust_env=False,
            transport=network.Guarded(allowed=self._allowed, verify=verify),
            # what one thread is told to remember, the others would send
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "User-Agent": f"Cuadra/{cuadra.__version__}", "Accept": "application/json",
                "Accept-Encoding": "identity",  # a few packed bytes may be gigabytes
                **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
            },
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def deliver(self, parcel: Parcel) -> Delivered:
        """Send a parcel, once. Raises Trouble. An answer counts from its status on: a body that is cut off, endless or
        slow changes nothing in what was said."""
        got = self._exchange("POST", self._url, parcel.id, parcel.body)
        trouble = answers.judge(got.status, got.headers, got.body, size=len(parcel.body), at=got.at, ms=got.ms)
        if trouble is None:
            return Delivered(got.status, got.ms, answers.words(got.body), answers.had_it(got.status, got.headers))
        if trouble.reason == "destination_has_it_already":
            trouble.evidence["compared"] = self._compared(parcel)
        raise trouble

    def read_back(self, parcel: Parcel) -> bool | None:
        """Ask for the order at the address that was given for that. 2xx: it is there, and if the answer is JSON with a
        `sequence` this has to be the parcel's or a higher one. 404 and 410: it is not. Raises Trouble."""
        if self._read_back is None:
            return None
        url = self._read_back.replace(KEY, quote(parcel.key, safe=""))
        # an id of its own: who drops what he has seen before must not drop the question
        got = self._exchange("GET", url, f"read_{parcel.id}", b"")
        if got.status in (404, 410):
            return False
        trouble = answers.judge(got.status, got.headers, got.body, at=got.at, ms=got.ms)
        if trouble is not None:
            raise trouble
        return answers.shows(got.body, parcel.sequence)

    def _compared(self, parcel: Parcel) -> dict[str, bool] | None:
        """What a look at the destination says, if it can be had: `found`, as new as ours."""
        try:
            found = self.read_back(parcel)
        except Trouble:
            return None
        return None if found is None else {"found": found}

    def _exchange(self, method: str, url: str, id: str, body: bytes) -> _Got:
        began, clock = self._now(), time.monotonic()
        sent = signing.headers(self._keys, id, int(began.timestamp()), body)
        if body:
            sent["Content-Type"] = "application/json"
        try:
            with (
                network.within(self._timeout),
                self._client.stream(method, url, content=body or None, headers=sent) as found,
            ):
                headers = {name.lower(): self._veiled(value) for name, value in found.headers.items()}
                status, said = found.status_code, self._veiled(_bounded(found).decode("utf-8", "replace"))
        except httpx.HTTPError as err:
            raise answers.unreachable(f"{type(err).__name__}: {err}", at=began.isoformat(), ms=_ms(clock)) from err
        except network.PrivateAddress as err:
            message = f"{err}, and is not among the allowed hosts"
            raise answers.unreachable(message, at=began.isoformat(), ms=_ms(clock)) from err
        return _Got(status, headers, said.encode(), began.isoformat(), _ms(clock))

    def _veiled(self, text: str) -> str:
        """What is said to us, without our token: some answer with all that they were asked, and answers are kept."""
        for one in {self._token, self._token.replace("/", "\\/")} if self._token else ():
            text = text.replace(one, "•••")
        return text


class _Got(Struct, frozen=True):
    """An answer."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    at: str
    """When it was asked for, ISO 8601."""
    ms: int


def refuse_address(url: str, allowed: network.Allowed = network.NOBODY) -> None:
    """Look a destination's address up before it is used. Raises UsageError if it is none, leads nowhere, or into a private
    network without leave."""
    names = _names(allowed)
    parts = httpx.URL(checked(url, names))
    host = parts.raw_host.decode("ascii")
    try:
        network.look_up(host, parts.port or 443, names)
    except OSError as err:
        raise UsageError("The host {host} is not known: {why}.", host=host, why=err) from err
    except network.PrivateAddress as err:
        raise _private(err.host, err.ip) from err


def checked(url: str, allowed: network.Allowed) -> str:
    """The address, if it can be one, without a look-up. `allowed` as `network.host_name` writes them. Raises UsageError
    that does not repeat the address: parts of it may be secret."""
    try:
        parts = httpx.URL(url.strip())
    except httpx.InvalidURL as err:
        raise UsageError("That is no address of a destination: {why}.", why=err) from err
    if parts.scheme not in ("http", "https") or not parts.host:
        raise UsageError("That is no address of a destination; write it as https://crm.example/orders.")
    if parts.userinfo:
        raise UsageError("The destination's address has a user or a password in it; give a token instead.")
    host = parts.raw_host.decode("ascii")
    if network.has_leave(host, allowed):
        return str(parts)
    if parts.scheme == "http":
        raise UsageError("{host} would get orders unencrypted: write https://, or name it among the allowed hosts (private={host}).",
                         host=host)  # fmt: skip
    try:
        public = network.is_public(host.strip("[]"))
    except ValueError:  # a name: judged when it is called
        return str(parts)
    if not public:
        raise _private(host, host)
    return str(parts)


def _private(host: str, ip: str) -> UsageError:
    return UsageError("{host} is in a private network ({ip}); name it among the allowed hosts (private={host}) if that is meant.",
                      host=host, ip=ip)  # fmt: skip


def _template(url: str, allowed: network.Allowed) -> str:
    """An address with a place for the order's id, behind the host: the id must not decide who is asked."""
    one, other = (httpx.URL(checked(url.replace(KEY, filler), allowed)) for filler in ("a", "b"))
    if KEY not in url or one.raw_path == other.raw_path or one.host != other.host or one.port != other.port:
        raise UsageError("The address to read back from needs {key} in its path or its query.", key=KEY)
    return url.strip()


def _names(allowed: network.Allowed) -> network.Allowed:
    """The allowed hosts, in the form in which they are compared. Raises UsageError for what is none."""
    if allowed is True:
        return True
    try:
        return frozenset(map(network.host_name, allowed))
    except ValueError as err:
        raise UsageError("One of the allowed hosts is no name of a host: {why}.", why=err) from err


def _checked_token(token: str | None) -> str:
    if not token:
        return ""
    if not token.isascii() or not token.isprintable() or token != token.strip():
        raise UsageError("The token for the destination holds characters that a header cannot carry.")
    return token


def _bounded(found: httpx.Response) -> bytes:
    """The beginning of a body, as it came; nothing of one that is packed although we did not ask for that."""
    body = bytearray()
    try:
        for block in found.iter_raw():
            body += block
            if len(body) >= BODY_LIMIT:
                break
    except httpx.HTTPError:  # the status has been said
        pass
    return b"" if found.headers.get("content-encoding", "identity") != "identity" else bytes(body[:BODY_LIMIT])


def _ms(since: float) -> int:
    return round((time.monotonic() - since) * 1000)
