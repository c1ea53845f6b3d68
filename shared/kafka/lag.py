"""How far a consumer is behind: what it has not read, and the age of what it has in hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka import KafkaBroker

from shared.kafka.consumer_health import ConsumerHealth


@dataclass(frozen=True, slots=True)
class Lag:
    """What a consumer has before it, of the partitions that are its own."""

    records: int
    """Records that are not read, and those in hand."""
    age_seconds: float
    """How long ago the oldest record in hand was written; 0 while nothing is in hand."""


async def lag_of(consumer: AIOKafkaConsumer | None, health: ConsumerHealth) -> Lag | None:
    """Return how far a consumer is behind; None while it has no share, or there is none.

    A consumer that takes the place of another has none yet, whatever the other one had.
    """
    if consumer is None or not health.is_assigned:
        return None
    share = health.assigned_partitions()
    if not consumer.assignment().issuperset(share):
        return None
    in_hand, oldest = health.in_hand
    records = await unread(consumer, share) + in_hand
    return Lag(records, max(0.0, time() - oldest / 1000) if in_hand else 0.0)


async def unread(consumer: Any, partitions: Iterable[TopicPartition]) -> int:
    """Return how many records of the partitions are behind the consumer's place.

    By what the last fetch told: Kafka is not asked, and what it has not told is not counted.
    """
    found = 0
    for partition in partitions:
        end: int | None = consumer.highwater(partition)
        if end is not None:
            found += max(0, end - await consumer.position(partition))
    return found


def consumer_of(broker: KafkaBroker) -> Any:
    """Return aiokafka's consumer, which knows how far it is; None while there is none."""
    for subscriber in broker.subscribers:
        return getattr(subscriber, "consumer", None)
    return None
