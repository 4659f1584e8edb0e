"""Who is asking: Basic or query keys over TLS, one-legged OAuth 1.0a everywhere, and the refusals of each."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from cuadra_simulators.woocommerce.model import ApiKey
from cuadra_simulators.woocommerce.rest.wire import Request, RestError
from cuadra_simulators.woocommerce.world import World

WINDOW = 15 * 60
_PARAMETERS = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_METHODS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


@dataclass(slots=True)
class Doorkeeper:
    """Knows the keys, and which nonces were used."""

    world: World
    nonces: dict[tuple[str, str], float] = field(default_factory=dict)

    def admit(self, request: Request, site: str) -> ApiKey | None:
        """The key that signed the request; None is a stranger. Raises RestError where WooCommerce does.

        An address without «wp-json/wc/» in its path is not recognised as the API's, and nobody is asked who he is.
        """
        if "wp-json/wc/" not in request.path and "wp-json/wc-" not in request.path:
            return None
        key = self._basic(request) if request.secure else None
        return key or self._oauth(request, site)

    def check_permission(self, key: ApiKey, method: str) -> None:
        """A key that may only read does not write: WooCommerce calls that a failed authentication."""
        if method == "OPTIONS":
            return
        needed = "read" if method in ("GET", "HEAD") else "write"
        if key.permissions not in (needed, "read_write"):
            raise _refused(f"The API key provided does not have {needed} permissions.")

    def _basic(self, request: Request) -> ApiKey | None:
        given = dict(request.query)
        name, secret = given.get("consumer_key", ""), given.get("consumer_secret", "")
        if not (name and secret):  # both in the address win over the header
            name, secret = _basic_header(request.header("Authorization"))
        key = self.world.keys.get(name)
        if not key or not secret:
            return None
        if not hmac.compare_digest(key.consumer_secret, secret):
            raise _refused("Consumer secret is invalid.")
        return key

    def _oauth(self, request: Request, site: str) -> ApiKey | None:
        pairs = request.query
        header = request.header("Authorization")
        signed = {**dict(pairs), **(_oauth_header(header) if header.startswith("OAuth ") else {})}
        present = [name for name in _PARAMETERS if signed.get(name)]
        if not present:
            return None
        missing = [name for name in _PARAMETERS if name not in present]
        if missing:
            text = f"Missing OAuth parameters {', '.join(missing)}"
            raise RestError("woocommerce_rest_authentication_missing_parameter", text, 401)
        key = self.world.keys.get(signed["oauth_consumer_key"])
        if not key:
            raise _refused("Consumer key is invalid.")
        self._check_signature(request, site, signed, key)
        self._check_nonce(signed, key)
        return key

    def _check_signature(self, request: Request, site: str, signed: dict[str, str], key: ApiKey) -> None:
        algorithm = _METHODS.get(signed["oauth_signature_method"])
        if not algorithm:
            raise _refused("Invalid signature - signature method is invalid.")
        base = signature_base(request.method, site + request.path, signed)
        digest = hmac.new(f"{key.consumer_secret}&".encode(), base.encode(), algorithm).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), signed["oauth_signature"]):
            raise _refused("Invalid signature - provided signature does not match.")

    def _check_nonce(self, signed: dict[str, str], key: ApiKey) -> None:
        now = self.world.clock.wall
        stamp = signed["oauth_timestamp"]
        if not stamp.isdecimal() or abs(now - int(stamp)) > WINDOW:
            raise _refused("Invalid timestamp.")
        self.nonces = {nonce: at for nonce, at in self.nonces.items() if now - at < WINDOW}
        nonce = (key.consumer_key, signed["oauth_nonce"])
        if nonce in self.nonces:
            raise _refused("Invalid nonce - nonce has already been used.")
        self.nonces[nonce] = now


def signature_base(method: str, url: str, parameters: dict[str, str]) -> str:
    """What is signed: method, address, and the sorted parameters encoded twice."""
    pairs = sorted((_encode(key), _encode(value)) for key, value in parameters.items() if key != "oauth_signature")
    joined = "&".join(f"{key}={value}" for key, value in pairs)
    return f"{method.upper()}&{_encode(url)}&{_encode(joined)}"


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _basic_header(header: str) -> tuple[str, str]:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _oauth_header(header: str) -> dict[str, str]:
    return {name: unquote(value) for name, value in re.findall(r'(oauth_\w+)="([^"]*)"', header)}


def _refused(message: str) -> RestError:
    return RestError("woocommerce_rest_authentication_error", message, 401)
