"""Spans of requests: in the trace of whoever asks, or of one that begins where something changes.

By hand, in the order of the other middlewares: what FastAPI and Starlette bring tells addresses,
agents and queries of callers, and queries may be what somebody searches for.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.traces import TraceRecord, read_trace
from shared.runtime.telemetry.labels import OTHER
from shared.runtime.telemetry.tracing import Span, request_span
from shared.web.metrics import METHODS, PATH, route_template

_UNTRACED = ("/health/", PATH)
"""What asks for these asks for ever, and nobody looks for the trace of it."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that begin no trace of their own: a lookup would cost a tenth more, and leads nowhere."""


class Traced:
    """Has a span open while a request is answered; it is called by the template of its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on inside its span."""
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        trace = told_trace(scope)
        if trace is None and method in READING:
            await self._app(scope, receive, send)
            return
        with request_span(method, trace) as span:
            if span is None:  # the service begins, or ends
                await self._app(scope, receive, send)
                return
            span.set({"http.request.method": method, "url.scheme": scope.get("scheme", "http")})

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _answered(span, message["status"])
                await send(message)

            try:
                await self._app(scope, receive, noted)
            finally:
                _named(span, method, scope)


def told_trace(scope: Scope) -> TraceRecord | None:
    """Return the trace that a request says it belongs to; None for what is none.

    Two headers of a kind are none either: nobody knows which one counts.
    """
    headers: dict[bytes, list[bytes]] = {b"traceparent": [], b"tracestate": []}
    for name, value in scope["headers"]:
        if name in headers:
            headers[name].append(value)
    if len(headers[b"traceparent"]) != 1:
        return None
    state = b",".join(headers[b"tracestate"]).decode("latin-1")
    return read_trace(headers[b"traceparent"][0].decode("latin-1"), state or None)


def _answered(span: Span, status: int) -> None:
    span.set({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))


def _named(span: Span, method: str, scope: Scope) -> None:
    """Call the span by its route, which is known once the request was matched."""
    route = route_template(scope)
    if route is not None:
        span.rename(f"{method} {route}")
    span.set({"http.route": route, "registry.request_id": scope.get("state", {}).get("request_id")})
