"""What the program says of its own work, for whoever collects it: one wide line as JSON per job and per attempt, and spans
for OpenTelemetry, which go nowhere until `export_traces`.

Nothing of an order's content and nothing of a person is ever in a line or a span: ids, counts, codes, times. The text of
an error may hold data (PostgreSQL shows the row that it refuses), so of errors only the kind and the place are said.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry import context, trace

from cuadra.errors import UsageError

OFF, JOBS, ATTEMPTS = "off", "jobs", "attempts"
LEVELS = (OFF, JOBS, ATTEMPTS)
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

attempts = False
"""Whether attempts are said one by one. Looked at once per batch, so that what nobody reads costs nothing."""
_jobs = False
_log: Any = None
"""Whoever says lines, where any are said."""
_tracer = trace.get_tracer("cuadra")

Context = context.Context


def configure(level: str) -> None:
    """Say lines on standard error: `jobs`, or with `attempts` those too; `off`: none."""
    global attempts, _jobs, _log
    attempts, _jobs = level == ATTEMPTS, level in (JOBS, ATTEMPTS)
    if not _jobs:
        return
    import structlog  # most commands say nothing of their work

    _log = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )


@contextmanager
def job(name: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """A piece of work; what is put into the yielded fields is in its line, which is said at the end, however it ends. One
    with `done` = 0 found nothing to do, and says nothing."""
    line: dict[str, Any] = dict(fields)
    began = time.monotonic()
    with _spanned(f"job {name}") as span:
        try:
            yield line
        except BaseException as err:
            line["error"] = type(err).__name__
            raise
        finally:
            line["ms"] = _ms(began)
            _describe(span, line)
            if _jobs and (line.get("done") != 0 or "error" in line):
                _log.info("job", job=name, **line)


@contextmanager
def batch(fields: Mapping[str, Any], within: Context | None = None) -> Iterator[None]:
    """A batch of receipts on its way into the ledger, as a span; `within`: the work that it belongs to, where that is
    another thread's (see `here`)."""
    with _spanned("batch", within) as span:
        _describe(span, fields)
        try:
            yield
        except BaseException as err:
            _describe(span, {"error": type(err).__name__})
            raise


def here() -> Context:
    """What is at work in this thread, for `batch` of another one."""
    return context.get_current()


def listened() -> bool:
    """Whether somebody wants to know of every batch: it is told by the process that was asked to."""
    return attempts or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def say_attempts(lines: Iterable[Mapping[str, Any]], event: str, **batch: Any) -> None:
    """One line per attempt of a batch that has been committed; `batch`: what all of them have in common. `event`:
    `attempt` to take a receipt into the ledger, `delivery` of an order, `intake` of notices."""
    for line in lines:
        _log.info(event, **batch, **line)


def fault(where: str, err: BaseException, **fields: Any) -> None:
    """Something of ours went wrong where nobody waits for it: its kind and its place."""
    if not _jobs:
        return
    places = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(err.__traceback__)
    ]
    _log.error("fault", where=where, error=type(err).__name__, places=places[-6:], **fields)


def export_traces(environ: Mapping[str, str]) -> bool:
    """Send spans to where OTEL_EXPORTER_OTLP_ENDPOINT says, by OTLP over HTTP; everything else about it is set by
    OpenTelemetry's own variables. False: no place is named. Raises UsageError if what sends them is not installed."""
    if not any(environ.get(name, "").strip() for name in ENDPOINTS):
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as err:
        raise UsageError("OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and what sends them is not installed: install "
                         "cuadra[otel], or unset the variable.") from err  # fmt: skip
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return True  # whoever runs us has set it up
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "cuadra"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)  # it sends what is left when the program ends
    return True


def _spanned(name: str, within: Context | None = None) -> AbstractContextManager[trace.Span]:
    # errors are described by us: OpenTelemetry would record their texts
    return _tracer.start_as_current_span(name, within, record_exception=False, set_status_on_exception=False)


def _describe(span: trace.Span, fields: Mapping[str, Any]) -> None:
    if not span.is_recording():
        return
    for name, value in fields.items():
        if isinstance(value, str | int | float):
            span.set_attribute(f"cuadra.{name}", value)
    if "error" in fields or "fault" in fields:
        span.set_status(trace.StatusCode.ERROR)


def _ms(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)


configure(OFF)
