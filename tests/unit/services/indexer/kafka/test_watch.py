"""A return of Kafka is told once, and only where it was away."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from services.indexer.kafka import watch
from services.indexer.kafka.watch import KafkaWatch


async def returns(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool | Exception], *, was_away: bool = False
) -> int:
    """How often a return is told while Kafka answers like this, look by look."""
    told: list[int] = []
    left: Iterator[bool | Exception] = iter(answers)
    done = asyncio.Event()

    class Probe:
        async def answers(self, _seconds: float) -> bool:
            found = next(left, None)
            if found is None:
                done.set()
                await asyncio.Event().wait()
            if isinstance(found, Exception):
                raise found
            return bool(found)

    probe: Any = Probe()
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0)
    monkeypatch.setattr(watch, "MAX_DEFECT_PAUSE_SECONDS", 0)
    looking = asyncio.create_task(
        KafkaWatch(probe, lambda: told.append(1), was_away=was_away).run()
    )
    await done.wait()
    looking.cancel()
    await asyncio.wait((looking,))
    return len(told)


async def test_each_return_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await returns(monkeypatch, [True, True]) == 0
    assert await returns(monkeypatch, [True, False, False, True, True]) == 1
    assert await returns(monkeypatch, [False, True, False, True]) == 2
    assert await returns(monkeypatch, [False, False]) == 0


async def test_an_absence_at_the_start_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await returns(monkeypatch, [True], was_away=True) == 1


async def test_a_defect_of_a_look_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await returns(monkeypatch, [False, ZeroDivisionError(), True]) == 1
