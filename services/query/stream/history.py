"""Events from before the newest ones, read from Kafka for readers that come back after long.

Each of these readings has a consumer of its own for some seconds. Few of them go on at once, in
turns, so that what they hold in memory has a bound; whoever waits for a turn waits in line.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from weakref import WeakValueDictionary

from services.query.stream.wire import StreamEvent, read_event
from shared.domain.streams.position import Position, topic_tag
from shared.domain.streams.repeats import Recent
from shared.kafka.errors import KafkaUnreadable
from shared.kafka.topic_reader import Extent, TopicReader, open_reader
from shared.runtime.settings import Settings

TURNS_AT_ONCE = 8
TURNS_OF_ONE = 4
"""Of one principal, whose other streams wait for these: half of the turns are left to others."""
TURN_SECONDS = 5.0
"""A turn ends after so long where others wait."""
REPEATED_RECORDS = 200
"""Records of each partition that are read again at the beginning of a turn: a repetition of one of
them is recognised."""
FETCH_BYTES = 1 << 20
PARTITION_BYTES = 256 << 10
PARTITIONS_AT_ONCE = 8
"""One turn holds a fetch, and some of each of these partitions: 3 MiB with events of usual size."""
RECENT = 4000
GiveBack = Callable[[], None]
"""Ends a turn; it has to be called once."""


class RecordsGone(Exception):
    """The topic does not hold the records at a position."""


@dataclass(frozen=True, slots=True)
class Step:
    """Some events, and the position behind them."""

    events: list[tuple[StreamEvent, Position]]
    position: Position


@dataclass(slots=True)
class Turn:
    """One reader's use of a consumer."""

    reader: TopicReader
    topic_name: str
    source: str
    recent: Recent = field(default_factory=lambda: Recent(RECENT))

    async def extent(self) -> tuple[bytes, Extent]:
        """Return which topic it is and what is in it; raises KafkaUnreadable."""
        found = await self.reader.identify(self.topic_name)
        extent = await self.reader.extent(self.topic_name)
        return topic_tag(self.topic_name, found.id), extent

    async def steps(self, position: Position) -> AsyncGenerator[Step]:
        """Yield what is behind a position, up to what is the newest now.

        Raises RecordsGone, also where records are removed meanwhile; KafkaUnreadable.
        """
        topic, extent = await self.extent()
        check(position, topic, extent)
        numbers = [n for n, end in sorted(extent.ends.items()) if position.offsets.get(n, 0) < end]
        for first in range(0, len(numbers), PARTITIONS_AT_ONCE):
            group = numbers[first : first + PARTITIONS_AT_ONCE]
            part = Extent(
                self.topic_name,
                {n: _earlier(position, n, extent.begins) for n in group},
                {n: extent.ends[n] for n in group},
            )
            async with aclosing(self._steps_of(part, position)) as steps:
                async for step in steps:
                    position = step.position
                    yield step
            # Also past records that are never handed out.
            ends = {**position.offsets, **part.ends}
            position = Position(position.topic, ends)
            yield Step([], position)

    async def _steps_of(self, part: Extent, position: Position) -> AsyncGenerator[Step]:
        expected = dict(part.begins)
        async with aclosing(self.reader.read(part)) as batches:
            async for records in batches:
                events: list[tuple[StreamEvent, Position]] = []
                for record in records:
                    await self._check_continues(record.partition, record.offset, expected)
                    expected[record.partition] = record.offset + 1
                    event = read_event(record.value, self.source)
                    is_new = event is not None and self.recent.is_new(event.id)
                    if record.offset < position.offsets.get(record.partition, 0):
                        continue
                    position = position.behind(record.partition, record.offset)
                    if event is not None and is_new:
                        events.append((event, position))
                yield Step(events, position)
        for number, end in part.ends.items():
            await self._check_continues(number, end, expected)

    async def _check_continues(
        self, partition: int, offset: int, expected: Mapping[int, int]
    ) -> None:
        """Raise where the consumer was led past records that are kept no more."""
        if offset == expected[partition]:
            return
        begin = await self.reader.begin_of(self.topic_name, partition)
        if begin > expected[partition] or offset < expected[partition]:
            raise RecordsGone


def check(position: Position, topic: bytes, extent: Extent) -> None:
    """Raise RecordsGone where a topic does not hold all that is behind a position, or never did."""
    if position.topic != topic or not position.offsets.keys() <= extent.begins.keys():
        raise RecordsGone
    for number, begin in extent.begins.items():
        if not begin <= position.offsets.get(number, 0) <= extent.ends[number]:
            raise RecordsGone


def _earlier(position: Position, number: int, begins: Mapping[int, int]) -> int:
    return max(begins[number], position.offsets.get(number, 0) - REPEATED_RECORDS)


class History:
    """Gives readers their turns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns = asyncio.Semaphore(TURNS_AT_ONCE)
        self._of_one: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """The turns of each principal that has one, or waits for one."""
        self.waiting = 0
        """Readers that wait for a turn."""

    async def wait_for_turn(self, principal: str) -> GiveBack:
        """Return once the turn has come; what is returned ends it, by `turn` or by itself.

        Who waits for one of the principal's own turns stands in nobody else's way.
        """
        own = self._of_one.get(principal)
        if own is None:
            own = self._of_one[principal] = asyncio.Semaphore(TURNS_OF_ONE)
        self.waiting += 1
        try:
            await own.acquire()
            try:
                await self._turns.acquire()
            except BaseException:
                own.release()
                raise
        finally:
            self.waiting -= 1

        def give_back() -> None:
            self._turns.release()
            own.release()

        return give_back

    @asynccontextmanager
    async def turn(self, give_back: GiveBack) -> AsyncGenerator[Turn]:
        """Have a consumer inside the block, in the turn that has come; raises KafkaUnreadable."""
        try:
            async with open_reader(
                self._settings, fetch_bytes=FETCH_BYTES, partition_bytes=PARTITION_BYTES
            ) as reader:
                name, source = self._settings.kafka_model_events_topic, self._settings.event_source
                yield Turn(reader, name, source)
        finally:
            give_back()

    async def extent(self, principal: str) -> tuple[bytes, Extent]:
        """Return which topic it is and what is in it now, in a turn; raises KafkaUnreadable."""
        limit = self._settings.kafka_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                give_back = await self.wait_for_turn(principal)
        except TimeoutError:
            raise KafkaUnreadable("others are reading") from None
        async with self.turn(give_back) as turn:
            return await turn.extent()

    def is_over(self, begun: float) -> bool:
        """Whether a turn that began then has to end for the sake of others."""
        return self.waiting > 0 and monotonic() - begun > TURN_SECONDS
