"""A consumer waits for its messages, and does not look for them all the time."""

from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError
from faststream.kafka import KafkaBroker

from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.consuming import POLL_MILLISECONDS, subscribe


class Consumer:
    """Has nothing at first, and then has ended."""

    def __init__(self, answers: Sequence[dict[TopicPartition, list[Any]]]) -> None:
        self.asked: list[dict[str, int]] = []
        self._answers = list(answers)

    async def getmany(self, **limits: int) -> dict[TopicPartition, list[Any]]:
        self.asked.append(limits)
        if not self._answers:
            raise ConsumerStoppedError
        return self._answers.pop(0)


def subscribed() -> Any:
    """FastStream's subscriber to a topic, whose batches have 7 messages at most."""

    async def handle(messages: object) -> None:
        raise AssertionError("nothing is handled here")

    broker = KafkaBroker("nowhere:9092")
    subscribe(broker, "topic", "group", handle, ConsumerHealth("batch"), batch_size=7)
    return broker.subscribers[0]


async def test_after_a_poll_that_found_nothing_the_next_one_waits_at_once() -> None:
    """As FastStream runs it: its own polls end in a sleep, in which messages wait."""
    subscriber = subscribed()
    subscriber.running = True
    consumer = Consumer([{}, {}])
    await subscriber._run_consume_loop(consumer)
    assert consumer.asked == 3 * [{"timeout_ms": POLL_MILLISECONDS, "max_records": 7}]


async def test_a_batch_has_the_messages_of_all_partitions() -> None:
    found = {TopicPartition("topic", 0): ["a", "b"], TopicPartition("topic", 1): ["c"]}
    assert await subscribed().get_msg(Consumer([found])) == ("a", "b", "c")
