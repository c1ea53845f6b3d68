"""The newest events, kept once for all who read: each reader has no more than a place in them.

So a reader costs the same however slow it is, and one that the oldest kept event has overtaken is
told so. Who comes back soon is served from here as well, without asking Kafka.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from services.query.stream.wire import StreamEvent, with_id
from shared.domain.access.decision import NameFilter
from shared.domain.streams.position import Position
from shared.domain.streams.repeats import Recent
from shared.domain.streams.wanted import Wanted

MAX_BYTES = 32 << 20
MAX_EVENTS = 20_000
MAX_RECENT = 20_000
"""Events among which a repetition is recognised."""
OVERHEAD_BYTES = 1000
"""What an event takes in memory beside its text: the objects, and the id behind it."""
CHUNK_BYTES = 16 << 10
"""As much is sent in one piece; a single event may have more."""
SCAN = 2000
"""Events that are looked through before others get their turn."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event and its place."""

    partition: int
    offset: int
    event: StreamEvent
    position: str
    """Id of the place behind it, for who has read all before it."""


@dataclass(slots=True)
class Place:
    """Where one reader is: the next event, and where it is ahead of what is kept."""

    next: int
    ahead: dict[int, int] = field(default_factory=dict[int, int])
    """Of partitions in which the reader has read further than the ring was at `next`: until where.
    """


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader is to be sent next."""

    chunk: bytes
    position: Position | str
    """Behind the last event that was looked at."""
    is_all: bool
    """Whether that was the newest one."""


class Ring:
    """Events of one topic in the order in which they were read, the oldest forgotten first."""

    def __init__(
        self,
        topic: bytes,
        begins: Mapping[int, int],
        *,
        max_bytes: int = MAX_BYTES,
        max_events: int = MAX_EVENTS,
    ) -> None:
        self.topic = topic
        self.offsets = dict(begins)
        """Next offset of each partition."""
        self.first = 0
        """Number of the oldest event that is kept."""
        self.end = 0
        """Number that the next event will have."""
        self._floors = dict(begins)
        """Of each partition, the offset from which on all events are kept."""
        self._kept: dict[int, Kept] = {}
        self._recent = Recent(MAX_RECENT)
        self._size = 0
        self._max_bytes, self._max_events = max_bytes, max_events

    @property
    def position(self) -> Position:
        """The place behind everything that was read."""
        return Position(self.topic, dict(self.offsets))

    @property
    def bytes_kept(self) -> int:
        """What the events take in memory, about."""
        return self._size

    def add_partition(self, partition: int, begin: int) -> None:
        """Take note of a partition that is new to the topic."""
        self.offsets.setdefault(partition, begin)
        self._floors.setdefault(partition, begin)

    def pass_by(self, partition: int, offset: int) -> None:
        """Take note that there is nothing for readers below an offset."""
        self.offsets[partition] = max(offset, self.offsets[partition])

    def add(self, partition: int, offset: int, event: StreamEvent | None) -> bool:
        """Keep a record's event; False for a record that tells readers nothing, or nothing new."""
        self.pass_by(partition, offset + 1)
        if event is None or not self._recent.is_new(event.id):
            return False
        self._kept[self.end] = Kept(partition, offset, event, str(self.position))
        self.end += 1
        self._size += _size_of(self._kept[self.end - 1])
        while self._size > self._max_bytes or len(self._kept) > self._max_events:
            self._forget_oldest()
        return True

    def _forget_oldest(self) -> None:
        oldest = self._kept.pop(self.first)
        self.first += 1
        self._size -= _size_of(oldest)
        self._floors[oldest.partition] = oldest.offset + 1

    def reaches(self, position: Position) -> bool:
        """Whether everything behind a position is kept."""
        read = position.offsets
        return all(read.get(number, 0) >= floor for number, floor in self._floors.items())

    def continues_in(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> bool:
        """Whether the topic, which begins and ends there, has all that comes next."""
        read = self.offsets.items()
        return all(begins.get(n, -1) <= offset <= ends.get(n, -1) for n, offset in read)

    def has_read(self, position: Position) -> bool:
        """Whether the position is not ahead of what was read."""
        return all(self.offsets.get(n, 0) >= offset for n, offset in position.offsets.items())

    def place_of(self, position: Position) -> Place:
        """Return a reader's place behind a position that the ring reaches."""
        read = position.offsets
        is_at_end = all(read.get(number, 0) >= end for number, end in self.offsets.items())
        return Place(self.end if is_at_end else self.first, dict(read))

    def read(self, place: Place, wanted: Wanted, readable: NameFilter) -> Found | None:
        """Return the reader's next events, and move its place; None where some are forgotten."""
        if place.next < self.first:
            return None
        chunk = bytearray()
        number = place.next
        last = min(self.end, number + SCAN)
        while number < last and len(chunk) < CHUNK_BYTES:
            kept = self._kept[number]
            number += 1
            if kept.offset < place.ahead.get(kept.partition, 0):
                continue
            if wanted.has(kept.event.told, readable):
                behind = kept.position if not place.ahead else self._behind(kept, place)
                chunk += with_id(behind, kept.event.lines)
        place.next = number
        self._drop_what_is_reached(place)
        return Found(bytes(chunk), self._reached(place), number == self.end)

    def newest_of(self, model: str, most: int) -> list[StreamEvent]:
        """Return the newest events of a model that are kept, the newest first."""
        numbers = range(self.end - 1, self.first - 1, -1)
        events = (self._kept[number].event for number in numbers)
        return list(islice((each for each in events if each.told.model == model), most))

    def _reached(self, place: Place) -> Position | str:
        if place.next == self.end:
            return _furthest(self.position, place.ahead)
        before = self._kept.get(place.next - 1)
        if before is None:  # nothing was looked at yet, so that the reader is where it began
            return Position(self.topic, dict(place.ahead))
        return before.position if not place.ahead else self._behind(before, place)

    def _behind(self, kept: Kept, place: Place) -> str:
        return str(_furthest(Position.parse(kept.position), place.ahead))

    def _drop_what_is_reached(self, place: Place) -> None:
        if not place.ahead or place.next < self.end:
            return
        place.ahead = {
            number: offset
            for number, offset in place.ahead.items()
            if offset > self.offsets.get(number, 0)
        }


def _furthest(position: Position, ahead: Mapping[int, int]) -> Position:
    offsets = dict(position.offsets)
    for number, offset in ahead.items():
        offsets[number] = max(offset, offsets.get(number, 0))
    return Position(position.topic, offsets)


def _size_of(kept: Kept) -> int:
    return len(kept.event.lines) + len(kept.position) + OVERHEAD_BYTES
