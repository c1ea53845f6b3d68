"""The order in which the parts of a service that consumes start and end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from shared.kafka.connection import KafkaProbe
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.consuming import start_consuming, stop_consuming
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.progress import growing_pause
from shared.runtime.startup import until_done, waits_for

KAFKA_ERRORS = (KafkaError, KafkaUnreachable, OSError)
"""Kafka is away."""
REACH_SECONDS = 10.0
"""A broker that takes longer to let us in is away."""
MAX_PAUSE_SECONDS = 30.0
"""Longest pause before another consumer takes the place of one that failed."""

Parts = Iterable[Coroutine[Any, Any, None]]
Tasks = Sequence[asyncio.Task[None]]


class Start:
    """The steps of a start, each repeated until it succeeds."""

    def __init__(self, health: ConsumerHealth, broker: KafkaBroker, probe: KafkaProbe) -> None:
        self._health, self._broker, self._probe = health, broker, probe

    async def topics(self, have: Callable[[], Awaitable[None]], unfit: type[Exception]) -> None:
        """Wait for Kafka, and for its topics as they have to be; else `have` raises `unfit`."""

        async def step() -> None:
            await self._probe.ask(REACH_SECONDS)  # what follows does not say why it is not let in
            await have()

        await self.step("Kafka", step, (*KAFKA_ERRORS, unfit))

    async def connection(self) -> None:
        """Connect the broker: the parts publish before the first message is consumed."""

        async def connect() -> None:
            await self._broker.connect()

        await self.step("Kafka", connect, KAFKA_ERRORS)

    async def step(
        self, server: str, step: Callable[[], Awaitable[None]], errors: tuple[type[Exception], ...]
    ) -> None:
        """Repeat a step while the server is away; readiness tells which one is waited for."""

        def tell(failure: BaseException) -> None:
            self._health.kafka_was_away |= isinstance(failure, KAFKA_ERRORS)
            self._health.starting = waits_for(failure, server)

        self._health.starting = server
        await until_done(server, step, errors=errors, on_failure=tell)


async def run_parts(
    parts: Parts, broker: KafkaBroker, health: ConsumerHealth, on_start: Callable[[Tasks], None]
) -> None:
    """Run the parts and consume until cancelled; `on_start` is told of the parts' tasks.

    A consumer whose poll fails is replaced. At the end there are first no new messages, and the
    batch under way comes to its end; then the parts end, and give what they hold back.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
        try:
            await _consume(broker)
            on_start(tasks)
            while True:  # a task that fails, by a defect, cancels this too
                await health.needs_another.wait()
                await stop_consuming(broker)
                health.needs_another.clear()
                await asyncio.sleep(growing_pause(health.polls.failures, MAX_PAUSE_SECONDS))
                await _consume(broker)
        finally:
            await stop_consuming(broker)  # the group then cancels the tasks, each once


async def _consume(broker: KafkaBroker) -> None:
    await until_done("Kafka", lambda: start_consuming(broker), errors=KAFKA_ERRORS)
