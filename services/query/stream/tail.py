"""The end of the topic as it grows, read by the one consumer of this process for all who read."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, NoReturn

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.query.stream.ring import Ring
from services.query.stream.wire import read_event
from shared.domain.streams.position import MAX_PARTITIONS, topic_tag
from shared.kafka.connection import STOP_SECONDS, ended_within, kafka_options
from shared.kafka.errors import KafkaUnreadable, answered_within
from shared.kafka.identity import identify_topic
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, growing_pause, rest_after
from shared.runtime.settings import Settings
from shared.runtime.tasks import heed_cancellation

WARM_RECORDS = 1000
"""Records of each partition that are read again at the start: who was reading when a process ended
comes back with a place among them, and a repetition of one of them is recognised."""
WARM_RECORDS_IN_ALL = 12_000
LOOK_SECONDS = 5.0
"""How often the topic itself is looked at: new partitions, another topic of the same name."""
POLL_MS = 500
BATCH = 500
FETCH_BYTES = 8 << 20
PARTITION_BYTES = 1 << 20
STUCK_SECONDS = 60.0
MAX_PAUSE_SECONDS = 5.0
MAX_DEFECT_PAUSE_SECONDS = 60.0

log = get_logger(__name__)


class Tail:
    """Reads the topic into a ring of the newest events, and wakes who waits for more."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.kafka_model_events_topic
        self._woken = asyncio.Event()
        self._warm_at: Mapping[int, int] | None = None
        """Until this place the newest ring is not whole; None once it is."""
        self._newest: Ring | None = None
        self.begins: Mapping[int, int] = {}
        """Offset of the oldest record of each partition, some seconds ago."""
        self.away = ""
        """What keeps the topic from being read; empty where nothing does that is known of."""
        self.mark = Mark("tail of model events", STUCK_SECONDS)

    @property
    def ring(self) -> Ring | None:
        """The newest events; None until the first of them were read.

        Another one takes its place where the topic is another one, or has lost records.
        """
        return None if self._warm_at is not None else self._newest

    def is_kept(self, ring: Ring) -> bool:
        """Whether a ring still grows: its topic is there, and has lost nothing of it."""
        return ring is self._newest

    @property
    def woken(self) -> asyncio.Event:
        """An event that is set as soon as there is more than now."""
        return self._woken

    def wake(self) -> None:
        """Wake all who wait."""
        before, self._woken = self._woken, asyncio.Event()
        before.set()

    async def run(self) -> NoReturn:
        """Read until cancelled, over as many connections as it takes."""
        # While Kafka is away it logs some lines every 100 ms; here it is told once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        failures = 0
        while True:
            heed_cancellation()
            self.mark.moved()
            try:
                await self._read_over_one_connection()
            except KafkaUnreadable as error:
                failures = failures + 1 if self.away else 1
                self._tell_away(error)
                seconds = growing_pause(failures, MAX_PAUSE_SECONDS)
                self.mark.idle(seconds)
                await asyncio.sleep(seconds)
            except Exception as error:
                log.error("model events not read", exc_info=error)
                self.away = "Kafka (by a defect)"
                await rest_after(error, self.mark, MAX_DEFECT_PAUSE_SECONDS)

    def _tell_away(self, error: KafkaUnreadable) -> None:
        if not self.away:
            log.warning("model events cannot be read", reason=error.detail)
        self.away = f"Kafka ({error.detail})"

    async def _read_over_one_connection(self) -> None:
        limit = self._settings.kafka_timeout_seconds
        consumer: Any = AIOKafkaConsumer(
            **kafka_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            # Nobody is led past lost records by it: that is seen by their offsets.
            auto_offset_reset="earliest",
            request_timeout_ms=int(limit * 1000),
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_BYTES,
        )
        try:
            async with answered_within(limit, KafkaUnreadable):
                await consumer.start()
            await _Connection(self, consumer, self._name, limit).read(self._settings.event_source)
        finally:
            # In time: see shared/kafka/topic_reader.py.
            async with ended_within(STOP_SECONDS, "tail"):
                await consumer.stop()

    def begin(
        self, topic: bytes, begins: Mapping[int, int], ends: Mapping[int, int]
    ) -> Mapping[int, int]:
        """Return where to read from, after a look at the topic; a new ring where it is not kept."""
        ring = self._newest
        if ring is None or ring.topic != topic or not ring.continues_in(begins, ends):
            if ring is not None:
                log.warning("the topic of model events begins anew", topic=self._name)
            each = min(WARM_RECORDS, max(1, WARM_RECORDS_IN_ALL // max(1, len(begins))))
            starts = {n: max(begin, ends[n] - each) for n, begin in begins.items()}
            ring = self._newest = Ring(topic, starts)
            self._warm_at = dict(ends)
        self.begins = dict(begins)
        for number, begin in begins.items():
            ring.add_partition(number, begin)
        return ring.offsets

    def take(self, records: Sequence[RawMessage], source: str) -> None:
        """Keep the events of records, each partition's in order."""
        assert self._newest is not None  # noqa: S101 - `begin` comes first
        ring, is_more = self._newest, False
        for record in records:
            event = read_event(record.value, source)
            is_more |= ring.add(record.partition, record.offset, event)
        if is_more:
            self.wake()

    def passed(self, positions: Mapping[int, int]) -> None:
        """Take note of how far the consumer is: also past records that are never handed out."""
        assert self._newest is not None  # noqa: S101 - `begin` comes first
        for number, offset in positions.items():
            self._newest.pass_by(number, offset)
        warm_at = self._warm_at
        if warm_at and any(self._newest.offsets[n] < end for n, end in warm_at.items()):
            return
        if self._warm_at is not None or self.away:
            log.info("model events are read", topic=self._name)
            self._warm_at, self.away = None, ""
            self.mark.succeeded()
            self.wake()


class _Connection:
    """One consumer's reading; every method raises KafkaUnreadable."""

    def __init__(self, tail: Tail, consumer: Any, name: str, limit_seconds: float) -> None:
        self._tail, self._consumer = tail, consumer
        self._name, self._limit_seconds = name, limit_seconds
        self._topic = b""
        self._assigned: dict[int, TopicPartition] = {}
        self._moved = True

    async def read(self, source: str) -> NoReturn:
        """Read until there is a reason to connect again."""
        offsets = await self._look()
        looked = monotonic()
        while True:
            self._tail.mark.moved()
            async with answered_within(self._limit_seconds, KafkaUnreadable):
                batches: Mapping[TopicPartition, Sequence[RawMessage]]
                batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH)
            for partition, records in batches.items():
                if records:
                    await self._check_continues(partition, records[0].offset, offsets)
                self._tail.take(records, source)
                self._moved = True
            self._tail.passed(await self._positions(offsets))
            if monotonic() - looked > LOOK_SECONDS:
                offsets = await self._look()
                looked = monotonic()

    async def _look(self) -> Mapping[int, int]:
        """Look at the topic, and have all of its partitions assigned; returns the next offsets."""
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            found = await identify_topic(self._consumer, self._name)
            if len(found.partitions) > MAX_PARTITIONS or not found.partitions:
                raise KafkaUnreadable(f"{len(found.partitions)} partitions")
            topic = topic_tag(self._name, found.id)
            if self._topic not in (b"", topic):
                raise KafkaUnreadable("the topic was made again")
            self._topic = topic
            wanted = {n: TopicPartition(self._name, n) for n in sorted(found.partitions)}
            is_new = wanted.keys() != self._assigned.keys()
            if is_new:
                self._consumer.assign(list(wanted.values()))
            begins = _by_number(await self._consumer.beginning_offsets(list(wanted.values())))
            ends = _by_number(await self._consumer.end_offsets(list(wanted.values())))
        before = self._tail.ring
        offsets = self._tail.begin(topic, begins, ends)
        if self._assigned and before is not None and not self._tail.is_kept(before):
            raise KafkaUnreadable("records were lost")  # another connection begins elsewhere
        if is_new:
            for number, partition in wanted.items():
                self._consumer.seek(partition, offsets[number])
            self._assigned = wanted
        elif not self._moved and any(offsets[n] < end for n, end in ends.items()):
            raise KafkaUnreadable("it does not go on")
        self._moved = False
        return offsets

    async def _positions(self, offsets: Mapping[int, int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for number, partition in self._assigned.items():
            async with answered_within(self._limit_seconds, KafkaUnreadable):
                found[number] = await self._consumer.position(partition)
            await self._check_continues(partition, found[number], offsets)
        return found

    async def _check_continues(
        self, partition: TopicPartition, offset: int, offsets: Mapping[int, int]
    ) -> None:
        """Raise where records between were lost: the consumer was led to the oldest one then.

        Offsets under which nothing is handed out, as those of transactions, are no loss.
        """
        expected = offsets[partition.partition]
        if offset == expected:
            return
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            begins: Mapping[Any, int] = await self._consumer.beginning_offsets([partition])
        if offset < expected or begins[partition] > expected:
            raise KafkaUnreadable("records were lost")


def _by_number(found: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {each.partition: offset for each, offset in found.items()}
