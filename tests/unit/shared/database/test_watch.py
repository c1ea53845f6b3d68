"""A change stream is asked once for all that changed meanwhile, and rests between two questions."""

import asyncio
from types import SimpleNamespace
from typing import Any

from shared.database.watch import stream_mark, watch_models
from tests.support.change_answers import ChangeAnswers

ANSWERS: list[list[str]] = [[], ["a", "b", "a"], [], ["c"]]


async def test_each_answer_is_told_whole_and_followed_by_a_rest() -> None:
    happened: list[Any] = []
    ended = asyncio.Event()
    answers = iter(ANSWERS)

    async def answer() -> list[str]:
        found = next(answers, None)
        if found is None:
            await asyncio.Event().wait()  # nothing changes any more
        return found or []

    cursor = ChangeAnswers(answer)

    async def rest() -> None:
        happened.append("rest")
        if happened.count("rest") == len(ANSWERS):
            ended.set()

    def aggregate_raw_batches(*_: Any, **__: Any) -> ChangeAnswers:
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
    assert happened == [None, "rest", "a", "b", "a", "rest", "rest", "c", "rest"]
    assert cursor.is_closed
