"""The demo does what it does once, and is content with it; its simulated shop is there for whoever asks, and is the same."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuadra import accounts
from cuadra.faces.cli import simulated
from tests.faces.conftest import Cuadra
from tests.faces.listening import stored
from tests.world import World


@pytest.fixture(autouse=True)
def _no_shop_stays(world: World) -> Iterator[None]:
    yield
    simulated.close_shops(world.settings)


def orders(world: World) -> dict[str, tuple[Any, ...]]:
    """The orders of the simulated shop as they are known."""
    rows = stored(world, """
        SELECT o.source_id, o.number, o.ordered_at, o.customer_email FROM orders o
        JOIN integration i USING (account_id, integration_id) WHERE i.name = 'tienda'""")  # fmt: skip
    return {row[0]: row[1:] for row in rows}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Soon: a process lets go of everything, and then ends."""
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def place(world: World) -> dict[str, Any]:
    return dict(json.loads((world.settings.home / "demo" / "shop.json").read_text()))


@pytest.mark.parametrize("words", [(), ("--once",)])
def test_the_demo_ends_well_although_its_shop_has_failures(
    cuadra: Cuadra, world: World, words: tuple[str, ...]
) -> None:
    answer = cuadra("demo", "--orders", "300", *words)
    assert answer.code == 0, answer.err
    assert "Five questions worth asking" in answer.out
    assert "failed" in answer.out
    assert re.search(r"tienda: 6\d\d orders read", answer.out), "it sells while it is read"
    assert re.search(r"Proven: the source counts 6\d\d orders, and so do we.", answer.out)
    assert gone(place(world)["pid"])


def test_its_simulated_shop_is_started_by_what_asks_it_and_is_the_same_shop(cuadra: Cuadra, world: World) -> None:
    assert cuadra("demo", "--orders", "100", "--once").code == 0
    owner = next(accounts.get(world.db, number) for number, name in accounts.names(world.db) if name == "demo")
    one = accounts.integration_named(world.db, owner, "tienda")
    assert one.settings["simulated"] is True
    assert "consumer_secret" not in one.settings
    folder = world.settings.home / "demo"
    assert {path.stat().st_mode & 0o777 for path in folder.glob("shop.*")} == {0o600}
    before, first = orders(world), place(world)
    assert len(before) >= 600

    tested = cuadra("integration", "test", "tienda", "--account", "demo", "--json")
    assert any(found["good"] for found in json.loads(tested.out))
    assert alive(place(world)["pid"]), "another command will find it"
    pid = place(world)["pid"]
    report = json.loads(cuadra("import", "tienda", "--account", "demo", "--json").out)
    assert place(world)["pid"] == pid, "found again, not started again"
    after = orders(world)
    assert {number: after[number] for number in before} == before
    assert report["created"] == len(after) - len(before) < 20
    assert (place(world)["key"], place(world)["url"]) == (first["key"], first["url"])

    os.kill(pid, signal.SIGKILL)
    again = cuadra("demo", "--orders", "100", "--once")
    assert again.code == 0
    assert re.search(r"tienda: \d\d? orders? read", again.out), "everything else is known"
    known = orders(world)
    assert {number: known[number] for number in after} == after
    assert gone(place(world)["pid"])


def test_a_shop_whose_diary_is_gone_is_not_made_up(cuadra: Cuadra, world: World) -> None:
    assert cuadra("demo", "--orders", "100", "--once").code == 0
    (world.settings.home / "demo" / "shop.diary").unlink()
    answer = cuadra("import", "tienda", "--account", "demo")
    assert answer.code == 2
    assert "The diary of the simulated shop is gone" in answer.err
    assert answer.out == ""


def test_without_the_simulators_the_demo_says_what_to_install(cuadra: Cuadra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated.importlib.util, "find_spec", lambda name: None)
    answer = cuadra("demo", "--once")
    assert answer.code == 2
    assert "pip install 'cuadra[demo]'" in answer.err


def test_on_a_terminal_it_stays_and_shows_what_is_sold_until_it_is_interrupted(world: World, info: str) -> None:
    ours, theirs = pty.openpty()
    environment = {
        **os.environ, "CUADRA_HOME": str(world.settings.home), "CUADRA_DATABASE_URL": info, "CUADRA_LANG": "en",
        "TERM": "dumb", "COLUMNS": "200",
    }  # fmt: skip
    program = subprocess.Popen(
        [sys.executable, "-c", "from cuadra.faces.cli.main import main; main()", "demo", "--orders", "100"],
        env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said = read(ours, until=lambda text: "created · " in text, seconds=120)
    assert "Live orders of tienda" in said
    pid = place(world)["pid"]
    assert alive(pid)
    os.kill(program.pid, signal.SIGINT)
    said = read(ours, until=lambda text: False, seconds=60)
    assert "goes on where this stopped" in said
    assert program.wait(30) == 0
    os.close(ours)
    assert gone(pid)
    assert stored(world, "SELECT settings ->> 'notices' FROM integration WHERE name = 'tienda'") == [("",)]
    assert stored(world, "SELECT count(*) FROM subscription") == [(0,)], "the shop sends nothing to nobody"


def read(terminal: int, *, until: Any, seconds: float) -> str:
    """What a program says until something holds of it, or it ends."""
    said, end = b"", time.monotonic() + seconds
    while not until(said.decode(errors="replace")):
        assert time.monotonic() < end, said.decode(errors="replace")[-2000:]
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # nobody holds the other side any more
                break
    return said.decode(errors="replace")
