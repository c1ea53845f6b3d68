"""Contexts that anybody may send: read as W3C Trace Context says, bounded, or passed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.traces import MAX_STATE_CHARACTERS, read_trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_context_tells_its_trace_and_its_span() -> None:
    trace = read_trace(GOOD, "vendor=value")
    assert trace is not None
    assert (trace.trace_id, trace.span_id) == (TRACE, SPAN)
    assert trace.headers() == {"traceparent": GOOD, "tracestate": "vendor=value"}


def test_a_later_version_of_the_standard_is_read_as_far_as_it_is_known() -> None:
    trace = read_trace(f"01-{TRACE}-{SPAN}-01-more")
    assert trace is not None
    assert (trace.trace_id, trace.span_id) == (TRACE, SPAN)


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "words",
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD}-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01more",
        f"01-{TRACE}-{SPAN}-01-" + "x" * 1000,
    ],
)
def test_what_is_no_context_is_none(told: str | None) -> None:
    assert read_trace(told, "vendor=value") is None


@pytest.mark.parametrize("state", ["", "a=\n", "a=\x00", "a=ä", "a=" + "x" * MAX_STATE_CHARACTERS])
def test_a_state_that_is_none_is_left_out_alone(state: str) -> None:
    trace = read_trace(GOOD, state)
    assert trace is not None
    assert trace.headers() == {"traceparent": GOOD}


@given(st.text(max_size=600), st.text(max_size=600))
def test_whatever_is_read_can_be_sent_on_as_headers(parent: str, state: str) -> None:
    for told in (parent, GOOD):
        trace = read_trace(told, state)
        if trace is not None:
            assert all(text.isascii() and text.isprintable() for text in trace.headers().values())
