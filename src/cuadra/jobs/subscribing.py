"""The notices of a shop: asked for, looked after, and made again when the shop has dropped them.

A shop disables a webhook that failed too often and says so to nobody; people delete one by mistake. Whoever calls
`ensure` from time to time notices, and learns from when on notices may be missing: since the last look at which all was
well. What was lost is written down before it is made again, so that a look that ends halfway forgets nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import choice
from string import ascii_letters, digits
from typing import Any

from msgspec import Struct

from cuadra import connectors, secrets
from cuadra.accounts import Account, Integration
from cuadra.clock import utc_now
from cuadra.connectors.base import Shop, Subscription
from cuadra.db import Conn, Database
from cuadra.db.queries import sql
from cuadra.errors import Refused
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings

SIGNED_WITH = "webhook_secret"
"""The credential that notices are signed with; the intake knows it by this name."""
LETTERS = ascii_letters + digits
"""No signs: platforms undo entities in secrets, and forms spoil others."""
LENGTH = 48
OLD_COUNTS = timedelta(days=1)
"""So long after it was changed the secret before it counts as well."""
NEW, GONE, ACTIVE, UNSIGNED = "new", "gone", "active", "unsigned"


class Notice(Struct, frozen=True):
    """Notices of one topic, after a look."""

    topic: str
    before: str
    """What was found: active, paused, disabled; gone: deleted at the shop; unsigned: our secret was lost; new."""
    state: str
    source_id: str
    made_at: datetime
    checked_at: datetime
    remade: int
    lost_at: datetime | None


class Health(Struct, frozen=True):
    """What a look at the notices of an integration found and did."""

    url: str | None
    """Where they are sent; None: no address is set, and nothing was looked at."""
    notices: list[Notice] = []
    ended: int = 0
    """Webhooks of ours at an earlier address, or of a topic that is not used any more."""
    lost_since: datetime | None = None
    """From this moment on notices may be missing: what has changed since is to be asked for."""

    @property
    def lost(self) -> list[Notice]:
        """Those that the shop did not send any more; they are made again."""
        return [one for one in self.notices if one.before not in (ACTIVE, NEW)]


class _Row(Struct, frozen=True):
    topic: str
    source_id: str
    url: str
    state: str
    made_at: datetime
    checked_at: datetime
    remade: int
    lost_at: datetime | None


def address(integration: Integration) -> str | None:
    """Where the platform is to send notices; None while the setting `notices` is not set."""
    base = str(integration.settings.get("notices") or "").rstrip("/")
    return f"{base}/in/{integration.address}" if base and integration.address else None


def ensure(db: Database, settings: Settings, account: Account, integration: Integration, shop: Shop) -> Health:
    """Make sure that the shop sends every notice of use, and keep what was found. Raises `connectors.trouble.Trouble`."""
    url = address(integration)
    if url is None:
        return Health(None)
    known = {row.topic: row for row in _known(db, account, integration)}
    looked = utc_now()
    listed = shop.subscriptions()
    keys = secrets.KeyFile.of(settings)
    secret = _secret(db, keys, account, integration)
    topics = _topics(integration)
    before = {topic: _before(known.get(topic), listed, signed=secret is not None) for topic in topics}
    lost = [known[topic] for topic in topics if before[topic] not in (ACTIVE, NEW)]
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.transaction(account.account_id) as conn:
        for row in lost:
            conn.execute(
                sql("note_lost_subscription"), {**key, "topic": row.topic, "state": before[row.topic], "at": looked}
            )
    if secret is None:  # after what was lost is written down: a look that ends here makes all of it again
        secret = Secret("".join(choice(LETTERS) for _ in range(LENGTH)))
        secrets.put(db, keys, account.account_id, integration.integration_id, SIGNED_WITH, secret)
    wrong = [topic for topic in topics if before[topic] != ACTIVE or not _sole(known[topic], listed, url)]
    now = {one.topic: one for one in shop.subscribe(wrong, url, secret.reveal())} if wrong else {}
    notices = [_notice(topic, before[topic], known.get(topic), now.get(topic), looked) for topic in topics]
    with db.transaction(account.account_id) as conn:
        for one in notices:
            _keep(conn, key, one, url)
        conn.execute(sql("forget_subscriptions"), {**key, "kept": list(topics)})
    ended = [one.id for one in _ours(integration, listed) if one.url != url or one.topic not in topics]
    shop.unsubscribe(ended)
    return Health(url, notices, len(ended), min((row.checked_at for row in lost), default=None))


def _secret(db: Database, keys: KeyFile, account: Account, integration: Integration) -> Secret | None:
    """What notices are signed with. Where the platform decides, it is one of the credentials; the one before it counts as
    well, for a platform takes its time to use a new one. None: it has been lost, or was never made."""
    key = account.account_id, integration.integration_id
    kept = secrets.get(db, keys, *key, SIGNED_WITH)
    by = connectors.get(integration.connector).info.signed_by
    if by is None:
        return kept
    theirs = secrets.get(db, keys, *key, by)
    if theirs is None:
        raise Refused("Notices of {name} are signed with its {what}, which is missing; set it: cuadra integration set "
                      "{name} --secret {what}=-.", name=integration.name, what=by)  # fmt: skip
    before, *older = kept.reveal().split("\n") if kept else [""]
    since = next((at for name, _, at in secrets.names(db, *key) if name == SIGNED_WITH), None)
    if before == theirs.reveal() and older and since is not None and utc_now() - since > OLD_COUNTS:
        secrets.put(db, keys, *key, SIGNED_WITH, theirs)
    if before != theirs.reveal():
        secrets.put(db, keys, *key, SIGNED_WITH, Secret("\n".join(filter(None, (theirs.reveal(), before)))))
    return theirs


def remove(db: Database, account: Account, integration: Integration, shop: Shop) -> int:
    """End every notice to this integration, wherever it was sent to; returns how many there were."""
    ours = [one.id for one in _ours(integration, shop.subscriptions())]
    shop.unsubscribe(ours)
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("forget_subscriptions"), {
            "account": account.account_id, "integration": integration.integration_id, "kept": [],
        })  # fmt: skip
    return len(ours)


def _topics(integration: Integration) -> tuple[str, ...]:
    live = connectors.live(integration.connector)
    if live is None:
        raise Refused("The integration {name} reads files and gets no notices.", name=integration.name)
    return live.topics


def _ours(integration: Integration, listed: list[Subscription]) -> list[Subscription]:
    """Nobody else knows the integration's own part of the address."""
    return [one for one in listed if integration.address and one.url.endswith(f"/in/{integration.address}")]


def _before(row: _Row | None, listed: list[Subscription], *, signed: bool) -> str:
    """What has become of the one that was asked for. One that was lost and could not be made again is still lost."""
    if row is None:
        return NEW
    state = next((one.state for one in listed if one.id == row.source_id and one.topic == row.topic), GONE)
    if state == ACTIVE and row.state != ACTIVE:
        return row.state
    return UNSIGNED if state == ACTIVE and not signed else state


def _sole(row: _Row, listed: list[Subscription], url: str) -> bool:
    """Whether the one that is known is the only one of its topic at this address."""
    return [one.id for one in listed if one.topic == row.topic and one.url == url] == [row.source_id]


def _notice(topic: str, before: str, row: _Row | None, now: Subscription | None, looked: datetime) -> Notice:
    lost = before not in (ACTIVE, NEW)
    if row is None:
        assert now is not None
        return Notice(topic, before, now.state, now.id, looked, looked, 0, None)
    same = now is None or now.id == row.source_id
    return Notice(
        topic, before, now.state if now else ACTIVE, now.id if now else row.source_id, row.made_at if same else looked,
        looked, row.remade + lost, looked if lost else row.lost_at,
    )  # fmt: skip


def _known(db: Database, account: Account, integration: Integration) -> list[_Row]:
    key = {"account": account.account_id, "integration": integration.integration_id}
    with db.transaction(account.account_id) as conn:
        return [_Row(*row) for row in conn.execute(sql("list_subscriptions"), key)]


def _keep(conn: Conn, key: dict[str, int], one: Notice, url: str) -> None:
    values: dict[str, Any] = {"topic": one.topic, "source": one.source_id, "url": url, "state": one.state}
    times = {"made": one.made_at, "checked": one.checked_at, "remade": one.remade, "lost": one.lost_at}
    conn.execute(sql("note_subscription"), {**key, **values, **times})
