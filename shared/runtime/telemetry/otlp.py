"""Sends spans by OTLP over HTTP. Imported only where there are traces.

A span costs its caller some microseconds: a thread sends them in batches, every 5 seconds by the
SDK's default (OTEL_BSP_SCHEDULE_DELAY), as a request takes as much as many spans. Where what takes
them is away, or slow, the newest are kept up to a bound, and all others are lost: nobody waits.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from shared.runtime.release import release
from shared.runtime.settings import Settings
from shared.runtime.telemetry import tracing
from shared.runtime.telemetry.spans import SdkSpans

QUEUED_SPANS = 2048
"""Spans that wait to be sent; of more the oldest are lost."""
BATCH_SPANS = 512
SEND_SECONDS = 5.0
"""Limit for sending a batch, its repetitions included."""
END_SECONDS = 2.0
"""How long the end of the process waits for the last spans."""
MOST_CHARACTERS = 256
"""Of an attribute."""


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
    provider.add_span_processor(
        BatchSpanProcessor(exporter, QUEUED_SPANS, max_export_batch_size=BATCH_SPANS)
    )
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
