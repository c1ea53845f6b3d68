"""Bucket events come in batches, each acknowledged when its handler has returned."""

from faststream.kafka import KafkaBroker

from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.consuming import HandleBatch, subscribe
from shared.runtime.settings import Settings


def subscribe_to_bucket_events(
    broker: KafkaBroker,
    settings: Settings,
    handle: HandleBatch,
    health: ConsumerHealth,
) -> None:
    """Register `handle` for the batches of bucket events; they come once consuming starts."""
    topic, group = settings.kafka_bucket_events_topic, settings.kafka_indexer_group
    size = settings.indexer_batch_size
    subscribe(broker, topic, group, handle, health, batch_size=size)
