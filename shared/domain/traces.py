"""Trace contexts: which trace something belongs to, as W3C Trace Context writes it.

Read from what anybody may send, and kept in records and events, so that a trace goes on where
nothing else does: storage's events tell of an object, and not of who sent it.
"""

import re

from pydantic import BaseModel, ConfigDict

MAX_STATE_CHARACTERS = 512
"""As much of a `tracestate` must be passed on, says the standard; a longer one is left out."""
_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{0,200})?"
)
_STATE = re.compile(rf"[ -~]{{1,{MAX_STATE_CHARACTERS}}}")


class TraceRecord(BaseModel):
    """The span that caused something: https://www.w3.org/TR/trace-context/."""

    model_config = ConfigDict(frozen=True, extra="allow")

    traceparent: str
    tracestate: str | None = None
    """What tracing systems say of it among themselves."""

    @property
    def trace_id(self) -> str:
        """Which trace it is."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """Which span of it."""
        return self.traceparent[36:52]

    @property
    def is_sampled(self) -> bool:
        """Whether whoever began it keeps it."""
        return bool(int(self.traceparent[53:55], 16) & 1)

    def headers(self) -> dict[str, str]:
        """Return it as headers of a request or a message."""
        if self.tracestate is None:
            return {"traceparent": self.traceparent}
        return {"traceparent": self.traceparent, "tracestate": self.tracestate}


def logged(trace: TraceRecord | None) -> dict[str, str]:
    """Return how a line of the log that no span is open for names the trace it belongs to."""
    return {} if trace is None else {"trace_id": trace.trace_id}


def is_none(value: object) -> bool:
    """Whether there is no context: then a record and an event have no such field either."""
    return value is None


def read_trace(traceparent: str | None, tracestate: str | None = None) -> TraceRecord | None:
    """Return a context that somebody sent; None where it is none, as the standard demands.

    A `tracestate` that is none is left out alone.
    """
    if traceparent is None or not _PARENT.fullmatch(traceparent):
        return None
    if traceparent.startswith("00-") and len(traceparent) != 55:
        return None  # version 00 has nothing behind its flags
    if tracestate is None or not _STATE.fullmatch(tracestate):
        return TraceRecord(traceparent=traceparent)
    return TraceRecord(traceparent=traceparent, tracestate=tracestate)
