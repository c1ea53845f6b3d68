"""The newest dead letters: read from the end of their topic, by a consumer of its own."""

import asyncio
from contextlib import aclosing

from registry.schemas.operations import DeadLetterItem, DeadLetterList
from services.query.context import Context
from shared.kafka.errors import KafkaUnreadable
from shared.kafka.letters import Letter, with_replays
from shared.kafka.topic_reader import Extent, open_reader
from shared.runtime.settings import Settings

MOST_SHOWN = 50
"""Of a partition as many are read, each of up to a megabyte."""
FETCH_BYTES = 1 << 20
PARTITION_BYTES = 256 << 10
"""A reading holds a fetch, and so much of each partition beside it; turns keep readings few."""
READING_SECONDS = 20.0


async def newest_letters(limit: int, context: Context) -> DeadLetterList:
    """Return the newest dead letters with when each was replayed, the newest first.

    Raises KafkaUnreadable and TooManyRequests.
    """
    async with context.letters.turn():
        try:
            async with asyncio.timeout(READING_SECONDS):
                found, is_complete = await _read(limit, context.settings)
        except TimeoutError as error:
            raise KafkaUnreadable("it is too slow") from error
    told = await with_replays(found, context.database)
    items = [DeadLetterItem.model_validate(each.model_dump()) for each in told]
    return DeadLetterList(items=items, is_complete=is_complete)


async def _read(limit: int, settings: Settings) -> tuple[list[Letter], bool]:
    """Return the newest letters of all partitions, and whether there are no others."""
    found: list[Letter] = []
    async with open_reader(
        settings, fetch_bytes=FETCH_BYTES, partition_bytes=PARTITION_BYTES
    ) as reader:
        extent = await reader.extent(settings.kafka_dead_letter_topic)
        begins = {
            number: max(begin, extent.ends[number] - limit)
            for number, begin in extent.begins.items()
        }
        newest = Extent(extent.topic, begins, extent.ends)
        async with aclosing(reader.read(newest)) as batches:
            async for records in batches:
                found += map(Letter.of, records)
    found.sort(key=lambda each: (each.buried_at, each.partition, each.offset), reverse=True)
    return found[:limit], begins == dict(extent.begins) and len(found) <= limit
