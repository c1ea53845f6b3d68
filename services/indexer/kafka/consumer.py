"""Bucket events come in batches, each acknowledged when its handler has returned."""

from aiokafka.abc import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shared.kafka.consuming import HandleBatch, decode_nothing, parse_tolerantly
from shared.kafka.topic_reader import RawMessage
from shared.runtime.settings import Settings


def subscribe_to_bucket_events(
    broker: KafkaBroker,
    settings: Settings,
    handle: HandleBatch,
    listener: ConsumerRebalanceListener,
) -> None:
    """Register `handle` for the batches of bucket events; they come once consuming starts."""

    @broker.subscriber(
        settings.kafka_bucket_events_topic,
        group_id=settings.kafka_indexer_group,
        auto_offset_reset="earliest",  # "latest" would lose what came before the first start
        ack_policy=AckPolicy.NACK_ON_ERROR,  # the default acknowledges before the work is done
        batch=True,
        max_records=settings.indexer_batch_size,
        # FastStream sleeps this long after an empty poll, so it bounds the delay of an event.
        batch_timeout_ms=5,
        listener=listener,
        parser=parse_tolerantly,
        decoder=decode_nothing,
    )
    async def on_bucket_events(messages: tuple[RawMessage, ...]) -> None:
        await handle(messages)
