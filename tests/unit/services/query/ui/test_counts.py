"""Counts are made seldom, once for all who ask at once, and told from memory meanwhile."""

import asyncio
from typing import cast

import pytest

from services.query.context import Context
from services.query.ui import namespaces
from services.query.ui.namespaces import KEPT_SECONDS, MOST_KEPT, OLD_SECONDS, Counts, Namespaces
from shared.domain.access.decision import EVERY_NAME, NameFilter

CONTEXT = cast("Context", None)  # whoever counts here looks at nothing


class Counted:
    """Counts on with each count; each waits until the test lets it end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.counts, self.trouble = 1000.0, 0, ""
        monkeypatch.setattr(namespaces, "_counted", self._count)
        self.kept = Counts(lambda: self.now)

    async def _count(self, names: NameFilter, context: Context) -> Namespaces:
        self.counts += 1
        counted = self.counts
        await asyncio.sleep(0)
        return Namespaces(models=counted, trouble=self.trouble)

    async def told(self, names: NameFilter = EVERY_NAME) -> int:
        return (await self.kept.of(names, CONTEXT)).models


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


async def test_who_asks_at_once_is_told_of_one_count(counted: Counted) -> None:
    assert await asyncio.gather(*(counted.told() for _ in range(20))) == [1] * 20
    counted.now += KEPT_SECONDS
    assert await counted.told() == 1


async def test_an_older_count_is_told_while_another_one_is_made(counted: Counted) -> None:
    await counted.told()
    counted.now += KEPT_SECONDS + 1
    before = asyncio.all_tasks()
    assert await counted.told() == 1
    await asyncio.wait(asyncio.all_tasks() - before)
    assert await counted.told() == 2


async def test_a_count_of_long_ago_is_not_told(counted: Counted) -> None:
    await counted.told()
    counted.now += OLD_SECONDS + 1
    assert await counted.told() == 2


async def test_trouble_is_not_kept(counted: Counted) -> None:
    counted.trouble = "search is loading"
    await counted.told()
    assert await counted.told() == 2


async def test_each_sees_counts_of_what_they_may_and_few_are_kept(counted: Counted) -> None:
    for number in range(MOST_KEPT + 1):
        assert await counted.told(NameFilter(names=frozenset((f"m{number}",)))) == number + 1
    assert await counted.told(NameFilter(names=frozenset(("m0",)))) == MOST_KEPT + 2
