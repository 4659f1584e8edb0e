"""What an import of a live source does besides reading its lists: it looks after the notices, works off what has arrived,
asks for what is in doubt, and compares with a census."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from psycopg.types.json import Jsonb

from cuadra import accounts
from cuadra.accounts import Account, Integration
from cuadra.connectors.base import Shop
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.jobs import census, relinking, subscribing, taking, telling, ways, writing_back
from cuadra.jobs.job import Job
from cuadra.ledger import utc_now
from cuadra.model import Entity
from cuadra.pipeline import rules

CENSUS_EVERY = timedelta(hours=24)


def horizon(db: Database, account: Account, integration: Integration) -> Integration:
    """Where the first import begins, written down as a rule before it does: two calendar months ago, unless it was said
    before."""
    way = ways.way(db, account, integration)
    if not way.account.live or way.rules.first.since or way.account.began is not None:
        return integration
    since = two_months_before(utc_now().astimezone(ZoneInfo(account.time_zone)).date())
    changed = rules.change(way.rules, "first.since", since.isoformat())
    accounts.add_rules(db, account, integration, msgspec.to_builtins(changed), "system", "first import")
    return accounts.integration_by_id(db, account, integration.integration_id)


def two_months_before(day: date) -> date:
    """The same day two calendar months earlier, or the last one that month has."""
    month = (day.year * 12 + day.month - 1) - 2
    year, month = divmod(month, 12)
    for number in range(day.day, 0, -1):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def before(job: Job, shop: Shop) -> None:
    """Before the lists are read: are the notices still sent? And what has arrived comes first."""
    try:
        health = subscribing.ensure(job.db, job.settings, job.account, job.integration, shop)
    except Trouble as trouble:
        note(job, "webhooks", trouble)
    else:
        if health.lost:
            proof = {"before": {one.topic: one.before for one in health.lost},
                     "after": {one.topic: one.state for one in health.lost}, "failures": None,
                     "since": health.lost_since.isoformat() if health.lost_since else None}  # fmt: skip
            job.notes.append({"set": "webhooks", "reason": "subscription_disabled", "evidence": proof, "cured": True})
    taking.arrived(job.db, job.account, job.integration, shop)


def after(job: Job, shop: Shop, *, compare: bool) -> census.Census | None:
    """After the lists: what is in doubt is asked for, states of ours go back, and now and then everything is compared."""
    taking.arrived(job.db, job.account, job.integration, shop)
    telling.due(job.db, job.account, job.integration, job.run_id)
    done = relinking.due(job.db, job.account, job.integration, shop)
    writing_back.due(job.db, job.account, job.integration, shop)
    if done.trouble is not None:
        note(job, "relink", Trouble(*done.trouble))
        return None
    if job.problem is not None or not (compare or _time_for_census(job)):
        return None
    try:
        _ask_for_cured(job, shop)
        start = max(filter(None, (_since(job), shop.reach())))
        accounts.set_store_zone(job.db, job.account, job.integration, shop.time_zone())
        found = census.take(job.db, job.account, job.integration, shop, start, job.watch)
    except Trouble as trouble:
        note(job, "census", trouble)
        return None
    with job.db.transaction(job.account.account_id) as conn:
        conn.execute(sql("note_census"), {
            "account": job.account.account_id, "run": job.run_id, "census": Jsonb(msgspec.to_builtins(found)),
        })  # fmt: skip
    return found


def _ask_for_cured(job: Job, shop: Shop) -> None:
    """What the source used to keep to itself and does not any more (a plan was upgraded, a permission given): the orders
    that say so are asked for again."""
    key = {"account": job.account.account_id, "store": job.integration.store_id}
    with job.db.transaction(job.account.account_id) as conn:
        found = {warning for (warning,) in conn.execute(sql("warnings_of_store"), key)}
    gone = shop.cured(found) if found else frozenset()
    if not gone:
        return
    with job.db.transaction(job.account.account_id) as conn:
        ids = [one for (one,) in conn.execute(sql("orders_with_warning"), {**key, "warnings": list(gone)})]
    relinking.ask_for(job.db, job.account, job.integration, Entity.ORDER, ids, "cured")


def _since(job: Job) -> datetime:
    day = job.way.rules.first.day() or two_months_before(utc_now().date())
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(job.account.time_zone))


def _time_for_census(job: Job) -> bool:
    key = {"account": job.account.account_id, "integration": job.integration.integration_id}
    with job.db.transaction(job.account.account_id) as conn:
        row = conn.execute(sql("last_census"), key).fetchone()
    return row is None or row[0] is None or utc_now() - row[0] > CENSUS_EVERY


def note(job: Job, what: str, trouble: Trouble) -> None:
    """Keep what went wrong with the run."""
    evidence: dict[str, Any] = trouble.evidence
    job.problem = job.problem or (trouble.reason, evidence)
    job.notes.append({"set": what, "reason": trouble.reason, "evidence": evidence})
