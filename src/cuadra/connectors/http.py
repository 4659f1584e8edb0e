"""Talking to a platform over HTTP: paced, bounded, patient where waiting helps, and with a reason where it does not.

A connector says in `judge` what its platform means by an answer; everything else is the same for all of them.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

import httpx
from msgspec import Struct

import cuadra
from cuadra.clock import utc_now
from cuadra.connectors import network
from cuadra.connectors.base import Calls, Evidence, Pacing
from cuadra.connectors.trouble import Answer, Trouble
from cuadra.errors import UsageError

BODY_LIMIT = 64 << 20
LEAST_FREE = 1 << 30
"""What a file that is fetched leaves of its disk."""


class Patience(Struct, frozen=True):
    """How long an answer is waited for, and how often and when a question is asked again."""

    timeout: float = 60.0
    attempts: int = 4
    first_pause: float = 1.0
    """Each further pause is twice as long."""
    unsaid: float = 10.0
    """The pause of a platform that wants one and does not say how long."""
    longest: float = 600.0
    """A platform that wants a longer pause is not waited for."""


PATIENCE = Patience()
"""That of every `Http`."""


class Form(Struct, frozen=True):
    """What a form would send."""

    values: dict[str, str]


Verify = bool | ssl.SSLContext
"""Whom to believe that he is the shop; True: everybody whom the certificate authorities of httpx vouch for."""
Judge = Callable[[Answer], Trouble | None]
"""What the platform means by an answer; None: it is what was asked for."""


class Pace:
    """So much a second and no more, whatever the number of threads. The platform may ask for a longer pause. With a
    `burst` it is a bucket that so much is in when it is full: what it does not hold yet is waited for."""

    def __init__(self, per_second: float, burst: float = 0.0, *, clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        self._gap, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._saved, self._free = burst / per_second, 0.0 if burst else self._gap
        self._next = float("-inf")
        self._lock = threading.Lock()

    def wait(self, cost: float = 1.0) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next, now - self._saved) + cost * self._gap
            mine = self._next - self._free
        if mine > now:
            self._sleep(mine - now)

    def give_back(self, cost: float, left: float | None = None) -> None:
        """So much less was used than had been drawn; `left`: what the platform says is left."""
        with self._lock:
            self._next -= cost * self._gap
            if left is not None:
                self._next = max(self._next, self._clock() - left * self._gap)

    def pause(self, seconds: float) -> None:
        """Nobody calls for so long."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


class Http:
    """Calls to one base address."""

    def __init__(self, base: str, judge: Judge, *, pace: Pacing, auth: httpx.Auth | None = None,
                 headers: Mapping[str, str] | None = None, verify: Verify = True, private: bool = False,
                 timeout: float | None = None, sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        """`private` allows addresses that are not public: for shops of the demo and inside one's own network."""
        parts = parts_of(base)
        self._patience = PATIENCE
        self._timeout = PATIENCE.timeout if timeout is None else timeout
        self.base, self._judge, self._pace, self._sleep = base.rstrip("/"), judge, pace, sleep
        self.calls = Calls()
        if not private:  # said now, where somebody reads it; every connection is judged again when it is made
            with contextlib.suppress(OSError):  # a name that leads nowhere is the first call's trouble
                _refuse_private(parts)
        self._allowed: Literal[True] | frozenset[str] = True if private else network.NOBODY
        self._client = httpx.Client(
            auth=auth, timeout=self._timeout, follow_redirects=False, trust_env=False,
            transport=network.Guarded(allowed=self._allowed, verify=verify),
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
        return self._patiently("GET", path, params, None, self._patience.attempts if patient else 1)

    def ask(self, path: str, content: Any, *, patient: bool = True, cost: float = 1.0) -> Answer:
        """Ask with a body, as JSON, or as a form where it is a `Form`. It changes nothing there, and trouble is met again as
        in `get`. Raises Trouble."""
        return self._patiently("POST", path, None, content, self._patience.attempts if patient else 1, cost)

    def download(self, address: str, path: Path, progress: Callable[[int, int | None], None]) -> int:
        """Write what lies at an address of its own to a file, block by block; returns its size. Nothing of ours is sent
        along: whoever made the address has signed it. Raises Trouble, also before it would fill the disk."""
        size, room = 0, shutil.disk_usage(path.parent).free - LEAST_FREE
        try:
            with self._bare() as client, client.stream("GET", address) as found, path.open("wb") as file:
                if found.status_code != 200:
                    proof: Evidence = {
                        "attempts": [],
                        "status": found.status_code,
                        "message": f"GET {parts_of(address).hostname}",
                    }
                    raise Trouble("source_unavailable", proof, transient=True)
                announced = int(said) if (said := found.headers.get("content-length", "")).isdecimal() else None
                for block in found.iter_bytes():
                    if size + len(block) > room or (announced or 0) > room:
                        raise Trouble("intake_refused_for_space", {
                            "free": room + LEAST_FREE - size, "limit": LEAST_FREE, "at": utc_now().isoformat(),
                        })  # fmt: skip
                    size += file.write(block)
                    progress(size, announced)
        except httpx.TimeoutException as err:
            raise Trouble("source_timeout", {"attempts": [], "limit": self._timeout}, transient=True) from err
        except httpx.HTTPError as err:
            raise self._unreachable(err) from err
        except network.PrivateAddress as err:
            raise _private(err) from err
        if announced is not None and "content-encoding" not in found.headers and size < announced:
            raise Trouble("source_answer_truncated", {"announced": announced, "read": size, "limit": None})
        return size

    def _bare(self) -> httpx.Client:
        """A client that knows nothing of us."""
        transport = network.Guarded(allowed=self._allowed)
        return httpx.Client(transport=transport, timeout=self._timeout, follow_redirects=False, trust_env=False)

    def send(self, method: str, path: str, content: Any = None, params: Mapping[str, Any] | None = None) -> Answer:
        """Change something there. Tried once: what a timeout did is for the caller to find out."""
        return self._patiently(method, path, params, content, 1)

    def _patiently(self, method: str, path: str, params: Mapping[str, Any] | None, content: Any, attempts: int,
                   cost: float = 1.0) -> Answer:  # fmt: skip
        tried: list[Evidence] = []
        for attempt in range(1, attempts + 1):
            began = utc_now()
            try:
                return self._call(method, path, params, content, began, cost)
            except Trouble as trouble:
                if trouble.transient:
                    tried.append(_attempt(began, trouble))
                    trouble.evidence["attempts"] = tried
                pause = self._pause(trouble, attempt)
                if not trouble.transient or attempt == attempts or pause > self._patience.longest:
                    raise
                if trouble.wait is not None:
                    self._pace.pause(pause)
                self._sleep(pause * (1 + random.random() / 4))
        raise AssertionError("at least one attempt")

    def _pause(self, trouble: Trouble, attempt: int) -> float:
        if trouble.wait is not None:
            return trouble.wait
        if trouble.reason == "source_rate_limited":
            return self._patience.unsaid
        return self._patience.first_pause * 2.0 ** (attempt - 1)

    def _call(self, method: str, path: str, params: Mapping[str, Any] | None, content: Any, began: datetime,
              cost: float) -> Answer:  # fmt: skip
        self._pace.wait(cost)
        shape = "/".join("*" if part.isdecimal() else part for part in path.split("/"))
        self.calls.note(f"{method} {shape}")
        url = f"{self.base}/{path.lstrip('/')}"
        try:
            body = {"data": content.values} if isinstance(content, Form) else {"json": content}
            with self._client.stream(method, url, params=params, **body) as found:
                headers = {name.lower(): value for name, value in found.headers.items()}
                answer = Answer(found.status_code, headers, _bounded(found), method, url, began.isoformat())
        except httpx.TimeoutException as err:
            raise Trouble("source_timeout", {"attempts": [], "limit": self._timeout}, transient=True) from err
        except httpx.HTTPError as err:
            raise self._unreachable(err) from err
        except network.PrivateAddress as err:
            raise _private(err) from err
        trouble = general(answer) or self._judge(answer)
        if trouble is not None:
            trouble.answer = answer
            raise trouble
        return answer

    def _unreachable(self, err: BaseException) -> Trouble:
        """Nothing answers. A name that does not exist any more is another matter than a server that is down."""
        message = f"{type(err).__name__}: {err}"[:300]
        found: BaseException | None = err
        while found is not None:
            if isinstance(found, socket.gaierror) and found.errno in _NO_SUCH_NAME:
                return Trouble("source_address_changed", {"address": None, "answer": message, "asked": self.base})
            found = found.__cause__ or found.__context__
        return Trouble("source_unavailable", {"attempts": [], "status": None, "message": message}, transient=True)


_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def _attempt(began: datetime, trouble: Trouble) -> Evidence:
    """What is remembered of a question that has to be asked again."""
    took = round((utc_now() - began) / timedelta(milliseconds=1))
    return {"at": began.isoformat(), "ms": took, "status": trouble.answer.status if trouble.answer else None}


def _bounded(found: httpx.Response) -> bytes:
    body = bytearray()
    for block in found.iter_bytes():
        body += block
        if len(body) > BODY_LIMIT:
            raise Trouble("payload_too_large", {"size": len(body), "limit": BODY_LIMIT})
    return bytes(body)


def general(answer: Answer) -> Trouble | None:
    """What every platform means alike."""
    wait = retry_after(answer.headers)
    if answer.status == 429:
        proof: Evidence = {"status": 429, "wait": wait, "budget": None, "message": excerpt(answer.body)}
        return Trouble("source_rate_limited", proof, transient=True, wait=wait)
    if answer.status == 408:
        return Trouble("source_timeout", {"attempts": [], "message": excerpt(answer.body)}, transient=True)
    if answer.status in (502, 503, 504):
        proof = {"attempts": [], "status": answer.status, "message": excerpt(answer.body)}
        return Trouble("source_unavailable", proof, transient=True, wait=wait)
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "")[:300]
        return Trouble("source_address_changed", {"address": target, "answer": answer.status, "asked": answer.url})
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the platform asks to wait, a day at most: a number, or a date."""
    said = headers.get("retry-after", "").strip()
    if said.isdecimal():
        return min(float(said), 86400.0)
    try:
        return min(max(0.0, parsedate_to_datetime(said).timestamp() - time.time()), 86400.0)
    except (ValueError, TypeError, OverflowError):
        return None


def excerpt(body: bytes) -> str:
    """The platform's own words, as far as they help."""
    return body[:500].decode("utf-8", "replace").replace("\0", "\ufffd")


def refuse_address(address: str, *, private: bool) -> None:
    """Raise UsageError for an address that is none, or that leads into a private network without leave."""
    parts = parts_of(address)
    if private:
        return
    try:
        _refuse_private(parts)
    except OSError as err:
        raise UsageError("The host {host} is not known: {why}.", host=parts.hostname, why=err) from err


def parts_of(address: str) -> SplitResult:
    """The parts of a shop's address. Raises UsageError if it is none."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise UsageError("«{address}» is no address of a shop; write it as https://shop.example.", address=address)
    return parts


def _refuse_private(parts: SplitResult) -> None:
    """Raises UsageError: an address of ours, or of our neighbours, is nobody's shop; OSError if the name leads nowhere."""
    try:
        network.look_up(parts.hostname or "", parts.port or 443)
    except network.PrivateAddress as err:
        raise _private(err) from err


def _private(err: network.PrivateAddress) -> UsageError:
    return UsageError("{host} is in a private network ({ip}); set private=yes if that is meant.",
                      host=err.host, ip=err.ip)  # fmt: skip
