"""Spans of a process: nothing of them where nobody asks for traces, and never in anybody's way."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracer
from pydantic import ValidationError

from shared.domain.traces import TraceRecord, read_trace
from shared.runtime.logs import configure_logs
from shared.runtime.settings import Settings
from shared.runtime.telemetry import tracing
from shared.runtime.telemetry.otlp import QUEUED_SPANS, make_provider
from shared.runtime.telemetry.share import Share
from shared.runtime.telemetry.spans import SdkSpans
from tests.support.isolation import SETTINGS

PARENT = read_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=value")
UNSAMPLED = read_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")


class Kept(SpanExporter):
    """Keeps what it is given, once the gate is open."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.gate = threading.Event()
        self.gate.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.gate.wait(30)
        self.spans += spans
        return SpanExportResult.SUCCESS


class Process:
    """A process that makes spans, and what it sent."""

    def __init__(self, **changed: object) -> None:
        traced = {"otel_exporter_otlp_endpoint": "http://unused", **changed}
        self.kept = Kept()
        self.provider = make_provider(SETTINGS.model_copy(update=traced), "test", self.kept)
        tracing.use(SdkSpans(self.provider.get_tracer("test")))

    def sent(self) -> list[ReadableSpan]:
        self.provider.force_flush()
        return self.kept.spans

    def close(self) -> None:
        tracing.use(None)
        self.provider.shutdown()


@pytest.fixture
def process() -> Iterator[Process]:
    with closing(Process()) as begun:
        yield begun


@pytest.fixture
def quiet_logs() -> Iterator[None]:
    """Logs as they were, once the test has configured them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


PROGRAM = """
import asyncio, importlib, sys
from shared.domain.traces import read_trace
from shared.runtime.telemetry import tracing
from tests.support.isolation import SETTINGS
endpoint, *services = sys.argv[1:]
settings = SETTINGS.model_copy(update={"otel_exporter_otlp_endpoint": endpoint})
for name in services:
    importlib.import_module(f"services.{name}.app").create_app(settings)
parent = read_trace(f"00-{'1' * 32}-{'1' * 16}-00")
async def run():
    async with tracing.traced(settings, "test"):
        with tracing.child_of(parent, "look") as span:
            print("off" if span is None else "on")
asyncio.run(run())
print(any(name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")) for name in sys.modules))
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["", "ingest", "query", "indexer", "notifier"], ["off", "False"]),
        (["http://127.0.0.1:9"], ["on", "True"]),
    ],
    ids=["off", "on"],
)
def test_only_a_process_that_sends_traces_loads_what_does(
    arguments: list[str], told: list[str]
) -> None:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.split() == told


def test_without_traces_each_call_answers_the_same_nothing() -> None:
    assert tracing.child_of(PARENT, "look") is tracing.NO_SPAN
    assert tracing.request_span("GET", PARENT) is tracing.NO_SPAN
    assert tracing.children_of([("a", PARENT)], "look") is tracing.NO_SPANS
    assert tracing.current_trace() is None


def test_a_disabled_sdk_gives_no_trace_to_anything() -> None:
    tracing.use(SdkSpans(NoOpTracer()))
    try:
        with tracing.request_span("GET", None):
            assert tracing.current_trace() is None
    finally:
        tracing.use(None)


def test_what_has_no_trace_begins_none_but_a_request_does(process: Process) -> None:
    with tracing.child_of(None, "look") as span:
        assert span is None
    with tracing.request_span("GET", None) as request:
        assert request is not None
        with tracing.child_of(tracing.current_trace(), "look") as span:
            assert span is not None
            assert span.trace.trace_id == request.trace.trace_id
    assert [each.name for each in process.sent()] == ["look", "GET"]


def test_spans_side_by_side_belong_each_to_its_own_trace_and_none_is_current(
    process: Process,
) -> None:
    other = TraceRecord(traceparent="00-" + "2" * 32 + "-" + "2" * 16 + "-01")
    with tracing.children_of([("a", PARENT), ("b", other), ("c", None)], "record") as spans:
        assert {key: each.trace.trace_id for key, each in spans.items()} == {
            "a": "4bf92f3577b34da6a3ce929d0e0e4736",
            "b": "2" * 32,
        }
        assert spans["a"].trace.tracestate == "vendor=value"
        assert tracing.current_trace() is None


def test_work_for_a_trace_that_nobody_keeps_has_no_span_and_passes_it_on(process: Process) -> None:
    assert UNSAMPLED is not None
    with tracing.child_of(UNSAMPLED, "look") as span:
        assert span is not None
        assert span.trace == UNSAMPLED == tracing.current_trace()
    assert tracing.current_trace() is None
    with tracing.children_of([("a", UNSAMPLED)], "record") as spans:
        assert spans["a"].trace == UNSAMPLED
    assert process.sent() == []


class Few(Share):
    """Takes one trace, and no other."""

    def takes(self, trace_id: str) -> bool:
        assert PARENT is not None
        return trace_id == PARENT.trace_id


def test_what_is_to_have_no_span_passes_its_trace_on(process: Process) -> None:
    other = TraceRecord(traceparent="00-" + "2" * 32 + "-" + "2" * 16 + "-01", tracestate="a=b")
    tracing.use(SdkSpans(process.provider.get_tracer("test"), Few()))
    with tracing.child_of(other, "look") as span:
        assert span is not None
        span.set({"registry.model": "m"})
        span.fail("timeout")
        assert tracing.current_trace() == span.trace == other
    assert PARENT is not None
    with tracing.children_of([("a", PARENT), ("b", other)], "record") as spans:
        assert spans["b"].trace == other
        assert spans["a"].trace.span_id != PARENT.span_id
    with pytest.raises(ValueError, match="secret"), tracing.child_of(other, "look"):
        raise ValueError("secret")
    with tracing.request_span("GET", other) as request:  # each request has one
        assert request is not None
        assert request.trace != other
    assert [each.name for each in process.sent()] == ["record", "GET"]


def test_a_caller_decides_whether_its_trace_is_kept() -> None:
    with closing(Process(otel_traces_sampler_arg=0.0)) as process:
        for parent in (PARENT, UNSAMPLED, None):
            with tracing.request_span("GET", parent) as span:
                assert span is not None
                is_kept = int(span.trace.traceparent[-2:], 16) & 1
                assert is_kept == (parent is PARENT)
        assert len(process.sent()) == 1


def test_an_error_is_told_by_its_type_alone(process: Process) -> None:
    signed = "https://storage/object?X-Amz-Signature=secret"
    with pytest.raises(ValueError, match="secret"), tracing.child_of(PARENT, "look"):
        raise ValueError(signed)
    [span] = process.sent()
    assert span.attributes == {"error.type": "ValueError"}
    assert not span.status.is_ok
    assert "secret" not in span.to_json()


def test_while_nothing_is_taken_a_bounded_number_waits_and_nobody_else_does(
    process: Process,
) -> None:
    process.kept.gate.clear()
    for _ in range(4 * QUEUED_SPANS):
        with tracing.request_span("GET", PARENT):
            pass
    process.kept.gate.set()
    # One batch was under way beside what waited.
    assert QUEUED_SPANS <= len(process.sent()) <= QUEUED_SPANS + 512


def test_a_line_of_the_log_names_the_span_that_is_open(
    process: Process, quiet_logs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(SETTINGS, "test")
    log = structlog.get_logger("test")
    with ExitStack() as stack:
        span = stack.enter_context(tracing.child_of(PARENT, "look"))
        assert span is not None
        log.info("within")
        logging.getLogger("library").warning("of a library")
    log.info("outside")
    within, of_library, outside = capsys.readouterr().err.splitlines()
    for line in (within, of_library):
        assert f'"trace_id": "{span.trace.trace_id}"' in line
        assert f'"span_id": "{span.trace.span_id}"' in line
    assert "trace_id" not in outside


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("otel_exporter_otlp_endpoint", "collector:4318"),
        ("otel_exporter_otlp_endpoint", "http://user:secret@collector:4318"),
        ("otel_exporter_otlp_headers", "secret"),
        ("otel_traces_sampler_arg", "2"),
    ],
)
def test_bad_settings_are_named(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({**SETTINGS.model_dump(), name: value})
