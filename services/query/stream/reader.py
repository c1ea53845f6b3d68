"""One stream: from where it begins, over what Kafka still has, to what happens now."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Literal

from services.query.stream import wire
from services.query.stream.beginning import Beginning
from services.query.stream.history import GiveBack, History, RecordsGone, Step, Turn
from services.query.stream.ring import CHUNK_BYTES
from services.query.stream.tail import Tail
from shared.domain.access.decision import NameFilter
from shared.domain.access.principals import Principal
from shared.domain.errors import RegistryError
from shared.domain.streams.position import Position
from shared.domain.streams.wanted import Wanted
from shared.kafka.errors import KafkaUnreadable
from shared.runtime.progress import growing_pause
from shared.runtime.tasks import end, woken

HEARTBEAT_SECONDS = 15.0
"""Proxies close what is silent for 30 to 60 seconds."""
ACCESS_SECONDS = 4.0
"""How often it is asked whether the credential still counts. An answer may be 5 seconds old
(`VERDICT_SECONDS`), so that one that is revoked ends its streams within 10."""
SEND_SECONDS = 30.0
"""Within so long a reader has to take what one step of the past has; others wait for the turn."""
MAX_PAUSE_SECONDS = 5.0

Reason = Literal["behind", "access", "gone", "shutdown", "complete"]
Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Follower:
    """Who reads, and what."""

    wanted: Wanted
    readable: NameFilter
    principal: Principal
    ask_again: Callable[[], Awaitable[Principal]] | None
    """Finds out anew who it is; raises RegistryError where the credential does not count."""


class Ended(Exception):
    """The stream ends, for a reason that its reader is told."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class Stalled(Exception):
    """The reader takes nothing more in the middle of an event: there is no way to tell it."""


class Reader:
    """Sends one reader its events, until the stream ends."""

    def __init__(
        self, follower: Follower, beginning: Beginning, tail: Tail, history: History, send: Send
    ) -> None:
        self._follower = follower
        self._ring, self._until = beginning.ring, beginning.until
        self._position: Position | str = beginning.position
        self._tail, self._history = tail, history
        self._send_piece = send
        self._ending = asyncio.Event()
        self._sent_at = monotonic()
        self._asked_at = -inf  # what was found out before the beginning may be old by now
        self._told = str(beginning.position)
        """The place that the reader was told last without an event; empty: an event came since."""

    def end_soon(self) -> None:
        """End the stream, since the process ends."""
        self._ending.set()

    async def run(self, retry_ms: int) -> None:
        """Send until the stream ends, and tell the reader why it does."""
        assert isinstance(self._position, Position)  # noqa: S101 - as it begins
        await self._send(wire.beginning(self._position, retry_ms))
        try:
            if not self._ring.reaches(self._position):
                await self._catch_up()
            await self._follow()
        except Ended as ended:
            last = wire.ending(ended.reason, ended.detail, str(self._position))
            await self._send(last)
        except Stalled:
            return  # a part of an event, which the end of a stream makes void

    # The past

    async def _catch_up(self) -> None:
        """Send what Kafka has of the past, in turns, until the ring reaches the rest."""
        failures = 0
        while not self._ring.reaches(self._parsed()):
            give_back = await self._wait_for_turn()
            begun = monotonic()
            try:
                async with self._history.turn(give_back) as turn:
                    await self._use(turn, begun)
                failures = 0
            except RecordsGone:
                raise Ended("gone", "the topic does not hold all that comes next") from None
            except KafkaUnreadable:
                failures += 1  # it may be away for long: the stream goes on once it is back
                await self._rest(growing_pause(failures, MAX_PAUSE_SECONDS))

    async def _wait_for_turn(self) -> GiveBack:
        principal = self._follower.principal.id
        waiting = asyncio.create_task(self._history.wait_for_turn(principal))
        try:
            while not waiting.done():
                await self._keep_up()
                await asyncio.wait((waiting,), timeout=self._until_next())
        except BaseException:
            if waiting.done() and not waiting.cancelled():
                waiting.result()()
            await end(waiting)
            raise
        return waiting.result()

    async def _use(self, turn: Turn, begun: float) -> None:
        async with aclosing(turn.steps(self._parsed())) as steps:
            async for step in steps:
                await self._keep_up()
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await self._send_step(step)
                except TimeoutError:
                    raise Stalled from None
                self._check_complete()
                if self._ring.reaches(step.position) or self._history.is_over(begun):
                    return

    async def _send_step(self, step: Step) -> None:
        chunk = bytearray()
        for event, position in step.events:
            if self._follower.wanted.has(event.told, self._follower.readable):
                self._told = ""
                chunk += wire.with_id(str(position), event.lines)
            if len(chunk) >= CHUNK_BYTES:
                await self._send(bytes(chunk))
                self._position = position
                chunk.clear()
                await self._keep_up()  # a slow reader takes longer for a step than access counts
        if chunk:
            await self._send(bytes(chunk))
        self._position = step.position

    # What happens now

    async def _follow(self) -> None:
        place = self._ring.place_of(self._parsed())
        while True:
            await self._keep_up()
            is_woken = self._tail.woken  # before the reading: what comes during it is read again
            found = self._ring.read(place, self._follower.wanted, self._follower.readable)
            if found is None:
                raise Ended("behind", "events came faster than they were read")
            if found.chunk:
                self._position = found.position
                self._told = ""
                await self._send(found.chunk)
            self._position = found.position
            self._check_complete()
            if not found.is_all:
                await asyncio.sleep(0)  # others get their turn
            elif not self._tail.is_kept(self._ring):
                raise Ended("gone", "the topic was made again, or has lost events")
            else:
                await self._wait(is_woken)

    def _check_complete(self) -> None:
        if self._until is None:
            return
        read = self._parsed().offsets
        if all(read.get(number, 0) >= offset for number, offset in self._until.offsets.items()):
            raise Ended("complete", "these were all events when the stream began")

    def _parsed(self) -> Position:
        found = self._position
        return found if isinstance(found, Position) else Position.parse(found)

    # Beside both

    async def _keep_up(self) -> None:
        """End where it is time to; send a heartbeat where one is due."""
        if self._ending.is_set():
            raise Ended("shutdown", "the service ends; another process goes on")
        if monotonic() - self._asked_at >= ACCESS_SECONDS:
            await self._check_access()
        if monotonic() - self._sent_at >= HEARTBEAT_SECONDS:
            place = str(self._position)
            await self._send(wire.heartbeat(None if place == self._told else place))
            self._told = place

    async def _check_access(self) -> None:
        ask = self._follower.ask_again
        self._asked_at = monotonic()
        if ask is None:
            return
        try:
            principal = await ask()
        except RegistryError as error:
            # Nobody is told more while nobody can say whether they still may.
            raise Ended("access", error.detail) from None
        if principal.grants != self._follower.principal.grants:
            raise Ended("access", "what the caller may read has changed")

    def _until_next(self) -> float:
        due = min(self._sent_at + HEARTBEAT_SECONDS, self._asked_at + ACCESS_SECONDS)
        return max(0.0, due - monotonic())

    async def _rest(self, seconds: float) -> None:
        over = monotonic() + seconds
        while (left := over - monotonic()) > 0:
            await self._keep_up()
            await woken(self._ending, min(left, self._until_next()))

    async def _wait(self, is_woken: asyncio.Event) -> None:
        await woken(is_woken, self._until_next())

    async def _send(self, lines: bytes) -> None:
        """Send in pieces: the server copies each, and takes no more where the reader is slow."""
        for begin in range(0, len(lines), CHUNK_BYTES):
            await self._send_piece(lines[begin : begin + CHUNK_BYTES])
        self._sent_at = monotonic()
