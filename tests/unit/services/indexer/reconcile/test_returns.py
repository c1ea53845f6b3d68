"""When buckets and records are compared after Kafka was away."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.indexer.reconcile.returns import (
    APART_SECONDS,
    COUNTED_SECONDS,
    SETTLE_SECONDS,
    Returns,
)

NEVER = -math.inf


def test_without_a_return_nothing_is_due() -> None:
    assert Returns().due_at(NEVER) is None


def test_a_comparison_is_due_once_storage_drops_nothing_any_more() -> None:
    returns = Returns()
    returns.note(100)
    assert returns.due_at(NEVER) == 100 + SETTLE_SECONDS


def test_comparisons_keep_apart() -> None:
    returns = Returns()
    returns.note(100)
    assert returns.due_at(99) == 99 + APART_SECONDS


def test_one_that_began_before_the_return_or_just_after_it_does_not_count() -> None:
    for began in (50.0, 100 + COUNTED_SECONDS - 1):
        returns = Returns()
        returns.note(100)
        returns.compared(began)
        assert returns.due_at(began) is not None


def test_one_that_another_process_began_counts() -> None:
    returns = Returns()
    returns.note(104)  # the other one had noticed it at 100
    returns.compared(100 + SETTLE_SECONDS)
    assert returns.due_at(100 + SETTLE_SECONDS) is None


def test_a_return_during_the_wait_is_compared_after_too() -> None:
    returns = Returns()
    returns.note(100)
    returns.note(112)
    assert returns.due_at(NEVER) == 100 + SETTLE_SECONDS
    returns.compared(100 + SETTLE_SECONDS)
    assert returns.due_at(100 + SETTLE_SECONDS) == 100 + SETTLE_SECONDS + APART_SECONDS


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_after_each_return_one_is_made_and_they_keep_apart(pauses: list[int]) -> None:
    """However often Kafka goes and comes, with one process that compares when it is due."""
    returns, began, at = Returns(), list[float](), 0.0
    noted = list[float]()
    for pause in [*pauses, math.inf]:
        while (due := returns.due_at(began[-1] if began else NEVER)) is not None:
            if due > at + pause:
                break
            began.append(due)
            returns.compared(due)
        if pause < math.inf:
            at += pause
            noted.append(at)
            returns.note(at)
    assert all(later - sooner >= APART_SECONDS for sooner, later in pairwise(began))
    for each in noted:
        late = min(b for b in began if b >= each + COUNTED_SECONDS)
        assert late <= each + SETTLE_SECONDS + APART_SECONDS + COUNTED_SECONDS
