"""The cursor of a change stream as the driver gives it: whole answers, each with its changes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from bson import encode


class ChangeAnswers:
    """Gives what `answer` returns: of what each change tells, or nothing, for ever."""

    alive = True

    def __init__(self, answer: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._answer = answer
        self.is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_closed = True

    async def __anext__(self) -> bytes:
        changes = await self._answer()
        if not changes:
            raise StopAsyncIteration  # as the driver tells of an answer without a change
        return b"".join(encode({"value": each}) for each in changes)
