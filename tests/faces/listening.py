"""What tests of the intake need: live integrations, signed requests, and a listener in this process or in its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from msgspec import Struct

from cuadra import accounts, secrets
from cuadra.accounts import Account, Integration
from cuadra.faces.cli.simulated import any_port
from cuadra.faces.intake.app import Intake
from cuadra.secrets import KeyFile, Secret
from cuadra.settings import Settings
from tests.world import World

T = TypeVar("T")
SHOP = "http://127.0.0.1:1"


class Live(Struct, frozen=True):
    """An integration that notices are sent to."""

    account: Account
    integration: Integration
    secret: str

    @property
    def path(self) -> str:
        return f"/in/{self.integration.address}"

    def headers(self, body: bytes, *, source: str = SHOP, topic: str = "order.updated", **more: str) -> dict[str, str]:
        """Those of a genuine delivery."""
        signed = base64.b64encode(hmac.new(self.secret.encode(), body, hashlib.sha256).digest()).decode()
        return {
            "content-type": "application/json", "user-agent": "WooCommerce/9.2.5 Hookshot (WordPress/6.6.2)",
            "x-wc-webhook-source": f"{source}/", "x-wc-webhook-topic": topic,
            "x-wc-webhook-resource": topic.partition(".")[0], "x-wc-webhook-event": topic.partition(".")[2],
            "x-wc-webhook-signature": signed, "x-wc-webhook-id": "7", "x-wc-webhook-delivery-id": "9a8b7c", **more,
        }  # fmt: skip


def live(world: World, name: str = "woo", *, account: Account | None = None, url: str = SHOP, state: str = "active",
         secret: str | None = "a secret") -> Live:  # fmt: skip
    """An integration with a WooCommerce shop, and the secret of its notices."""
    owner = account or world.account
    one = accounts.add_integration(world.db, owner, name, "woocommerce", {"url": url, "private": "yes"}, "test",
                                   store=url, same_store=True)  # fmt: skip
    if state in ("paused", "broken"):
        accounts.move(world.db, owner, one, "active", "test")
        one = accounts.integration_named(world.db, owner, name)
    if state != "draft":
        accounts.move(world.db, owner, one, state, "test")
    if secret is not None:
        secrets.put(world.db, KeyFile.of(world.settings), owner.account_id, one.integration_id, "webhook_secret",
                    Secret(secret))  # fmt: skip
    return Live(owner, accounts.integration_by_id(world.db, owner, one.integration_id), secret or "")


def another_account(world: World, name: str) -> Account:
    return accounts.get(world.db, accounts.add(world.db, name, "ARS", "AR", "UTC", 3))


class Replied(Struct, frozen=True):
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def post(intake: Intake, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *,
               pieces: int = 1, method: str = "POST", said: bool = True) -> Replied:  # fmt: skip
    """A request to a listener in this process; `said`: with its Content-Length."""
    size = max(1, -(-len(body) // pieces))
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    listed = {**(headers or {}), **({"content-length": str(len(body))} if said else {})}
    scope = {"type": "http", "method": method, "path": path.removeprefix("/in") + "/", "client": ("203.0.113.7", 4),
             "headers": [(name.encode(), value.encode("latin-1")) for name, value in listed.items()]}  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await intake(scope, receive, send)
    return Replied(sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"])


def during(intake: Intake, act: Callable[[], Awaitable[T]]) -> T:
    """Run something while a listener of this process works."""

    async def run() -> T:
        async with intake.working():
            return await act()

    return asyncio.run(run())


def stored(world: World, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of any account."""
    with world.db.transaction(role="cuadra_owner") as conn:
        return conn.execute(statement, values).fetchall()  # type: ignore[arg-type]


def refusals(world: World) -> dict[str, tuple[int, int, dict[str, Any]]]:
    """Reason → (account, how many, evidence)."""
    rows = stored(world, "SELECT reason, account_id, count, evidence FROM intake_refusal")
    found = {reason: (account, count, evidence) for reason, account, count, evidence in rows}
    assert len(found) == len(rows)
    return found


def receipts(world: World) -> list[tuple[int, int, str, dict[str, str], bytes]]:
    """Every notice that is stored *and* found through the inbox, or has an attempt already: (account, integration, kind,
    headers, body)."""
    rows = stored(
        world,
        """
        SELECT r.account_id, r.integration_id, r.kind, r.headers, r.body FROM receipt r
        WHERE r.arrival = 'webhook' AND (
            EXISTS (SELECT FROM inbox i
                    WHERE i.account_id = r.account_id AND i.integration_id = r.integration_id
                      AND i.retention = r.retention AND i.received_at = r.received_at
                      AND r.receipt_id BETWEEN i.first_receipt AND i.last_receipt)
            OR EXISTS (SELECT FROM attempt a WHERE a.account_id = r.account_id AND a.receipt_id = r.receipt_id))
        ORDER BY r.receipt_id""",
    )
    assert stored(world, "SELECT count(*) FROM receipt WHERE arrival = 'webhook'") == [(len(rows),)]
    return [(account, one, kind, headers, bytes(body)) for account, one, kind, headers, body in rows]


class Program(Struct):
    """`cuadra serve` in processes of its own."""

    url: str
    process: subprocess.Popen[str]
    said: list[str]
    """Lines until it listened."""

    def health(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{self.url}/health")
        return answer.status_code, answer.json()

    def kill(self) -> None:
        """At once, all of it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


@contextmanager
def program(settings: Settings, *options: str, **environ: str) -> Iterator[Program]:
    """Runs until the end of the block; it must end well if it is not killed."""
    place = f"127.0.0.1:{any_port()}"
    env = {**os.environ, "CUADRA_HOME": str(settings.home), "CUADRA_DATABASE_URL": settings.database_url,
           "CUADRA_LANG": "en", **environ}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", "from cuadra.faces.cli.main import main; main()", "serve", "--intake", place, *options],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] and place not in lines[-1]:
            lines.append(process.stdout.readline())
        assert place in lines[-1], process.communicate()
        yield Program(f"http://{place}", process, lines)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)
            assert process.returncode == 0, said
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)


def eventually(true: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
