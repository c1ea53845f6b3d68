"""Which topic a name stands for now: Kafka gives each one that is made an id of its own.

By it a topic that was removed and made again is told from the one before, whose offsets mean
nothing in it. aiokafka asks for metadata as of Kafka 1.0, which knew no ids; what is asked for here
is version 10 of the same request (KIP-516, Kafka 2.8):
https://kafka.apache.org/protocol#The_Messages_Metadata
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

UNKNOWN = bytes(16)
"""Id of a topic where the broker tells none, being older or of another make."""
_ANY: Any = Int32  # aiokafka's own types do not name each other
_INT16: Any = Int16
_BOOLEAN: Any = Boolean
_TAGS: Any = TaggedFields
_TEXT = CompactString("utf-8")


class _Uuid(AbstractType[bytes]):
    """16 bytes, as they are."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_UUID: Any = _Uuid


class _MetadataResponse(Response):
    API_KEY = 3  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride] - as aiokafka's own
    API_VERSION = 10  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    SCHEMA = Schema(
        ("throttle_time_ms", _ANY),
        (
            "brokers",
            CompactArray(
                ("node_id", _ANY),
                ("host", _TEXT),
                ("port", _ANY),
                ("rack", _TEXT),
                ("tags", _TAGS),
            ),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", _ANY),
        (
            "topics",
            CompactArray(
                ("error_code", _INT16),
                ("name", _TEXT),
                ("topic_id", _UUID),
                ("is_internal", _BOOLEAN),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", _INT16),
                        ("partition", _ANY),
                        ("leader", _ANY),
                        ("leader_epoch", _ANY),
                        ("replicas", CompactArray(_ANY)),
                        ("isr", CompactArray(_ANY)),
                        ("offline_replicas", CompactArray(_ANY)),
                        ("tags", _TAGS),
                    ),
                ),
                ("topic_authorized_operations", _ANY),
                ("tags", _TAGS),
            ),
        ),
        ("cluster_authorized_operations", _ANY),
        ("tags", _TAGS),
    )


class _MetadataStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _UUID), ("name", _TEXT), ("tags", _TAGS))),
        ("allow_auto_topic_creation", _BOOLEAN),
        ("include_cluster_authorized_operations", _BOOLEAN),
        ("include_topic_authorized_operations", _BOOLEAN),
        ("tags", _TAGS),
    )


class _MetadataRequest(Request[_MetadataStruct]):
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        # Not to be made by being asked for: a broker would give it its own defaults.
        return request_struct_class([(UNKNOWN, self._topic, {})], False, False, False, {})


@dataclass(frozen=True, slots=True)
class TopicIdentity:
    """A topic as it is now."""

    id: bytes
    """16 bytes, another one for each topic that is made; UNKNOWN where Kafka tells none."""
    partitions: frozenset[int]


async def identify_topic(consumer: Any, topic: str) -> TopicIdentity:
    """Ask the broker that a started consumer is connected to.

    Raises KafkaError: UnknownTopicOrPartitionError where there is no such topic.
    """
    client: Any = consumer._client
    node: int = client.get_random_node()
    try:
        answer: Any = await client.send(node, _MetadataRequest(topic))
    except NotImplementedError:  # it speaks no version that tells ids
        numbers: set[int] | None = consumer.partitions_for_topic(topic)
        if not numbers:
            raise UnknownTopicOrPartitionError(topic) from None
        return TopicIdentity(UNKNOWN, frozenset(numbers))
    [(error_code, _name, topic_id, _is_internal, partitions, *_)] = answer.topics
    if error_code:
        raise for_code(error_code)(topic)
    return TopicIdentity(topic_id, frozenset(each[1] for each in partitions))
