"""Consuming by FastStream: messages as they are, and an end that loses none of them."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from shared.kafka.broker import BATCH_END_SECONDS
from shared.kafka.connection import STOP_SECONDS, ended_within
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.errors import KafkaUnavailable
from shared.kafka.offsets import HandledOffsets
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger

HandleBatch = Callable[[tuple[RawMessage, ...]], Awaitable[None]]
"""Returns when all that the batch tells is durable; an error gives the batch back to Kafka."""
POLL_MILLISECONDS = 1000
"""How long one poll waits for messages; it returns as soon as there are some."""

log = get_logger(__name__)


def subscribe(
    broker: KafkaBroker,
    topic: str,
    group: str,
    handle: HandleBatch,
    health: ConsumerHealth,
    *,
    batch_size: int,
) -> None:
    """Register `handle` for a topic's batches; they come to it once consuming starts."""
    consumption = Consumption(health, batch_size)
    subscriber: Any = broker.subscriber(
        topic,
        group_id=group,
        auto_offset_reset="earliest",  # "latest" would lose what came before the first start
        ack_policy=AckPolicy.NACK_ON_ERROR,  # the default acknowledges before the work is done
        batch=True,
        listener=consumption,
        parser=consumption.parse,
        decoder=decode_nothing,
    )
    # FastStream's own sleeps after an empty poll for as long as it polled. So it either lets
    # messages wait, or polls all the time: 100 times a second, it took 3% of a core.
    subscriber.get_msg = consumption.get_batch
    subscriber(handle)


class Consumption(ConsumerRebalanceListener):
    """Polls for FastStream's subscriber, and commits in place of its consumer."""

    def __init__(self, health: ConsumerHealth, batch_size: int) -> None:
        self._health, self._batch_size = health, batch_size
        self._handled = HandledOffsets()
        self._polled_in = self._handled.term

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Owe nothing for what may be another's."""
        self._handled.forget()
        self._health.on_partitions_revoked(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Tell what this process's share is."""
        self._health.on_partitions_assigned(assigned)

    async def get_batch(self, consumer: Any) -> tuple[RawMessage, ...]:
        """Return what there is, or nothing after a second.

        After a poll that fails the consumer is asked nothing more, and another takes its place.
        """
        mark = self._health.polls
        mark.moved()
        try:
            found = await consumer.getmany(
                timeout_ms=POLL_MILLISECONDS, max_records=self._batch_size
            )
        except ConsumerStoppedError:
            raise  # FastStream ends its loop
        except Exception as error:
            await self._health.wait_for_another_consumer(error)
        self._polled_in = self._handled.term  # now: a rebalance may come before it is parsed
        if found:
            mark.idle()  # the batch has a mark of its own
        else:
            await self.commit(consumer)  # nothing that follows would commit what is owed
        return tuple(chain.from_iterable(found.values()))

    async def parse(
        self,
        messages: tuple[RawMessage, ...],
        original: Callable[[Any], Awaitable[KafkaMessage]],
    ) -> KafkaMessage:
        """Return the batch as FastStream wants it, whose acknowledgement commits what is owed."""
        message = await parse_tolerantly(messages, original)
        message.consumer = _Acknowledging(self, message.consumer, messages, self._polled_in)
        return message

    def is_ours(self, term: int) -> bool:
        """Whether there was no rebalance since then."""
        return self._handled.term == term

    async def acknowledge(self, messages: Iterable[RawMessage], consumer: Any) -> None:
        """Commit that these are handled, and what else is owed."""
        self._handled.add(messages)
        await self.commit(consumer)

    async def commit(self, consumer: Any) -> None:
        """Commit what is owed; where Kafka does not take it, readiness tells, and it stays owed."""
        mark = self._health.polls
        mark.moved()
        try:
            await self._handled.commit(consumer)
        except KafkaUnavailable as error:
            if not mark.failures:
                log.warning("offsets not committed", error=error.reason)
            mark.failed(error)
        else:
            mark.succeeded()


class _Acknowledging:
    """What a batch asks of its consumer when it is acknowledged or given back.

    Nothing where there was a rebalance while it was handled: it comes again, perhaps to another.
    """

    def __init__(
        self, consumption: Consumption, consumer: Any, messages: tuple[RawMessage, ...], term: int
    ) -> None:
        self._consumption, self._consumer = consumption, consumer
        self._messages, self._term = messages, term

    async def commit(self) -> None:
        if self._consumption.is_ours(self._term):
            await self._consumption.acknowledge(self._messages, self._consumer)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if self._consumption.is_ours(self._term):
            self._consumer.seek(partition, offset)


async def parse_tolerantly(
    messages: tuple[RawMessage, ...], original: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """Keep FastStream's parser from headers that it cannot decode; they stay in `raw_message`."""
    message = await original(tuple(replace(each, headers=()) for each in messages))
    message.raw_message = messages
    return message


async def decode_nothing(message: KafkaMessage) -> tuple[RawMessage, ...]:
    """Give the handler the messages as they are: a bad one must not fail its whole batch."""
    messages = message.raw_message
    return messages if isinstance(messages, tuple) else (messages,)


async def start_consuming(broker: KafkaBroker) -> None:
    """Start the consumers; raises KafkaError, and may then be called again."""
    try:
        await broker.start()
    except Exception:
        for subscriber in broker.subscribers:
            await subscriber.stop()  # else the next start would forget an open consumer
        raise


async def stop_consuming(broker: KafkaBroker) -> None:
    """Take no new messages, and let the batch under way end, for some seconds."""
    async with ended_within(BATCH_END_SECONDS + STOP_SECONDS, "consumer"):
        for subscriber in broker.subscribers:
            await subscriber.stop()
