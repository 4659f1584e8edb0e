"""Destinations as they are set up: added, changed, opened, and served by one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.types.json import Jsonb

from cuadra import accounts, secrets
from cuadra.accounts import Account
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.destinations import endpoint, signing
from cuadra.destinations.base import Destination
from cuadra.errors import NotFound, Refused, UsageError
from cuadra.jobs import problems, schedules
from cuadra.jobs.receiving import Interrupted
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings

SIGNING, TOKEN = "signing_secret", "read_token"
SETTINGS = ("private", "timeout", "read_back", "patience")
CHUNK = 1000
PATIENCE_SECONDS = 1800.0
"""How long what was taken may stay unseen, where it is read back; then it is sent again."""
TIMEOUT_SECONDS = 15.0


class Place(Struct, frozen=True):
    """A destination, as it is stored."""

    destination_id: int
    name: str
    url: str
    state: str
    settings: dict[str, Any]
    created_at: datetime

    @property
    def allowed(self) -> frozenset[str]:
        """Hosts of private networks that it may be sent to."""
        return frozenset(one for one in str(self.settings.get("private") or "").split(",") if one)


class Target(Struct):
    """A destination that can be sent to."""

    destination_id: int
    state: str
    destination: Destination
    read_back: bool
    patience: float
    """Seconds that what was taken may stay unseen."""


def add(db: Database, settings: Settings, account: Account, name: str, url: str, given: dict[str, Any],
        author: str) -> tuple[Place, str]:  # fmt: skip
    """A new destination, and the secret that its parcels are signed with: it is shown once. Raises UsageError, Refused."""
    accounts.check_name(name)
    checked = _checked(given)
    endpoint.refuse_address(url, Place(0, name, url, "", checked, account.created_at).allowed)
    secret = signing.new_secret()
    try:
        with db.transaction(account.account_id) as conn:
            row = conn.execute(sql("add_destination"), {
                "account": account.account_id, "name": name, "url": url, "settings": Jsonb(checked),
            }).fetchone()  # fmt: skip
            assert row is not None
            accounts.audit(conn, account.account_id, author, "destination add", name, {"url": url})
    except psycopg.errors.UniqueViolation as err:
        raise Refused("There is already a destination «{name}».", name=name) from err
    secrets.put(db, KeyFile.of(settings), account.account_id, int(row[0]), SIGNING, Secret(secret))
    return named(db, account, name), secret


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        if key not in SETTINGS:
            raise UsageError(
                "A destination has no setting «{key}»; it has {known}.", key=key, known=", ".join(SETTINGS)
            )
        if key in ("timeout", "patience"):
            text = str(value)
            if not text.replace(".", "", 1).isdecimal() or not 0 < float(text) <= 86_400:
                raise UsageError("{key} is a number of seconds from 1 to 86400, not «{value}».", key=key, value=value)
        if key == "read_back" and value and "{key}" not in str(value):
            raise UsageError(
                "read_back is an address with {{key}} where the order's key goes, not «{value}».", value=value
            )
    return {key: value for key, value in given.items() if value != ""}


def change(db: Database, account: Account, place: Place, url: str | None, given: dict[str, Any], author: str) -> None:
    """Change its address or settings; what waits goes there from now on."""
    merged = _checked({**place.settings, **given})
    address = url or place.url
    endpoint.refuse_address(address, Place(0, place.name, address, "", merged, place.created_at).allowed)
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("change_destination"), {
            "account": account.account_id, "destination": place.destination_id, "url": address, "settings": Jsonb(merged),
        })  # fmt: skip
        accounts.audit(conn, account.account_id, author, "destination set", place.name, {"keys": sorted(given)})
    problems.mended(db, account.account_id, place.destination_id)


def move(db: Database, account: Account, place: Place, state: str, author: str, note: str = "") -> None:
    """Pause, resume or remove it. What is written while it is paused waits."""
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_destination_state"), {
            "account": account.account_id, "destination": place.destination_id, "state": state,
        })  # fmt: skip
        accounts.audit(conn, account.account_id, author, f"destination {state}", place.name, {"note": note})
    problems.mended(db, account.account_id, place.destination_id)


def places(db: Database, account: Account) -> list[Place]:
    """All of an account."""
    with db.transaction(account.account_id) as conn:
        return [Place(*row) for row in conn.execute(sql("list_destinations"), {"account": account.account_id})]


def named(db: Database, account: Account, name: str) -> Place:
    """The one of that name. Raises NotFound naming those there are."""
    found = places(db, account)
    for one in found:
        if one.name == name:
            return one
    if not found:
        raise NotFound(
            "There is no destination yet; add one: cuadra destination add NAME --url https://crm.example/orders."
        )
    raise NotFound("There is no destination «{name}»; there are {known}.", name=name,
                   known=", ".join(one.name for one in found))  # fmt: skip


def target(db: Database, settings: Settings, account: Account, destination_id: int) -> Target | None:
    """Open it; None if there is none of that id."""
    key = {"account": account.account_id, "destination": destination_id}
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("get_destination"), key).fetchone()
    if row is None:
        return None
    place = Place(*row)
    keys = KeyFile.of(settings)
    signing_secret = secrets.get(db, keys, account.account_id, destination_id, SIGNING)
    token = secrets.get(db, keys, account.account_id, destination_id, TOKEN)
    if signing_secret is None:
        raise Refused("The destination {name} has no secret to sign with; make one: cuadra destination set {name} "
                      "--new-secret.", name=place.name)  # fmt: skip
    opened = endpoint.Endpoint(
        place.url, signing_secret.reveal(), token=token.reveal() if token else None,
        read_back=place.settings.get("read_back"), allowed=place.allowed,
        timeout=float(place.settings.get("timeout") or TIMEOUT_SECONDS),
    )  # fmt: skip
    return Target(destination_id, place.state, opened, bool(place.settings.get("read_back")),
                  float(place.settings.get("patience") or PATIENCE_SECONDS))  # fmt: skip


@contextmanager
def alone(holder: Database, destination_id: int) -> Iterator[Callable[[], None] | None]:
    """Whether nobody else serves this destination; what raises Interrupted once that is not sure any more."""
    with schedules.locked(holder, f"deliver:{destination_id}") as mine:
        session = holder.connection()

        def guard() -> None:
            try:
                session.execute("SELECT 1")
            except psycopg.Error as lost:
                raise Interrupted from lost

        yield guard if mine else None


def tell(db: Database, account: Account, place: Place, orders: list[int] | None = None, *, again: bool = False,
         progress: Callable[[int], None] = lambda done: None) -> int:  # fmt: skip
    """Put orders on their way to a destination: some, or all that are present. `again`: even what it was told already.
    Returns how many deliveries that makes."""
    made, after = 0, 0
    while True:
        some = orders if orders is not None else _present(db, account, after)
        if not some:
            return made
        with db.writing(account.account_id) as conn:
            made += conn.execute(sql("write_deliveries"), {
                "account": account.account_id, "orders": some, "destination": place.destination_id, "again": again,
            }).rowcount  # fmt: skip
        progress(made)
        if orders is not None:
            return made
        after = some[-1]


def _present(db: Database, account: Account, after: int) -> list[int]:
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_present"), {"account": account.account_id, "after": after, "limit": CHUNK})
        return [order for (order,) in rows]


def release(db: Database, account: Account, place: Place, orders: list[int] | None = None) -> int:
    """Send again what nobody sends any more; returns how many that is."""
    with db.transaction(account.account_id) as conn:
        made = conn.execute(sql("release_deliveries"), {
            "account": account.account_id, "destination": place.destination_id, "orders": orders,
        }).rowcount  # fmt: skip
    problems.mended(db, account.account_id, place.destination_id)
    return made
