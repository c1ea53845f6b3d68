"""Random faults during a long run, one after the other: kinds, and how each is done."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from local.processes.state import SERVERS
from shared.runtime.tasks import woken
from tests.faults.harness import kafka_groups
from tests.faults.harness.boundaries import BOUNDARIES
from tests.faults.harness.processes import Service
from tests.faults.harness.running_registry import Harness

PAUSE_SECONDS = (1.0, 4.0)
"""Between two faults."""
LONGEST_SECONDS = 12.0
"""A process is frozen for up to so long: past the session timeout of a consumer, of 10 s."""
GUEST_SECONDS = 6.0
POISON = (b"\xff\xfe", b"", b"{}", b"[]", b"x" * 100_000, b'{"Records": [{"eventName": 1}]}')
INDEXER_BOUNDARIES = [name for name, b in BOUNDARIES.items() if "ingest" not in b.target]


class Faults:
    """Hurts a running registry until it is told to end; `counts` says how often, by kind."""

    def __init__(self, registry: Harness, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._registry = registry
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._ingest: Service
        self._indexers: list[Service] = []
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "ingest killed": self._kill_ingest,
            "indexer killed": self._kill_indexer,
            "indexer frozen": self._freeze_indexer,
            "indexer killed at a boundary": self._crash_indexer,
            "indexer joined and left": self._join_and_leave,
            "indexer with a wrong clock": self._wrong_clock,
            "events repeated": self._repeat_events,
            "poison": self._poison,
            **{f"{name} killed": self._killing(name) for name in SERVERS},
            **{f"{name} frozen": self._freezing(name) for name in SERVERS},
        }

    async def start(self) -> None:
        """Start ingest and two indexers."""
        self._ingest, first = await self._registry.start_both()
        self._indexers = [first, await self._registry.start("indexer")]

    async def run(self, over: asyncio.Event) -> None:
        """Do one fault after the other until `over`; the last one is mended before the return."""
        while not over.is_set():
            kind = self._random.choice(list(self._kinds))
            self.counts[kind] += 1
            await self._kinds[kind]()
            await woken(over, self._random.uniform(*PAUSE_SECONDS))

    async def _kill_ingest(self) -> None:
        self._ingest.kill()
        self._ingest.close()
        self._ingest = await self._registry.start("ingest")

    async def _kill_indexer(self) -> None:
        victim = self._indexers.pop(0)
        victim.kill()
        victim.close()
        self._indexers.append(await self._registry.start("indexer"))

    async def _freeze_indexer(self) -> None:
        victim = self._random.choice(self._indexers)
        victim.freeze()
        await asyncio.sleep(self._random.uniform(1, LONGEST_SECONDS))
        victim.thaw()

    async def _crash_indexer(self) -> None:
        boundary, call = self._random.choice(INDEXER_BOUNDARIES), self._random.randint(1, 5)
        await self._guest(f"crash:{boundary}@{call}")

    async def _join_and_leave(self) -> None:
        await self._guest()

    async def _wrong_clock(self) -> None:
        await self._guest(f"clock:{self._random.choice((-600, 600))}")

    async def _guest(self, *tamperings: str) -> None:
        """Have another indexer for some seconds, or until it kills itself."""
        guest = self._registry.launch("indexer", *tamperings)
        with suppress(TimeoutError):
            async with asyncio.timeout(GUEST_SECONDS):
                await guest.ended()
        if guest.is_alive:
            await guest.end()
        guest.close()

    async def _repeat_events(self) -> None:
        settings = self._registry.settings
        topic = settings.kafka_bucket_events_topic
        records = await kafka_groups.read_all(settings, topic)
        again = 3 * self._random.sample(records, min(20, len(records)))
        self._random.shuffle(again)
        async with kafka_groups.producer_of(settings) as producer:
            for record in again:
                await producer.send_and_wait(topic, record.value, key=record.key)

    async def _poison(self) -> None:
        settings = self._registry.settings
        async with kafka_groups.producer_of(settings) as producer:
            for value in POISON:
                await producer.send_and_wait(settings.kafka_bucket_events_topic, value)

    def _killing(self, name: str) -> Callable[[], Awaitable[None]]:
        async def kill() -> None:
            async with self._registry.servers.killed(name):
                await asyncio.sleep(self._random.uniform(0, 3))

        return kill

    def _freezing(self, name: str) -> Callable[[], Awaitable[None]]:
        async def freeze() -> None:
            with self._registry.servers.frozen(name):
                await asyncio.sleep(self._random.uniform(1, LONGEST_SECONDS))

        return freeze
