"""Requests have spans where they belong to a trace, or change something, and else none."""

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from shared.runtime.telemetry import tracing
from shared.web.tracing import Traced
from tests.unit.shared.runtime.telemetry.test_tracing import Process, process

__all__ = ["process"]  # a fixture
PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def seen_by_the_service(method: str, path: str, *parents: bytes) -> bool:
    """Whether a span is open while a request is answered."""
    seen: list[bool] = []

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(tracing.current_trace() is not None)
        await send({"type": "http.response.start", "status": 500, "headers": []})

    async def send(message: Any) -> None:
        del message

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    headers = [(b"traceparent", parent) for parent in parents]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    await Traced(service)(scope, receive, send)
    return seen[0]


@pytest.mark.parametrize(
    ("method", "path", "parents", "is_traced"),
    [
        ("GET", "/v1/models", [PARENT], True),
        ("GET", "/v1/models", [], False),
        ("GET", "/v1/models", [b"words"], False),
        ("GET", "/v1/models", [PARENT, PARENT], False),
        ("POST", "/v1/uploads", [], True),
        ("POST", "/v1/uploads", [b"words"], True),
        ("GET", "/health/ready", [PARENT], False),
        ("GET", "/metrics", [PARENT], False),
    ],
)
async def test_which_requests_have_a_span(
    process: Process, method: str, path: str, parents: list[bytes], is_traced: bool
) -> None:
    assert await seen_by_the_service(method, path, *parents) == is_traced
    sent = process.sent()
    assert len(sent) == is_traced
    if is_traced:
        assert sent[0].attributes is not None
        assert sent[0].attributes["http.response.status_code"] == 500
        assert not sent[0].status.is_ok
