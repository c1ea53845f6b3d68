"""A kept answer where asking fails: nobody is told what is old, and the next one asks anew."""

import asyncio

import pytest

from services.query.ui.kept import Kept


class Source:
    """Answers with the number of the question, or fails."""

    def __init__(self) -> None:
        self.now, self.asked, self.is_away = 1000.0, 0, False
        self.kept = Kept(self.ask, fresh_seconds=3.0, old_seconds=6.0, now=lambda: self.now)

    async def ask(self) -> int:
        self.asked += 1
        if self.is_away:
            raise ConnectionError
        return self.asked


async def test_a_failure_is_told_to_all_who_wait_and_the_next_one_asks_anew() -> None:
    source = Source()
    source.is_away = True
    found = await asyncio.gather(*(source.kept.told() for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in found] == [ConnectionError] * 5
    assert source.asked == 1
    source.is_away = False
    assert await source.kept.told() == 2


async def test_what_is_old_is_not_told_where_nothing_newer_can_be_had() -> None:
    source = Source()
    assert await source.kept.told() == 1
    source.is_away = True
    source.now += 7.0
    with pytest.raises(ConnectionError):
        await source.kept.told()


async def test_who_leaves_ends_the_question_of_nobody_else() -> None:
    source = Source()
    leaving, staying = (asyncio.create_task(source.kept.told()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
    assert source.asked == 1
