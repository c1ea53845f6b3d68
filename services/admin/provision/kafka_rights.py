"""What each principal may do in Kafka, where Kafka asks: access control lists of one topic each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest

from shared.kafka.connection import kafka_options
from shared.runtime.service_users import ProvisioningSettings

_RESOURCES = {"topic": 2, "group": 3}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_LITERAL = 3
_ALLOW = 3
_EVERY_HOST = "*"
"""Kafka's own numbers and names, of its protocol."""

_MAKE = ("Create", "Describe", "DescribeConfigs")
"""The indexer makes topics that are missing, and looks at those that are there."""


@dataclass(frozen=True, slots=True)
class KafkaRight:
    """One operation that a principal may do."""

    principal: str
    operation: str
    kind: str
    """topic or group"""
    name: str

    def __str__(self) -> str:
        return f"{self.principal}: {self.operation} on {self.kind} {self.name}"


def kafka_rights(settings: ProvisioningSettings) -> list[KafkaRight]:
    """Return what the principals that the settings name must be allowed."""
    return [
        KafkaRight(principal, operation, kind, name)
        for principal, operations, kind, name in _rights(settings)
        for operation in operations
    ]


def _rights(
    settings: ProvisioningSettings,
) -> Iterator[tuple[str, tuple[str, ...], str, str]]:
    bucket_events = settings.kafka_bucket_events_topic
    model_events = settings.kafka_model_events_topic
    if indexer := settings.kafka_indexer_principal:
        yield indexer, ("Read", *_MAKE), "topic", bucket_events
        yield indexer, ("Read",), "group", settings.kafka_indexer_group
        yield indexer, ("Write", *_MAKE), "topic", model_events
        yield indexer, ("Write", *_MAKE), "topic", settings.kafka_dead_letter_topic
    if notifier := settings.kafka_notifier_principal:
        yield notifier, ("Read", "Describe"), "topic", model_events
        yield notifier, ("Read",), "group", settings.kafka_notifier_group
        yield notifier, ("Write", "Describe"), "topic", settings.kafka_dead_letter_topic
    if storage := settings.kafka_storage_principal:
        yield storage, ("Write", "Describe"), "topic", bucket_events
    # Query assigns itself all partitions, and is of no group: each process reads all events.
    for subscriber in dict.fromkeys((settings.kafka_query_principal, *settings.kafka_subscribers)):
        if not subscriber:
            continue
        yield subscriber, ("Read", "Describe"), "topic", model_events
    if query := settings.kafka_query_principal:
        yield query, ("Read", "Describe"), "topic", settings.kafka_dead_letter_topic


async def give_kafka_rights(settings: ProvisioningSettings) -> list[str]:
    """Give each principal what it needs; idempotent. Rights that it has beside these stay.

    Returns what was given; nothing where the settings name no principal. Raises KafkaError, which
    SecurityDisabled is where Kafka asks nobody who they are.
    """
    rights = kafka_rights(settings)
    if not rights:
        return []
    admin = AIOKafkaAdminClient(
        **kafka_options(settings),
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
    )
    try:
        await admin.start()
        for right in rights:
            await _give(admin, right)
    finally:
        await admin.close()
    return [str(right) for right in rights]


async def _give(admin: Any, right: KafkaRight) -> None:
    request = CreateAclsRequest(
        _RESOURCES[right.kind],
        right.name,
        _LITERAL,
        right.principal,
        _EVERY_HOST,
        _OPERATIONS[right.operation],
        _ALLOW,
    )
    # aiokafka has the request, and no method that sends it.
    answer = await admin._send_to_controller(request)
    for code, _message in answer.creation_responses:
        if code:
            raise for_code(code)
