"""Coroutines side by side: the first error comes out as it is, and nothing goes on after it."""

import asyncio

import pytest

from shared.runtime.tasks import run_all, run_guarded


class Endless:
    """Goes on until it is cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = False

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def failing(after: asyncio.Event) -> None:
    await after.wait()
    raise ZeroDivisionError


async def test_all_results_come_in_order() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await run_all(map(after, (3, 1, 2))) == [3, 1, 2]
    assert await run_all(map(after, ())) == []


async def test_an_error_is_raised_as_it_is_and_ends_the_others() -> None:
    endless = Endless()
    with pytest.raises(ZeroDivisionError):
        await run_all([endless.run(), failing(endless.begun)])
    assert endless.ended


async def test_the_guard_ends_the_work_with_its_error() -> None:
    endless = Endless()
    with pytest.raises(ZeroDivisionError):
        await run_guarded(endless.run(), failing(endless.begun))
    assert endless.ended


async def test_the_end_of_the_work_ends_its_guard() -> None:
    guard = Endless()

    async def work() -> str:
        await guard.begun.wait()
        return "done"

    assert await run_guarded(work(), guard.run()) == "done"
    assert guard.ended


async def test_the_works_error_is_raised_as_it_is() -> None:
    guard = Endless()
    with pytest.raises(ZeroDivisionError):
        await run_guarded(failing(guard.begun), guard.run())
    assert guard.ended


async def test_who_is_cancelled_cancels_once_and_waits_for_the_end() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def orderly() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)  # a second cancellation would come out of this
            ended.set()

    for side_by_side in (
        run_guarded(orderly(), Endless().run()),
        run_guarded(Endless().run(), orderly()),
        run_all([orderly(), Endless().run()]),
    ):
        task = asyncio.create_task(side_by_side)
        begun.clear()
        ended.clear()
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()
