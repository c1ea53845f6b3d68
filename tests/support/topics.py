"""Reading and writing Kafka topics in tests."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from registry.schemas import ModelEvent

TIMEOUT_SECONDS = 30.0

Record = ConsumerRecord[bytes, bytes]


async def read_until(
    bootstrap_servers: str, topic: str, enough: Callable[[Sequence[Record]], bool]
) -> list[Record]:
    """Read the topic from its start until `enough` says so; raises TimeoutError."""
    records: list[Record] = []
    async with _consumer(bootstrap_servers, topic) as consumer, asyncio.timeout(TIMEOUT_SECONDS):
        while not enough(records):
            batches: dict[Any, list[Record]] = await consumer.getmany(timeout_ms=200)
            for batch in batches.values():
                records += batch
    return records


async def model_events(
    bootstrap_servers: str, topic: str, model: str, last_type: str
) -> list[tuple[Record, ModelEvent]]:
    """The model's events up to the first "registry.version.<last_type>.v1"."""
    kind = f"registry.version.{last_type}.v1"

    def of_model(records: Sequence[Record]) -> list[tuple[Record, ModelEvent]]:
        mine = [record for record in records if record.key == model.encode()]
        return [(record, ModelEvent.model_validate_json(record.value or b"")) for record in mine]

    def enough(records: Sequence[Record]) -> bool:
        return any(event.type == kind for _, event in of_model(records))

    return of_model(await read_until(bootstrap_servers, topic, enough))


async def produce_everywhere(
    bootstrap_servers: str, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
) -> int:
    """Put a message on every partition of the topic, confirmed; returns their number."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        partitions: set[int] = await producer.partitions_for(topic)
        for partition in partitions:
            await producer.send_and_wait(topic, value, partition=partition, headers=list(headers))
        return len(partitions)
    finally:
        await producer.stop()


async def produce(
    bootstrap_servers: str,
    topic: str,
    value: bytes,
    *,
    key: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """Put a message on the topic, confirmed; returns its partition and offset."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        encoded = [(name, text.encode()) for name, text in (headers or {}).items()]
        sent = await producer.send_and_wait(topic, value, key=key, headers=encoded)
        return sent.partition, sent.offset
    finally:
        await producer.stop()


@asynccontextmanager
async def _consumer(bootstrap_servers: str, topic: str) -> AsyncGenerator[Any]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
