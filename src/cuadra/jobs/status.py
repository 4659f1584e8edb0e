"""Is everything arriving? What one screen says of an account: its integrations, its destinations, the workers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from cuadra import accounts, reasons
from cuadra.accounts import Account, Integration
from cuadra.clock import utc_now
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.diagnosis.missing import NEEDING, Missing, missing
from cuadra.jobs import schedules, sending, telling
from cuadra.jobs.problems import Problem
from cuadra.jobs.worker import GONE_SECONDS

GRACE = timedelta(minutes=1)
"""What is due for less than this is not late: a worker looks every second, and may be busy."""
URGENT = timedelta(days=7)
"""A request for somebody's data with less time left needs somebody now."""


class Task(Struct):
    """Something scheduled."""

    name: str
    cadence: str
    last: datetime | None
    next: datetime | None
    at_work: bool
    late: float
    """Seconds since it should have begun; 0: it is not late."""
    failures: int
    """Tries in a row that came to nothing."""


class Trouble(Struct):
    """A problem that lasts."""

    reason: str
    since: datetime
    count: int
    next: datetime
    red: bool
    """Somebody is needed; else it is being retried."""
    text: dict[str, str]
    action: dict[str, str]
    fixed_by: str


class Way(Struct):
    """An integration."""

    name: str
    connector: str
    state: str
    mode: str
    tasks: list[Task]
    arrived: datetime | None
    """When its last import came to its end."""
    today: dict[str, int]
    """Orders made today, by standing."""
    waiting: int
    """Receipts that await the pipeline."""
    waiting_since: datetime | None
    questions: int
    """Things that are to be asked of the source by their numbers."""
    retried: int
    problem: Trouble | None

    @property
    def poll(self) -> Task | None:
        return next((one for one in self.tasks if one.name == schedules.POLL), None)


class Onward(Struct):
    """A destination."""

    name: str
    state: str
    waiting: int
    waiting_since: datetime | None
    failed: int
    done: int
    last: datetime | None
    problem: Trouble | None


class Disk(Struct):
    """The database's disk, and where it leads."""

    used: int
    free: int | None
    per_day: float | None
    """Bytes that it grows by a day."""
    days_left: float | None


class Status(Struct):
    """Everything on one screen."""

    at: datetime
    workers: list[dict[str, Any]]
    integrations: list[Way] = field(default_factory=list)
    destinations: list[Onward] = field(default_factory=list)
    disk: Disk | None = None
    missing: list[Missing] = field(default_factory=list)
    """What is not here, by its reasons."""
    requests: int = 0
    """Requests for a buyer's data that wait for a person."""
    requests_due: datetime | None = None
    """When the first of them must have been answered."""

    @property
    def needing(self) -> int:
        """Orders that somebody must do something about, as far as they were counted."""
        return sum(one.count for one in self.missing if one.standing in NEEDING)

    @property
    def uncounted(self) -> bool:
        """Whether there are more of them than that."""
        return any(one.more for one in self.missing if one.standing in NEEDING)

    @property
    def urgent(self) -> bool:
        """Whether one of the requests for a buyer's data has little time left."""
        return self.requests_due is not None and self.requests_due - self.at < URGENT

    @property
    def well(self) -> bool:
        """Whether nobody needs to look."""
        return (
            (bool(self.workers) or not self._awaits_worker)
            and not any(one.problem and one.problem.red for one in self.integrations)
            and not any(one.problem and one.problem.red for one in self.destinations)
            and not any(task.late for one in self.integrations for task in one.tasks if one.state == "active")
            and not any(one.failed for one in self.destinations)
            and not any(one.state == "broken" for one in self.integrations)
            and not self.urgent
        )

    @property
    def _awaits_worker(self) -> bool:
        """Whether there is anything that only a worker does."""
        return any((one.poll and one.poll.next) or one.waiting or one.questions for one in self.integrations) or any(
            one.waiting for one in self.destinations if one.state == "active"
        )


def status(db: Database, account: Account) -> Status:
    """How the account fares now."""
    now = utc_now()
    found = Status(now, _workers(db))
    lasting = _problems(db, account)
    tasks = _tasks(db, account, now)
    arrived, today, waiting, questions = _counts(db, account, now)
    for one in accounts.integrations(db, account):
        number = one.integration_id
        found.integrations.append(_way(one, tasks.get(number, []), arrived.get(number), today.get(number, {}),
                                       waiting.get(number, (0, None)), questions.get(number, (0, 0)),
                                       lasting.get(number)))  # fmt: skip
    found.destinations = _onward(db, account, lasting)
    found.disk = _disk(db)
    found.missing = missing(db, account)
    open_until = [one.due_at for one in telling.requests(db, account) if one.open and one.kind == "export_person"]
    found.requests, found.requests_due = len(open_until), min(open_until, default=None)
    return found


def _way(one: Integration, tasks: list[Task], arrived: datetime | None, today: dict[str, int],
         waiting: tuple[int, datetime | None], questions: tuple[int, int], problem: Trouble | None) -> Way:  # fmt: skip
    if one.state not in ("active", "broken"):  # nothing is due of what does not run
        tasks = [Task(task.name, task.cadence, task.last, None, task.at_work, 0.0, task.failures) for task in tasks]
    return Way(one.name, one.connector, one.state, one.mode, tasks, arrived, today, waiting[0], waiting[1], questions[0],
               questions[1], problem)  # fmt: skip


def _workers(db: Database) -> list[dict[str, Any]]:
    with db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(sql("list_workers")).fetchall()
    return [
        {"worker": number, "host": host, "pid": pid, "version": version, "since": since, "seen": seen}
        for number, host, pid, version, since, seen, now in rows
        if (now - seen).total_seconds() <= GONE_SECONDS
    ]


def _problems(db: Database, account: Account) -> dict[int, Trouble]:
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_problems"), {"account": account.account_id}).fetchall()
    found = {}
    for party, _step, code, evidence, since, last_at, count, next_at, _ended in rows:
        reason = reasons.get(code)
        red = Problem(code, evidence, since, last_at, count, next_at).red
        found[int(party)] = Trouble(
            code, since, count, next_at, red, {"es": reason.text.es, "en": reason.text.en},
            {"es": reason.action.es, "en": reason.action.en}, reason.fixed_by,
        )  # fmt: skip
    return found


def _tasks(db: Database, account: Account, now: datetime) -> dict[int, list[Task]]:
    found: dict[int, list[Task]] = {}
    with db.transaction(account.account_id) as conn:
        rows = conn.execute(sql("list_schedules"), {"account": account.account_id}).fetchall()
    for integration, name, cadence, _zone, due, begun, ended, tries in rows:
        at_work = begun is not None and (ended is None or ended < begun)
        late = (now - due).total_seconds() if due is not None and not at_work and now - due > GRACE else 0.0
        found.setdefault(integration, []).append(Task(name, cadence, ended or begun, due, at_work, late, tries))
    return found


_Counts = tuple[
    dict[int, datetime], dict[int, dict[str, int]], dict[int, tuple[int, datetime | None]], dict[int, tuple[int, int]]
]


def _counts(db: Database, account: Account, now: datetime) -> _Counts:
    """(last import, today's orders, what lies in the inbox, open questions), each by integration."""
    local = now.astimezone(ZoneInfo(account.time_zone))
    key = {"account": account.account_id, "since": local.replace(hour=0, minute=0, second=0, microsecond=0)}
    today: dict[int, dict[str, int]] = {}
    with db.transaction(account.account_id) as conn:
        for number, standing, count in conn.execute(sql("today_by_integration"), key):
            today.setdefault(number, {})[standing] = count
        arrived = {number: at for number, at in conn.execute(sql("newest_by_integration"), key) if at is not None}
        waiting = {number: (count, at) for number, count, at in conn.execute(sql("waiting_by_integration"), key)}
        questions = {
            number: (count, tried) for number, count, tried, _due in conn.execute(sql("questions_by_integration"), key)
        }
    return arrived, today, waiting, questions


def _onward(db: Database, account: Account, lasting: dict[int, Trouble]) -> list[Onward]:
    found = {
        one.destination_id: Onward(one.name, one.state, 0, None, 0, 0, None, lasting.get(one.destination_id))
        for one in sending.places(db, account)
    }
    with db.transaction(account.account_id) as conn:
        for number, standing, _reason, count, asked, _due in conn.execute(sql("count_deliveries"), {"account": account.account_id}):  # fmt: skip
            one = found.get(number)
            if one is None:
                continue
            if standing == "waiting":
                one.waiting += count
                one.waiting_since = min(asked, one.waiting_since or asked)
            elif standing == "failed":
                one.failed += count
        for number, count, last in conn.execute(sql("count_done"), {"account": account.account_id}):
            if number in found:
                found[number].done, found[number].last = count, last
    return list(found.values())


def _disk(db: Database) -> Disk | None:
    with db.transaction(role="cuadra_clock") as conn:
        rows = conn.execute(sql("list_disk")).fetchall()
    return forecast(rows)


def forecast(samples: list[tuple[datetime, int, int | None]]) -> Disk | None:
    """From (moment, bytes used, bytes free), oldest first: the growth a day by least squares over at least three days,
    and how long the room lasts. Pure."""
    if not samples:
        return None
    used, free = samples[-1][1], samples[-1][2]
    days = [(at - samples[0][0]).total_seconds() / 86400 for at, *_ in samples]
    if days[-1] < 3:
        return Disk(used, free, None, None)
    sizes = [float(size) for _, size, _ in samples]
    middle, mean = sum(days) / len(days), sum(sizes) / len(sizes)
    slope = sum((x - middle) * (y - mean) for x, y in zip(days, sizes, strict=True)) / sum(
        (x - middle) ** 2 for x in days
    )
    return Disk(used, free, slope, free / slope if free is not None and slope > 0 else None)
