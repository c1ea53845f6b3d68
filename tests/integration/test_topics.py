"""Topics over a real Kafka: those that are made, and those that somebody else made."""

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.indexer.kafka.topics import TopicsUnfit, ensure_topics
from shared.runtime.settings import Settings
from tests.support.isolation import isolated, settings_of
from tests.support.servers import Addresses
from tests.support.topics import produce


@pytest.fixture
def settings(addresses: Addresses) -> Settings:
    return settings_of(isolated(addresses))


async def asked(settings: Settings, method: str, *arguments: Any) -> Any:
    """Ask Kafka's administration something."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        return await getattr(admin, method)(*arguments)
    finally:
        await admin.close()


async def configs_of(settings: Settings, topic: str) -> dict[str, str]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic)]
    (answer,) = await asked(settings, "describe_configs", wanted)
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def test_topics_that_are_made_forget_nothing(settings: Settings) -> None:
    await ensure_topics(settings)
    await ensure_topics(settings)
    for topic in (settings.kafka_model_events_topic, settings.kafka_dead_letter_topic):
        configs = await configs_of(settings, topic)
        assert configs["retention.ms"] == configs["retention.bytes"] == "-1"
        assert configs["min.insync.replicas"] == "1"
        assert configs["unclean.leader.election.enable"] == "false"


async def test_a_topic_that_the_broker_made_is_not_taken_until_it_is_mended(
    settings: Settings,
) -> None:
    topic = settings.kafka_model_events_topic
    await produce(settings.kafka_bootstrap_servers, topic, b"somebody was faster")
    with pytest.raises(TopicsUnfit) as unfit:
        await ensure_topics(settings)
    assert unfit.value.waits_for == (
        f"{topic} forgets after 604800000 ms: kafka-configs.sh --bootstrap-server"
        f" {settings.kafka_bootstrap_servers} --alter --entity-type topics --entity-name {topic}"
        " --add-config retention.ms=-1 (or accept it: KAFKA_ACCEPT_TOPICS=true)"
    )
    await ensure_topics(settings.model_copy(update={"kafka_accept_topics": True}))
    mended = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "-1"})
    await asked(settings, "alter_configs", [mended])
    await ensure_topics(settings)


async def test_a_topic_that_keeps_only_the_newest_is_not_taken(settings: Settings) -> None:
    topic = settings.kafka_model_events_topic
    configs = {"cleanup.policy": "compact", "retention.ms": "-1"}
    await asked(settings, "create_topics", [NewTopic(topic, 1, 1, topic_configs=configs)])
    with pytest.raises(TopicsUnfit, match="keeps only the newest event of a model"):
        await ensure_topics(settings)


async def test_dead_letters_that_are_forgotten_are_only_warned_of(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = settings.kafka_dead_letter_topic
    await produce(settings.kafka_bootstrap_servers, topic, b"somebody was faster")
    await ensure_topics(settings)
    assert "topic may lose what was confirmed" in capsys.readouterr().out


async def test_another_number_of_partitions_is_warned_of(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await ensure_topics(settings)
    capsys.readouterr()
    await ensure_topics(settings.model_copy(update={"kafka_topic_partitions": 5}))
    told = capsys.readouterr().out
    assert told.count("topic has another number of partitions") >= 2
