"""All partitions of a Kafka topic, read from known offsets without a consumer group."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from registry._extras import require_aiokafka
from registry.schemas import EventsAddress

REFRESH_SECONDS = 30.0
"""How often new partitions are looked for."""
CLOSE_SECONDS = 2.0
TIMEOUT_SECONDS = 10.0
FETCH_BYTES = 8 << 20
"""Most bytes that one fetch may hold."""


class TopicError(Exception):
    """Kafka cannot be read just now."""


class Record(Protocol):
    """A Kafka record."""

    offset: int
    value: bytes | None


class Consumer(Protocol):
    """What is used of aiokafka's consumer, which ships without types."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def topics(self) -> set[str]: ...
    def assign(self, partitions: Sequence[Any]) -> None: ...
    def seek(self, partition: Any, offset: int) -> None: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    async def position(self, partition: Any) -> int: ...
    async def beginning_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]: ...
    async def end_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]: ...
    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[Any, Sequence[Record]]: ...


@dataclass
class Topic:
    """A topic being read; `positions` is where to go on, by partition."""

    name: str
    consumer: Consumer
    positions: dict[int, int] = field(default_factory=dict[int, int])

    async def read(self, *, follow: bool) -> AsyncGenerator[bytes, None]:
        """Yield record values; without `follow`, up to the newest there is now.

        Raises TopicError where Kafka cannot be read; `positions` then says how far it came.
        """
        with _kafka_errors():
            self._rewind()
            ends = None if follow else await self._ends()
        looked = time.monotonic()
        while ends is None or not await self._reached(ends):
            with _kafka_errors():
                if time.monotonic() - looked > REFRESH_SECONDS:
                    await self.take_partitions(at_end=False)
                    looked = time.monotonic()
                batch = await self.consumer.getmany(timeout_ms=500, max_records=500)
            for partition, records in batch.items():
                for record in records:
                    self.positions[partition.partition] = record.offset + 1
                    if record.value is not None:
                        yield record.value

    async def take_partitions(self, *, at_end: bool) -> None:
        """Read from every partition there is, new ones from the beginning unless `at_end`."""
        found = self.consumer.partitions_for_topic(self.name) or set()
        unknown = [_partition(self.name, n) for n in sorted(found - self.positions.keys())]
        if not unknown:
            return
        bounds = self.consumer.end_offsets if at_end else self.consumer.beginning_offsets
        offsets = await bounds(unknown)
        self.positions.update({each.partition: offset for each, offset in offsets.items()})
        self.resume()

    def resume(self) -> None:
        """Assign every known partition and seek to its position, which assigning has reset."""
        self.consumer.assign([_partition(self.name, n) for n in self.positions])
        self._rewind()

    def _rewind(self) -> None:
        """Let the consumer go on at the positions: an earlier reading may have left a batch."""
        for number, offset in self.positions.items():
            self.consumer.seek(_partition(self.name, number), offset)

    async def _ends(self) -> dict[int, int]:
        ends = await self.consumer.end_offsets([_partition(self.name, n) for n in self.positions])
        return {each.partition: offset for each, offset in ends.items()}

    async def _reached(self, ends: Mapping[int, int]) -> bool:
        # Control records are never handed out; only the consumer's own position moves past them.
        for number, end in ends.items():
            if self.positions[number] < end:
                with _kafka_errors():
                    position = await self.consumer.position(_partition(self.name, number))
                if position < end:
                    return False
        return True

    async def close(self) -> None:
        """Close the consumer, whatever state it is in.

        In time: while its assignment changes, aiokafka's fetcher may swallow the cancellation that
        `stop` waits for; the timeout cancels it once more.
        """
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.consumer.stop()


async def open_topic(
    address: EventsAddress,
    options: Mapping[str, Any],
    *,
    at_end: bool,
    positions: Mapping[int, int] | None = None,
) -> Topic:
    """Connect to Kafka and fix where to read from: the end, the beginning, or known positions.

    `options` say how to connect: those of `KafkaSecurity`. Raises MissingExtraError without
    aiokafka, TopicError where Kafka does not answer.
    """
    consumer = _consumer(address.bootstrap_servers, options)
    topic = Topic(address.topic, consumer, dict(positions or {}))
    try:
        with _kafka_errors():
            await topic.consumer.start()
            await _wait_for_topic(topic)
            # A consumer asks only for metadata of topics that it has a partition of.
            topic.consumer.assign([_partition(topic.name, 0)])
            await _wait_for_metadata(topic)
            if positions:
                topic.resume()
            await topic.take_partitions(at_end=at_end and not positions)
    except BaseException:
        await topic.close()
        raise
    return topic


async def _wait_for_topic(topic: Topic) -> None:
    """Wait until it is there: asked for by its name, a broker may make it as it likes."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while topic.name not in await topic.consumer.topics():
        if time.monotonic() > deadline:
            raise TopicError(f"Kafka has no topic {topic.name!r}")
        await asyncio.sleep(0.2)


async def _wait_for_metadata(topic: Topic) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not topic.consumer.partitions_for_topic(topic.name):
        if time.monotonic() > deadline:
            raise TopicError(f"Kafka has no topic {topic.name!r}")
        await asyncio.sleep(0.02)


def _consumer(bootstrap_servers: str, options: Mapping[str, Any]) -> Consumer:
    require_aiokafka()
    from aiokafka import AIOKafkaConsumer

    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # where retention has removed the position
        metadata_max_age_ms=int(REFRESH_SECONDS * 500),
        request_timeout_ms=int(TIMEOUT_SECONDS * 1000),
        fetch_max_bytes=FETCH_BYTES,
        **options,
    )
    return cast("Consumer", consumer)


def _partition(topic: str, number: int) -> Any:
    from aiokafka import TopicPartition

    return TopicPartition(topic, number)


@contextmanager
def _kafka_errors() -> Generator[None]:
    from aiokafka.errors import KafkaError

    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka: {type(error).__name__}: {error}".rstrip(": ")) from error
