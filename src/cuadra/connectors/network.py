"""Connecting to nobody but whom we mean: a name is looked up, what it leads to is judged, and exactly that is called.

Whoever may name an address (of a shop, of a destination) must not reach our neighbours with it: the database beside
us, the metadata service of a cloud, a printer. To look a name up, judge it, and let the HTTP library look it up again is
no protection, for the second answer may be another one. Here every new TCP connection is made to an address that was
judged a moment before; the name still decides whose certificate is demanded.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, Final, Literal

import httpcore
import httpx

Allowed = frozenset[str] | Literal[True]
"""Hosts, by name, that may be in a private network, as `host_name` writes them; True: any."""
NOBODY: Final[frozenset[str]] = frozenset()

_TRIES: Final = 4
"""Of the addresses of one name, so many are tried."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""What is handed out for the public network; all else of IPv6 is for something special."""
_ALSO_PRIVATE: Final = (
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.IPv6Network("2001::/23"),  # Teredo and other inner workings
    ipaddress.IPv6Network("2001:db8::/32"),
    ipaddress.IPv6Network("3fff::/20"),  # documentation; newer than the tables of Python 3.11
)

_ends: ContextVar[float | None] = ContextVar("ends", default=None)
"""On the clock of `time.monotonic`."""


class PrivateAddress(Exception):
    """The name leads into a private network, and has no leave to."""

    def __init__(self, host: str, ip: str) -> None:
        self.host, self.ip = host, ip
        super().__init__(f"{host} is in a private network ({ip})")


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to somebody out there. An IPv6 address that carries an IPv4 one is judged by
    both."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip not in _GLOBAL_V6 or (ip.sixtofour is not None and not is_public(str(ip.sixtofour))):
            return False
    # a multicast address counts as global for ipaddress
    return (
        ip.is_global
        and not ip.is_multicast
        and not any(ip in net for net in _ALSO_PRIVATE if net.version == ip.version)
    )


def host_name(name: str) -> str:
    """A host as it is compared: lower case, IDNA, no dot at the end. Raises ValueError for what is no host."""
    try:
        return httpx.URL(scheme="http", host=name.strip().strip("[]")).raw_host.decode("ascii").strip("[]").rstrip(".")
    except httpx.InvalidURL as err:
        raise ValueError(str(err)) from err


def has_leave(host: str, allowed: Allowed) -> bool:
    """Whether a host may be in a private network."""
    if allowed is True:
        return True
    try:
        return host_name(host) in allowed
    except ValueError:
        return False


def look_up(host: str, port: int, allowed: Allowed = NOBODY) -> list[str]:
    """The numeric addresses of a name. Raises PrivateAddress if one of them is private, without leave; OSError if the
    name leads nowhere."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except UnicodeError as err:  # an overlong or empty label never gets as far as the resolver
        raise socket.gaierror(socket.EAI_NONAME, f"no name of a host: {err}") from err
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not has_leave(host, allowed):
        for (
            address
        ) in addresses:  # one good address does not excuse a bad one: which is taken is not the asker's choice
            if not is_public(address):
                raise PrivateAddress(host, address)
    return addresses


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Everything this thread sends and receives in here through a `Guarded` transport has so long, all in all: the
    library's own limit is one for each read, and a peer that sends a byte now and then would never reach it."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


class Guarded(httpx.HTTPTransport):
    """HTTP over connections that lead to judged addresses only. Requests raise PrivateAddress beside httpx's own errors.
    No proxy, and nothing from the environment. Safe to be used by several threads."""

    def __init__(self, *, allowed: Allowed = NOBODY, verify: bool | ssl.SSLContext = True) -> None:
        context = httpx.create_ssl_context(verify=verify, trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # httpx has no way to be given a network backend, httpcore has; `_pool` is where the one keeps the other. The new
        # pool is made of public parts only. Should `_pool` be renamed one day this fails at once, rather than protect
        # nothing.
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0,
            network_backend=_Backend(allowed),
        )  # fmt: skip


class _Backend(httpcore.NetworkBackend):
    """Makes the TCP connections of the pool."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._inner = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Iterable[Any] | None = None) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to the first address of the host that answers; `timeout` is for all of them together, in seconds."""
        try:
            addresses = look_up(host, port, self._allowed)[:_TRIES]
        except OSError as err:
            raise httpcore.ConnectError(str(err)) from err
        ends = None if timeout is None else time.monotonic() + timeout
        for left in range(len(addresses), 0, -1):
            rest = None if ends is None else max(ends - time.monotonic(), 0.001) / left
            try:  # a numeric address is not looked up any more
                return _Stream(self._inner.connect_tcp(addresses[-left], port, _rest(rest, httpcore.ConnectTimeout),
                                                       local_address, socket_options))  # fmt: skip
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, *_args: Any, **_more: Any) -> httpcore.NetworkStream:
        raise httpcore.UnsupportedProtocol("no sockets of this machine")


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to `within`."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _rest(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _rest(timeout, httpcore.WriteTimeout))

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore.NetworkStream:  # fmt: skip
        limit = _rest(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def close(self) -> None:
        self._inner.close()


def _rest(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """The shorter of a limit and of what is left of `within`, in seconds. Raises `late` when nothing is left."""
    ends = _ends.get()
    if ends is None:
        return timeout
    left = ends - time.monotonic()
    if left <= 0:
        raise late("the time for the whole exchange is over")
    return left if timeout is None else min(left, timeout)
