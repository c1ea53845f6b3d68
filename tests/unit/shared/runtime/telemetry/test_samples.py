"""Figures that are asked for at a scrape: seldom, in bounded time, and each for itself."""

import asyncio

from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from shared.runtime.telemetry.samples import Figure, Question, Readings, Samples

DEPTH = Figure("registry_test_depth", "How much waits", ("kind",))
AGE = Figure("registry_test_age_seconds", "How long it waits")


def told(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


async def test_an_answer_is_told_with_its_labels() -> None:
    registry = CollectorRegistry(auto_describe=True)
    samples = Samples(registry)

    async def ask() -> Readings:
        return {DEPTH: {("read",): 3.0, ("purge",): 0.0}, AGE: {(): 1.5}}

    samples.add(Question("queue", [DEPTH, AGE], ask))
    await samples.refresh()
    assert told(registry, DEPTH.name, kind="read") == 3
    assert told(registry, DEPTH.name, kind="purge") == 0
    assert told(registry, AGE.name) == 1.5
    assert told(registry, "registry_collector_up", collector="queue") == 1


async def test_a_question_is_asked_once_however_many_scrape() -> None:
    samples = Samples(CollectorRegistry())
    asked = 0

    async def ask() -> Readings:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return {}

    samples.add(Question("queue", [DEPTH], ask))
    await asyncio.gather(*(samples.refresh() for _ in range(10)))
    await samples.refresh()
    assert asked == 1


async def test_a_question_that_fails_or_hangs_is_told_and_the_others_are_answered() -> None:
    registry = CollectorRegistry(auto_describe=True)
    samples = Samples(registry, answer_seconds=0.01)

    async def fails() -> Readings:
        raise ConnectionError

    async def hangs() -> Readings:
        await asyncio.Event().wait()
        raise AssertionError

    async def answers() -> Readings:
        return {AGE: {(): 2.0}}

    samples.add(Question("fails", [DEPTH], fails))
    samples.add(Question("hangs", [], hangs))
    samples.add(Question("answers", [AGE], answers))
    await samples.refresh()
    assert told(registry, AGE.name) == 2
    up = {name: told(registry, "registry_collector_up", collector=name) for name in UP}
    assert up == UP
    assert b"# TYPE registry_test_depth gauge" in generate_latest(registry)


UP = {"fails": 0.0, "hangs": 0.0, "answers": 1.0}


async def test_a_failure_is_logged_once_until_it_is_over() -> None:
    samples = Samples(CollectorRegistry(), rest_seconds=0)
    fails = True

    async def ask() -> Readings:
        if fails:
            raise ConnectionError
        return {}

    samples.add(Question("queue", [], ask))
    with capture_logs() as logged:
        await samples.refresh()
        await samples.refresh()
        fails = False
        await samples.refresh()
        fails = True
        await samples.refresh()
    assert [each["collector"] for each in logged] == ["queue", "queue"]


async def test_what_was_told_before_a_failure_is_not_told_after_it() -> None:
    registry = CollectorRegistry(auto_describe=True)
    samples = Samples(registry, rest_seconds=0)
    fails = False

    async def ask() -> Readings:
        if fails:
            raise ConnectionError
        return {AGE: {(): 2.0}}

    samples.add(Question("queue", [AGE], ask))
    await samples.refresh()
    assert told(registry, AGE.name) == 2
    fails = True
    await samples.refresh()
    assert told(registry, AGE.name) is None
