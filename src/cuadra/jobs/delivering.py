"""What goes on to destinations: one thread per destination, under a lock that dies with its session; as many parcels under
way at a time as the destination bears, of each order one, oldest version first.

A parcel is sent until it is taken, refused, or has been tried too often; whatever became of it is written down before the
next one of its order goes. Killed between sending and writing it is sent again, under the same id. When nothing arrives
any more it is the destination that has trouble, not each of its parcels: then one is sent now and again, to see.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from cuadra import accounts, observing
from cuadra.accounts import Account
from cuadra.clock import utc_now
from cuadra.connectors.base import Evidence
from cuadra.connectors.trouble import Trouble
from cuadra.db import Database
from cuadra.db.queries import sql
from cuadra.destinations.base import Delivered, Destination, Parcel
from cuadra.destinations.wait import ATTEMPTS, Flow, pause
from cuadra.jobs import problems, sending
from cuadra.jobs.sending import Target
from cuadra.settings import Settings

MOST_TARGETS = 16
"""Destinations that one program serves at a time."""
LINGER = 0.05
QUIET_SECONDS = 3.0
"""A destination with nothing to do for so long is let go."""
DOWN_AFTER = 4
"""So many failures on end, and it is the destination's trouble."""
READ_BACK_PAUSES = (2.0, 10.0, 30.0, 120.0, 300.0)
RESENDS = 3

_json = msgspec.json.Encoder().encode


class Head(Struct, frozen=True):
    """The next parcel of an order, as it lies in the outbox."""

    order_id: int
    sequence: int
    kind: str
    version: int
    tries: int
    asked_at: datetime
    sent_at: datetime | None
    body: Any
    overtaken: bool
    """A newer version of the same order is on its way, or has arrived."""

    def parcel(self, destination_id: int) -> Parcel:
        """The bytes that are sent; the same each time."""
        event = {
            "type": self.kind,
            "timestamp": self.asked_at,
            "data": {**(self.body or {}), "sequence": self.sequence},
        }
        return Parcel(
            f"{destination_id}-{self.order_id}-{self.sequence}", str(self.order_id), self.sequence, _json(event)
        )


class Outcome(Struct):
    """What became of one parcel: how it stands now, and the line of its attempt."""

    head: Head
    at: datetime
    micros: int
    outcome: str
    standing: str
    status: int | None = None
    reason: str | None = None
    evidence: Evidence | None = None
    tries: int = 0
    pause: float | None = None
    sent_at: datetime | None = None


class Crew:
    """The threads of this program, one per destination with something to do."""

    def __init__(self, settings: Settings, db: Database, stop: threading.Event) -> None:
        self._settings, self._db, self._stop = settings, db, stop
        self._threads: dict[int, threading.Thread] = {}

    def turn(self) -> bool:
        """Start a thread for each destination that has none."""
        self._threads = {number: one for number, one in self._threads.items() if one.is_alive()}
        with self._db.transaction(role="cuadra_clock") as conn:
            rows = conn.execute(sql("find_deliverable")).fetchall()
        for account_id, destination_id in rows:
            if destination_id in self._threads or len(self._threads) >= MOST_TARGETS:
                continue
            thread = threading.Thread(target=self._serve, args=(account_id, destination_id), daemon=True,
                                      name=f"deliver {destination_id}")  # fmt: skip
            self._threads[destination_id] = thread
            thread.start()
        return False

    def join(self, seconds: float) -> None:
        """Wait for them to end."""
        for one in self._threads.values():
            one.join(seconds)

    def _serve(self, account_id: int, destination_id: int) -> None:
        with self._db.again() as db:
            try:
                serve(self._settings, db, account_id, destination_id, self._stop)
            except Exception as err:  # noqa: BLE001 - the runner of this thread: told, and the next turn starts it anew
                observing.fault(f"deliver {destination_id}", err)
                self._stop.wait(1.0)


def serve(settings: Settings, db: Database, account_id: int, destination_id: int, stop: threading.Event) -> int:
    """Send to one destination until there is nothing to do for a while; returns how many parcels were sent. Nothing, if
    somebody else serves it."""
    with db.again() as holder, sending.alone(holder, destination_id) as guard:
        if guard is None:
            return 0
        account = accounts.get(db, account_id)
        target = sending.target(db, settings, account, destination_id)
        if target is None or target.state != "active":
            return 0
        with observing.job("deliver", account=account_id, destination=destination_id) as line:
            lane = _Lane(db, account, target, stop, guard)
            try:
                lane.run()
            finally:
                line |= lane.counts
                target.destination.close()
        return lane.sent


class _Lane:
    """One destination at work."""

    def __init__(self, db: Database, account: Account, target: Target, stop: threading.Event,
                 guard: Callable[[], None]) -> None:  # fmt: skip
        self._db, self._account, self._target, self._stop, self._guard = db, account, target, stop, guard
        self._destination: Destination = target.destination
        self._flow = Flow()
        self._flying: dict[Future[Outcome], Head] = {}
        self._failures = 0
        self._went_well = False
        lasting = problems.last(db, account.account_id, target.destination_id, problems.DELIVER)
        self._down_since = lasting.since if lasting else None
        self._rng = random.Random()
        self.sent = 0
        self.counts: dict[str, int] = {}

    def run(self) -> None:
        """Until there is nothing to do."""
        idle_since = time.monotonic()
        with ThreadPoolExecutor(self._flow.most, thread_name_prefix="parcel") as pool:
            while not self._stop.is_set():
                took = self._refill(pool)
                if not self._flying:
                    if self._rest() or time.monotonic() - idle_since > QUIET_SECONDS:
                        return
                    self._stop.wait(LINGER * 2)
                    continue
                idle_since = time.monotonic()
                done, _ = wait(self._flying, timeout=LINGER if took else None, return_when=FIRST_COMPLETED)
                self._settle([future.result() for future in done])
                for future in done:
                    del self._flying[future]
            done, _ = wait(self._flying)
            self._settle([future.result() for future in done])

    def _rest(self) -> bool:
        return self._down_since is not None and problems.resting(self._db, self._account.account_id, self._target.destination_id,
                                               problems.DELIVER)  # fmt: skip

    def _refill(self, pool: ThreadPoolExecutor) -> bool:
        """Send what may go; whether there is room for more."""
        room = (1 if self._down_since else self._flow.limit) - len(self._flying)
        if room <= 0 or self._rest():
            return False
        self._guard()
        key = {"account": self._account.account_id, "destination": self._target.destination_id}
        with self._db.transaction(self._account.account_id) as conn:
            rows = conn.execute(sql("list_heads"), {
                **key, "busy": [head.order_id for head in self._flying.values()], "limit": 4 * room,
            }).fetchall()  # fmt: skip
        seen: set[int] = set()
        for head in (Head(*row) for row in rows):
            if head.order_id in seen or len(seen) >= room:
                continue
            seen.add(head.order_id)
            self._flying[pool.submit(self._one, head)] = head
        return True

    # ---------------------------------------------------------------- one parcel, in a thread of its own

    def _one(self, head: Head) -> Outcome:
        at, began = utc_now(), time.perf_counter()
        try:
            found = self._look(head, at) if head.sent_at is not None else self._send(head, at)
        except Trouble as trouble:
            found = _failed(head, at, trouble, self._rng)
        found.micros = int((time.perf_counter() - began) * 1e6)
        return found

    def _send(self, head: Head, at: datetime) -> Outcome:
        answer: Delivered = self._destination.deliver(head.parcel(self._target.destination_id))
        outcome = "already" if answer.already else "delivered"
        if self._target.read_back and not head.overtaken:
            proof: Evidence = {"written_at": at.isoformat(), "read_back": None}
            return Outcome(head, at, 0, outcome, "waiting", answer.status, "written_not_visible_yet", proof, head.tries,
                           READ_BACK_PAUSES[0], at)  # fmt: skip
        return Outcome(head, at, 0, outcome, "done", answer.status, tries=head.tries, sent_at=at)

    def _look(self, head: Head, at: datetime) -> Outcome:
        """Is what was taken there? If it stays unseen for long, it is sent again; a few times, and then a person looks."""
        assert head.sent_at is not None
        if head.overtaken:
            return Outcome(head, at, 0, "seen", "done", tries=head.tries, sent_at=head.sent_at)
        seen = self._destination.read_back(head.parcel(self._target.destination_id))
        if seen is not False:
            return Outcome(head, at, 0, "seen", "done", tries=head.tries, sent_at=head.sent_at)
        age = (at - head.sent_at).total_seconds()
        proof: Evidence = {"written_at": head.sent_at.isoformat(), "read_back": at.isoformat()}
        found = Outcome(head, at, 0, "not_seen", "waiting", None, "written_not_visible_yet", proof, head.tries,
                        sent_at=head.sent_at)  # fmt: skip
        if age < self._target.patience:
            pause = next((one for one in READ_BACK_PAUSES if one > age), READ_BACK_PAUSES[-1])
            found.pause = min(pause, max(self._target.patience - age, 0.1))
        elif head.tries < RESENDS:
            found.tries, found.pause, found.sent_at = head.tries + 1, 0.0, None
        else:
            found.standing = "failed"
        return found

    # ---------------------------------------------------------------- what became of them

    def _settle(self, found: list[Outcome]) -> None:
        if not found:
            return
        for one in found:
            self._judge(one)
            self.sent += one.outcome != "seen"
            self.counts[one.outcome] = self.counts.get(one.outcome, 0) + 1
        _write(self._db, self._account, self._target.destination_id, found)

    def _judge(self, one: Outcome) -> None:
        """Is it this parcel, or is it the destination?"""
        ours, party = self._account.account_id, self._target.destination_id
        if not _concerns_all(one):
            self._failures, self._went_well = 0, True
            self._flow = self._flow.succeeded()
            if self._down_since is not None:
                self._down_since = None
                problems.over(self._db, ours, party, problems.DELIVER)
            return
        self._flow = self._flow.pushed_back()
        # in a lane in which nothing has gone well, what failed before counts too: a quiet destination is down as well
        self._failures = max(self._failures, 0 if self._went_well else one.head.tries) + 1
        at_once = one.reason != "destination_unavailable"  # refused, or asked to wait: any other parcel would be, too
        if self._down_since is None and not at_once and self._failures < DOWN_AFTER:
            return
        one.tries, one.outcome, one.standing = one.head.tries, "waiting", "waiting"  # not this parcel's fault
        if self._down_since is not None and one.at <= self._down_since:  # sent before anybody knew: it was under way
            one.pause = problems.FIRST_PAUSE
            return
        proof = one.evidence or {}
        problem = problems.meet(self._db, ours, party, one.reason or "destination_unavailable", proof, problems.DELIVER,
                                proof.get("wait"))  # fmt: skip
        self._down_since = self._down_since or utc_now()
        one.pause = max((problem.next_at - utc_now()).total_seconds(), 0.1)


def _concerns_all(one: Outcome) -> bool:
    return one.evidence is not None and one.evidence.get("scope") == "endpoint"


def _failed(head: Head, at: datetime, trouble: Trouble, rng: random.Random) -> Outcome:
    proof = trouble.evidence
    made = Outcome(head, at, 0, "waiting", "waiting", proof.get("status"), trouble.reason, proof, head.tries + 1,
                   sent_at=head.sent_at)  # fmt: skip
    if trouble.transient and made.tries < ATTEMPTS:
        made.pause = pause(made.tries, rng, trouble.wait).total_seconds()
    elif trouble.reason == "destination_has_it_already":
        made.outcome, made.standing = "already", "skipped"
    else:
        made.outcome, made.standing = "failed", "failed"
    return made


def _write(db: Database, account: Account, destination_id: int, found: list[Outcome]) -> None:
    key = {"account": account.account_id, "destination": destination_id}
    proofs = [
        None if one.evidence is None else _json(one.evidence).decode().replace("\\u0000", "\\ufffd") for one in found
    ]
    same: dict[str, Any] = {
        **key, "orders": [one.head.order_id for one in found], "sequences": [one.head.sequence for one in found],
        "reasons": [one.reason for one in found], "evidences": proofs,
    }  # fmt: skip
    with db.transaction(account.account_id) as conn:
        conn.execute(sql("end_deliveries"), {
            **same, "standings": [one.standing for one in found], "tries": [one.tries for one in found],
            "pauses": [one.pause if one.standing == "waiting" else None for one in found],
            "sents": [one.sent_at for one in found],
        })  # fmt: skip
        conn.execute(sql("write_delivery_attempts"), {
            **same, "ats": [one.at for one in found], "outcomes": [one.outcome for one in found],
            "statuses": [one.status for one in found], "micros": [one.micros for one in found],
        })  # fmt: skip
    if observing.attempts:
        observing.say_attempts(map(_line, found), "delivery", **key)


def _line(one: Outcome) -> dict[str, Any]:
    """What is said of an attempt: nothing of the order but its number here."""
    return {
        "order": one.head.order_id, "sequence": one.head.sequence, "version": one.head.version, "outcome": one.outcome,
        "standing": one.standing, "status": one.status, "reason": one.reason, "tries": one.tries,
        "ms": round(one.micros / 1000, 1),
    }  # fmt: skip
