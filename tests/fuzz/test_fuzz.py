"""The first ten thousand hostile inputs of `make fuzz`, and two thousand of them through a real import."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from cuadra import reasons
from tests.fuzz import inputs, targets
from tests.world import World, order

SEED = 1043
COUNT, CHUNK = 10_000, 500
LINES = 1_000
"""Hostile lines of each kind that are imported, with a good order after every ninth."""


@pytest.fixture(autouse=True, scope="module")
def _alarm_and_cleaning() -> Iterator[None]:
    before = signal.signal(signal.SIGPROF, targets.overdue)
    yield
    signal.signal(signal.SIGPROF, before)
    targets.clean()


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_no_input_breaks_a_promise(start: int) -> None:
    done = targets.block(SEED, start, start + CHUNK, alarm=True)
    assert sum(done.labels.values()) == CHUNK
    first: dict[str, targets.Failure] = {}
    for failure in done.failures:
        first.setdefault(failure.kind, failure)
    assert not first, "\n".join(
        f"{kind}\n  python -m tests.fuzz 1 --seed {SEED} --only {failure.number}\n  {failure.shown[:300]}"
        for kind, failure in first.items()
    )


def test_the_same_number_gives_the_same_input_and_every_reader_has_its_share() -> None:
    first = [inputs.case(SEED, number) for number in range(300)]
    assert first == [inputs.case(SEED, number) for number in range(300)]
    assert first != [inputs.case(SEED + 1, number) for number in range(300)]
    assert {case.target for case in first} == set(targets.TARGETS) == set(inputs.SHARES)
    assert sum(inputs.SHARES.values()) == 1000


def test_a_failure_is_found_named_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(case: inputs.Case) -> str:
        if b"!" in case.data:
            raise KeyError("!")
        return "fine"

    monkeypatch.setitem(targets.TARGETS, "cells", fragile)
    case = inputs.Case("cells", b"a long text with one ! in it")
    label, failure = targets.attempt(case, 7)
    assert label == "FAILED"
    assert failure is not None
    assert (failure.kind, failure.number) == ("cells: KeyError", 7)
    assert targets.shrink(case, failure.kind, alarm=False).data == b"!"


# ---------------------------------------------------------------- through a real import


def settled(path: Path, data: bytes) -> None:
    """A file that nobody is writing any more."""
    path.write_bytes(data)
    past = datetime.now().timestamp() - 10
    os.utime(path, (past, past))


def accounted(world: World, good: int) -> None:
    """Every receipt has an attempt, every trouble a reason with its proof, and every good order is there."""
    assert world.rows("SELECT count(*) FROM inbox") == [(0,)]
    assert world.rows("SELECT count(*) FROM receipt") == world.rows("SELECT count(DISTINCT receipt_id) FROM attempt")
    assert (
        world.rows(
            "SELECT source_id, standing, reason FROM orders WHERE source_id LIKE 'GOOD-%%' AND standing <> 'present'"
        )
        == []
    )
    assert world.rows("SELECT count(*) FROM orders WHERE source_id LIKE 'GOOD-%%'") == [(good,)]
    for outcome, reason, warnings, evidence in world.rows("SELECT outcome, reason, warnings, evidence FROM attempt"):
        if outcome in ("refused", "failed"):
            assert reason is not None
        for code in [*([reason] if reason else []), *(warnings or [])]:
            assert set(reasons.get(code).evidence) <= set(evidence[code]), code
    for standing, reason, evidence in world.rows("SELECT standing, reason, evidence FROM orders"):
        assert (standing == "present") == (reason is None)
        assert reason is None or set(reasons.get(reason).evidence) <= set(evidence[reason]), reason
    assert world.rows("SELECT evidence FROM attempt WHERE reason = 'internal_error'") == []


@pytest.mark.timeout(120)
def test_hostile_lines_of_json_block_no_good_order(world: World) -> None:
    good = 0
    for file_no in range(3):
        lines = []
        for number in range(file_no * LINES // 3, (file_no + 1) * LINES // 3):
            line = inputs.line_of(SEED, number)
            lines.append(line if len(line) < 100_000 or number % 97 == 0 else line[:100_000])
            if number % 9 == 0:
                good += 1
                lines.append(msgspec.json.encode(order(f"GOOD-{number}")))
        settled(world.drop() / f"{file_no}.jsonl", b"\n".join(lines) + b"\n")
    report = world.import_now()
    assert report.items.seen > LINES
    accounted(world, good)


@pytest.mark.timeout(120)
def test_hostile_rows_block_no_good_order(world: World) -> None:
    """Quotes are kept in pairs here: one that opens may by the rules of CSV take the rows up to the next one with it."""
    rng = random.Random(SEED)
    roles = ("orders", "lines", "payments", "shipments", "customers", "products", "categories", "stores")
    names = inputs.headers(0)
    folder = world.drop() / "set"
    folder.mkdir()
    good = 0
    for role in roles:
        made = [",".join(names[role]).encode() + b"\n"]
        if role == "orders":
            for number in range(120):
                good += 1
                cells = {"id": f"GOOD-{number}", "currency": "ARS", "total": "10.00", "line.sku": f"G-{number}", "state": "paid",
                         "customer.email": f"good-{number}@example.com", "line.quantity": "1", "line.unit_price": "10.00"}  # fmt: skip
                made.append(",".join(cells.get(name, "") for name in names[role]).encode() + b"\n")
        else:
            made.append(b"x" * 4096 + b"\n")  # what is no text in its first bytes is refused as a file
        hostile = []
        for number in range(LINES // len(roles)):
            row = inputs.row_of(rng, role, names[role], ",", 0.9)
            if rng.random() < 0.3:
                row = inputs.broken(rng, row).replace(b'"', b"")
            row = row.replace(b"FAC-A-0001-00012001", b"H-%d" % number)[:200_000]
            hostile.append(row if row.count(b'"') % 2 == 0 else row.replace(b'"', b""))
        at = 1 if role != "orders" else 60  # good ones before and after
        settled(
            folder / f"{role}.csv",
            b"".join([*made[: at + 1], *(row.rstrip(b"\r\n") + b"\n" for row in hostile), *made[at + 1 :]]),
        )
    report = world.import_now()
    assert not [note for note in report.notes if note.get("reason")], report.notes
    accounted(world, good)
