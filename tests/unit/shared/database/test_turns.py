"""Turns of one process: first come, first served, and forgotten when nobody waits."""

import asyncio

from shared.database.transactions import Turns


async def test_those_of_one_name_go_one_after_the_other_in_the_order_they_came() -> None:
    turns, order = Turns(), list[int]()

    async def take(n: int) -> None:
        async with turns.of("churn"):
            order.append(n)
            await asyncio.sleep(0)
            order.append(n)

    await asyncio.gather(*(take(n) for n in range(5)))
    assert order == [n for n in range(5) for _ in range(2)]


async def test_those_of_other_names_do_not_wait() -> None:
    turns = Turns()
    async with turns.of("churn"), turns.of("fraud"):
        pass


async def test_a_turn_that_nobody_holds_is_forgotten() -> None:
    turns = Turns()
    first = turns.of("churn")
    assert turns.of("churn") is first
    del first
    assert len(turns) == 0
