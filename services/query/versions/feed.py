"""Who waits for which version: woken by MongoDB's change stream, never by a loop of queries."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from registry.schemas import SETTLED, Version
from shared.database.client import Database
from shared.database.watch import watch_versions

Look = Callable[[], Awaitable[Version]]


class VersionFeed:
    """Wakes the requests that wait for a version whenever its document changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    async def run(self) -> None:
        """Follow the change stream until cancelled."""
        await watch_versions(self._database, self._on_change)

    async def settled(self, version: Version, look: Look, timeout_seconds: float) -> Version:
        """Return the version once it has left pending and verifying, or as it is at the timeout.

        `look` reads it anew; it is called once before waiting, since the change may have come
        between the caller's read and the registration here.
        """
        if version.state in SETTLED or timeout_seconds <= 0:
            return version
        changed = asyncio.Event()
        self._waiting[version.id].add(changed)
        try:
            async with asyncio.timeout(timeout_seconds):
                while (version := await look()).state not in SETTLED:
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            pass  # the answer then tells the state as it is
        finally:
            self._forget(version.id, changed)
        return version

    def _forget(self, version_id: str, changed: asyncio.Event) -> None:
        waiting = self._waiting[version_id]
        waiting.discard(changed)
        if not waiting:
            del self._waiting[version_id]

    def _on_change(self, version_id: str | None) -> None:
        """Wake who waits for this version; all of them when changes may have been missed."""
        chosen = list(self._waiting) if version_id is None else [version_id]
        for waited_for in chosen:
            for changed in self._waiting.get(waited_for, ()):
                changed.set()
