"""The client in a program's trace: it is carried on where there is one, and nowhere else."""

import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from tests.unit.client_fake import FakeRegistry

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def _no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACEPARENT", "TRACESTATE"):
        monkeypatch.delenv(name, raising=False)


def traces_told(fake: FakeRegistry) -> set[tuple[str | None, str | None]]:
    """What requests to the services told; storage is told nothing, since it is no part of it."""
    assert all("traceparent" not in each.headers for each in fake.sent("PUT .*"))
    names = ("traceparent", "tracestate")
    return {
        (each.headers.get(names[0]), each.headers.get(names[1]))
        for each in fake.requests
        if each.url.host == "registry.test"
    }


async def test_a_program_in_no_trace_tells_of_none() -> None:
    fake = FakeRegistry()
    async with fake.client() as client:
        await client.upload("churn", b"weights", path="a.bin")
    assert traces_told(fake) == {(None, None)}


async def test_a_program_that_was_called_within_a_trace_carries_it_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)
    monkeypatch.setenv("TRACESTATE", "vendor=value")
    fake = FakeRegistry()
    async with fake.client() as client:
        await client.upload("churn", b"weights", path="a.bin")
    assert traces_told(fake) == {(PARENT, "vendor=value")}


@pytest.mark.parametrize("told", ["words", PARENT + "\n", PARENT + "-more", "ä" * 55])
async def test_what_is_no_context_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("TRACEPARENT", told)
    fake = FakeRegistry()
    async with fake.client() as client:
        await client.upload("churn", b"weights", path="a.bin")
    assert traces_told(fake) == {(None, None)}


def test_the_span_that_is_open_around_a_blocking_call_counts_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)
    fake = FakeRegistry()
    span = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)))
    with trace.use_span(span), fake.blocking_client() as client:
        client.upload("churn", b"weights", path="a.bin")
    assert traces_told(fake) == {(f"00-{1:032x}-{2:016x}-01", None)}


def test_the_client_loads_no_opentelemetry_by_itself() -> None:
    code = (
        "import sys; from registry._tracing import client_span, trace_headers\n"
        "with client_span('x', {}): trace_headers()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
