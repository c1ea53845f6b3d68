"""Spans by OpenTelemetry's SDK, and what stands for those that are not made.

Imported only where there are traces.
"""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from typing import Self

from opentelemetry import trace as api
from opentelemetry.context import Context

from shared.domain.traces import TraceRecord
from shared.runtime.telemetry.share import Share
from shared.runtime.telemetry.tracing import CURRENT, Attribute, Kind, Span

KNOWN_FLAGS = 0x03
"""Sampled, and that the trace's id is random: others mean nothing yet, and are not passed on."""
_KINDS: Mapping[Kind, api.SpanKind] = {
    "internal": api.SpanKind.INTERNAL,
    "server": api.SpanKind.SERVER,
    "client": api.SpanKind.CLIENT,
    "producer": api.SpanKind.PRODUCER,
    "consumer": api.SpanKind.CONSUMER,
}


class OpenSpan:
    """A span of the SDK, as the services see it."""

    def __init__(self, span: api.Span) -> None:
        self._span = span
        self._trace: TraceRecord | None = None
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Self:
        """Have it be the current one inside the block.

        One without an id is none: the SDK gives it where OTEL_SDK_DISABLED says so.
        """
        if self._span.get_span_context().is_valid:
            self._token = CURRENT.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End it, and have the one before be the current one again.

        An error that ends the block is told by its type alone: its text may hold a signed URL.
        """
        if self._token is not None:
            CURRENT.reset(self._token)
        if kind is not None and issubclass(kind, Exception):
            self.fail(kind.__name__)
        self.end()

    @property
    def trace(self) -> TraceRecord:
        """How whatever it causes names it."""
        if self._trace is None:
            self._trace = self._told()
        return self._trace

    def _told(self) -> TraceRecord:
        found = self._span.get_span_context()
        trace_id, span_id = api.format_trace_id(found.trace_id), api.format_span_id(found.span_id)
        return TraceRecord(
            traceparent=f"00-{trace_id}-{span_id}-{found.trace_flags:02x}",
            tracestate=found.trace_state.to_header() or None,
        )

    def set(self, attributes: Mapping[str, Attribute | None]) -> None:
        """Tell more of it; what is None is left out."""
        if self._span.is_recording():
            self._span.set_attributes({n: v for n, v in attributes.items() if v is not None})

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        """Say that it went wrong."""
        self.set({"error.type": kind})
        self._span.set_status(api.StatusCode.ERROR)

    def end(self) -> None:
        """Say that what it is of is over."""
        self._span.end()


class PassedOn:
    """Stands for a span that is not made: whatever it would cause belongs to its parent."""

    def __init__(self, trace: TraceRecord) -> None:
        self.trace = trace
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Self:
        """Have it stand for the current one inside the block."""
        self._token = CURRENT.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Have the one before be the current one again."""
        if self._token is not None:
            CURRENT.reset(self._token)

    def set(self, attributes: Mapping[str, Attribute | None]) -> None:
        """Nothing: there is nothing to tell it of."""

    def rename(self, name: str) -> None:
        """Nothing, as for `set`."""

    def fail(self, kind: str) -> None:
        """Nothing, as for `set`."""

    def end(self) -> None:
        """Nothing, as for `set`."""


class SdkSpans:
    """Makes spans by a tracer of the SDK."""

    def __init__(self, tracer: api.Tracer, share: Share | None = None) -> None:
        self._tracer = tracer
        self._share = share or Share()

    def start(
        self, name: str, kind: Kind, parent: TraceRecord | None
    ) -> AbstractContextManager[OpenSpan]:
        """Have a span open, and current, inside the block; without a parent its trace begins."""
        return self._open(name, kind, parent)

    def child(self, name: str, kind: Kind, parent: TraceRecord) -> AbstractContextManager[Span]:
        """Have a span open, and current, inside the block: the parent itself where nobody keeps
        it, or where many traces want spans and this one is to have no more of them."""
        return self._below(name, kind, parent)

    @contextmanager
    def beside(
        self, name: str, kind: Kind, parents: Mapping[str, TraceRecord]
    ) -> Generator[Mapping[str, Span]]:
        """Have a child, or the parent itself, open for each parent; none of them is current."""
        opened = {key: self._below(name, kind, parent) for key, parent in parents.items()}
        try:
            yield opened
        except Exception as error:
            for each in opened.values():
                each.fail(type(error).__name__)
            raise
        finally:
            for each in opened.values():
                each.end()

    def _below(self, name: str, kind: Kind, parent: TraceRecord) -> OpenSpan | PassedOn:
        if parent.is_sampled and self._share.takes(parent.trace_id):
            return self._open(name, kind, parent)
        return PassedOn(parent)

    def _open(self, name: str, kind: Kind, parent: TraceRecord | None) -> OpenSpan:
        context = Context() if parent is None else _context_of(parent)
        return OpenSpan(self._tracer.start_span(name, context, _KINDS[kind]))


def _context_of(trace: TraceRecord) -> Context:
    """Return a context in which a span of another process is current."""
    _, trace_id, span_id, flags = trace.traceparent[:55].split("-")
    state = api.TraceState.from_header([trace.tracestate]) if trace.tracestate else None
    known = api.SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=api.TraceFlags(int(flags, 16) & KNOWN_FLAGS),
        trace_state=state,
    )
    return api.set_span_in_context(api.NonRecordingSpan(known), Context())
