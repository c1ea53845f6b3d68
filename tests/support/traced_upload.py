"""A program that makes spans and uploads: `traced_upload.py STORE URL MODEL`.

It is called within a trace, which TRACEPARENT names, and has OpenTelemetry set up as users do.
"""

import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from registry import ModelRegistryClient


def main(store: str, url: str, model: str, parent: str) -> None:
    """Train, which takes no time here, and upload what came of it."""
    provider = TracerProvider(resource=Resource.create({"service.name": "training"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{store}/v1/traces")))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("training")
    with (
        ModelRegistryClient(url) as client,
        tracer.start_as_current_span("train", extract({"traceparent": parent})),
    ):
        client.upload(model, b"weights", path="model.bin")
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
