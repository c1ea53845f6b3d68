"""How the blocking client is made from the asynchronous one: each call waits for its result."""

import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Concatenate, Generic, ParamSpec, TypeVar

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")


class Blocking(ABC, Generic[C]):
    """An object whose calls run those of an asynchronous one, and wait for them."""

    @abstractmethod
    def _run(self, work: Callable[[C], Awaitable[T]]) -> T:
        """Run some work with the asynchronous object, and return what comes of it."""


def blocking(
    method: Callable[Concatenate[C, P], Awaitable[T]],
) -> Callable[Concatenate[Blocking[C], P], T]:
    """Turn a method of the asynchronous object into the one that waits for it."""

    @functools.wraps(method)
    def call(self: Blocking[C], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(lambda of: method(of, *args, **kwargs))  # pyright: ignore[reportPrivateUsage]

    return call


def iterating(
    method: Callable[Concatenate[C, P], AsyncIterator[T]],
) -> Callable[Concatenate[Blocking[C], P], Iterator[T]]:
    """Turn an asynchronous iterator into one that waits for each item."""

    @functools.wraps(method)
    def call(self: Blocking[C], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items = None

        async def following(of: C) -> tuple[T] | None:
            nonlocal items
            items = items or method(of, *args, **kwargs)
            async for item in items:
                return (item,)
            return None

        while (found := self._run(following)) is not None:  # pyright: ignore[reportPrivateUsage]
            yield found[0]

    return call
