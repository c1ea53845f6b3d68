"""Model events come in batches, each acknowledged when its deliveries are durable."""

from aiokafka.admin import AIOKafkaAdminClient
from faststream.kafka import KafkaBroker

from shared.domain.errors import Unavailable
from shared.kafka.connection import kafka_options
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.consuming import HandleBatch, subscribe
from shared.runtime.settings import Settings

BATCH_EVENTS = 100


class TopicMissing(Unavailable):
    """The indexer has not made the topics yet; asked for by name, a broker would make them so that
    they forget."""

    def __init__(self, topics: set[str]) -> None:
        self.waits_for = f"Kafka topics ({', '.join(sorted(topics))}), which the indexer makes"
        super().__init__("topics_missing", self.waits_for)


async def require_topics(settings: Settings) -> None:
    """Return once the topics are there; raises TopicMissing and KafkaError."""
    admin = AIOKafkaAdminClient(
        **kafka_options(settings),
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
    )
    try:
        await admin.start()
        there = set(await admin.list_topics())
    finally:
        await admin.close()
    wanted = {settings.kafka_model_events_topic, settings.kafka_dead_letter_topic}
    if missing := wanted - there:
        raise TopicMissing(missing)


def subscribe_to_model_events(
    broker: KafkaBroker,
    settings: Settings,
    handle: HandleBatch,
    health: ConsumerHealth,
) -> None:
    """Register `handle` for the batches of model events; they come once consuming starts."""
    topic, group = settings.kafka_model_events_topic, settings.kafka_notifier_group
    subscribe(broker, topic, group, handle, health, batch_size=BATCH_EVENTS)
