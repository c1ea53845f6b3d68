"""Where a stream begins, decided before anything is answered."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from services.query.stream.history import History, RecordsGone, check
from services.query.stream.ring import Ring
from services.query.stream.tail import Tail
from shared.domain.errors import Gone, Unavailable, checked
from shared.domain.streams.position import Position
from shared.kafka.errors import KafkaUnreadable
from shared.runtime.tasks import woken

ARRIVAL_SECONDS = 2.0
"""How long a reader that is ahead of this process is waited for: another one may be faster."""

From = Literal["now", "beginning"]


class StreamsUnavailable(Unavailable):
    """No stream can begin now: what is needed of Kafka cannot be read."""

    def __init__(self, reason: str) -> None:
        super().__init__("streams_unavailable", f"model events cannot be read: {reason}")


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a stream begins, and where it ends."""

    position: Position
    ring: Ring
    until: Position | None = None
    """None: it does not end by itself."""


async def find_beginning(
    given: str | None,
    start: From,
    principal: str,
    *,
    follow: bool,
    tail: Tail,
    history: History,
) -> Beginning:
    """Return where to begin: behind the event with the id that is given, or as `start` says.

    Where Kafka has to be asked for that, it is in a turn of the principal's.

    Raises InvalidRequest for what is no id, Gone where the topic does not hold what came behind it,
    StreamsUnavailable.
    """
    ring = tail.ring
    if ring is None:
        raise StreamsUnavailable(tail.away or "they are being read")
    try:
        position = await _position(given, start, principal, ring, tail, history)
        until = None
        if not follow:
            topic, extent = await history.extent(principal)
            until = Position(topic, extent.ends)
    except KafkaUnreadable as error:
        raise StreamsUnavailable(error.detail) from error
    return Beginning(position, ring, until)


async def _position(
    given: str | None, start: From, principal: str, ring: Ring, tail: Tail, history: History
) -> Position:
    oldest = Position(ring.topic, dict(tail.begins))
    if given is None:
        if start == "now":
            return ring.position
        if ring.reaches(oldest):
            return oldest
        topic, extent = await history.extent(principal)
        return Position(topic, extent.begins)
    position = checked("Last-Event-ID", Position.parse, given)
    if position.topic != ring.topic:
        raise _gone("it is of another topic, or of one that was made again", oldest)
    if not ring.has_read(position):
        await _wait_for(position, ring, tail)
    if not ring.reaches(position) or not ring.has_read(position):
        topic, extent = await history.extent(principal)
        try:
            check(position, topic, extent)
        except RecordsGone:
            oldest = Position(topic, extent.begins)
            raise _gone("the topic does not hold the events behind it", oldest) from None
    return position


async def _wait_for(position: Position, ring: Ring, tail: Tail) -> None:
    try:
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while not ring.has_read(position):
                await woken(tail.woken, ARRIVAL_SECONDS)
    except TimeoutError:
        return


def _gone(why: str, oldest: Position) -> Gone:
    detail = (
        f"Last-Event-ID cannot be resumed from: {why}. Events may be missing between; begin with"
        " the oldest that is kept (from=beginning, or the id of oldest_event_id), or with now"
    )
    return Gone("events_gone", detail, oldest_event_id=str(oldest))
