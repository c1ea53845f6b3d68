"""The topics that the registry needs: made where they are missing, else looked at.

A topic that is there may have been made by a broker for whoever asked for it first, and forgets its
events after some days then. It is not changed, which is up to an operator, but not taken either.
"""

from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random

from services.indexer.kafka.topic_rules import KEPT, TopicFacts, explain, flaws_of
from shared.domain.errors import Unavailable
from shared.kafka.connection import kafka_options
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

DENIED = (ClusterAuthorizationFailedError, TopicAuthorizationFailedError)
NOT_HEARD_OF = (UnknownTopicOrPartitionError, LeaderNotAvailableError)

log = get_logger(__name__)


class TopicsUnfit(Unavailable):
    """A topic may lose what Kafka confirmed; an operator has to mend it, or to accept it."""

    def __init__(self, told: str) -> None:
        self.waits_for = f"{told} (or accept it: KAFKA_ACCEPT_TOPICS=true)"
        super().__init__("topics_unfit", self.waits_for)


async def ensure_topics(settings: Settings) -> None:
    """Have the topics as they must be; raises KafkaError, and TopicsUnfit."""
    admin = AIOKafkaAdminClient(
        **kafka_options(settings),
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
    )
    try:
        await admin.start()
        await _make_missing(admin, settings)
        names = (
            settings.kafka_bucket_events_topic,
            settings.kafka_dead_letter_topic,
            settings.kafka_model_events_topic,
        )
        topics = await _describe_new(admin, names, settings.kafka_timeout_seconds)
    except DENIED as error:
        told = f"topics cannot be made or read ({type(error).__name__}: DescribeConfigs, Create)"
        if not settings.kafka_accept_topics:
            raise TopicsUnfit(told) from error
        log.warning("topics are not looked at", detail=told)
        return
    finally:
        await admin.close()
    for topic in topics:
        _judge(topic, settings)


def _judge(topic: TopicFacts, settings: Settings) -> None:
    """Warn of what costs little, and raise TopicsUnfit for what loses events."""
    if topic.partitions != settings.kafka_topic_partitions:
        # More of them would send a model's events to another one, beside those that are there.
        told = {"partitions": topic.partitions, "setting": settings.kafka_topic_partitions}
        log.warning("topic has another number of partitions", topic=topic.name, **told)
    if topic.name == settings.kafka_bucket_events_topic:
        return  # what is lost there is found by comparing
    flaws = flaws_of(
        topic, copies=settings.kafka_replication_factor, min_insync=settings.min_insync_replicas
    )
    if not flaws:
        return
    told = explain(topic, flaws, settings.kafka_bootstrap_servers)
    if topic.name == settings.kafka_model_events_topic and not settings.kafka_accept_topics:
        raise TopicsUnfit(told)
    log.warning("topic may lose what was confirmed", topic=topic.name, detail=told)


async def _make_missing(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    kept = {**KEPT, "min.insync.replicas": str(settings.min_insync_replicas)}
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


async def _describe_new(
    admin: AIOKafkaAdminClient, names: Sequence[str], seconds: float
) -> list[TopicFacts]:
    """Describe topics that the broker which is asked may not have heard of for a moment."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(NOT_HEARD_OF),
        wait=wait_random(0.05, 0.2),
        stop=stop_after_delay(seconds),
        reraise=True,
    ):
        with attempt:
            return await _describe(admin, names)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _describe(admin: AIOKafkaAdminClient, names: Sequence[str]) -> list[TopicFacts]:
    """Return the topics, in the order of their names; raises KafkaError."""
    wanted = list(names)
    configs = await _configs(admin, wanted)
    found: dict[str, TopicFacts] = {}
    for topic in await admin.describe_topics(wanted):
        _raise_for(topic["error_code"])
        partitions: list[dict[str, Any]] = topic["partitions"]
        copies = min((len(each["replicas"]) for each in partitions), default=0)
        name: str = topic["topic"]
        found[name] = TopicFacts(name, len(partitions), copies, configs[name])
    return [found[name] for name in wanted]


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers: list[Any] = await admin.describe_configs(wanted)
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        for code, _message, _kind, name, entries in answer.resources:
            _raise_for(code)
            found[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return found


def _raise_for(code: int) -> None:
    if code:
        raise for_code(code)
