"""Rights in Kafka, given to a broker with an authorizer, and what each user then can."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    SecurityDisabled,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import DeleteAclsRequest

from local.processes.ports import HOST, choose_port
from local.processes.supervisor import Supervisor
from local.programs.prepare import prepare
from local.servers.kafka import plan_kafka
from services.admin.provision.kafka_rights import give_kafka_rights
from services.indexer.kafka.topics import ensure_topics
from shared.kafka.broker import disconnect, make_broker
from shared.kafka.connection import kafka_options
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.consuming import subscribe
from shared.kafka.errors import KafkaUnreadable
from shared.kafka.pipeline import run_parts
from shared.kafka.topic_reader import RawMessage, open_reader
from shared.runtime.service_users import ProvisioningSettings
from tests.support.eventually import eventually
from tests.support.isolation import isolated, settings_of
from tests.support.narrow import provisioning_settings
from tests.support.servers import Addresses

USERS = ("indexer", "storage", "subscriber", "stranger")
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
PRINCIPALS = {
    "KAFKA_INDEXER_PRINCIPAL": "User:indexer",
    "KAFKA_STORAGE_PRINCIPAL": "User:storage",
    "KAFKA_SUBSCRIBER_PRINCIPALS": "User:subscriber",
}
DENIED = (TopicAuthorizationFailedError, GroupAuthorizationFailedError)


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A broker that asks who one is on one of its ports; on the other one may do everything."""
    root = tmp_path_factory.mktemp("kafka")
    ports = [choose_port(name, "free", None) for name in ("kafka", "kafka-controller", "ingest")]
    programs = prepare()
    data = root / "data" / "kafka"
    plan = plan_kafka(programs.java, programs.kafka_jars, data, (ports[0], ports[1]), 1)
    users = " ".join(f'user_{name}="{name}"' for name in USERS)

    def configure() -> None:
        data.mkdir(parents=True, exist_ok=True)
        properties = Path(plan.command[-1])
        plan.before_start()
        told = properties.read_text(encoding="utf-8")
        plain = f"PLAINTEXT://{HOST}:{ports[0]}"
        told = told.replace(plain, f"{plain},SASL_PLAINTEXT://{HOST}:{ports[2]}")
        told = told.replace(
            "PLAINTEXT:PLAINTEXT\n", "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT\n"
        )
        told += (
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            "super.users=User:ANONYMOUS\n"
            "sasl.enabled.mechanisms=PLAIN\n"
            f"listener.name.sasl_plaintext.plain.sasl.jaas.config={PLAIN} {users};\n"
        )
        properties.write_text(told, encoding="utf-8")

    supervisor = Supervisor(root)
    try:
        supervisor.ensure(replace(plan, before_start=configure))
        yield {"open": f"{HOST}:{ports[0]}", "asking": f"{HOST}:{ports[2]}"}
    finally:
        supervisor.stop(["kafka"])


@pytest.fixture(scope="module")
async def settings(brokers: dict[str, str], addresses: Addresses) -> ProvisioningSettings:
    """Settings of a registry on that broker, whose rights were given."""
    own = {**isolated(addresses), **PRINCIPALS, "KAFKA_BOOTSTRAP_SERVERS": brokers["open"]}
    own["KAFKA_BUCKET_EVENTS_TOPIC"] = f"test-{uuid4().hex}"
    settings = provisioning_settings(own)
    await ensure_topics(settings)
    given = await give_kafka_rights(settings)
    assert await give_kafka_rights(settings) == given, "it may be repeated"
    assert f"User:storage: Write on topic {settings.kafka_bucket_events_topic}" in given
    return settings


def identity(user: str, brokers: dict[str, str]) -> dict[str, Any]:
    return {
        "bootstrap_servers": brokers["asking"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": user,
        "request_timeout_ms": 10_000,
    }


async def writes(user: str, topic: str, brokers: dict[str, str]) -> bool:
    """Whether the user gets a message into the topic."""
    producer: Any = AIOKafkaProducer(**identity(user, brokers))
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"value")
    except DENIED:
        return False
    finally:
        await producer.stop()
    return True


async def reads(user: str, topic: str, group: str | None, brokers: dict[str, str]) -> bool:
    """Whether the user gets a message that is there, alone or in a group."""
    consumer: Any = AIOKafkaConsumer(
        topic, group_id=group, auto_offset_reset="earliest", **identity(user, brokers)
    )
    try:
        await consumer.start()
        async with asyncio.timeout(20):
            await consumer.getone()
    except DENIED:
        return False
    finally:
        await consumer.stop()
    return True


async def test_each_user_writes_where_it_must_and_nowhere_else(
    settings: ProvisioningSettings, brokers: dict[str, str]
) -> None:
    topics = {
        settings.kafka_bucket_events_topic: {"storage"},
        settings.kafka_model_events_topic: {"indexer"},
        settings.kafka_dead_letter_topic: {"indexer"},
    }
    for topic, writers in topics.items():
        assert {user for user in USERS if await writes(user, topic, brokers)} == writers, topic


async def test_each_user_reads_what_it_must_and_nothing_else(
    settings: ProvisioningSettings, brokers: dict[str, str]
) -> None:
    group = settings.kafka_indexer_group
    assert await writes("storage", settings.kafka_bucket_events_topic, brokers)
    assert await writes("indexer", settings.kafka_model_events_topic, brokers)
    wanted = {
        (settings.kafka_bucket_events_topic, group): {"indexer"},
        (settings.kafka_model_events_topic, None): {"subscriber"},
    }
    for (topic, within), readers in wanted.items():
        found = {user for user in USERS if await reads(user, topic, within, brokers)}
        assert found == readers, topic


def settings_of_user(user: str, broker: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": user,
    }


async def take_the_group(settings: ProvisioningSettings) -> None:
    """Take the indexer's right to consume in its group."""
    admin: Any = AIOKafkaAdminClient(**kafka_options(settings))
    every_operation, any_pattern, any_permission = 1, 1, 1
    request = DeleteAclsRequest(
        *(3, settings.kafka_indexer_group, any_pattern),
        *(PRINCIPALS["KAFKA_INDEXER_PRINCIPAL"], "*", every_operation, any_permission),
    )
    try:
        await admin.start()
        answer = await admin._send_to_controller(request)
    finally:
        await admin.close()
    [(code, _, taken)] = answer.filter_responses
    assert (code, len(taken)) == (0, 1)


async def test_a_service_consumes_again_once_it_has_its_right_back(
    settings: ProvisioningSettings, brokers: dict[str, str], addresses: Addresses
) -> None:
    """Its consumer would tell for ever that it has none: aiokafka repeats what ended a task."""
    own = settings_of({**isolated(addresses), **settings_of_user("indexer", brokers["asking"])})
    topic, group = settings.kafka_bucket_events_topic, settings.kafka_indexer_group
    health, handled = ConsumerHealth("batch"), list[RawMessage]()

    async def handle(messages: tuple[RawMessage, ...]) -> None:
        handled.extend(messages)

    async def goes_on() -> bool | None:
        return (bool(handled) and not health.polls.trouble()) or None

    async def is_refused() -> bool | None:
        return "GroupAuthorizationFailedError" in health.polls.trouble() or None

    broker = make_broker(own)
    await broker.connect()
    subscribe(broker, topic, group, handle, health, batch_size=100)
    consuming = asyncio.create_task(run_parts([], broker, health, lambda _tasks: None))
    try:
        assert await writes("storage", topic, brokers)
        await eventually(goes_on)
        await take_the_group(settings)
        await eventually(is_refused)
        handled.clear()
        assert await writes("storage", topic, brokers)
        await give_kafka_rights(settings)
        await eventually(goes_on)
        assert [each.value for each in handled] == [b"value"]
    finally:
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        await disconnect(broker)


async def test_a_topic_that_one_may_not_see_is_told_from_one_that_is_not_there(
    settings: ProvisioningSettings, brokers: dict[str, str], addresses: Addresses
) -> None:
    stranger = settings_of_user("stranger", brokers["asking"])
    async with open_reader(settings_of({**isolated(addresses), **stranger})) as reader:
        with pytest.raises(KafkaUnreadable, match="TopicAuthorizationFailed"):
            await reader.extent(settings.kafka_dead_letter_topic)
    anybody = {"KAFKA_BOOTSTRAP_SERVERS": brokers["open"]}
    async with open_reader(settings_of({**isolated(addresses), **anybody})) as reader:
        assert (await reader.extent("nowhere")).ends == {}
        assert (await reader.extent(settings.kafka_dead_letter_topic)).ends != {}


async def test_a_broker_that_asks_nobody_is_told_apart(addresses: Addresses) -> None:
    open_to_all = provisioning_settings({**isolated(addresses), **PRINCIPALS})
    with pytest.raises(SecurityDisabled):
        await give_kafka_rights(open_to_all)
    assert issubclass(SecurityDisabled, KafkaError)
