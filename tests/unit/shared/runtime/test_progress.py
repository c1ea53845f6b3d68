"""A mark tells whether a loop goes on while something waits for it."""

import asyncio

import pytest

from shared.runtime import progress
from shared.runtime.progress import (
    Mark,
    growing_pause,
    rest_after,
    resting,
    tell_progress,
    troubles,
)


class Clock:
    """A clock that stands until it is put forward."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mark(clock: Clock) -> Mark:
    return Mark("lane 1", 10, clock)


def test_a_loop_that_has_not_begun_is_not_stuck(mark: Mark, clock: Clock) -> None:
    clock.seconds = 1e6
    assert not mark.is_stuck


def test_a_loop_that_moves_is_not_stuck(mark: Mark, clock: Clock) -> None:
    for _ in range(5):
        mark.moved()
        clock.seconds += 10
        assert not mark.is_stuck


def test_a_step_that_takes_longer_than_the_limit_is_named(mark: Mark, clock: Clock) -> None:
    mark.moved()
    clock.seconds = 10.5
    assert mark.age == 10.5
    assert mark.trouble() == "lane 1 stands still (10 s)"
    mark.moved()
    assert mark.trouble() == ""


def test_a_rest_of_known_length_is_added_to_the_limit(mark: Mark, clock: Clock) -> None:
    mark.idle(5)
    clock.seconds = 14.9
    assert not mark.is_stuck
    clock.seconds = 15.1
    assert mark.is_stuck, "it did not look again as it said"


def test_a_rest_until_something_comes_may_last(mark: Mark, clock: Clock) -> None:
    mark.moved()
    mark.idle()
    clock.seconds = 1e6
    assert not mark.is_stuck


async def test_what_a_loop_does_deep_inside_tells_of_steps(mark: Mark, clock: Clock) -> None:
    mark.moved()
    with mark.told_from_within():
        clock.seconds = 9
        await asyncio.create_task(_step())
        clock.seconds = 18
        assert not mark.is_stuck
    tell_progress()  # of no loop
    clock.seconds = 19.5
    assert mark.is_stuck


def test_who_waits_for_what_others_hold_is_not_stuck(mark: Mark, clock: Clock) -> None:
    mark.moved()
    with mark.told_from_within():
        with resting():
            clock.seconds = 1000
            assert not mark.is_stuck
        with resting(50):
            clock.seconds = 1059
            assert not mark.is_stuck
            clock.seconds = 1061
            assert mark.is_stuck
        assert not mark.is_stuck
    with resting():  # of no loop
        pass


async def _step() -> None:
    tell_progress()


def test_a_step_of_others_does_not_wake_a_loop_that_rests(mark: Mark, clock: Clock) -> None:
    mark.idle()
    mark.step()
    clock.seconds = 1e6
    assert not mark.is_stuck


async def test_a_failure_is_told_until_it_succeeds(
    mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(failures: int, most: float) -> float:
        pauses.append(failures)
        assert most == 60
        return 0

    monkeypatch.setattr(progress, "growing_pause", pause)
    for _ in range(3):
        await rest_after(ValueError("no such index"), mark, 60)
    assert pauses == [1, 2, 3]
    assert troubles([mark, Mark("other", 1)]) == ["lane 1 fails (ValueError: no such index)"]
    mark.succeeded()
    assert (mark.trouble(), mark.failures) == ("", 0)


async def test_who_was_told_to_end_does_not_rest(mark: Mark) -> None:
    async def run() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await rest_after(ValueError("while tidying up"), mark, 60)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,), timeout=5)
    assert task.cancelled()


def test_pauses_grow_up_to_a_limit() -> None:
    for failures in range(1, 2000):
        longest = min(60.0, 2.0 ** min(failures, 20))
        assert longest / 2 <= growing_pause(failures, 60) <= longest
