"""A change stream is asked once for all that changed meanwhile, and rests between two questions."""

import asyncio
from types import SimpleNamespace
from typing import Any, Self

from bson import encode

from shared.database.watch import stream_mark, watch_models

ANSWERS = [[], ["a", "b", "a"], [], ["c"]]


class Cursor:
    """Gives one answer after the other, and waits for ever after the last."""

    alive = True

    def __init__(self, happened: list[Any]) -> None:
        self._answers = iter(ANSWERS)
        self._happened = happened
        self.is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_closed = True

    async def __anext__(self) -> bytes:
        answer = next(self._answers, None)
        if answer is None:
            self._happened.append("end")
            await asyncio.Event().wait()
        if not answer:
            raise StopAsyncIteration  # as the driver tells of an answer without a change
        return b"".join(encode({"value": each}) for each in answer)


async def test_each_answer_is_told_whole_and_followed_by_a_rest() -> None:
    happened: list[Any] = []
    ended = asyncio.Event()
    cursor = Cursor(happened)

    async def rest() -> None:
        happened.append("rest")
        if happened.count("rest") == len(ANSWERS):
            ended.set()

    def aggregate_raw_batches(*_: Any, **__: Any) -> Cursor:
        return cursor

    driver = SimpleNamespace(aggregate_raw_batches=aggregate_raw_batches)
    database: Any = SimpleNamespace(models=SimpleNamespace(driver=driver, name="models"))
    watching = asyncio.create_task(
        watch_models(database, happened.append, stream_mark("models"), rest)
    )
    await ended.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    # None first: what changed before the stream was open is not in it.
    assert happened[:9] == [None, "rest", "a", "b", "a", "rest", "rest", "c", "rest"]
    assert cursor.is_closed
