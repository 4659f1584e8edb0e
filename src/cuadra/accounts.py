"""Accounts, integrations and their rules: what people configure, each change with its author."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import psycopg
from msgspec import Struct
from psycopg.types.json import Jsonb

from cuadra import cadence, connectors
from cuadra.connectors.base import Connector
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.errors import NotFound, Refused, UsageError


class Account(Struct, frozen=True):
    """One merchant."""

    account_id: int
    name: str
    currency: str
    country: str
    time_zone: str
    retention: int
    created_at: Any


class Integration(Struct, frozen=True):
    """One configured way from a store to an account."""

    integration_id: int
    store_id: int
    name: str
    connector: str
    state: str
    mode: str
    settings: dict[str, Any]
    rule_version: int
    platform: str
    store_source: str
    store_name: str
    created_at: Any
    address: str | None = None
    """Where its platform sends notices: /in/ADDRESS. Long and random: who does not know it does not find it."""
    time_zone: str | None = None
    """The store's own, if it has told it."""


def names(db: Database) -> list[tuple[int, str]]:
    """(id, name) of all accounts."""
    with db.transaction() as conn:
        return [(int(number), str(name)) for number, name in conn.execute(sql("list_account_names"))]


def pick(db: Database, name: str | None) -> Account:
    """The account of that name, or the only one there is. Raises NotFound or UsageError saying what to do."""
    known = names(db)
    if not known:
        raise NotFound("There is no account yet; add one: cuadra account add NAME --currency ARS --country AR.")
    if name is None:
        if len(known) > 1:
            listed = ", ".join(one for _, one in known)
            raise UsageError("There are several accounts ({known}); say which: --account NAME.", known=listed)
        return get(db, known[0][0])
    for account_id, one in known:
        if one == name:
            return get(db, account_id)
    raise NotFound("There is no account «{name}»; there are {known}.", name=name,
                   known=", ".join(one for _, one in known))  # fmt: skip


def get(db: Database, account_id: int) -> Account:
    """An account by its id."""
    with db.transaction(account_id) as conn:
        row = conn.execute(sql("get_account"), {"account": account_id}).fetchone()
    assert row is not None
    return Account(*row)


def add(db: Database, name: str, currency: str, country: str, time_zone: str, retention: int) -> int:
    """A new account. Raises UsageError for a value that cannot be, Refused for a name that is taken."""
    check_name(name)
    _check(currency, country, time_zone, retention)
    values = {"name": name, "currency": currency, "country": country, "time_zone": time_zone, "retention": retention}
    try:
        with db.transaction(role="cuadra_owner") as conn:
            row = conn.execute(sql("add_account"), values).fetchone()
    except psycopg.errors.UniqueViolation as err:
        raise Refused("There is already an account «{name}».", name=name) from err
    assert row is not None
    return int(row[0])


def change(db: Database, account: Account, author: str, **values: Any) -> None:
    """Change what is given of an account: currency, country, time_zone, retention."""
    values = dict.fromkeys(("currency", "country", "time_zone", "retention")) | values
    _check(values.get("currency"), values.get("country"), values.get("time_zone"), values.get("retention"))
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_account"), {"account": account.account_id, **values})
        audit(conn, account.account_id, author, "account set", account.name, values)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of anything. Raises UsageError."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise UsageError("«{value}» is no name; use up to 100 letters, digits and signs.", value=name)


def check(*, currency: str | None = None, time_zone: str | None = None) -> None:
    """Refuse what cannot be a currency or a zone. Raises UsageError naming it."""
    _check(currency, None, time_zone, None)


def _check(currency: str | None, country: str | None, time_zone: str | None, retention: int | None) -> None:
    if currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise UsageError("«{value}» is no currency; write three capitals like ARS.", value=currency)
    if country is not None and not (len(country) == 2 and country.isascii() and country.isupper()):
        raise UsageError("«{value}» is no country; write two capitals like AR.", value=country)
    if retention is not None and retention not in (3, 12, 36):
        raise UsageError("Raw receipts are kept for 3, 12 or 36 months, not {value}.", value=retention)
    if time_zone is not None:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            raise UsageError("«{value}» is no time zone; write one like America/Bogota.", value=time_zone) from err


def audit(conn: Conn, account_id: int, actor: str, action: str, what: str, detail: dict[str, Any]) -> None:
    """One line of the append-only log."""
    kept = {key: value for key, value in detail.items() if value is not None}
    conn.execute(sql("audit"), {
        "account": account_id, "actor": actor, "action": action, "object": what,
        "detail": Jsonb(kept, dumps=msgspec.json.encode),
    })  # fmt: skip


# ---------------------------------------------------------------- integrations


def add_integration(db: Database, account: Account, name: str, connector: str, settings: dict[str, Any], author: str,
                    *, store: str | None = None, same_store: bool = False) -> Integration:  # fmt: skip
    """A new integration, in draft. A second one on the same store is refused unless that is meant."""
    check_name(name)
    found = connectors.get(connector)
    known = {spec.name for spec in found.info.settings}
    for setting in settings:
        if setting not in known:
            raise UsageError("The connector {connector} has no setting «{key}»; it has {known}.", connector=connector,
                             key=setting, known=", ".join(sorted(known)))  # fmt: skip
    settings = _placed(found, settings)
    found.check(settings)
    source = store or _store_named(found, settings) or name
    key: dict[str, Any] = {"account": account.account_id, "platform": connector, "source": source}
    with db.transaction(account.account_id) as conn:
        others = [row[0] for row in conn.execute(sql("store_integrations"), key)]
        if others and not same_store:
            raise Refused("The store «{store}» is already connected by {others}. If a second way to the same store is "
                          "meant, say --same-store: they then share its orders.", store=source,
                          others=", ".join(others))  # fmt: skip
        row = conn.execute(sql("add_store"), {**key, "name": name}).fetchone()
        assert row is not None
        values: dict[str, Any] = {"account": account.account_id, "store": row[0], "name": name, "connector": connector,
                  "mode": found.info.mode,
                  "settings": Jsonb(settings), "address": token_urlsafe(32) if found.info.live else None}  # fmt: skip
        try:
            row = conn.execute(sql("add_integration"), values).fetchone()
        except psycopg.errors.UniqueViolation as err:
            raise Refused("There is already an integration «{name}».", name=name) from err
        assert row is not None
        made: dict[str, Any] = {"account": account.account_id, "integration": row[0]}
        conn.execute(sql("add_rules"), {**made, "version": 1, "rules": Jsonb({}), "author": author,
                                        "note": "defaults"})  # fmt: skip
        conn.execute(sql("note_integration_state"), {**made, "state": "draft", "author": author, "note": ""})
    return integration_named(db, account, name)


def _store_named(connector: Connector, settings: dict[str, Any]) -> str:
    """The shop's name at its platform, however its address is written; empty where the connector has none."""
    named = str(settings.get(connector.info.store) or "")
    if "://" not in named:
        return named if named.startswith("/") else named.casefold()
    return named.split("://", 1)[1].rstrip("/").casefold()


def _placed(connector: Connector, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with every path from the root on."""
    places = {spec.name for spec in connector.info.settings if spec.place}
    return {key: str(_from_root(str(value))) if key in places and value else value for key, value in settings.items()}


def _from_root(path: str) -> Path:
    return (Path(path).expanduser() if path.startswith("~/") else Path(path)).absolute()


def integration_named(db: Database, account: Account, name: str) -> Integration:
    """The integration of that name. Raises NotFound naming those there are."""
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("get_integration"), {"account": account.account_id, "name": name}).fetchone()
        if row is None:
            known = [one[2] for one in conn.execute(sql("list_integrations"), {"account": account.account_id})]
            if not known:
                raise NotFound("There is no integration yet; add one: cuadra integration add NAME --connector files "
                               "--set path=FOLDER.")  # fmt: skip
            raise NotFound("There is no integration «{name}»; there are {known}.", name=name, known=", ".join(known))
    return Integration(*row)


def integration_by_id(db: Database, account: Account, integration_id: int) -> Integration:
    """The integration of that id, removed or not."""
    key = {"account": account.account_id, "integration": integration_id}
    with db.transaction(account.account_id) as conn:
        row = conn.execute(sql("get_integration_by_id"), key).fetchone()
    if row is None:
        raise NotFound("There is no such integration here any more.")
    return Integration(*row)


def integrations(db: Database, account: Account) -> list[Integration]:
    """All integrations of an account that are not removed."""
    with db.transaction(account.account_id) as conn:
        return [Integration(*row) for row in conn.execute(sql("list_integrations"), {"account": account.account_id})]


#: from which states a state can be reached
MOVES = {
    "validating": ("draft",),
    "active": ("draft", "validating", "paused", "broken"),
    "paused": ("active", "broken"),
    "broken": ("active",),
    "removed": ("draft", "validating", "active", "paused", "broken"),
}


def move(db: Database, account: Account, integration: Integration, state: str, author: str, note: str = "") -> None:
    """Change an integration's state. Asking for the state it has is no error."""
    if integration.state == state:
        return
    if integration.state not in MOVES[state]:
        raise Refused("The integration {name} is {now}; it cannot become {state} from there.", name=integration.name,
                      now=integration.state, state=state)  # fmt: skip
    values: dict[str, Any] = {
        "account": account.account_id, "integration": integration.integration_id, "state": state,
    }  # fmt: skip
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_integration_state"), values)
        conn.execute(sql("note_integration_state"), {**values, "author": author, "note": note})


def states(db: Database, account: Account, integration: Integration) -> list[tuple[Any, str, str, str]]:
    """(when, state, who, why) of every change."""
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.transaction(account.account_id) as conn:
        return [(at, state, who, note) for at, state, who, note in conn.execute(sql("list_integration_states"), key)]


def set_mode(db: Database, account: Account, integration: Integration, mode: str, author: str) -> bool:
    """Change when an integration runs by itself. Raises UsageError for what is no cadence. False if it is so already."""
    text = cadence.parse(mode).text
    if text == integration.mode:
        return False
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_integration_mode"), {
            "account": account.account_id, "integration": integration.integration_id, "mode": text,
        })  # fmt: skip
        audit(conn, account.account_id, author, "integration set", integration.name,
              {"mode": text, "before": integration.mode})  # fmt: skip
    return True


def set_store_zone(db: Database, account: Account, integration: Integration, zone: str | None) -> None:
    """The store has told its time zone: its daily hour is meant in that. None: it has not, and what is known stays."""
    if zone is None:
        return
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_store_zone"), {
            "account": account.account_id, "store": integration.store_id, "zone": zone,
        })  # fmt: skip


def set_settings(
    db: Database, account: Account, integration: Integration, settings: dict[str, Any], author: str
) -> bool:
    """Change settings; what cannot work is refused before anything is written. False if they are so already."""
    connector = connectors.get(integration.connector)
    merged = {**integration.settings, **_placed(connector, settings)}
    connector.check(merged)
    if merged == integration.settings:
        return False
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_integration_settings"), {
            "account": account.account_id, "integration": integration.integration_id, "settings": Jsonb(merged),
        })  # fmt: skip
        audit(conn, account.account_id, author, "integration set", integration.name, {"keys": sorted(settings)})
    return True


def new_address(db: Database, account: Account, integration: Integration, author: str) -> str:
    """Another address for an integration's notices; the old one is nobody's from now on."""
    if not connectors.get(integration.connector).info.live:
        raise Refused("The integration {name} takes no notices: its connector is {connector}.", name=integration.name,
                      connector=integration.connector)  # fmt: skip
    address = token_urlsafe(32)
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_integration_address"), {
            "account": account.account_id, "integration": integration.integration_id, "address": address,
        })  # fmt: skip
        audit(conn, account.account_id, author, "intake address", integration.name, {"renewed": True})
    return address


def last_run(db: Database, account: Account, integration: Integration) -> tuple[Any, ...] | None:
    """(run, state, started, ended) of the newest run."""
    with db.transaction(account.account_id) as conn:
        return conn.execute(sql("last_run"), {
            "account": account.account_id, "integration": integration.integration_id,
        }).fetchone()  # fmt: skip


# ---------------------------------------------------------------- rules and rates


def stored_rules(conn: Conn, account_id: int, integration_id: int, version: int) -> dict[str, Any]:
    """The rules of a version, as stored."""
    row = conn.execute(sql("get_rules"), {
        "account": account_id, "integration": integration_id, "version": version,
    }).fetchone()  # fmt: skip
    assert row is not None
    return dict(row[0])


def add_rules(db: Database, account: Account, integration: Integration, rules: dict[str, Any], author: str,
              note: str) -> int:  # fmt: skip
    """A new version of an integration's rules; returns its number."""
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.writing(account.account_id) as conn:
        row = conn.execute(sql("get_integration_by_id"), key).fetchone()
        assert row is not None
        version = Integration(*row).rule_version + 1
        conn.execute(
            sql("add_rules"), {**key, "version": version, "rules": Jsonb(rules), "author": author, "note": note}
        )
        conn.execute(sql("use_rules"), {**key, "version": version})
    return version


def rules_history(db: Database, account: Account, integration: Integration) -> list[tuple[int, Any, str, str, Any]]:
    """(version, when, who, why, rules) of all versions."""
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.transaction(account.account_id) as conn:
        return [(v, at, who, note, rules) for v, at, who, note, rules in conn.execute(sql("list_rules"), key)]


def phone_regions(conn: Conn, account: Account) -> list[str]:
    """Countries in which phones without a prefix have been read: the account's first, then those of any rules so far."""
    rows = conn.execute(sql("list_phone_regions"), {"account": account.account_id})
    return list(dict.fromkeys([account.country, *(region for (region,) in rows)]))


def set_rate(db: Database, account: Account, source: str, day: date, rate: Decimal, author: str) -> None:
    """How many of the account's currency one of `source` was worth on a day."""
    if not rate.is_finite() or rate <= 0:
        raise UsageError("A rate is a number above 0, not «{value}».", value=rate)
    _check(source, None, None, None)
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("set_rate"), {
            "account": account.account_id, "source": source, "target": account.currency, "day": day, "rate": rate,
            "author": author,
        })  # fmt: skip


def rates(db: Database, account: Account) -> list[tuple[str, str, date, Decimal, str]]:
    """(currency, account's currency, day, rate, who), newest first."""
    with db.transaction(account.account_id) as conn:
        return [(a, b, day, rate, who) for a, b, day, rate, who in
                conn.execute(sql("list_rates"), {"account": account.account_id})]  # fmt: skip
