"""Many writers of one account at once, and writers that die: nothing lost, nothing twice, everybody on the right
customer."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from cuadra import accounts
from tests.world import World, order

IMPORT = [sys.executable, "-c", "from cuadra.faces.cli.main import main; main()", "import"]


def env(world: World) -> dict[str, str]:
    return {**os.environ, "CUADRA_HOME": str(world.settings.home), "CUADRA_DATABASE_URL": world.settings.database_url,
            "CUADRA_LANG": "en", "CUADRA_BATCH": "500", "HOME": str(world.tmp)}  # fmt: skip


def person(number: int) -> dict[str, str]:
    return {
        "name": f"Person {number}",
        "email": f"person{number}@example.com",
        "phone": f"+54911{40_000_123 + number * 7}",
    }


def write(path: Path, orders: list[tuple[str, int]], mixer: random.Random) -> None:
    """Orders as one file. Of a person's two keys an order may name one or both."""
    lines = []
    for number, who in orders:
        customer = person(who)
        if mixer.random() < 0.3:
            del customer[mixer.choice(["email", "phone"])]
        lines.append(msgspec.json.encode(order(number, customer=customer, created_at="2026-11-01T10:00:00Z")))
    path.write_bytes(b"\n".join(lines) + b"\n")
    past = time.time() - 60
    os.utime(path, (past, past))


@pytest.mark.parametrize("orders", [int(os.environ.get("CUADRA_TEST_ORDERS", "8000"))])
def test_four_imports_of_one_account_at_once(world: World, orders: int) -> None:
    """Four processes, one account, shared customers: no deadlock surfaces, no customer without a key, each order on
    the customer its keys name."""
    mixer = random.Random(11)
    people = orders // 6
    owner: dict[str, int] = {}
    # who is known by both keys is known before: two orders that name one key each cannot be the same person yet
    write(world.drop("shop") / "first.jsonl", [(f"P-{who}", who) for who in range(people)], _Both())
    world.import_now("shop")
    names = ["shop", "two", "three", "four"]
    for at, name in enumerate(names):
        if name != "shop":
            world.integration(name)
        mine = [(f"{name}-{number}", mixer.randrange(people)) for number in range(orders // 4)]
        owner.update(mine)
        write(world.drop(name) / f"{at}.jsonl", mine, mixer)
    running = [
        subprocess.Popen([*IMPORT, name, "--json"], env=env(world), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in names
    ]
    for process in running:
        said, complained = process.communicate(timeout=240)
        assert process.returncode == 0, complained.decode()
        assert json.loads(said)["created"] == orders // 4
    assert world.rows("SELECT count(*) FROM orders") == [(orders // 4 * 4 + people,)]
    assert world.rows("SELECT count(*) FROM customer") == [(people,)]
    assert world.rows("""SELECT count(*) FROM customer c WHERE NOT EXISTS
        (SELECT FROM customer_key k WHERE k.customer_id = c.customer_id)""") == [(0,)]
    found = dict(
        world.rows("""SELECT o.source_id, k.value FROM orders o
        JOIN customer_key k ON k.customer_id = o.customer_id AND k.kind = 'email'""")
    )
    assert {number: found[number] for number in owner} == {
        number: f"person{who}@example.com" for number, who in owner.items()
    }
    assert world.rows("SELECT count(*) FROM attempt WHERE outcome = 'failed'") == [(0,)]


class _Both(random.Random):
    """Both keys of everybody."""

    def random(self) -> float:
        return 1.0


KILLS = int(os.environ.get("CUADRA_TEST_KILLS", "8"))


def test_an_import_killed_again_and_again_loses_nothing_and_takes_nothing_twice(world: World) -> None:
    """SIGKILL at random moments: the next import goes on where the last one stood. As often as one of them is done, the
    same file is imported by another integration, until enough have been killed."""
    orders = 10_000
    mixer = random.Random(5)
    folder = world.drop()
    write(folder / "all.jsonl", [(f"N-{number}", number // 2) for number in range(orders)], _Both())
    killed = shop = 0
    while killed < KILLS:
        shop += 1
        world.integration(f"shop-{shop}", path=folder, store=f"shop-{shop}")
        while _killed(world, f"shop-{shop}", 0.3 + mixer.random() * 3):
            killed += 1
        _whole(world, f"shop-{shop}", orders)
    assert world.rows("SELECT count(*) FROM customer") == [(orders // 2,)]
    assert world.rows("SELECT count(*) FROM inbox") == [(0,)]
    print(f"\n{killed} killed, {shop} imports of {orders:,} orders whole")  # noqa: T201 - the figure asked for


def _killed(world: World, name: str, seconds: float) -> bool:
    """Import, for so long; False if it came to its end."""
    process = subprocess.Popen([*IMPORT, name, "--json"], env=env(world), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, err.decode()
    report = json.loads(out)
    assert report["seen"] == report["created"]
    return False


def _whole(world: World, name: str, orders: int) -> None:
    """Everything is there once, and it was one run."""
    number = accounts.integration_named(world.db, world.account, name).integration_id
    found = world.rows("SELECT count(*), count(DISTINCT source_id) FROM orders WHERE integration_id = %s", number)
    assert found == [(orders, orders)]
    assert world.rows("SELECT count(*) FROM receipt WHERE integration_id = %s", number) == [(orders,)]
    assert world.rows("SELECT DISTINCT state FROM run WHERE integration_id = %s", number) == [("finished",)]
    # one run took everything; whoever was killed behind its end made another one find nothing new
    assert world.rows(
        """
        SELECT count(DISTINCT run_id), count(*), count(DISTINCT receipt_id), min(outcome), max(outcome)
        FROM attempt JOIN run USING (account_id, run_id) WHERE integration_id = %s""",
        number,
    ) == [(1, orders, orders, "created", "created")]
    lines = "SELECT count(*) FROM order_line JOIN orders USING (account_id, order_id) WHERE integration_id = %s"
    assert world.rows(lines, number) == [(orders,)]


def test_killed_before_the_first_receipt_of_a_set_it_is_still_read(world: World) -> None:
    """The set is noted, its run is open, and nothing of it has been stored."""
    world.take(order("A-1"))
    with world.db.transaction(world.account.account_id) as conn:
        conn.execute("UPDATE run SET state = 'running', ended_at = NULL, cursor = '{}', all_received = false")
        conn.execute("UPDATE file_set SET state = 'taken'")
        for table in ("orders", "attempt", "receipt", "identifier", "order_line", "order_version"):
            conn.execute(f"DELETE FROM {table}")
    report = world.import_now()
    assert report.orders["present"] == 1
    assert len(world.rows("SELECT 1 FROM file_set WHERE state = 'read'")) == 1
    assert len(world.rows("SELECT 1 FROM file_set")) == 1


def test_two_imports_of_one_integration_do_not_run_at_once(world: World) -> None:
    world.take(order("A-1"))
    other = world.db.again()
    other.connection().execute("SELECT pg_advisory_lock(7208, %s::int)", (world.shop.integration_id,))
    done = subprocess.run([*IMPORT, "shop"], env=env(world), capture_output=True, text=True, timeout=60, check=False)
    other.close()
    assert done.returncode == 2
    assert "already running" in done.stderr


def test_ctrl_c_stops_cleanly_and_the_next_import_goes_on(world: World) -> None:
    write(world.drop() / "all.jsonl", [(f"N-{number}", number) for number in range(6_000)], _Both())
    process = subprocess.Popen([*IMPORT, "shop"], env=env(world), stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                               start_new_session=True, text=True)  # fmt: skip
    deadline = time.monotonic() + 60
    while world.rows("SELECT count(*) FROM orders") == [(0,)] and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "goes on where this stopped" in said
    (before,) = world.rows("SELECT count(*) FROM orders")[0]
    assert 0 < before < 6_000
    assert world.import_now().orders["present"] == 6_000
