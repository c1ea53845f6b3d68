"""Spans of the process, where settings ask for traces; elsewhere nothing of it is there.

What makes and sends spans is put in once, when a service starts, as its logs are configured once.
Without it each function here returns at once, and OpenTelemetry is not even imported.

Work that no request does, such as that on a bucket event, has spans only where it belongs to a
trace that is known. So what goes on by itself begins no traces of its own.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from typing import Literal, Protocol

from shared.domain.traces import TraceRecord
from shared.runtime.settings import Settings

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = str | int | float | bool
NO_SPAN = nullcontext()
NO_SPANS: AbstractContextManager[Mapping[str, "Span"]] = nullcontext({})


class Span(Protocol):
    """A span that is open."""

    @property
    def trace(self) -> TraceRecord:
        """How whatever it causes names it."""
        ...

    def set(self, attributes: Mapping[str, Attribute | None]) -> None:
        """Tell more of it; what is None is left out. Never a secret, and no signed URL."""
        ...

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        ...

    def fail(self, kind: str) -> None:
        """Say that it went wrong, by a word for what it was."""
        ...


class Spans(Protocol):
    """Makes spans."""

    def start(
        self, name: str, kind: Kind, parent: TraceRecord | None
    ) -> AbstractContextManager[Span]:
        """Have a span open, and current, inside the block; without a parent its trace begins."""
        ...

    def child(self, name: str, kind: Kind, parent: TraceRecord) -> AbstractContextManager[Span]:
        """Have a span open, and current, inside the block: the parent itself where nobody keeps
        it, or where many traces want spans and this one is to have no more of them."""
        ...

    def beside(
        self, name: str, kind: Kind, parents: Mapping[str, TraceRecord]
    ) -> AbstractContextManager[Mapping[str, Span]]:
        """Have a child, or the parent itself, open for each parent; none of them is current."""
        ...


CURRENT: ContextVar[Span | None] = ContextVar("current_span", default=None)
"""The span that is open here. Not OpenTelemetry's own: it would have to be told of spans that are
not made as well, and asking it for the name of the current one costs as much as a small span."""


class _Process:
    spans: Spans | None = None
    """What makes the spans of this process; None: there are none."""


def use(spans: Spans | None) -> None:
    """Make spans by this from now on; None: no more."""
    _Process.spans = spans


def prepare_tracing(settings: Settings) -> None:
    """Load OpenTelemetry where it will be used, before garbage collections pass over modules."""
    if settings.is_traced:
        import_module("shared.runtime.telemetry.otlp")


def traced(settings: Settings, service: str) -> AbstractAsyncContextManager[None]:
    """Make spans, and send them, inside the block; nothing where settings ask for no traces."""
    if not settings.is_traced:
        return NO_SPAN
    from shared.runtime.telemetry.otlp import sending_spans  # only here: it loads OpenTelemetry

    return sending_spans(settings, service)


def child_of(
    trace: TraceRecord | None, name: str, kind: Kind = "internal"
) -> AbstractContextManager[Span | None]:
    """Have a span open inside the block, caused by what has this context; none without it."""
    if _Process.spans is None or trace is None:
        return NO_SPAN
    return _Process.spans.child(name, kind, trace)


def children_of(
    traces: Iterable[tuple[str, TraceRecord | None]], name: str, kind: Kind = "internal"
) -> AbstractContextManager[Mapping[str, Span]]:
    """Have spans open side by side inside the block, for what is done together but caused by
    different traces; they come by the same keys, and not for what has no trace."""
    if _Process.spans is None:
        return NO_SPANS
    known = {key: trace for key, trace in traces if trace is not None}
    return _Process.spans.beside(name, kind, known)


def request_span(
    name: str, trace: TraceRecord | None, kind: Kind = "server"
) -> AbstractContextManager[Span | None]:
    """Have a span open inside the block, whose trace begins here where none is given."""
    if _Process.spans is None:
        return NO_SPAN
    return _Process.spans.start(name, kind, trace)


def current_span() -> Span | None:
    """Return the span that is open here; None where none is."""
    return CURRENT.get()


def current_trace() -> TraceRecord | None:
    """Return what names the span that is open here; None where none is."""
    span = CURRENT.get()
    return None if span is None else span.trace
