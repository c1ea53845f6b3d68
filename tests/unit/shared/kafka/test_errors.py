"""Each error of Kafka's client is somebody's fault, and is raised as such."""

from collections.abc import Iterator

import pytest
from aiokafka import errors
from aiokafka.errors import KafkaError

from shared.kafka.errors import (
    KafkaForbids,
    KafkaUnavailable,
    MessageRefused,
    confirmed_within,
    kind_of,
)


def every_error(kind: type[KafkaError] = KafkaError) -> Iterator[type[KafkaError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.MessageSizeTooLargeError, "message"),
        (errors.RecordListTooLargeError, "message"),
        (errors.TopicAuthorizationFailedError, "settings"),
        (errors.InvalidTopicError, "settings"),
        (errors.SaslAuthenticationFailed, "settings"),
        (errors.UnknownTopicOrPartitionError, "away"),  # it comes back, or is made again
        (errors.NotEnoughReplicasError, "away"),
        (errors.KafkaTimeoutError, "away"),
        (errors.UnknownError, "away"),
    ],
)
def test_an_error_is_classified(error: type[KafkaError], kind: str) -> None:
    assert kind_of(error()) == kind


def test_what_kafka_calls_retriable_is_nobodys_fault() -> None:
    found = {kind_of(error()) for error in every_error() if error.retriable}
    assert found == {"away"}


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (errors.MessageSizeTooLargeError(), MessageRefused),
        (errors.TopicAuthorizationFailedError(), KafkaForbids),
        (errors.NotLeaderForPartitionError(), KafkaUnavailable),
        (TimeoutError(), KafkaUnavailable),
        (ConnectionResetError(), KafkaUnavailable),
    ],
)
async def test_sending_raises_by_whose_fault_it_is(
    error: Exception, raised: type[Exception]
) -> None:
    with pytest.raises(raised) as found:
        async with confirmed_within(60):
            raise error
    assert type(found.value) is raised
    assert type(error).__name__ in str(found.value)
