"""What goes on to a destination: every present order version, of each order in order, until it is taken or refused; and in
the end the CRM has what the ledger has."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cuadra import observing, secrets
from cuadra.clock import utc_now
from cuadra.db.queries import sql
from cuadra.jobs import delivering, problems, sending
from cuadra.jobs.sending import Place
from cuadra.ledger import acts, person, write
from cuadra.secrets import KeyFile
from cuadra_simulators.crm import Crm
from tests.world import World, order

PLACEHOLDER = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


@pytest.fixture
def crm() -> Iterator[Crm]:
    with Crm(secret=PLACEHOLDER) as one:
        yield one


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for pauses."""
    monkeypatch.setattr(problems, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(problems, "LONGEST_PAUSE", 0.2)
    monkeypatch.setattr(problems, "MENDED_PAUSE", 0.02)
    monkeypatch.setattr(delivering, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(delivering, "pause", lambda tries, rng, asked=None: _Soon())


class _Soon:
    def total_seconds(self) -> float:
        return 0.02


def destination(world: World, crm: Crm, name: str = "crm", **settings: Any) -> Place:
    given = {"private": "127.0.0.1", "timeout": "2", **settings}
    place, _ = sending.add(world.db, world.settings, world.account, name, f"{crm.url}/orders", given, "test")
    secrets.put(world.db, KeyFile.of(world.settings), world.account.account_id, place.destination_id, sending.SIGNING,
                secrets.Secret(PLACEHOLDER))  # fmt: skip
    return place


def send(world: World, place: Place, rounds: int = 40) -> None:
    """Until nothing waits, or so many turns."""
    for _ in range(rounds):
        with world.db.again() as db:
            delivering.serve(world.settings, db, world.account.account_id, place.destination_id, threading.Event())
        if not rows(world, "SELECT 1 FROM delivery d JOIN destination USING (account_id, destination_id) "
                           "WHERE d.standing = 'waiting' AND destination.state = 'active'"):  # fmt: skip
            return


def rows(world: World, text: str, *values: Any) -> list[Any]:
    with world.db.transaction(world.account.account_id) as conn:
        return conn.execute(text.encode(), values or None).fetchall()


def equal(world: World, crm: Crm) -> None:
    """The CRM has what is present here and nothing else, as it is here."""
    present = {str(key): (number, str(total), version) for key, number, total, version in
               rows(world, "SELECT order_id, number, total, version FROM orders WHERE standing = 'present'")}  # fmt: skip
    theirs = {key: (one.data["number"], one.data["total"], one.data["version"]) for key, one in crm.orders.items()
              if one.standing == "present"}  # fmt: skip
    assert theirs == present
    assert crm.counts.regressions == 0
    assert crm.counts.bad_signatures == 0


def test_present_orders_arrive_with_their_lines_and_what_is_not_present_does_not(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    world.take(order("1"), order("2", state="cancelled"), order("3", lines=[]), order("4"))
    send(world, place)
    equal(world, crm)
    assert {one.data["source_id"] for one in crm.orders.values()} == {"1", "4"}
    assert all(one.data["lines"] for one in crm.orders.values())
    assert rows(world, "SELECT DISTINCT standing, body IS NULL FROM delivery") == [("done", True)]


def test_each_version_goes_in_order_and_one_that_is_cancelled_is_withdrawn(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    for total in ("10.00", "20.00", "30.00"):
        world.take(order("1", total=total))
    world.take(order("1", total="30.00", state="cancelled"))
    send(world, place)
    kept = next(iter(crm.orders.values()))
    assert (kept.sequence, kept.type, kept.standing) == (4, "order.withdrawn", "skipped")
    assert crm.counts.out_of_order == 0
    assert sum(crm.counts.deliveries.values()) == 4


def test_the_same_again_is_not_told_again(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    one = order("1")
    world.take(one)
    world.take(one)
    world.rules(unpaid_days="20")
    send(world, place)
    assert sum(crm.counts.deliveries.values()) == 1


def test_what_is_written_and_what_is_to_be_sent_are_one_transaction(world: World, crm: Crm,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    destination(world, crm)
    with monkeypatch.context() as patch:
        patch.setattr(write, "tell_destinations", _killed)
        with pytest.raises(KeyboardInterrupt):
            world.take(order("1"))
    assert rows(world, "SELECT count(*) FROM orders")[0][0] == 0
    world.import_now()
    assert rows(world, "SELECT count(*) FROM orders")[0][0] == 1
    assert rows(world, "SELECT count(*) FROM delivery")[0][0] == 1


def test_what_is_live_goes_before_history(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    long_ago = (utc_now() - timedelta(days=10)).isoformat()
    world.take(*(order(f"old-{number}", created_at=long_ago) for number in range(3)))
    world.take(order("new"))
    key = {"account": world.account.account_id, "destination": place.destination_id}
    with world.db.transaction(world.account.account_id) as conn:
        found = conn.execute(sql("list_heads"), {**key, "busy": [], "limit": 10}).fetchall()
    ids = [row[0] for row in found]
    numbers = dict(rows(world, "SELECT order_id, source_id FROM orders"))
    assert numbers[ids[0]] == "new"
    assert len(ids) == 4
    send(world, place)
    equal(world, crm)


def test_each_delivery_is_said_in_a_line_without_the_order(
    world: World, crm: Crm, capsys: pytest.CaptureFixture[str]
) -> None:
    place = destination(world, crm)
    crm.change(refused_domains=("refused.example",))
    world.take(order("1", customer={"email": "ana@refused.example", "name": "Ana"}), order("2"))
    observing.configure(observing.ATTEMPTS)
    try:
        send(world, place)
    finally:
        observing.configure(observing.OFF)
    text = capsys.readouterr().err
    lines = [one for one in map(json.loads, text.splitlines()) if one["event"] == "delivery"]
    assert sorted((one["outcome"], one["status"], one["reason"]) for one in lines) == [
        ("delivered", 201, None), ("failed", 422, "destination_rejected"),
    ]  # fmt: skip
    assert all(one["destination"] == place.destination_id and one["order"] and one["ms"] >= 0 for one in lines)
    assert "refused.example" not in text
    assert "Ana" not in text


@pytest.mark.parametrize("fault", [
    ("error_500", 0.3), ("unavailable", 0.3), ("lost_answer", 0.3), ("reset", 0.3), ("amnesia", 0.3), ("too_many", 0.2),
])  # fmt: skip
def test_trouble_on_the_way_loses_nothing_and_applies_nothing_twice(
    world: World, crm: Crm, fault: tuple[str, float]
) -> None:
    place = destination(world, crm)
    crm.faults.add(fault[0], rate=fault[1], path="^POST", seconds=0)
    for total in ("10.00", "20.00"):
        world.take(*(order(str(number), total=total) for number in range(40)))
    send(world, place, rounds=200)
    crm.faults.clear()
    send(world, place, rounds=100)
    equal(world, crm)
    assert crm.faults.happened


def test_killed_between_sending_and_writing_it_is_sent_again_under_the_same_id(world: World, crm: Crm,
                                                                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    place = destination(world, crm)
    world.take(*(order(str(number)) for number in range(5)))
    with monkeypatch.context() as patch:
        patch.setattr(delivering, "_write", _killed)
        with pytest.raises(KeyboardInterrupt):
            send(world, place)
    send(world, place)
    equal(world, crm)
    assert crm.counts.duplicates >= 1


def _killed(*_args: Any) -> None:
    raise KeyboardInterrupt


def test_what_is_refused_is_held_with_its_field_and_released_when_it_is_mended(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    crm.change(refused_domains=("refused.example",))
    world.take(order("1", customer={"email": "ana@refused.example", "name": "Ana"}), order("2"))
    send(world, place)
    [(standing, reason, evidence)] = rows(
        world, "SELECT standing, reason, evidence FROM delivery WHERE standing <> 'done'"
    )
    assert (standing, reason, evidence["status"], evidence["field"]) == ("failed", "destination_rejected", 422, "email")
    answer = world.why("1")
    assert any(
        note["reason"] == "destination_rejected" and "422" in note["en"] and "email" in note["en"]
        for note in answer.notes
    )
    assert answer.standing == "present"
    assert answer.deliveries[0]["standing"] == "failed"
    crm.change(refused_domains=())
    assert sending.release(world.db, world.account, place) == 1
    send(world, place)
    equal(world, crm)


def test_a_newer_version_goes_although_an_older_one_is_held(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    crm.change(refused_domains=("refused.example",))
    world.take(order("1", customer={"email": "ana@refused.example", "name": "Ana"}))
    send(world, place)
    world.take(order("1", customer={"email": "ana@taken.example", "name": "Ana"}))
    send(world, place)
    equal(world, crm)
    assert sending.release(world.db, world.account, place) == 0, "an older version is not sent after a newer one"


def test_an_outage_is_one_problem_and_no_parcel_is_counted_out(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    world.take(*(order(str(number)) for number in range(60)))
    crm.down = True
    for _ in range(30):
        send(world, place, rounds=1)
    found = rows(world, "SELECT reason, count, ended_at FROM problem")
    assert [(reason, ended) for reason, _count, ended in found] == [("destination_unavailable", None)]
    assert rows(world, "SELECT count(*) FROM delivery WHERE standing <> 'waiting'")[0][0] == 0
    assert max(tries for (tries,) in rows(world, "SELECT tries FROM delivery")) <= delivering.DOWN_AFTER
    crm.down = False
    send(world, place, rounds=100)
    equal(world, crm)
    assert rows(world, "SELECT count(*) FROM problem WHERE ended_at IS NULL")[0][0] == 0


def test_an_expired_credential_is_the_destinations_trouble_and_passes(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    world.take(*(order(str(number)) for number in range(20)))
    crm.unauthorised = True
    for _ in range(5):
        send(world, place, rounds=1)
    assert rows(world, "SELECT DISTINCT standing FROM delivery") == [("waiting",)]
    lasting = problems.last(world.db, world.account.account_id, place.destination_id, problems.DELIVER)
    assert lasting is not None
    assert lasting.red
    crm.unauthorised = False
    send(world, place, rounds=100)
    equal(world, crm)


def test_what_the_destination_forgets_is_found_by_reading_back_and_sent_again(world: World, crm: Crm) -> None:
    place = destination(world, crm, read_back=f"{crm.url}/orders/{{key}}", patience="0.1")
    crm.faults.add("forget", times=6)
    world.take(*(order(str(number)) for number in range(12)))
    send(world, place, rounds=100)
    equal(world, crm)
    assert crm.faults.happened["forget"] == 6
    assert rows(world, "SELECT count(*) FROM delivery_attempt WHERE reason = 'written_not_visible_yet' "
                       "AND outcome = 'not_seen'")[0][0] >= 6  # fmt: skip


def test_paused_it_keeps_and_resumed_it_sends(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    sending.move(world.db, world.account, place, "paused", "test")
    world.take(order("1"))
    send(world, place, rounds=1)
    assert crm.orders == {}
    sending.move(world.db, world.account, place, "active", "test")
    send(world, place)
    equal(world, crm)


def test_a_later_destination_is_told_what_is_here_already(world: World, crm: Crm) -> None:
    world.take(*(order(str(number)) for number in range(30)))
    place = destination(world, crm)
    assert rows(world, "SELECT count(*) FROM delivery")[0][0] == 0
    assert sending.tell(world.db, world.account, place) == 30
    assert sending.tell(world.db, world.account, place) == 0
    send(world, place)
    equal(world, crm)


def test_an_erased_person_is_on_the_way_to_nobody(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    world.take(order("1", customer={"email": "ana.lopez@mail.example", "name": "Ana López"}))
    sending.move(world.db, world.account, place, "paused", "test")
    person.erase(world.db, acts.Act(world.account, "test", ""), "ana.lopez@mail.example")
    assert not rows(world, "SELECT 1 FROM delivery WHERE body::text ILIKE '%%lopez%%' OR body::text ILIKE '%%López%%'")
    sending.move(world.db, world.account, place, "active", "test")
    send(world, place)
    kept = next(iter(crm.orders.values()))
    assert "lopez" not in kept.canonical.decode().lower()


def test_two_programs_do_not_serve_one_destination_at_once(world: World, crm: Crm) -> None:
    place = destination(world, crm)
    world.take(order("1"))
    with world.db.again() as other, sending.alone(other, place.destination_id) as guard:
        assert guard is not None
        with world.db.again() as db:
            sent = delivering.serve(
                world.settings, db, world.account.account_id, place.destination_id, threading.Event()
            )
    assert sent == 0
