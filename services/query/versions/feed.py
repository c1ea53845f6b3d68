"""Who waits for which version: woken by MongoDB's change stream, never by a loop of queries."""

import asyncio
from collections.abc import Awaitable, Callable

from registry.schemas import SETTLED, Version
from shared.database.client import Database
from shared.database.watch import stream_mark, watch_versions
from shared.runtime.tasks import woken

REST_SECONDS = 0.05
"""How seldom changes are asked for while nobody waits for one: they come together then."""

Look = Callable[[], Awaitable[Version]]


class _Awaited:
    """A version that requests wait for: one reading after each change serves all of them."""

    def __init__(self, version: Version, look: Look) -> None:
        self.newest = version
        self.changed = asyncio.Event()
        self.waiting = 0
        """Requests that wait."""
        self.reading = asyncio.create_task(self._until_settled(look))
        """Ends once the version is settled, or with the error of a reading."""

    async def _until_settled(self, look: Look) -> None:
        while True:
            self.changed.clear()  # before the reading: a change during it is read again
            self.newest = await look()
            if self.newest.state in SETTLED:
                return
            await self.changed.wait()


class VersionFeed:
    """Wakes the requests that wait for a version whenever its document changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._awaited: dict[str, _Awaited] = {}
        self._wait_begins = asyncio.Event()
        """Set when a request begins to wait: that ends a rest."""
        self._listeners: list[Callable[[str | None], None]] = []
        self.mark = stream_mark("versions")
        """Whether changes still wake anybody."""

    def tell_also(self, listener: Callable[[str | None], None]) -> None:
        """Call the listener too with the id of each version that changed, or None: any may have."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow the change stream until cancelled."""
        await watch_versions(self._database, self._on_change, self.mark, self._rest)

    async def _rest(self) -> None:
        self._wait_begins.clear()
        if not self._awaited:
            await woken(self._wait_begins, REST_SECONDS)

    async def settled(self, version: Version, look: Look, timeout_seconds: float) -> Version:
        """Return the version once it has left pending and verifying, or as it is at the timeout.

        `look` reads it anew; the first of those who wait reads for all of them, once before it
        waits: the change may have come between the caller's reading and the registration here.
        Raises what `look` raises.
        """
        if version.state in SETTLED or timeout_seconds <= 0:
            return version
        awaited = self._awaited.get(version.id)
        if awaited is None or awaited.reading.done():
            awaited = self._awaited[version.id] = _Awaited(version, look)
            self._wait_begins.set()
        awaited.waiting += 1
        try:
            # Not awaited itself: the end of one request must not end the reading of the others.
            await asyncio.wait((awaited.reading,), timeout=timeout_seconds)
            if awaited.reading.done():
                awaited.reading.result()
        finally:
            awaited.waiting -= 1
            self._forget(version.id, awaited)
        return awaited.newest  # at the timeout, it tells the state as it is

    def _forget(self, version_id: str, awaited: _Awaited) -> None:
        if awaited.waiting:
            return
        awaited.reading.cancel()  # means nothing where it has ended
        if self._awaited.get(version_id) is awaited:
            del self._awaited[version_id]

    def _on_change(self, version_id: str | None) -> None:
        """Wake who waits for this version; all of them when changes may have been missed."""
        for listener in self._listeners:
            listener(version_id)
        chosen = list(self._awaited) if version_id is None else [version_id]
        for waited_for in chosen:
            if (awaited := self._awaited.get(waited_for)) is not None:
                awaited.changed.set()
