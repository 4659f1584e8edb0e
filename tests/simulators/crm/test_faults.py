"""A CRM that fails on command, each way of failing as its clients see it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from cuadra_simulators.crm import KINDS, Crm
from tests.simulators.crm.conftest import SECRET, Sender


@pytest.mark.parametrize(
    ("kind", "seconds", "status", "wait"),
    [
        ("unavailable", 0, 503, None),
        ("unavailable", 7, 503, "7"),
        ("too_many", 0, 429, "1"),
        ("too_many", 3, 429, "3"),
        ("error_500", 0, 500, None),
    ],
)
def test_an_error_instead_of_an_answer(
    crm: Crm, sender: Sender, kind: str, seconds: float, status: int, wait: str | None
) -> None:
    crm.faults.add(kind, seconds=seconds, times=2)
    answer = sender.send("a")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, wait)
    assert sender.get().status_code == status
    assert not crm.orders
    assert sender.send("a").status_code == 201
    assert crm.counts.received == {status: 1, 201: 1}
    assert crm.faults.happened == {kind: 2}


@pytest.mark.parametrize("kind", ["reset", "timeout"])
def test_nothing_is_stored_and_nothing_answered(crm: Crm, sender: Sender, kind: str) -> None:
    crm.faults.add(kind, times=1, seconds=0.01, path="^POST")
    assert sender.get().status_code == 200
    assert sender.breaks("a")
    assert not crm.orders
    assert sender.send("a").status_code == 201
    assert crm.counts.received == {0: 1, 201: 1}


def test_a_timeout_lasts_until_the_client_gives_up(crm: Crm, sender: Sender) -> None:
    crm.faults.add("timeout", times=1, seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        sender.client.get("/orders", timeout=0.05)
    assert sender.send("a").status_code == 201  # and stopping lets go what is still held


def test_a_reset_is_seen_as_one(crm: Crm, sender: Sender) -> None:
    crm.faults.add("reset")
    with pytest.raises(httpx.ReadError, match="reset"):
        sender.send("a")


def test_a_lost_answer_belongs_to_an_order_that_is_stored(crm: Crm, sender: Sender) -> None:
    crm.faults.add("lost_answer", times=2)
    assert sender.breaks("a")
    assert crm.orders["a"].sequence == 1
    assert sender.breaks("a")
    assert sender.send("a").json() == {"duplicate": True}
    assert (crm.counts.duplicates, crm.counts.received) == (2, {0: 2, 200: 1})


def test_good_content_is_refused(crm: Crm, sender: Sender) -> None:
    crm.faults.add("refuse", path="orders/a order.present$")
    assert sender.send("a").status_code == 422
    assert sender.send("b").status_code == 201
    assert sender.send("a", type="order.withdrawn").status_code == 201


def test_what_is_forgotten_was_answered_like_what_is_kept(crm: Crm, sender: Sender) -> None:
    sender.send("a", 1)
    crm.faults.add("forget", calls=[1, 3])
    answers = [sender.send("a", 2), sender.send("b", 1), sender.send("c", 1)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert {key: order.sequence for key, order in crm.orders.items()} == {"a": 1, "b": 1}
    assert sender.get("/orders/c").status_code == 404
    assert crm.counts.forgotten == {"a": 1, "c": 1}
    crm.faults.clear()
    assert sender.send("c", 1).status_code == 201
    sender.send("a", 3)
    assert sender.send("a", 2).json() == {"applied": False, "sequence": 3}
    assert (crm.counts.unrecognised, crm.counts.out_of_order) == (1, 0)


def test_repetitions_after_amnesia_are_harmless(crm: Crm, sender: Sender) -> None:
    for sequence in (1, 2):
        sender.send("a", sequence)
    crm.faults.add("amnesia", times=1)
    for sequence in (2, 1):
        assert sender.send("a", sequence).json() == {"applied": False, "sequence": 2}
    assert sender.send("a", 2).json() == {"duplicate": True}
    assert (crm.counts.unrecognised, crm.counts.out_of_order, crm.counts.regressions) == (2, 0, 0)
    assert crm.orders["a"].sequence == 2


def test_down_resets_everything_until_it_is_up(crm: Crm, sender: Sender) -> None:
    sender.send("a")
    crm.down = True
    assert sender.breaks("b")
    with pytest.raises(httpx.TransportError):
        sender.get()
    crm.down = False
    assert sender.send("b").status_code == 201
    assert crm.counts.received == {201: 2}


def test_an_expired_credential_stops_readers_and_senders(crm: Crm, sender: Sender) -> None:
    crm.unauthorised = True
    assert (sender.send("a").status_code, sender.get().status_code) == (401, 401)
    assert crm.counts.bad_signatures == 0
    crm.unauthorised = False
    assert sender.send("a").status_code == 201


def test_chances_follow_from_the_seed(sending: Callable[[str], Sender]) -> None:
    def statuses(seed: int) -> list[int]:
        with Crm(SECRET, seed=seed) as crm:
            crm.faults.add("error_500", rate=0.3)
            crm.faults.add("forget", rate=0.3)
            sender = sending(crm.url)
            return [sender.send(str(key)).status_code for key in range(60)]

    assert statuses(1) == statuses(1) != statuses(2)
    assert 5 < statuses(1).count(500) < 40


def test_there_are_no_other_faults(crm: Crm) -> None:
    for kind in KINDS:
        crm.faults.add(kind)
    crm.faults.clear("reset")
    assert [fault.kind for fault in crm.faults.active] == [kind for kind in KINDS if kind != "reset"]
    with pytest.raises(ValueError, match="lost_answer"):
        crm.faults.add("webhook_drop")
