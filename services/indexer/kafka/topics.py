"""The topics that the registry needs, made at the start where they are missing."""

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.runtime.settings import Settings


async def ensure_topics(settings: Settings) -> None:
    """Make the topics that are missing; raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        # Kafka forgets after seven days unless told otherwise; records are rebuilt from the first.
        kept = {"retention.ms": "-1", "retention.bytes": "-1"}
        names: dict[str, dict[str, str]] = {
            settings.kafka_bucket_events_topic: {},
            settings.kafka_model_events_topic: kept,
            settings.kafka_dead_letter_topic: kept,
        }
        partitions, replicas = settings.kafka_topic_partitions, settings.kafka_replication_factor
        topics = [
            NewTopic(name, partitions, replicas, topic_configs=configs)
            for name, configs in names.items()
        ]
        answer: Any = await admin.create_topics(topics)
        for _name, code, *_message in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error
    finally:
        await admin.close()
