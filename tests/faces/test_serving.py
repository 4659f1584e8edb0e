"""The program that stays, as it runs: real sockets, a real shop that sends, and what happens when it is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from cuadra_simulators.woocommerce import Shop
from tests.faces.conftest import Cuadra
from tests.faces.listening import (
    another_account,
    eventually,
    live,
    program,
    receipts,
    refusals,
    stored,
)  # fmt: skip
from tests.world import World

BODY = b'{"id": 1}'


def test_a_real_shop_is_heard(world: World) -> None:
    with Shop(seed=3, orders=30, secure=True) as shop, program(world.settings) as listener:
        woo = live(world, url=shop.url, secret="s&amp;cret")
        for topic in ("order.created", "order.updated", "coupon.updated"):
            shop.subscribe(topic, f"{listener.url}{woo.path}", secret=woo.secret)
        assert [one.status for one in shop.deliveries] == [200, 200, 200], "pings"
        shop.live(40)
        sent = [one for one in shop.deliveries if not one.ping]
        assert sent
        assert {one.status for one in sent} == {200}
        kept = [one.body for one in sent if one.topic.startswith("order")]
        assert sorted(body for *_, body in receipts(world)) == sorted(kept)
        forged = shop.subscribe("order.updated", f"{listener.url}{woo.path}", secret="another")
        shop.desk.edit(shop.desk.place(paid=True), note="x")
        shop.deliver()
        assert forged.failures > 0
    found = refusals(world)
    assert list(found) == ["signature_invalid"]
    assert found["signature_invalid"][2]["sender"] == "127.0.0.1"


def test_health_and_paths_that_are_none(world: World) -> None:
    with program(world.settings) as listener:
        status, said = listener.health()
        assert (status, said["status"]) == (200, "ok")
        assert said.keys() == {"status", "version"}
        assert httpx.get(f"{listener.url}/").status_code == 404
        assert httpx.post(f"{listener.url}/in/{'x' * 43}").status_code == 404
        assert httpx.get(f"{listener.url}/in/{'x' * 43}").status_code == 405


def test_a_body_that_is_too_large_is_not_read_to_its_end(world: World) -> None:
    woo = live(world)
    with program(world.settings, CUADRA_INTAKE_BODY_MB="1") as listener:
        body = b"x" * (3 << 20)
        headers = woo.headers(body)
        pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
        for content in (body, pieces):
            try:
                status = httpx.post(listener.url + woo.path, content=content, headers=headers).status_code
            except httpx.WriteError:  # answered and closed while this was still sending
                status = 413
            assert status == 413
        fine = b"x" * (1 << 20)
        assert httpx.post(listener.url + woo.path, content=fine, headers=woo.headers(fine)).status_code == 200
        assert httpx.post(listener.url + woo.path, content=iter([fine[:9], fine[9:]]),
                          headers=woo.headers(fine)).status_code == 200  # fmt: skip
    assert refusals(world)["payload_too_large"][1] == 2
    assert len(receipts(world)) == 2


def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(world: World) -> None:
    woo = live(world)
    with program(world.settings) as listener:
        with socket.create_connection(("127.0.0.1", int(listener.url.rpartition(":")[2]))) as line:
            line.sendall(f"POST {woo.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
        assert httpx.post(listener.url + woo.path, content=BODY, headers=woo.headers(BODY)).status_code == 200
    assert len(receipts(world)) == 1


def sending(url: str, requests: Callable[[int], tuple[str, bytes, dict[str, str]]], taken: list[bytes],
            stop: threading.Event, first: int) -> None:  # fmt: skip
    """Send one after the other over one connection until there is nobody any more; note what was acknowledged."""
    number = first
    with httpx.Client() as client:
        while not stop.is_set():
            path, body, headers = requests(number)
            number += 8
            try:
                if client.post(url + path, content=body, headers=headers).status_code == 200:
                    taken.append(body)
            except httpx.TransportError:
                return


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_nothing_that_was_acknowledged_is_lost(world: World, end: str) -> None:
    shops = [live(world, account=another_account(world, f"account-{n}"), secret=f"s{n}") for n in range(5)]

    def request(number: int) -> tuple[str, bytes, dict[str, str]]:
        to, body = shops[number % 5], json.dumps({"id": number, "to": number % 5}).encode()
        return to.path, body, to.headers(body)

    taken: list[bytes] = []
    stop = threading.Event()
    with program(world.settings) as listener, ThreadPoolExecutor(8) as pool:
        senders = [pool.submit(sending, listener.url, request, taken, stop, n) for n in range(8)]
        eventually(lambda: len(taken) > 300)
        listener.kill() if end == "killed" else listener.process.terminate()
        assert listener.process.wait(30) == (0 if end == "stopped" else -9)
        stop.set()
        for one in senders:
            one.result()
    kept = receipts(world)
    assert set(taken) <= {body for *_, body in kept}
    assert len({body for *_, body in kept}) == len(kept), "each once"
    owners = {to.account.account_id: number for number, to in enumerate(shops)}
    assert all(json.loads(body)["to"] == owners[account] for account, *_, body in kept)


def test_a_listener_that_dies_is_started_again(world: World) -> None:
    with program(world.settings) as listener:
        (child,) = children(listener.process.pid)
        os.kill(child, signal.SIGKILL)

        def again() -> bool:
            try:
                return listener.health()[0] == 200
            except httpx.TransportError:
                return False

        eventually(lambda: child not in children(listener.process.pid))
        eventually(again)


def children(parent: int) -> set[int]:
    """The listening processes of a program."""
    task = Path(f"/proc/{parent}/task/{parent}/children")
    return {int(one) for one in task.read_text().split() if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()}


def test_an_interrupt_from_the_keyboard_ends_it_well(world: World) -> None:
    with program(world.settings) as listener:
        os.killpg(listener.process.pid, signal.SIGINT)  # as a terminal does: to every process
        assert listener.process.wait(30) == 0


def test_whoever_listens_ends_with_the_program_that_started_it(world: World) -> None:
    with program(world.settings) as listener:
        listener.process.kill()  # only the first process, which can then tell nobody
        port = int(listener.url.rpartition(":")[2])

        def free() -> bool:
            with socket.socket() as trial:
                return trial.connect_ex(("127.0.0.1", port)) != 0

        eventually(free)


def test_public_addresses_are_shown_on_request(world: World) -> None:
    woo = live(world)
    with program(world.settings, "--url", "https://hooks.example/") as listener:
        assert f"acme / woo: https://hooks.example{woo.path}\n" in listener.said


def test_a_place_that_is_taken_or_none_is_refused(cuadra: Cuadra) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = cuadra("serve", "--intake", f"127.0.0.1:{other.getsockname()[1]}")
    assert (said.code, "Nobody can listen" in said.err) == (2, True)
    for wrong in ("8080", "127.0.0.1:", "127.0.0.1:x", ":70000", "x:0"):
        assert cuadra("serve", "--intake", wrong).code == 2


def test_the_address_of_an_integration(world: World, cuadra: Cuadra) -> None:
    woo = live(world)
    assert cuadra("intake", "address", "woo").out.strip() == woo.path
    said = cuadra("intake", "address", "woo", "--new")
    assert said.out.startswith("/in/")
    assert said.out.strip() != woo.path
    assert "old address" in said.err
    assert cuadra("intake", "address", "woo").out == said.out
    assert stored(world, "SELECT count(*) FROM audit WHERE action = 'intake address'") == [(1,)]
    for options in ([], ["--new"]):
        said = cuadra("intake", "address", "shop", *options)
        assert (said.code, "takes no notices" in said.err) == (2, True)


def test_what_was_refused_is_listed(world: World, cuadra: Cuadra) -> None:
    assert "Every notice was taken" in cuadra("intake", "refused").out
    woo = live(world)
    note: dict[str, Any] = {"at": "2026-11-21T10:20:30Z", "count": 1200, "reason": "signature_invalid",
                            "evidence": {"header": "x", "sender": "203.0.113.7"}}  # fmt: skip
    rows = [{**note, "account": woo.account.account_id, "integration": woo.integration.integration_id},
            {**note, "account": 0, "integration": 0, "reason": "intake_address_unknown"}]  # fmt: skip
    with world.db.transaction(role="cuadra_intake") as conn:
        for _ in range(2):
            conn.execute("SELECT note_refusal((r->>'account')::bigint, (r->>'integration')::bigint, r->>'reason', "
                         "(r->>'at')::timestamptz, (r->>'count')::bigint, r->'evidence') "
                         "FROM jsonb_array_elements(%s::jsonb) r", (json.dumps(rows),))  # fmt: skip
    said = cuadra("intake", "refused").out
    for word in ("woo", "2,400", "203.0.113.7", "of nobody", "2026-11-21 07:00"):
        assert word in said
    spanish = cuadra("intake", "refused", lang="es").out
    assert "La firma de un aviso" in spanish
    assert "remitente" in spanish
    found = json.loads(cuadra("intake", "refused", "--json").out)
    assert {(one["integration"], one["reason"], one["count"]) for one in found} == {
        ("woo", "signature_invalid", 2400), (None, "intake_address_unknown", 2400),
    }  # fmt: skip
