"""Where metrics and the health of a worker are shown, and where not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from prometheus_client.core import REGISTRY

from cuadra.connectors.base import Raw
from cuadra.db import Database
from cuadra.faces.cli.simulated import any_port
from cuadra.faces.metrics import listening
from cuadra.jobs import taking
from cuadra.jobs import worker as working_
from cuadra.jobs.measuring import Figures
from cuadra.jobs.worker import Worker
from cuadra.model import Entity
from tests.faces.conftest import Cuadra
from tests.faces.listening import eventually, live, program, stored
from tests.faces.test_metrics import measured, of, read
from tests.world import World, order


def test_figures_are_told_again_instead_of_asked_for_again(world: World) -> None:
    figures = Figures(world.settings, world.db)
    try:
        assert of(measured(figures), "cuadra_inbox_receipts") == {("acme", "shop"): 0}
        taking.keep(world.db, world.account, world.shop, [Raw(Entity.ORDER, b"{}", 1)], "webhook")
        figures._keep._until = float("inf")  # however slow this machine is
        assert of(measured(figures), "cuadra_inbox_receipts") == {("acme", "shop"): 0}
    finally:
        figures.close()


def test_only_two_paths_answer(world: World) -> None:
    with listening("127.0.0.1", 0, world.settings, world.db, lambda: True) as port:
        base = f"http://127.0.0.1:{port}"
        answer = httpx.get(f"{base}/metrics")
        assert answer.status_code == 200
        assert of(read(answer.text), "cuadra_inbox_receipts") == {("acme", "shop"): 0}
        assert httpx.get(f"{base}/health").text == "ok\n"
        for path in ("/", "/metrics/", "/favicon.ico", "/in/x"):
            assert httpx.get(base + path).status_code == 404
        assert httpx.post(f"{base}/metrics").status_code == 405
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{base}/health")


def test_without_its_database_it_says_so(world: World) -> None:
    away = Database("host=127.0.0.1 port=1 dbname=x")
    with listening("127.0.0.1", 0, world.settings, away, lambda: False) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
        assert (answer.status_code, answer.text) == (503, "the database does not answer\n")
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 503


def test_a_worker_is_well_while_it_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(world.settings, world.db, live=1, clocks=1)
    assert not worker.well()
    worker.start()
    try:
        assert worker.well()
        with monkeypatch.context() as patch:
            patch.setattr(working_, "GONE_SECONDS", 0.0)
            assert not worker.well()
        assert worker.well()
    finally:
        worker.stop()
    assert not worker.well()


def spoken(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("{")]


def test_serve_shows_metrics_where_it_is_told(world: World) -> None:
    place = f"127.0.0.1:{any_port()}"
    woo = live(world)
    with program(world.settings, "--metrics", place) as listener:
        body = b'{"id": 1}'
        assert httpx.post(listener.url + woo.path, content=body, headers=woo.headers(body)).status_code == 200
        assert httpx.get(f"{listener.url}/metrics").status_code == 404, "not at the public listener"
        assert httpx.get(f"http://{place}/health").status_code == 200
        found = read(httpx.get(f"http://{place}/metrics").text)
        assert ("cuadra_freshness_seconds", ("acme", "woo")) in found
        assert found["cuadra_workers", ()] == 1


def test_a_worker_shows_metrics_by_its_setting_and_says_its_jobs(world: World) -> None:
    place = f"127.0.0.1:{any_port()}"
    env = {**os.environ, "CUADRA_HOME": str(world.settings.home), "CUADRA_DATABASE_URL": world.settings.database_url,
           "CUADRA_LANG": "en", "CUADRA_METRICS": place}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", "from cuadra.faces.cli.main import main; main()", "worker"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "at work" in process.stdout.readline()
        assert httpx.get(f"http://{place}/health").status_code == 200
        eventually(lambda: stored(world, "SELECT count(*) > 0 FROM disk_sample") == [(True,)])
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert any('"job": "disk"' in line for line in spoken(said)), said


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_place_that_is_taken_or_none_is_refused(cuadra: Cuadra, command: str) -> None:
    options = ["--intake", f"127.0.0.1:{any_port()}"] if command == "serve" else []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = cuadra(command, *options, "--metrics", f"127.0.0.1:{other.getsockname()[1]}")
    assert (said.code, "Nobody can listen" in said.err) == (2, True)
    assert cuadra(command, *options, "--metrics", "9464").code == 2


def test_other_commands_say_no_lines(world: World, cuadra: Cuadra) -> None:
    world.take(order("A-1"))
    assert spoken(cuadra("why", "A-1").err) == []


def test_the_library_s_own_registry_is_left_alone() -> None:
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("cuadra")]
