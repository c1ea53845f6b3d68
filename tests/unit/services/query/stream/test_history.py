"""Turns at reading the past: bounded in all, and of each principal."""

import asyncio

from services.query.stream.history import TURNS_AT_ONCE, TURNS_OF_ONE, History
from tests.support.isolation import SETTINGS


async def test_who_reads_the_past_by_many_streams_leaves_turns_to_the_others() -> None:
    history = History(SETTINGS)
    many = [asyncio.create_task(history.wait_for_turn("greedy")) for _ in range(50)]
    await asyncio.sleep(0)  # each of them asks
    async with asyncio.timeout(5):
        other = await history.wait_for_turn("other")
    held = [each.result() for each in many if each.done()]
    assert len(held) == TURNS_OF_ONE < TURNS_AT_ONCE
    assert history.waiting == 50 - TURNS_OF_ONE
    other()
    for each in many[::2]:  # some go away, with and without a turn
        each.cancel()
    for give_back in held:
        give_back()
    async with asyncio.timeout(5):
        left = [await each for each in many[1::2][:TURNS_OF_ONE]]
    assert len(left) == TURNS_OF_ONE


async def test_a_turn_that_is_cancelled_while_it_is_waited_for_is_left_to_the_next() -> None:
    history = History(SETTINGS)
    held = [await history.wait_for_turn(f"p{number}") for number in range(TURNS_AT_ONCE)]
    waiting = asyncio.create_task(history.wait_for_turn("late"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert history.waiting == 0
    held[0]()
    async with asyncio.timeout(5):
        for _ in range(3):
            (await history.wait_for_turn("late"))()
