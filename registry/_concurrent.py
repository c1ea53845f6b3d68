"""Running coroutines side by side so that the caller sees one plain exception."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

T = TypeVar("T")


async def run_concurrently(functions: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run functions side by side; the first error stops the others and is raised as it is.

    A task group alone would wrap it in an ExceptionGroup, which no caller of ours expects.
    """
    failed: list[Exception] = []
    async with anyio.create_task_group() as group:

        async def run(function: Callable[[], Awaitable[None]]) -> None:
            try:
                await function()
            except Exception as error:
                failed.append(error)
                group.cancel_scope.cancel()

        for function in functions:
            group.start_soon(run, function)
    if failed:
        raise failed[0]


async def map_concurrently(function: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Run a function on all items side by side; the first error stops the others."""

    def bind(item: T) -> Callable[[], Awaitable[None]]:
        return lambda: function(item)

    await run_concurrently([bind(item) for item in items])
