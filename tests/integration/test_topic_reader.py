"""A topic is read to where it ended, and the reader closes whatever its consumer is doing."""

import asyncio

from services.indexer.kafka.topics import ensure_topics
from shared.kafka.topic_reader import open_reader
from shared.runtime.settings import Settings

TIMES = 20
FAR_TOO_LONG_SECONDS = 100.0


async def test_an_empty_topic_is_at_its_end_at_once_as_often_as_it_is_read(
    settings: Settings,
) -> None:
    await ensure_topics(settings)
    topic = settings.kafka_dead_letter_topic
    async with asyncio.timeout(FAR_TOO_LONG_SECONDS):
        for _ in range(TIMES):
            async with open_reader(settings) as reader:
                extent = await reader.extent(topic)
                assert [batch async for batch in reader.read(extent)] == []
