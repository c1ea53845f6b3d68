"""The dead-letter topic: listed, shown, and replayed to where its messages came from."""

import heapq
from collections.abc import AsyncGenerator

from pydantic import BaseModel, Field

from services.admin.dead_letters.sender import Send
from services.admin.rebuild.report import Findings
from services.indexer.context import Context
from shared.database.reports import remember_replay
from shared.domain.errors import Conflict, NotFound
from shared.kafka.letters import Letter, WholeLetter, original_of, with_replays
from shared.kafka.topic_reader import RawMessage, TopicReader


class ReplayReport(BaseModel):
    """What became of the dead letters that were to be replayed."""

    replayed: int = 0
    skipped: int = 0
    """Replayed before."""
    refused: Findings = Field(default_factory=Findings)
    """Those that cannot be replayed, and why."""


async def list_letters(limit: int, *, reader: TopicReader, context: Context) -> list[Letter]:
    """Return the newest letters, oldest first; no more than `limit` are held in memory."""
    newest: list[tuple[tuple[int, int, int], Letter]] = []
    async for records in _batches(reader, context):
        for record in records:
            # No two letters have the same place, so letters themselves are never compared.
            place = (record.timestamp, record.partition, record.offset)
            heapq.heappush(newest, (place, Letter.of(record)))
            if len(newest) > limit:
                heapq.heappop(newest)
    letters = [letter for _, letter in sorted(newest, key=lambda each: each[0])]
    return await with_replays(letters, context.database)


async def find_letter(
    partition: int, offset: int, *, reader: TopicReader, context: Context
) -> WholeLetter:
    """Return one letter; raises NotFound."""
    letter = WholeLetter.of(await _record(partition, offset, reader, context))
    [known] = await with_replays([letter], context.database)
    return letter.model_copy(update={"replayed_at": known.replayed_at})


async def replay_letter(
    partition: int, offset: int, *, reader: TopicReader, send: Send, context: Context
) -> ReplayReport:
    """Send one letter's message to its topic again, also one that was replayed before.

    Raises NotFound, or Conflict where it cannot be replayed.
    """
    await _replay(await _record(partition, offset, reader, context), send, context)
    return ReplayReport(replayed=1)


async def replay_letters(*, reader: TopicReader, send: Send, context: Context) -> ReplayReport:
    """Replay every letter that was not replayed before; one that cannot be is told, and left."""
    report = ReplayReport()
    async for records in _batches(reader, context):
        letters = await with_replays([Letter.of(record) for record in records], context.database)
        for record, letter in zip(records, letters, strict=True):
            if letter.replayed_at is not None:
                report.skipped += 1
                continue
            try:
                await _replay(record, send, context)
            except Conflict as refused:
                report.refused.add(refused.detail)
            else:
                report.replayed += 1
    return report


async def _replay(record: RawMessage, send: Send, context: Context) -> None:
    letter = Letter.of(record)
    # In this order: a crash between the two repeats a message, which changes nothing.
    await send(original_of(record))
    await remember_replay(context.database, letter.id, letter.buried_at)


async def _batches(reader: TopicReader, context: Context) -> AsyncGenerator[list[RawMessage]]:
    extent = await reader.extent(context.settings.kafka_dead_letter_topic)
    async for records in reader.read(extent):
        yield records


async def _record(partition: int, offset: int, reader: TopicReader, context: Context) -> RawMessage:
    topic = context.settings.kafka_dead_letter_topic
    record = await reader.record(topic, partition, offset)
    if record is None:
        raise NotFound("dead_letter_missing", f"no dead letter {partition}/{offset} in {topic!r}")
    return record
