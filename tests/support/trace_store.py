"""A store of traces: takes spans by OTLP over HTTP, as a collector does; shows them as trees."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.support.eventually import eventually
from tests.support.serving import Quiet, running


@dataclass(frozen=True)
class StoredSpan:
    """A span as it was sent."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty: none."""
    name: str
    service: str
    kind: int
    began: int
    """Nanoseconds since 1970."""
    ended: int
    attributes: Mapping[str, str | int | float | bool]
    has_failed: bool

    @property
    def milliseconds(self) -> float:
        return (self.ended - self.began) / 1e6


@dataclass
class TraceStore:
    """What was sent, and how the store behaves."""

    url: str = ""
    spans: list[StoredSpan] = field(default_factory=list[StoredSpan])
    requests: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    """Headers of each request; names in lower case."""
    is_frozen: bool = False
    """Whether requests are kept waiting, and answered nothing."""
    is_away: bool = False
    """Whether connections are closed at once."""
    released: threading.Event = field(default_factory=threading.Event)

    def freeze(self) -> None:
        """Answer nothing from now on."""
        self.is_frozen = True

    def go_away(self) -> None:
        """Close each connection from now on."""
        self.is_away = True

    def thaw(self) -> None:
        """Answer again; whoever waits is let go."""
        self.is_frozen = self.is_away = False
        self.released.set()
        self.released = threading.Event()

    def of(self, trace_id: str) -> list[StoredSpan]:
        """Return the spans of a trace, in the order in which they began."""
        return sorted(
            (each for each in list(self.spans) if each.trace_id == trace_id),
            key=lambda each: each.began,
        )

    async def until(
        self, trace_id: str, is_enough: Callable[[Sequence[StoredSpan]], bool]
    ) -> list[StoredSpan]:
        """Wait until a trace has what is waited for, and return it."""

        async def look() -> list[StoredSpan] | None:
            found = self.of(trace_id)
            return found if is_enough(found) else None

        try:
            return await eventually(look)
        except TimeoutError:
            raise AssertionError(f"not enough came:\n{tree(self.of(trace_id))}") from None


def path_of(span: StoredSpan, spans: Sequence[StoredSpan]) -> list[str]:
    """Return the names from the root of a trace down to a span."""
    by_id = {each.span_id: each for each in spans}
    names: list[str] = []
    at: StoredSpan | None = span
    while at is not None:
        names.insert(0, at.name)
        at = by_id.get(at.parent_id)
    return names


def tree(spans: Sequence[StoredSpan]) -> str:
    """Return a trace as lines, what caused what by indentation, with durations."""
    known = {each.span_id for each in spans}
    first = min((each.began for each in spans), default=0)

    def lines(parent: str, depth: int) -> Iterator[str]:
        for each in spans:
            is_below = each.parent_id == parent if parent else each.parent_id not in known
            if is_below:
                name = f"{'  ' * depth}{each.name}"
                at = (each.began - first) / 1e6
                yield f"{name:58} {each.service:18} +{at:7.1f} ms {each.milliseconds:8.1f} ms"
                yield from lines(each.span_id, depth + 1)

    return "\n".join(lines("", 0))


@contextmanager
def trace_store() -> Generator[TraceStore]:
    """Take traces at an address of its own while the block runs."""
    store = TraceStore()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            store.requests.append({**headers, ":path": self.path})
            if store.is_frozen:
                store.released.wait(60)
            if store.is_frozen or store.is_away:
                self.close_connection = True
                return
            store.spans.extend(_read(body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        store.url = f"http://127.0.0.1:{port}"
        try:
            yield store
        finally:
            store.thaw()


def _read(body: bytes) -> Iterator[StoredSpan]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = {each.key: _value(each.value) for each in of_resource.resource.attributes}
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield StoredSpan(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    str(resource["service.name"]),
                    span.kind,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    {each.key: _value(each.value) for each in span.attributes},
                    span.status.code == span.status.STATUS_CODE_ERROR,
                )


def _value(value: AnyValue) -> str | int | float | bool:
    found = getattr(value, str(value.WhichOneof("value")))
    assert isinstance(found, str | int | float | bool)
    return found
