"""The trace that a program is in: requests carry it on, and an upload is a span of it.

Without anything to install or to switch on: a program that makes spans has loaded OpenTelemetry's
API itself, and one that was called within a trace has TRACEPARENT in its environment. In any other
program nothing of this happens.
"""

import os
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager

_API = "opentelemetry.trace"
_PARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_STATE = re.compile(r"[!-~]([ -~]{0,510}[!-~])?")
"""Both as https://www.w3.org/TR/trace-context/ has them; anything else is passed over."""


def trace_headers() -> dict[str, str]:
    """Return the headers that tell which trace a request belongs to; empty where there is none."""
    headers: dict[str, str] = {}
    if _API in sys.modules:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(headers)
    return headers or _given()


def _given() -> dict[str, str]:
    """Return the trace in which the program was called."""
    parent, state = os.environ.get("TRACEPARENT", ""), os.environ.get("TRACESTATE", "")
    if not _PARENT.fullmatch(parent):
        return {}
    told = {"traceparent": parent}
    return told | {"tracestate": state} if _STATE.fullmatch(state) else told


@contextmanager
def client_span(name: str, attributes: Mapping[str, str]) -> Generator[None]:
    """Have a span of the program's own tracer open inside the block, where it has one."""
    if _API not in sys.modules:
        yield
        return
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    is_within = trace.get_current_span().get_span_context().is_valid
    parent = None if is_within else TraceContextTextMapPropagator().extract(_given())
    tracer = trace.get_tracer("registry")
    # An error's text may hold a signed URL: only its type is told.
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
