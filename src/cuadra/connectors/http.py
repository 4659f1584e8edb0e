"""Talking to a platform over HTTP: paced, bounded, patient where waiting helps, and with a reason where it does not.

A connector says in `judge` what its platform means by an answer; everything else is the same for all of them.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

import cuadra
from cuadra.connectors.base import Calls, Evidence
from cuadra.errors import UsageError

TIMEOUT_SECONDS = 60.0
BODY_LIMIT = 64 << 20
ATTEMPTS = 4
LONGEST_WAIT = 600.0


class Answer(Struct, frozen=True):
    """One answer of a platform; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Trouble(Exception):
    """The platform did not give what was asked for. `reason` is a code of the catalogue, with its proof."""

    def __init__(self, reason: str, evidence: Evidence, *, transient: bool = False, wait: float | None = None) -> None:
        self.reason, self.evidence, self.transient, self.wait = reason, evidence, transient, wait
        self.answer: Answer | None = None
        """What was answered, if anything was."""
        super().__init__(f"{reason}: {evidence}")


Verify = bool | ssl.SSLContext
"""Whom to believe that he is the shop; True: everybody whom the certificate authorities of httpx vouch for."""
Judge = Callable[[Answer], Trouble | None]
"""What the platform means by an answer; None: it is what was asked for."""


class Pace:
    """So many calls a second and no more, whatever the number of threads. The platform may ask for a longer pause."""

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        self._gap, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._clock()
            mine = max(self._next, now)
            self._next = mine + self._gap
        if mine > now:
            self._sleep(mine - now)

    def pause(self, seconds: float) -> None:
        """Nobody calls for so long."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


class Http:
    """Calls to one base address."""

    def __init__(self, base: str, judge: Judge, *, pace: Pace, auth: httpx.Auth | None = None,
                 headers: Mapping[str, str] | None = None, verify: Verify = True, private: bool = False,
                 timeout: float = TIMEOUT_SECONDS, sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        """`private` allows addresses that are not public: for shops of the demo and inside one's own network."""
        refuse_address(base, private=private)
        self._timeout = timeout
        self.base, self._judge, self._pace, self._sleep = base.rstrip("/"), judge, pace, sleep
        self.calls = Calls()
        self._client = httpx.Client(
            auth=auth, verify=verify, timeout=timeout, follow_redirects=False, trust_env=False,
            headers={"User-Agent": f"Cuadra/{cuadra.__version__}", "Accept": "application/json", **(headers or {})},
        )  # fmt: skip

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, patient: bool = True) -> Answer:
        """Ask. Transient trouble is met again with growing pauses, unless a person waits (not `patient`). Raises Trouble
        when that does not help."""
        return self._patiently("GET", path, params, None, ATTEMPTS if patient else 1)

    def send(self, method: str, path: str, content: Any = None, params: Mapping[str, Any] | None = None) -> Answer:
        """Change something there. Tried once: what a timeout did is for the caller to find out."""
        return self._patiently(method, path, params, content, 1)

    def _patiently(
        self, method: str, path: str, params: Mapping[str, Any] | None, content: Any, attempts: int
    ) -> Answer:
        for attempt in range(1, attempts + 1):
            try:
                return self._call(method, path, params, content, attempt)
            except Trouble as trouble:
                if not trouble.transient or attempt == attempts:
                    raise
                pause = trouble.wait if trouble.wait is not None else 2.0 ** (attempt - 1)
                if pause > LONGEST_WAIT:
                    raise
                if trouble.wait is not None:
                    self._pace.pause(pause)
                self._sleep(pause * (1 + random.random() / 4))
        raise AssertionError("at least one attempt")

    def _call(self, method: str, path: str, params: Mapping[str, Any] | None, content: Any, attempt: int) -> Answer:
        self._pace.wait()
        shape = "/".join("*" if part.isdecimal() else part for part in path.split("/"))
        self.calls.note(f"{method} {shape}")
        try:
            with self._client.stream(method, f"{self.base}/{path.lstrip('/')}", params=params, json=content) as found:
                answer = Answer(found.status_code, {k.lower(): v for k, v in found.headers.items()}, _bounded(found))
        except httpx.TimeoutException as err:
            raise Trouble("source_timeout", {"attempts": attempt, "limit": self._timeout}, transient=True) from err
        except httpx.HTTPError as err:
            proof: Evidence = {"attempts": attempt, "status": None, "message": f"{type(err).__name__}: {err}"[:300]}
            raise Trouble("source_unavailable", proof, transient=True) from err
        trouble = general(answer, attempt) or self._judge(answer)
        if trouble is not None:
            trouble.answer = answer
            raise trouble
        return answer


def _bounded(found: httpx.Response) -> bytes:
    body = bytearray()
    for block in found.iter_bytes():
        body += block
        if len(body) > BODY_LIMIT:
            raise Trouble("payload_too_large", {"size": len(body), "limit": BODY_LIMIT})
    return bytes(body)


def general(answer: Answer, attempt: int) -> Trouble | None:
    """What every platform means alike."""
    if answer.status == 429:
        wait = retry_after(answer.headers)
        proof: Evidence = {"status": 429, "wait": wait, "budget": None}
        return Trouble("source_rate_limited", proof, transient=True, wait=wait if wait is not None else 10.0)
    if answer.status in (502, 503, 504):
        proof = {"attempts": attempt, "status": answer.status, "message": excerpt(answer.body)}
        return Trouble("source_unavailable", proof, transient=True, wait=retry_after(answer.headers))
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "")
        return Trouble("source_address_changed", {"address": target[:300], "answer": answer.status})
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the platform asks to wait: a number, or a date."""
    said = headers.get("retry-after", "").strip()
    if said.isdecimal():
        return min(float(said), 86400.0)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def excerpt(body: bytes) -> str:
    """The platform's own words, as far as they help."""
    return body[:500].decode("utf-8", "replace").replace("\0", "\ufffd")


def refuse_address(address: str, *, private: bool) -> None:
    """Raise UsageError for an address that is none, or that leads into a private network without leave."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise UsageError("«{address}» is no address of a shop; write it as https://shop.example.", address=address)
    if private:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, proto=socket.IPPROTO_TCP)
    except OSError as err:
        raise UsageError("The host {host} is not known: {why}.", host=parts.hostname, why=err) from err
    for *_, place in found:
        if not ipaddress.ip_address(place[0]).is_global:
            raise UsageError("{host} is in a private network ({ip}); set private=yes if that is meant.",
                             host=parts.hostname, ip=place[0])  # fmt: skip
