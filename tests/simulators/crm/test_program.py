"""The CRM as a program: its line, its end, its faults switched over the network, and the truth read there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from cuadra_simulators.crm import Crm
from tests.simulators.crm.conftest import SECRET, TOKEN, Sender


@pytest.fixture
def program(sending: Callable[[str], Sender]) -> Iterator[tuple[subprocess.Popen[str], Sender]]:
    """The program, and a sender to it."""
    arguments = [sys.executable, "-m", "cuadra_simulators.crm", "--secret", SECRET, "--token", TOKEN, "--seed", "5"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, sending(process.stdout.readline().strip())
        finally:
            process.kill()


def control(sender: Sender, **asked: object) -> httpx.Response:
    return sender.client.post("/_control", json=asked)


def test_it_fails_and_recovers_as_told(program: tuple[subprocess.Popen[str], Sender]) -> None:
    process, sender = program
    told = control(sender, faults=[{"kind": "error_500", "calls": [1]}, {"kind": "unavailable", "times": 1}])
    assert [fault["kind"] for fault in told.json()["faults"]] == ["error_500", "unavailable"]
    assert [sender.send("a").status_code for _ in range(4)] == [503, 500, 201, 200]
    assert control(sender, faults=[{"kind": "forget", "path": "orders/b"}], clear=True, down=True).json()["down"]
    assert sender.breaks("b")
    control(sender, down=False, exists=["d"], refused_domains=["example.test"], body_limit=5000)
    assert sender.send("b").status_code == 201
    assert sender.send("c", customer={"email": "ana@example.test"}).status_code == 422
    assert sender.send("d").status_code == 409
    truth = sender.client.get("/_truth").json()
    assert truth["orders"] == {"a": sender.get("/orders/a").json()}
    counts = truth["counts"]
    assert counts["received"] == {"200": 1, "201": 2, "409": 1, "422": 1, "500": 1, "503": 1}
    assert counts["deliveries"] == {"a-1": 4, "b-1": 1, "c-1": 1, "d-1": 1}
    assert (counts["forgotten"], counts["duplicates"], counts["regressions"]) == ({"b": 1}, 1, 0)
    assert truth["faults"] == {"unavailable": 1, "error_500": 1, "forget": 1}
    os.kill(process.pid, signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"faults": [{"kind": "forget"}, {"kind": "none"}], "clear": True},
        {"fault": []},
        {"faults": [{"rate": 1}]},
        {"down": "yes"},
    ],
)
def test_what_it_does_not_understand_changes_nothing(
    sending: Callable[[str], Sender], asked: dict[str, object]
) -> None:
    with Crm(SECRET, control=True) as crm:
        crm.faults.add("refuse", times=0)
        assert control(sending(crm.url), **asked).status_code == 400
        assert [fault.kind for fault in crm.faults.active] == ["refuse"]


def test_only_the_program_listens_to_control(crm: Crm, sender: Sender) -> None:
    control(sender, down=True)
    assert not crm.down
    assert sender.get("/_truth").status_code == 404
