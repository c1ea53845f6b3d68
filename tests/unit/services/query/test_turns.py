"""Comparisons take turns, and those that would wait for too long are refused at once."""

import asyncio

import pytest

from services.query.turns import AT_ONCE, MOST_WAITING, Turns
from shared.domain.errors import TooManyRequests


async def test_few_compare_few_wait_and_the_rest_is_refused() -> None:
    turns, end = Turns("comparisons"), asyncio.Event()
    under_way = most = 0

    async def compare() -> None:
        nonlocal under_way, most
        async with turns.turn():
            under_way += 1
            most = max(most, under_way)
            await end.wait()
            under_way -= 1

    asked = [asyncio.create_task(compare()) for _ in range(AT_ONCE + MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await compare()
    asked.pop().cancel()  # who goes leaves room
    await asyncio.sleep(0)
    asked.append(asyncio.create_task(compare()))
    await asyncio.sleep(0)
    end.set()
    await asyncio.gather(*asked)
    assert most == AT_ONCE
