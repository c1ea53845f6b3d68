"""Running coroutines side by side, where callers catch errors by their own type.

`asyncio.TaskGroup` wraps whatever its body or its tasks raise into an ExceptionGroup; here the
first error comes out as it is, with everything else cancelled and at its end.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def run_guarded(work: Coroutine[Any, Any, T], guard: Coroutine[Any, Any, None]) -> T:
    """Run `work` beside `guard`, which runs for ever or raises what ends the work.

    Raises what either raises. Nothing of both goes on after the return.
    """
    working, guarding = asyncio.create_task(work), asyncio.create_task(guard)
    try:
        await asyncio.wait((working, guarding), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await guarding
        return await working
    finally:
        await end(working, guarding)


async def run_all(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all side by side and return their results in order; the first error cancels the rest."""
    tasks = [asyncio.create_task(work) for work in works]
    if not tasks:
        return []
    try:
        # Not gather: when it is cancelled it returns with the first of them that has ended, and
        # the others would be cancelled a second time, in the middle of their own ends.
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        return [task.result() for task in tasks]
    finally:
        await end(*tasks)


async def woken(wake: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds without it."""
    try:
        # Not asyncio.wait_for: on Python 3.11 it swallows a cancellation that comes with the wake.
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return


def heed_cancellation() -> None:
    """Raise CancelledError where the current task was told to end and goes on nevertheless.

    A cancellation gets lost when another error takes its place, such as that of a server which is
    away while something is tidied up at the end. So a loop that catches errors and goes on calls
    this at the beginning of each turn.
    """
    if is_cancelled():
        raise asyncio.CancelledError


def is_cancelled() -> bool:
    """Whether the current task was told to end, and still does something."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs, and wait until all of it has ended."""
    for task in tasks:
        task.cancel()  # means nothing to those that ended
    await asyncio.gather(*tasks, return_exceptions=True)
