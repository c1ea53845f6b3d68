"""Offsets of what is handled, which are owed to Kafka until it has taken them."""

from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition

from shared.kafka.errors import KafkaUnavailable, answered_within
from shared.kafka.topic_reader import RawMessage

COMMIT_SECONDS = 10.0
"""aiokafka repeats a commit for ever while the coordinator is away, in place of consuming."""


class HandledOffsets:
    """How far each partition is handled, as far as Kafka does not know it.

    FastStream commits once after each batch, and only logs where that fails: what came last before
    a silence stayed uncommitted. It also commits what a poll has passed; here only what is handled
    is committed.
    """

    def __init__(self) -> None:
        self._owed: dict[TopicPartition, int] = {}
        self.term = 0
        """How often all was forgotten; what was polled in an earlier term is not to be added."""

    def add(self, messages: Iterable[RawMessage]) -> None:
        """Remember that these are handled, and with them all before them."""
        for each in messages:
            self._owed[TopicPartition(each.topic, each.partition)] = each.offset + 1

    def forget(self) -> None:
        """Owe nothing: after a rebalance it all comes again, perhaps to another, who is ahead."""
        self._owed.clear()
        self.term += 1

    async def commit(self, consumer: Any) -> None:
        """Commit what is owed; raises KafkaUnavailable, and then it is owed still."""
        assigned = consumer.assignment()
        offsets = {place: offset for place, offset in self._owed.items() if place in assigned}
        if offsets:
            async with answered_within(COMMIT_SECONDS, KafkaUnavailable):
                await consumer.commit(offsets)
        self._owed.clear()
