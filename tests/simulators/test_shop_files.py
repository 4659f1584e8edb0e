"""The simulated shop: the same each time, every trouble in it, and what it says of itself is what Cuadra reads."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cuadra.connectors.base import Raw, Read
from cuadra.connectors.files.layout import own_columns, own_layout
from cuadra.connectors.files.sets import discover
from cuadra.connectors.files.source import FileSetSource, describe
from cuadra.model import Entity, OrderRead, Standing
from cuadra.pipeline.prepare import prepare
from cuadra.pipeline.record import process
from cuadra.pipeline.rules import AccountFacts, Rules
from cuadra.pipeline.working import WorkingSet
from cuadra.reasons import every
from cuadra_simulators.shop_files import COLUMNS, Truth, main, write_set
from cuadra_simulators.shop_troubles import TROUBLES

TODAY = date(2026, 5, 20)
ZONE = "America/Argentina/Buenos_Aires"


class Set:
    """A set as written and as the connector takes it."""

    def __init__(self, folder: Path, orders: int, seed: int) -> None:
        self.folder = folder / "shop"
        self.truth: Truth = write_set(self.folder, orders=orders, seed=seed, today=TODAY)
        layout = own_layout()
        (self.candidate,) = discover(folder, layout)
        self.files = describe(self.candidate.files, layout)
        work = folder / ".work"
        work.mkdir()
        source = FileSetSource([path for _, path in self.candidate.files], self.files, layout, sequence=1,
                               work=work, zone_name=ZONE, currency="ARS")  # fmt: skip
        self.raws: list[Raw] = [raw for chunk in source.receive({}, lambda *_: None) for raw in chunk.raws]
        self.reader = source.reader()
        self.reads: list[Read] = [self.reader(raw) for raw in self.raws]


@pytest.fixture(scope="module", params=[(100, 1043), (101, 10), (2000, 1043)])
def taken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Set:
    return Set(tmp_path_factory.mktemp("drop"), *request.param)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def contents(name: str, seed: int = 1043) -> tuple[dict[str, bytes], Truth]:
        truth = write_set(tmp_path / name, orders=150, seed=seed, today=TODAY)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}, truth

    first = contents("first")
    assert contents("second") == first
    assert set(first[0]) == {f"{role}.csv" for role in COLUMNS}
    assert contents("other", seed=7)[0] != first[0]


def test_columns_are_those_of_the_layout() -> None:
    for role, columns in COLUMNS.items():
        assert set(columns) <= set(own_columns(role)), role


def test_every_trouble_is_there(taken: Set) -> None:
    truth = taken.truth
    assert sum(truth.expected.values()) == truth.orders
    assert {trouble.reason for trouble in TROUBLES.values()} == set(truth.expected)
    assert {trouble.warning for trouble in TROUBLES.values() if trouble.warning} == set(truth.warned)
    assert {*truth.expected, *truth.warned, *truth.refused} - {"present"} <= set(every())


def test_most_orders_are_fine(taken: Set) -> None:
    if taken.truth.orders < 1000:
        pytest.skip("one of each trouble is a fourth of a small shop")
    fine = taken.truth.expected["present"] - sum(taken.truth.warned.values())
    assert 0.9 < fine / taken.truth.orders < 0.94


def test_the_set_is_whole_and_utf_8(taken: Set) -> None:
    assert taken.candidate.whole
    assert taken.candidate.unknown == []
    for file in taken.files:
        assert file.dialect is not None
        assert (file.dialect.delimiter, file.dialect.decimal) == (",", ".")
        if taken.truth.orders > 1000:
            assert file.dialect.encoding == "utf-8", file.name


def test_complaints_occur_exactly_where_something_was_broken(taken: Set) -> None:
    found = sorted({(one.file, one.line) for read in taken.reads for one in read.complaints})
    assert found == taken.truth.broken


def test_every_other_receipt_can_be_read(taken: Set) -> None:
    orders = [read for read in taken.reads if read.entity is Entity.ORDER and read.identifier is not None]
    assert len({read.identifier for read in orders}) == len(orders) == taken.truth.orders
    assert all(isinstance(read.value, OrderRead) for read in orders)
    refused = [read for read in taken.reads if read.identifier is None or read.value is None]
    assert Counter(read.refused[0] for read in refused if read.refused) == Counter(taken.truth.refused)


def test_the_rules_say_what_the_truth_says(taken: Set) -> None:
    facts = AccountFacts("ARS", "AR", ZONE, 0)
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 15, tzinfo=UTC)
    ws = WorkingSet(1, 1, 1, facts, Rules(), 1, noon, itertools.count(1))
    for at, raw in enumerate(taken.raws):
        process(prepare(raw, at, taken.reader, ws.rules, "AR"), ws)
    stands = Counter(state.reason or "present" for state in ws.orders.values())
    assert stands == Counter(taken.truth.expected)
    present = [state for state in ws.orders.values() if state.standing is Standing.PRESENT]
    assert Counter(warning for state in present for warning in state.warnings) == Counter(taken.truth.warned)
    assert len(ws.conflicts) >= 1


def test_the_branch_rules_and_bad_categories_have_something_to_decide(taken: Set) -> None:
    facts = AccountFacts("ARS", "AR", ZONE, 0)
    ws = WorkingSet(1, 1, 1, facts, Rules(), 1, datetime.now(UTC), itertools.count(1))
    items = [prepare(raw, at, taken.reader, ws.rules, "AR") for at, raw in enumerate(taken.raws)]
    products = [item for item in items if item.read.entity in (Entity.CATEGORY, Entity.PRODUCT)]
    for item in products:
        process(item, ws)
    rules = {item.evidence["category_ambiguous"]["rule"] for item in products if "category_ambiguous" in item.evidence}
    assert rules == {"deepest_of_branch", "most_general_branch", "alphabetical"}
    bad = [item.evidence.get("category_badly_defined_at_source", {}).get("problem") for item in products]
    assert {"orphan", "loop"} <= set(bad)


def test_what_is_worth_asking_is_there_but_for_the_last(taken: Set) -> None:
    asked = [identifier for identifier, _, _ in taken.truth.worth_asking]
    texts = {path.name: path.read_bytes().decode("utf-8", "replace") for path in taken.folder.iterdir()}
    found = [sorted(name for name, text in texts.items() if identifier in text) for identifier in asked]
    assert found == [["shipments.csv"], ["orders.csv"], ["orders.csv"], ["orders.csv"], []]
    assert all(english and spanish for _, english, spanish in taken.truth.worth_asking)


def test_too_few_orders_and_a_wrong_call_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="at least 100"):
        write_set(tmp_path / "few", orders=20, today=TODAY)
    assert main([]) == 2
    assert main([str(tmp_path), "20"]) == 1
    assert main([str(tmp_path), "100"]) == 0
    assert "present" in capsys.readouterr().out


def test_progress_is_told_and_may_interrupt(tmp_path: Path) -> None:
    told: list[tuple[int, int | None, str]] = []
    write_set(tmp_path, orders=100, today=TODAY, progress=lambda *now: told.append(now))
    assert told[-1] == (100, 100, "orders.csv")

    def stop(done: int, total: int | None, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path / "cut", orders=100, today=TODAY, progress=stop)
    assert all(path.suffix == ".tmp" for path in (tmp_path / "cut").iterdir())
