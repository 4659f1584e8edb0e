"""Access tokens: permanent ones, those of a day, and those of an hour that are refreshed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cuadra_simulators.shopify.graph.access import App
from cuadra_simulators.shopify.world import World

DAY_TOKEN = 86_399
HOUR_TOKEN = 3_600
REFRESHABLE = 90 * 86_400


@dataclass(slots=True)
class Token:
    """An access token. `until`: the second in which it dies, 0 for never."""

    text: str
    app: App
    until: int = 0


@dataclass(slots=True)
class Family:
    """The refresh tokens of an app: the newest, and the one before it until the newest is used."""

    app: App
    newest: str
    before: str = ""
    until: int = 0


class Tokens:
    """All tokens of a shop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.known: dict[str, Token] = {}
        self._families: list[Family] = []

    def app(self, text: str) -> App | None:
        """Whose token it is, if it is any good now."""
        token = self.known.get(text)
        if token is None or not token.app.installed or (token.until and self._world.now >= token.until):
            return None
        return token.app

    def permanent(self, app: App) -> str:
        """A token that lives until it is revoked."""
        return self._issue(app, 0).text

    def exchange(self, app: App) -> dict[str, Any]:
        """The first pair of a public app: an hour's token and what refreshes it."""
        family = Family(app, self._refresh_token(), until=self._world.now + REFRESHABLE)
        self._families.append(family)
        return self._pair(family)

    def expire(self, app: App) -> None:
        """Let every temporary token of an app die now."""
        for token in self.known.values():
            if token.app is app and token.until:
                token.until = self._world.now

    def revoke(self, app: App) -> None:
        """Take every token of an app away."""
        self.known = {text: token for text, token in self.known.items() if token.app is not app}
        self._families = [it for it in self._families if it.app is not app]

    def grant(self, apps: list[App], asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body for what was sent to the token address."""
        app = next((it for it in apps if it.client_id == asked.get("client_id") and it.installed), None)
        if app is None or app.client_secret != asked.get("client_secret"):
            return 400, {"error": "invalid_client", "error_description": "Client credentials are invalid."}
        if asked.get("grant_type") == "client_credentials":
            if app.kind != "custom":
                return 400, {"error": "unauthorized_client",
                             "error_description": "The app does not belong to the shop's organization."}  # fmt: skip
            token = self._issue(app, DAY_TOKEN)
            return 200, {"access_token": token.text, "scope": scope(app), "expires_in": DAY_TOKEN}
        if asked.get("grant_type") == "refresh_token":
            return self._refreshed(app, asked.get("refresh_token", ""))
        return 400, {"error": "unsupported_grant_type"}

    def _refreshed(self, app: App, given: str) -> tuple[int, dict[str, Any]]:
        for family in self._families:
            if (
                family.app is app
                and given
                and given in (family.newest, family.before)
                and self._world.now < family.until
            ):
                if given == family.newest:
                    family.before = given
                family.newest = self._refresh_token()
                return 200, self._pair(family)
        return 400, {"error": "invalid_grant", "error_description": "The refresh token is invalid or was used."}

    def _pair(self, family: Family) -> dict[str, Any]:
        token = self._issue(family.app, HOUR_TOKEN)
        return {
            "access_token": token.text, "scope": scope(family.app), "expires_in": HOUR_TOKEN,
            "refresh_token": family.newest, "refresh_token_expires_in": family.until - self._world.now,
        }  # fmt: skip

    def _refresh_token(self) -> str:
        return f"shprt_{self._world.token(32)}"

    def _issue(self, app: App, seconds: int) -> Token:
        token = Token(f"shpat_{self._world.token(32)}", app, self._world.now + seconds if seconds else 0)
        self.known[token.text] = token
        return token


def scope(app: App) -> str:
    """The scopes as one text."""
    return ",".join(sorted(app.scopes))
