"""Metrics as Prometheus gets them: right, of every account, of nobody's data, and harmless to ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cuadra import accounts
from cuadra.connectors.base import Raw
from cuadra.db.queries import sql
from cuadra.jobs import problems, schedules, sending, taking
from cuadra.jobs.measuring import FIGURES, Figures, Refused
from cuadra.jobs.pacing import SharedPace
from cuadra.model import Entity
from tests.faces.listening import another_account, eventually, stored
from tests.shopworld import followed, hurried
from tests.world import World, order

__all__ = ["hurried"]

Found = dict[tuple[str, tuple[str, ...]], float]
NAMES = {f"{name}_total" if figure.counter else name for name, figure in FIGURES.items()}


@pytest.fixture
def figures(world: World) -> Iterator[Figures]:
    """Asked anew each time."""
    made = Figures(world.settings, world.db, keep=0.0, count=0.0)
    yield made
    made.close()


def read(text: str) -> Found:
    """(name, values of labels in the order in which they are declared) → value; each series is there once."""
    found: Found = {}
    for family in text_string_to_metric_families(text):
        labels = FIGURES[family.name].labels
        for sample in family.samples:
            assert set(sample.labels) == set(labels)
            key = (sample.name, tuple(sample.labels[name] for name in labels))
            assert key not in found, f"{key} twice: Prometheus would refuse it all"
            found[key] = sample.value
    return found


def text_of(figures: Figures) -> str:
    registry = CollectorRegistry()
    registry.register(figures)  # type: ignore[arg-type]
    return generate_latest(registry).decode()


def measured(figures: Figures) -> Found:
    return read(text_of(figures))


def of(found: Found, name: str) -> dict[tuple[str, ...], float]:
    return {labels: value for (metric, labels), value in found.items() if metric == name}


def test_orders_are_counted_where_they_stand(world: World, figures: Figures) -> None:
    world.take(order("A-1"), order("A-2"), order("A-3", state="pending"), order("A-4", lines=[]))
    standings = dict(world.rows("SELECT standing, count(*) FROM orders GROUP BY 1"))
    wanted = {("acme", "shop", standing): many for standing, many in standings.items()}
    eventually(lambda: of(measured(figures), "cuadra_orders") == wanted)
    assert len(wanted) > 1


def test_what_was_removed_and_made_anew_is_one_series(world: World, figures: Figures) -> None:
    world.take(order("A-1"))
    accounts.move(world.db, world.account, world.shop, "removed", "test")
    world.integration("shop", store="another", path=world.tmp)
    world.db.connection()
    eventually(lambda: of(measured(figures), "cuadra_orders") == {("acme", "shop", "present"): 1})


def test_freshness_is_of_the_last_receipt_or_import(world: World, figures: Figures) -> None:
    other = world.integration("other")
    stored(world, "UPDATE integration SET created_at = created_at - interval '9 hours' RETURNING 1")
    key = ("acme", "shop")
    assert of(measured(figures), "cuadra_freshness_seconds")[key] >= 9 * 3600

    world.take(order("A-1"))
    fresh = of(measured(figures), "cuadra_freshness_seconds")
    assert fresh[key] < 3600
    assert fresh["acme", "other"] >= 9 * 3600

    back = "UPDATE {} SET {} = {} - interval '2 hours' WHERE integration_id = %s RETURNING 1"
    stored(world, back.format("run", "ended_at", "ended_at"), world.shop.integration_id)
    stored(world, back.format("receipt", "received_at", "received_at"), world.shop.integration_id)
    assert 7200 <= of(measured(figures), "cuadra_freshness_seconds")[key] < 9000

    for one in (world.shop, other, other, other):  # the newest are the other one's: each draw of numbers is looked at
        raw = Raw(Entity.ORDER, b"{}", 1)
        taking.keep(world.db, world.account, one, [raw], "webhook")
    fresh = of(measured(figures), "cuadra_freshness_seconds")
    assert (fresh[key] < 3600, fresh["acme", "other"] < 3600) == (True, True)


def test_an_import_that_went_wrong_freshens_nothing(world: World, figures: Figures) -> None:
    world.take(order("A-1"))
    stored(world, "UPDATE integration SET created_at = created_at - interval '9 hours' RETURNING 1")
    stored(world, "UPDATE receipt SET received_at = received_at - interval '8 hours' RETURNING 1")
    stored(world, "UPDATE run SET reason = 'source_timeout', evidence = '{}' RETURNING 1")
    assert of(measured(figures), "cuadra_freshness_seconds")["acme", "shop"] >= 8 * 3600


def test_what_a_person_did_is_no_word_of_the_source(world: World, figures: Figures) -> None:
    stored(world, "UPDATE integration SET created_at = created_at - interval '9 hours' RETURNING 1")
    taking.keep(world.db, world.account, world.shop, [Raw(Entity.ACT, b"{}", 1)], "person")
    assert of(measured(figures), "cuadra_freshness_seconds")["acme", "shop"] >= 9 * 3600


def test_what_waits_in_the_inbox(world: World, figures: Figures) -> None:
    assert of(measured(figures), "cuadra_inbox_receipts") == {("acme", "shop"): 0}
    taking.keep(world.db, world.account, world.shop, [Raw(Entity.ORDER, b"{}", 1)] * 3, "webhook")
    stored(world, "UPDATE inbox SET received_at = received_at - interval '10 minutes' RETURNING 1")
    found = measured(figures)
    assert of(found, "cuadra_inbox_receipts") == {("acme", "shop"): 3}
    assert 600 <= of(found, "cuadra_inbox_age_seconds")["acme", "shop"] < 1200


def test_schedules_are_late_once_nobody_begins_them(world: World, figures: Figures) -> None:
    schedules.plan(world.db)
    key = ("acme", "", "sweep")
    stored(
        world, "UPDATE schedule SET due_at = now() - interval '7 minutes', tries = 2 WHERE task = 'sweep' RETURNING 1"
    )
    stored(world, "UPDATE schedule SET due_at = now() - interval '5 hours' WHERE task = 'disk' RETURNING 1")
    found = measured(figures)
    late = of(found, "cuadra_schedule_lateness_seconds")
    assert 420 <= late[key] < 900
    assert late["", "", "disk"] >= 5 * 3600
    assert late["acme", "shop", "poll"] < 420
    assert of(found, "cuadra_schedule_failures")[key] == 2

    (one,) = [one for one in schedules.due(world.db) if one.task == "sweep"]
    with world.db.transaction(role="cuadra_clock") as conn:
        ((worker,),) = conn.execute(sql("add_worker"), {"host": "h", "pid": 1, "version": "1"}).fetchall()
    schedules.claim(world.db, one, worker)
    stored(world, "UPDATE schedule SET due_at = now() - interval '7 minutes' WHERE task = 'sweep' RETURNING 1")
    assert of(measured(figures), "cuadra_schedule_lateness_seconds")[key] == 0, "it is being done"
    stored(world, "UPDATE schedule SET begun_at = now() - interval '9 minutes' WHERE task = 'sweep' RETURNING 1")
    stored(world, "UPDATE worker SET seen_at = now() - interval '8 minutes' RETURNING 1")
    assert 480 <= of(measured(figures), "cuadra_schedule_lateness_seconds")[key] < 900, "its worker is gone"

    accounts.move(world.db, world.account, world.shop, "paused", "test")
    assert ("acme", "shop", "poll") not in of(measured(figures), "cuadra_schedule_lateness_seconds")


def test_deliveries_and_the_age_of_the_oldest(world: World, figures: Figures) -> None:
    sending.add(
        world.db, world.settings, world.account, "erp", "http://127.0.0.1:1/in", {"private": "127.0.0.1"}, "test"
    )
    assert of(measured(figures), "cuadra_delivery_age_seconds") == {("acme", "erp"): 0}
    world.take(*(order(f"A-{n}") for n in range(5)))
    ids = [number for (number,) in world.rows("SELECT order_id FROM delivery ORDER BY 1")]
    change = (
        "UPDATE delivery SET standing = %s, reason = %s, evidence = '{}', due_at = NULL WHERE order_id = %s RETURNING 1"
    )
    stored(world, change, "done", None, ids[0])
    stored(world, change, "skipped", "destination_has_it_already", ids[1])
    stored(world, change, "failed", "destination_rejected", ids[2])
    stored(world, "UPDATE delivery SET asked_at = now() - interval '1 hour' WHERE order_id = %s RETURNING 1", ids[3])
    wanted = {("acme", "erp", standing): 1.0 for standing in ("done", "skipped", "failed")}
    wanted["acme", "erp", "waiting"] = 2.0
    eventually(lambda: of(measured(figures), "cuadra_deliveries") == wanted)
    assert 3600 <= of(measured(figures), "cuadra_delivery_age_seconds")["acme", "erp"] < 7200


def test_problems_of_sources_and_destinations(world: World, figures: Figures) -> None:
    sending.add(
        world.db, world.settings, world.account, "erp", "http://127.0.0.1:1/in", {"private": "127.0.0.1"}, "test"
    )
    place = sending.named(world.db, world.account, "erp")
    ours, party = world.account.account_id, world.shop.integration_id
    problems.meet(world.db, ours, party, "source_timeout", {"url": "x"})
    problems.meet(world.db, ours, place.destination_id, "destination_rejected", {}, problems.DELIVER)
    found = of(measured(figures), "cuadra_problem_since_seconds")
    assert set(found) == {("acme", "shop", "fetch", "source_timeout", "false"),
                          ("acme", "erp", "deliver", "destination_rejected", "true")}  # fmt: skip
    for _ in range(problems.SERIES):
        problems.meet(world.db, ours, party, "source_timeout", {})
    problems.over(world.db, ours, place.destination_id, problems.DELIVER)
    stored(world, "UPDATE problem SET since = since - interval '1 hour' WHERE ended_at IS NULL RETURNING 1")
    found = of(measured(figures), "cuadra_problem_since_seconds")
    assert set(found) == {("acme", "shop", "fetch", "source_timeout", "true")}
    assert all(3600 <= value < 7200 for value in found.values())


def test_calls_and_what_is_left_of_them(world: World, figures: Figures) -> None:
    assert of(measured(figures), "cuadra_source_calls_total") == {}
    pace = SharedPace(world.db, world.account.account_id, world.shop.integration_id, 2.0, sleep=lambda _seconds: None)
    try:
        for _ in range(40):  # booked in a moment: 20 seconds of turns
            pace.wait()
        found = measured(figures)
        assert of(found, "cuadra_source_calls_total") == {("acme", "shop"): 40}
        assert 80 <= of(found, "cuadra_source_calls_left")["acme", "shop"] <= 120
        pace.pause(3600)
        assert of(measured(figures), "cuadra_source_calls_left") == {("acme", "shop"): 0}
    finally:
        pace.close()


def test_what_is_in_doubt(world: World, figures: Figures) -> None:
    now = datetime.now(UTC)
    with world.db.transaction(world.account.account_id) as conn:
        for number, tries, due in (
            (1, 0, now - timedelta(hours=1)),
            (2, 3, now + timedelta(hours=1)),
            (3, 1, now - timedelta(hours=1)),
        ):
            conn.execute(
                "INSERT INTO relink (account_id, integration_id, kind, source_id, cause, asked_at, due_at, tries) "
                "VALUES (%s, %s, 'order', %s, 'hint', now(), %s, %s)",
                (world.account.account_id, world.shop.integration_id, str(number), due, tries),
            )
    found = measured(figures)
    assert of(found, "cuadra_relinks_due") == {("acme", "shop"): 2}
    assert of(found, "cuadra_retries") == {("acme", "shop"): 2}


def refuse(world: World, account: int, reason: str, many: int, at: datetime) -> None:
    with world.db.transaction(role="cuadra_intake") as conn:
        conn.execute("SELECT note_refusal(%s, 0, %s, %s, %s, '{}')", (account, reason, at, many))


def test_refusals_are_counted_from_the_first_look_on(world: World, figures: Figures) -> None:
    now = datetime.now(UTC)
    refuse(world, world.account.account_id, "signature_invalid", 100, now)
    assert of(measured(figures), "cuadra_intake_refused_total") == {("signature_invalid",): 0}
    refuse(world, world.account.account_id, "signature_invalid", 5, now)
    refuse(world, another_account(world, "b").account_id, "signature_invalid", 2, now)
    refuse(world, 0, "intake_address_unknown", 7, now)
    wanted = {("signature_invalid",): 7, ("intake_address_unknown",): 7}
    assert of(measured(figures), "cuadra_intake_refused_total") == wanted
    stored(world, "DELETE FROM intake_refusal RETURNING 1")
    assert of(measured(figures), "cuadra_intake_refused_total") == wanted, "a counter never goes down"


def test_a_counter_of_refusals_never_goes_down() -> None:
    counting, hour = Refused(), datetime(2026, 11, 21, 10, tzinfo=UTC)
    key = (1, 2, hour, "signature_invalid")
    assert counting.add([(*key, 50)]) == {"signature_invalid": 0}
    assert counting.add([(*key, 60)]) == {"signature_invalid": 10}
    assert counting.add([(*key, 1)]) == {"signature_invalid": 10}  # a database that was restored
    assert counting.add([(*key, 4), (*key[:2], hour + timedelta(hours=1), key[3], 2)]) == {"signature_invalid": 15}


def test_workers_and_the_disk(world: World, figures: Figures) -> None:
    with world.db.transaction(role="cuadra_clock") as conn:
        for _ in range(3):
            conn.execute(sql("add_worker"), {"host": "h", "pid": 1, "version": "1"})
    stored(world, "UPDATE worker SET seen_at = now() - interval '1 hour' "
                  "WHERE worker_id = (SELECT min(worker_id) FROM worker) RETURNING 1")  # fmt: skip
    found = measured(figures)
    assert of(found, "cuadra_workers") == {(): 2}
    assert found["cuadra_disk_used_bytes", ()] > 1_000_000
    assert of(found, "cuadra_disk_free_bytes") == {}, "of a PostgreSQL of somebody else nothing is known"


def test_every_account_is_told_apart_and_nobody_s_data_is_told(world: World, figures: Figures) -> None:
    person = {"name": "Zenobia Quispe", "email": "zenobia@example.com", "phone": "+54 9 11 5550-7788"}
    world.take(order("A-1", customer=person), order("A-2", customer=person, lines=[]))
    other = another_account(world, "globex")
    one = accounts.add_integration(world.db, other, "shop", "files", {"path": str(world.tmp)}, "test")
    accounts.move(world.db, other, one, "active", "test")
    schedules.plan(world.db)
    found = measured(figures)
    assert {labels[0] for labels in of(found, "cuadra_inbox_receipts")} == {"acme", "globex"}
    assert {labels[0] for labels in of(found, "cuadra_schedule_failures")} == {"acme", "globex", ""}
    text = text_of(figures).lower()
    assert not [word for word in ("zenobia", "quispe", "example.com", "5550") if word in text]


def test_a_live_shop_in_figures(world: World, hurried: None, figures: Figures) -> None:
    with followed(world, orders=20, customers=5, subscribed=False) as it:
        it.scan()
        found = measured(figures)
        key = ("acme", "tienda")
        assert found["cuadra_source_calls_total", key] == world.rows("SELECT calls FROM pace")[0][0] > 0
        assert found["cuadra_inbox_receipts", key] == 0
        assert found["cuadra_source_calls_left", key] > 0


def test_every_metric_has_a_help_and_is_in_the_catalogue(world: World, figures: Figures) -> None:
    text = text_of(figures)
    assert set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)) == NAMES
    assert set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) == NAMES
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"^## (\S+)$", page, re.MULTILINE)) == NAMES
    for name, figure in FIGURES.items():
        shown = page.partition(f"\n## {name}{'_total' if figure.counter else ''}\n")[2].partition("\n## ")[0]
        assert re.findall(r"`(\w+)`", shown.partition("Labels: ")[2].partition(".")[0]) == list(figure.labels), name


def test_the_page_for_operators_names_only_metrics_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "watch-it.md").read_text("utf-8")
    named = set(re.findall(r"(?<!#)\bcuadra_[a-z_]+", page))
    assert named
    assert named <= NAMES
