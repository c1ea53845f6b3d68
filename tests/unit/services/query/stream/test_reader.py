"""A stream asks again whether its reader may follow, however slowly that one reads."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from services.query.stream import reader as module
from services.query.stream.beginning import Beginning
from services.query.stream.history import Step
from services.query.stream.reader import ACCESS_SECONDS, Follower, Reader
from services.query.stream.ring import CHUNK_BYTES
from services.query.stream.wire import StreamEvent
from shared.domain.access.decision import EVERY_NAME
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.errors import Unauthenticated
from shared.domain.streams.position import TOPIC_BYTES, Position
from shared.domain.streams.wanted import Facts, Wanted

TOPIC = b"t" * TOPIC_BYTES
EVENTS = 100
LINES = b"data: " + b"x" * CHUNK_BYTES + b"\n\n"


def at(offset: int) -> Position:
    return Position(TOPIC, {0: offset})


class Ring:
    """What happens now, which nothing has yet."""

    def reaches(self, position: Position) -> bool:
        return position.offsets[0] >= EVENTS


class Past:
    """All events of the topic in one step, as Kafka may give them."""

    async def wait_for_turn(self, _: str) -> Any:
        return lambda: None

    @asynccontextmanager
    async def turn(self, _: object) -> AsyncGenerator["Past"]:
        yield self

    async def steps(self, _: Position) -> AsyncGenerator[Step]:
        facts = Facts("churn", "registry.version.ready.v1")
        events = [
            (StreamEvent(f"e{number}", facts, LINES), at(number + 1)) for number in range(EVENTS)
        ]
        yield Step(events, at(EVENTS))

    def is_over(self, _: float) -> bool:
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock says, as its last element."""
    told = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: told[-1])
    return told


async def test_a_slow_reader_hears_no_more_once_its_token_is_revoked(clock: list[float]) -> None:
    principal = Principal("token:1", "token", "a test", (Grant.parse("reader:*"),))
    pieces: list[bytes] = []
    asked: list[float] = []

    async def ask_again() -> Principal:
        asked.append(clock[-1])
        if len(asked) > 2:
            raise Unauthenticated
        return principal

    async def send(piece: bytes) -> None:
        pieces.append(piece)
        clock.append(clock[-1] + 1)  # it takes a second for each

    until = at(EVENTS)
    follower = Follower(Wanted.of(), EVERY_NAME, principal, ask_again)
    beginning = Beginning(at(0), cast(Any, Ring()), until)
    reader = Reader(follower, beginning, cast(Any, None), cast(Any, Past()), send)
    await reader.run(1000)
    assert asked[0] <= 1001, "what was found out before the beginning may be old"
    assert b"event: end" in pieces[-1]
    assert b'"access"' in pieces[-1]
    assert clock[-1] - asked[0] < 4 * ACCESS_SECONDS
    assert len(pieces) < EVENTS


async def test_a_stream_to_its_end_is_told_whole(clock: list[float]) -> None:
    principal = Principal("token:1", "token", "a test", (Grant.parse("reader:*"),))
    pieces: list[bytes] = []

    async def send(piece: bytes) -> None:
        pieces.append(piece)

    follower = Follower(Wanted.of(), EVERY_NAME, principal, None)
    beginning = Beginning(at(0), cast(Any, Ring()), at(EVENTS))
    await Reader(follower, beginning, cast(Any, None), cast(Any, Past()), send).run(1000)
    assert b"".join(pieces).count(LINES) == EVENTS
    assert b'"complete"' in pieces[-1]
    assert clock == [1000.0]
