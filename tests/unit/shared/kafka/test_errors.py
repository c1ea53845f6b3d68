"""Each error of Kafka's client is somebody's fault, and is raised as such."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import errors
from aiokafka.errors import KafkaError

from shared.kafka.errors import (
    KafkaForbids,
    KafkaUnavailable,
    KafkaUnreadable,
    MessageRefused,
    answered_within,
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


async def test_a_request_that_the_client_gives_up_does_not_end_the_task_that_waits_for_it() -> None:
    given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    given_up.cancel()
    with pytest.raises(KafkaUnreadable, match="given up"):
        async with answered_within(10, KafkaUnreadable):
            await given_up


async def test_a_task_that_is_told_to_end_ends_though_it_waits_for_kafka() -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        async with answered_within(10, KafkaUnreadable):
            begun.set()
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
