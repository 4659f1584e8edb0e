"""The first import of a shop: how many orders each profile would bring, and choosing one."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from cuadra import accounts, connectors
from cuadra.accounts import Account, Integration
from cuadra.clock import utc_now
from cuadra.connectors.base import Profile, Shop
from cuadra.db import Database
from cuadra.errors import NotFound, Refused
from cuadra.jobs import releasing, ways
from cuadra.jobs.ways import Watch
from cuadra.ledger.rejudge import Judged
from cuadra.pipeline import rules
from cuadra.pipeline.rules import Rules

WINDOW = timedelta(days=61)
"""About two calendar months: as far back as a first import reads that nobody has told another day."""
KEY = "first.without"


class Share(Struct, frozen=True):
    """How much of a shop a profile brings."""

    profile: Profile
    orders: int
    chosen: bool


class Shares(Struct, frozen=True):
    """The profiles of an integration, with the orders of its shop created since a moment."""

    since: datetime
    total: int
    states: dict[str, int]
    shares: list[Share]


def offered(connector: str) -> tuple[Profile, ...]:
    """The profiles of a connector; none where sets of files say themselves what there is."""
    return connectors.get(connector).info.profiles


def profiles(connector: str) -> tuple[Profile, ...]:
    """The profiles of a connector. Raises Refused where there are none."""
    found = offered(connector)
    if not found:
        raise Refused("The connector {connector} has no profiles: everything that its sets hold is taken in.",
                      connector=connector)  # fmt: skip
    return found


def named(connector: str, name: str) -> Profile:
    """The profile of that name. Raises NotFound naming those there are."""
    found = profiles(connector)
    for one in found:
        if one.name == name:
            return one
    raise NotFound("There is no profile «{name}»; there are {known}.", name=name,
                   known=", ".join(one.name for one in found))  # fmt: skip


def shares(db: Database, account: Account, integration: Integration, shop: Shop) -> Shares:
    """Count the shop's orders by profile. Raises `connectors.trouble.Trouble`."""
    found = profiles(integration.connector)
    current = ways.way(db, account, integration).rules
    since = _since(current, account)
    states = shop.counts(since)
    return Shares(since, sum(states.values()), states, [
        Share(one, sum(count for state, count in states.items() if not rules.left_out(state, one.without)),
              sorted(one.without) == sorted(current.first.without))
        for one in found
    ])  # fmt: skip


def _since(current: Rules, account: Account) -> datetime:
    """From when on the first import takes orders in."""
    if current.first.since:
        day = datetime.fromisoformat(current.first.since).date()
        return datetime.combine(day, time(), ZoneInfo(account.time_zone)).astimezone(UTC)
    return utc_now() - WINDOW


def choose(db: Database, account: Account, integration: Integration, name: str, author: str, note: str,
           watch: Watch) -> tuple[int, Judged]:  # fmt: skip
    """Make the first import after this profile; returns the version of the rules, and what was judged by them again."""
    profile = named(integration.connector, name)
    current = ways.way(db, account, integration).rules
    changed = rules.change(current, KEY, ",".join(profile.without))
    note = note or f"profile {name}"
    version = accounts.add_rules(db, account, integration, msgspec.to_builtins(changed), author, note)
    changed_integration = accounts.integration_named(db, account, integration.name)
    return version, releasing.after_rules(db, account, changed_integration, watch)
