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


async def test_after_a_poll_that_found_nothing_the_next_one_waits_at_once() -> None:
    """As FastStream runs it: its own polls end in a sleep, in which messages wait."""

    async def handle(messages: object) -> None:
        raise AssertionError("there was none")

    broker = KafkaBroker("nowhere:9092")
    subscribe(broker, "topic", "group", handle, ConsumerHealth("batch"), batch_size=7)
    subscriber: Any = broker.subscribers[0]
    subscriber.running = True
    consumer = Consumer([{}, {}])
    await subscriber._run_consume_loop(consumer)
    assert consumer.asked == 3 * [{"timeout_ms": POLL_MILLISECONDS, "max_records": 7}]


async def test_a_batch_has_the_messages_of_all_partitions() -> None:
    async def handle(messages: object) -> None:
        """Not asked for here."""

    broker = KafkaBroker("nowhere:9092")
    subscribe(broker, "topic", "group", handle, ConsumerHealth("batch"), batch_size=7)
    subscriber: Any = broker.subscribers[0]
    found = {TopicPartition("topic", 0): ["a", "b"], TopicPartition("topic", 1): ["c"]}
    assert await subscriber.get_msg(Consumer([found])) == ("a", "b", "c")
