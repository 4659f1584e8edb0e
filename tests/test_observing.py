"""What the program says of its own work: every attempt once, and nothing of anybody."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cuadra import observing
from cuadra.errors import UsageError
from cuadra.settings import Settings
from tests.loopback import serving
from tests.world import World, line, order

Said = Any

PERSON = {
    "name": "Zenobia Quispe", "email": "zenobia.q@example.com", "phone": "+54 9 11 5550-7788", "document": "27555444",
}  # fmt: skip
PLACE = {"street": "Calle Inventada 4711", "city": "Villa Irreal", "postcode": "X9Y8Z7"}
SECRETS = (
    "zenobia",
    "quispe",
    "5550",
    "7788",
    "27555444",
    "inventada",
    "4711",
    "irreal",
    "x9y8z7",
    "@example",
    "example.com",
)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """Lines since the last time, of a level."""

    def lines(event: str = "attempt") -> list[dict[str, Any]]:
        found = [json.loads(one) for one in capsys.readouterr().err.splitlines() if one.startswith("{")]
        return [one for one in found if one["event"] == event]

    yield lines
    observing.configure(observing.OFF)


def traffic() -> list[dict[str, Any] | bytes]:
    """Orders of all kinds, each with somebody in it, wherever a source may write of somebody."""
    one = {"customer": PERSON, "billing": {**PLACE, "name": PERSON["name"]}, "note": "Para Zenobia, tel. 5550"}
    return [
        order("A-1", **one), order("A-2", **one, state="pending"), order("A-3", **one, lines=[]),
        order("A-4", **one, lines=[line(sku=None, name="Regalo para Zenobia")]),
        order("zenobia.q@example.com", **one), order("A-1", **one),
        order("A-5", **{**one, "customer": {**PERSON, "email": "zenobia.q@example.com, quispe"}}),
        order("A-6", **one, currency="Zenobia"), b'{"id": "A-7", "customer": {"name": "Zenobia Quispe"', b'{"id": 5550}',
    ]  # fmt: skip


def test_each_attempt_is_said_once_and_nothing_of_anybody(
    world: World, said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    observing.configure(observing.ATTEMPTS)
    world.take(*traffic())
    text = capsys.readouterr().err
    assert not [one for one in SECRETS if one in text.lower()]
    lines = [json.loads(one) for one in text.splitlines()]
    kept = world.rows(
        "SELECT receipt_id, order_id, run_id, entity, outcome, standing, reason, warnings, steps FROM attempt"
    )
    assert len(kept) == len(traffic())
    assert sorted(
        (one["receipt"], one["order"], one["run"], one["entity"], one["outcome"], one["standing"], one["reason"],
         one["warnings"], one["steps"]) for one in lines
    ) == sorted((*row[:7], row[7] or [], row[8]) for row in kept)  # fmt: skip
    assert {(one["account"], one["integration"], one["level"]) for one in lines} == {
        (world.account.account_id, world.shop.integration_id, "info")
    }
    assert all(one["batch"] >= 1 and one["batch_ms"] > 0 for one in lines)


def test_of_a_receipt_that_stands_alone_it_is_said_too(
    world: World, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patient way: halved until the poisonous one stands alone."""
    from cuadra.pipeline import run

    before = run.process

    def stumbling(item: Any, ws: Any) -> None:
        if item.read.identifier == "B-2":
            raise ValueError("Zenobia Quispe is in the text of this error")
        before(item, ws)

    monkeypatch.setattr(run, "process", stumbling)
    observing.configure(observing.ATTEMPTS)
    world.take(order("B-1"), order("B-2"), order("B-3"))
    lines = said()
    assert sorted((one["outcome"], one["reason"]) for one in lines) == [
        ("created", None), ("created", None), ("failed", "internal_error"),
    ]  # fmt: skip
    assert "Zenobia" not in str(lines)


@pytest.mark.parametrize("level", [observing.OFF, observing.JOBS])
def test_nothing_is_said_of_attempts_unless_asked(world: World, said: Said, level: str) -> None:
    observing.configure(level)
    world.take(order("C-1"))
    assert said() == []


def test_a_job_is_said_at_its_end_however_it_ends(said: Said) -> None:
    observing.configure(observing.JOBS)
    with observing.job("poll", account=7) as line:
        line["receipts"] = 3
    with pytest.raises(ValueError), observing.job("poll", account=8):
        raise ValueError("Zenobia Quispe")
    with observing.job("process", account=9) as line:
        line["done"] = 0
    lines = said("job")
    assert [(one["job"], one["account"], one.get("receipts"), one.get("error")) for one in lines] == [
        ("poll", 7, 3, None), ("poll", 8, None, "ValueError"),
    ]  # fmt: skip
    assert "Zenobia" not in str(lines)


def test_of_a_fault_its_kind_and_place_are_said(said: Said) -> None:
    observing.configure(observing.JOBS)
    try:
        raise ValueError("Zenobia Quispe")
    except ValueError as err:
        observing.fault("live 0", err, integration=3)
    (one,) = said("fault")
    assert (one["where"], one["error"], one["integration"], one["level"]) == ("live 0", "ValueError", 3, "error")
    assert one["places"][-1].startswith("test_observing.py:")
    assert "Zenobia" not in str(one)


def test_the_setting_takes_three_words() -> None:
    assert Settings.load({"CUADRA_LOG": "attempts", "HOME": "/x"}).log == "attempts"
    assert set(observing.LEVELS) == {"off", "jobs", "attempts"}
    with pytest.raises(UsageError, match="CUADRA_LOG"):
        Settings.load({"CUADRA_LOG": "everything", "HOME": "/x"})


# ---------------------------------------------------------------- spans


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What is recorded meanwhile. A process has one provider for good, so it stays; its processor does not."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return {name.removeprefix("cuadra."): value for name, value in (span.attributes or {}).items()}


def test_a_batch_is_a_span_within_its_job(world: World, spans: InMemorySpanExporter) -> None:
    """Even though another thread writes it."""
    with observing.job("poll", account=world.account.account_id) as line:
        world.take(*traffic())
        line["reason"] = "source_timeout"
    *batches, job = spans.get_finished_spans()
    assert (job.name, attributes(job)["reason"]) == ("job poll", "source_timeout")
    assert sum(attributes(one)["receipts"] for one in batches) == len(traffic())
    ((run,),) = world.rows("SELECT run_id FROM run")
    for one in batches:
        assert one.name == "batch"
        assert one.parent is not None
        assert one.parent.span_id == job.context.span_id
        found = attributes(one)
        assert (found["account"], found["integration"], found["run"]) == (
            world.account.account_id, world.shop.integration_id, run,
        )  # fmt: skip
    assert not [word for word in SECRETS for one in (*batches, job) if word in one.to_json().lower()]


def test_a_span_says_the_kind_of_an_error_and_not_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError), observing.job("poll"), observing.batch({"receipts": 2}):
        raise ValueError("Zenobia Quispe")
    for span in spans.get_finished_spans():
        assert not span.status.is_ok
        assert attributes(span)["error"] == "ValueError"
        assert not span.events
        assert "Zenobia" not in span.to_json()
    assert len(spans.get_finished_spans()) == 2


def test_traces_go_nowhere_unless_a_place_is_named() -> None:
    assert observing.export_traces({}) is False
    assert observing.export_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}) is False


def test_what_sends_traces_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(UsageError, match=r"install cuadra\[otel\]"):
        observing.export_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def test_spans_go_to_the_place_that_is_named() -> None:
    """In a program of its own, for a process has one place for good; what is left is sent when it ends."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    program = (
        "import os; from cuadra import observing; assert observing.export_traces(os.environ)\n"
        "with observing.job('poll', account=7): pass"
    )
    with serving(lambda call: call.answer(200)) as server:
        env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": server.url("")}
        subprocess.run([sys.executable, "-c", program], env=env, check=True, timeout=60)
        (call,) = server.calls
    assert call.path == "/v1/traces"
    body = gzip.decompress(call.body) if call.headers.get("content-encoding") == "gzip" else call.body
    assert b"job poll" in body
    assert b"cuadra.account" in body
