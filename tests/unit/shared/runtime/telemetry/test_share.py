"""Where many traces want spans, some have all of theirs, and the others none."""

import random
from secrets import token_hex

from shared.runtime.telemetry.share import Share


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def second_of(share: Share, clock: Clock, traces: list[str]) -> set[str]:
    """Want a span for each of these traces within a second; return those that have one."""
    taken: set[str] = set()
    begun = clock.now
    for number, trace in enumerate(traces, start=1):
        if share.takes(trace):
            taken.add(trace)
        clock.now = begun + number / len(traces)
    return taken


def test_all_traces_have_spans_while_few_are_wanted() -> None:
    clock = Clock()
    share = Share(100, clock)
    for _ in range(20):
        traces = [token_hex(16) for _ in range(random.randint(1, 100))]  # noqa: S311
        assert second_of(share, clock, traces) == set(traces)


def test_of_many_about_as_many_have_spans_as_are_allowed() -> None:
    clock = Clock()
    share = Share(100, clock)
    second_of(share, clock, [token_hex(16) for _ in range(1000)])
    taken = [len(second_of(share, clock, [token_hex(16) for _ in range(1000)])) for _ in range(50)]
    assert 90 <= sum(taken) / len(taken) <= 110


def test_a_trace_that_has_spans_has_them_at_each_step_and_in_each_process() -> None:
    clock, elsewhere = Clock(), Clock()
    share, other = Share(100, clock), Share(100, elsewhere)
    for seconds in range(20):
        traces = [token_hex(16) for _ in range(500)]
        seen = second_of(share, clock, traces), second_of(other, elsewhere, traces)
        traces.reverse()
        again = second_of(share, clock, traces), second_of(other, elsewhere, traces)
        assert seen[0] == seen[1]
        if seconds > 0:
            assert seen == again
            assert 0 < len(seen[0]) < 500


def test_a_burst_after_a_rest_has_few_spans_more_than_are_allowed() -> None:
    clock = Clock()
    share = Share(100, clock)
    taken = sum(share.takes(token_hex(16)) for _ in range(10_000))
    assert 200 <= taken <= 1400, "200 of all, of a half, of a quarter, and so on"


def test_batches_with_little_between_them_have_no_more_spans_than_a_steady_stream() -> None:
    clock = Clock()
    share = Share(100, clock)
    taken = 0
    for _ in range(20):
        taken += sum(share.takes(token_hex(16)) for _ in range(4000))
        for _ in range(4):
            taken += len(second_of(share, clock, [token_hex(16) for _ in range(5)]))
    assert taken <= 20 * 4 * 200


def test_once_few_are_wanted_again_all_have_spans_again() -> None:
    clock = Clock()
    share = Share(100, clock)
    for _ in range(3):
        second_of(share, clock, [token_hex(16) for _ in range(1000)])
    for _ in range(4):  # a tenth of them, a fifth, two fifths, four fifths
        second_of(share, clock, [token_hex(16) for _ in range(50)])
    traces = [token_hex(16) for _ in range(50)]
    assert second_of(share, clock, traces) == set(traces)
    clock.now += 3600
    assert second_of(share, clock, traces) == set(traces)
