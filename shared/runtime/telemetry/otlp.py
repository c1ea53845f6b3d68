"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. Imported only where there are traces.

A span costs its caller some microseconds: a thread sends them in batches. Where what takes them is
away, or slow, the newest are kept up to a bound, and all others are lost: nobody waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from shared.domain.traces import TraceRecord
from shared.runtime.release import release
from shared.runtime.settings import Settings
from shared.runtime.telemetry import tracing
from shared.runtime.telemetry.share import Share
from shared.runtime.telemetry.tracing import Attribute, Kind

QUEUED_SPANS = 2048
"""Spans that wait to be sent; of more the oldest are lost."""
BATCH_SPANS = 512
EVERY_MILLISECONDS = 1000
"""How often what waits is sent, however little it is."""
SEND_SECONDS = 5.0
"""Limit for sending a batch, its repetitions included."""
END_SECONDS = 2.0
"""How long the end of the process waits for the last spans."""
MOST_CHARACTERS = 256
"""Of an attribute."""
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

    def __init__(self, span: api.Span, trace: TraceRecord | None = None) -> None:
        self._span = span
        self._trace = trace

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
            for name, value in attributes.items():
                if value is not None:
                    self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        """Say that it went wrong."""
        self.set({"error.type": kind})
        self._span.set_status(api.StatusCode.ERROR)

    def is_current(self) -> AbstractContextManager[object]:
        """Have it be the current one inside the block, and end it then."""
        return api.use_span(
            self._span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        )

    def end(self) -> None:
        """Say that what it is of is over."""
        self._span.end()


class SdkSpans:
    """Makes spans by a tracer of the SDK."""

    def __init__(self, tracer: api.Tracer, share: Share | None = None) -> None:
        self._tracer = tracer
        self._share = share or Share()

    def start(
        self, name: str, kind: Kind, parent: TraceRecord | None
    ) -> AbstractContextManager[OpenSpan]:
        """Have a span open, and current, inside the block; without a parent, under the current."""
        context = None if parent is None else _context_of(parent)
        return _opened(OpenSpan(self._tracer.start_span(name, context, _KINDS[kind])))

    def child(self, name: str, kind: Kind, parent: TraceRecord) -> AbstractContextManager[OpenSpan]:
        """Have a span open, and current, inside the block: the parent itself where many traces
        want spans, and this one is to have no more of them."""
        return _opened(self._below(name, kind, parent))

    @contextmanager
    def beside(
        self, name: str, kind: Kind, parents: Mapping[str, TraceRecord]
    ) -> Generator[Mapping[str, OpenSpan]]:
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

    def current(self) -> OpenSpan | None:
        """Return the span that is open here."""
        span = api.get_current_span()
        return OpenSpan(span) if span.get_span_context().is_valid else None

    def _below(self, name: str, kind: Kind, parent: TraceRecord) -> OpenSpan:
        context = _context_of(parent)
        if parent.is_sampled and not self._share.takes(parent.trace_id):
            return OpenSpan(api.get_current_span(context), parent)
        return OpenSpan(self._tracer.start_span(name, context, _KINDS[kind]))


@contextmanager
def _opened(span: OpenSpan) -> Generator[OpenSpan]:
    """Have a span current inside the block, and end it.

    An error that ends the block is told by its type alone: its text may hold a signed URL.
    """
    with span.is_current():
        try:
            yield span
        except Exception as error:
            span.fail(type(error).__name__)
            raise


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


def make_provider(settings: Settings, service: str, exporter: SpanExporter) -> TracerProvider:
    """Return what samples spans, and has them sent from a thread of its own."""
    provider = TracerProvider(
        ParentBased(TraceIdRatioBased(settings.otel_traces_sampler_arg)),
        Resource.create(
            {
                "service.name": f"registry-{service}",
                "service.namespace": settings.registry_name,
                "service.version": release() or "unknown",
            }
        ),
        shutdown_on_exit=False,  # the service ends it, within a bound
        span_limits=SpanLimits(max_span_attribute_length=MOST_CHARACTERS),
    )
    batches = BatchSpanProcessor(
        exporter,
        max_queue_size=QUEUED_SPANS,
        schedule_delay_millis=EVERY_MILLISECONDS,
        max_export_batch_size=BATCH_SPANS,
    )
    provider.add_span_processor(batches)
    return provider


@asynccontextmanager
async def sending_spans(settings: Settings, service: str) -> AsyncGenerator[None]:
    """Make spans, and send them, inside the block; its end waits some seconds for the last ones."""
    # Each try that failed is told as a warning; that a batch was lost is an error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    # It warns of a caller's tracestate that is wrong, with its text, at each request.
    logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
    exporter = OTLPSpanExporter(
        settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces",
        headers=settings.otlp_headers,
        timeout=SEND_SECONDS,
    )
    provider = make_provider(settings, service, exporter)
    tracing.use(SdkSpans(provider.get_tracer("registry", release())))
    try:
        yield
    finally:
        tracing.use(None)
        ending = asyncio.create_task(asyncio.to_thread(provider.shutdown))
        _, late = await asyncio.wait([ending], timeout=END_SECONDS)
        if late:
            exporter.shutdown()  # what is being sent ends in time, and nothing is sent after it
