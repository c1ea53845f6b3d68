"""The projection as the service runs it: loaded, kept up with the records, and checked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import NoReturn

from services.query.search.projection.hints import Batch, Hints
from services.query.search.projection.reading import Reader, SearchBehind, SearchNotLoaded
from services.query.search.projection.rounds import pull
from services.query.search.projection.store import Store
from services.query.search.projection.tables import is_damage
from services.query.search.projection.walks import Checked, check_all, compare, load
from shared.database import catalog
from shared.database.client import Database
from shared.database.errors import DatabaseUnavailable
from shared.database.watch import stream_mark, watch_models
from shared.domain.errors import InvalidRequest
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import run_all, woken

REST_SECONDS = 0.05
"""Between two rounds: what changes meanwhile is read together, and MongoDB is asked seldom."""
COMPARE_SECONDS = 60.0
REQUESTS_SECONDS = 2.0
"""Between two looks whether an operator wants a check or a new file."""
WAIT_SECONDS = 2.0
"""How long a search waits for an event that its caller has seen."""
MOST_PAUSE_SECONDS = 10.0

log = get_logger(__name__)


@dataclass
class Figures:
    """What is told of the projection's state."""

    is_loaded: bool = False
    compared_at: datetime | None = None
    behind: int = 0
    """Models that the last comparison found behind although nothing had told so."""
    checked_at: datetime | None = None
    """When every version had last been read again."""
    mended: int = 0
    """Rows that comparisons and checks have mended since the start."""


class Projection:
    """Query's own copy of what is searched."""

    def __init__(
        self, database: Database, folder: str, *, check_versions_per_second: float
    ) -> None:
        self._database = database
        self._store = Store(folder, f"{database.name} {database.event_source}")
        self._per_second = check_versions_per_second
        self._rebuild_asked = False
        self._check_asked = asyncio.Event()
        self.hints = Hints()
        self.figures = Figures()
        self.marks = (
            Mark("search", COMPARE_SECONDS),
            stream_mark("models"),
            Mark("check of search", COMPARE_SECONDS),
            Mark("requests for search", COMPARE_SECONDS),
        )

    async def run(self) -> NoReturn:
        """Keep the projection up with the records until cancelled."""
        keeping, stream, checking, requests = self.marks
        rest = partial(asyncio.sleep, REST_SECONDS)
        try:
            await run_all(
                (
                    watch_models(self._database, self.hints.model_changed, stream, rest),
                    self._keep(keeping),
                    self._check(checking),
                    self._obey(requests),
                )
            )
        finally:
            await self._store.close()
        raise AssertionError("unreachable: none of these ends")

    def reader(self) -> Reader:
        """Return what reads it; raises SearchNotLoaded."""
        reader = self._store.reader
        if reader is None or not self.figures.is_loaded:
            raise SearchNotLoaded
        return reader

    def has_failed(self, error: Exception) -> None:
        """Have the file made anew where an error of using it says that it is damaged."""
        if is_damage(error):
            self._rebuild_asked = True
            self.hints.wake.set()

    def lag_seconds(self) -> float:
        """Return how long the oldest change that is known has been waiting to be read."""
        since = self.hints.since
        return 0.0 if since is None else monotonic() - since

    async def size_bytes(self) -> int:
        """Return the bytes that the file takes."""
        return await self._store.size_bytes()

    async def have(self, seen: Mapping[str, int]) -> None:
        """Return once these models are held up to these events.

        A model that is not there has nothing to wait for. Raises SearchNotLoaded, SearchBehind, and
        InvalidRequest for an event that there is not.
        """
        self.reader()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                missing = await self._missing(seen)
                if missing:
                    await self.hints.read_soon(missing)
                held = await self._store.write(lambda writer: writer.applied(missing))
        except TimeoutError:
            raise SearchBehind from None
        for name, sequence in missing.items():
            # What the caller has seen was there before: a round that began since has read it.
            if name in held and held[name] < sequence:
                raise InvalidRequest("min_sequence", f"model {name!r} has no event {sequence} yet")

    async def _missing(self, seen: Mapping[str, int]) -> dict[str, int]:
        held = await self._store.write(lambda writer: writer.applied(seen))
        return {name: number for name, number in seen.items() if held.get(name, 0) < number}

    async def _keep(self, mark: Mark) -> NoReturn:
        compare_at = 0.0
        while True:
            mark.moved()
            try:
                with mark.told_from_within():
                    await self._prepare()
                    with self.hints.round() as batch:
                        await self._read(batch)
                        if batch.everything or monotonic() > compare_at:
                            await self._compare()
                            compare_at = monotonic() + COMPARE_SECONDS
                mark.succeeded()
            except DatabaseUnavailable as error:
                self.hints.compare_everything()
                log.warning("search cannot be kept up", error=str(error))
                await asyncio.sleep(1)
                continue
            except Exception as error:
                log.error("search cannot be kept up", exc_info=error)
                self.hints.compare_everything()
                self.has_failed(error)
                await rest_after(error, mark, MOST_PAUSE_SECONDS)
                continue
            await asyncio.sleep(REST_SECONDS)
            mark.idle(COMPARE_SECONDS)
            await woken(self.hints.wake, max(0.0, compare_at - monotonic()))

    async def _prepare(self) -> None:
        """Have a file that was loaded once."""
        await self._store.open()
        if self._rebuild_asked:
            self.figures.is_loaded = False
            await self._store.renew()
            self._rebuild_asked = False
        if self.figures.is_loaded:
            return
        if not await self._store.write(lambda writer: writer.about("loaded")):
            log.info("search is loading")
            await self._store.renew()  # of a load that was cut off
            await load(self._database, self._store)
        await self._compare()
        self.figures.is_loaded = True
        log.info("search is loaded")

    async def _read(self, batch: Batch) -> None:
        if batch.versions or batch.models:
            await pull(self._database, self._store, batch.versions, batch.models)
        batch.is_read()

    async def _compare(self) -> None:
        found = await compare(self._database, self._store, self.hints.knows)
        self.figures.compared_at = datetime.now(UTC)
        if self.figures.is_loaded:  # before that, being behind is no hole
            self.figures.behind = len(found.behind)
            self._tell(found)

    async def _check(self, mark: Mark) -> NoReturn:
        """Read every version again, slowly, for ever; at once where an operator wants it."""
        while True:
            mark.moved()
            try:
                with mark.told_from_within():
                    if self.figures.is_loaded:
                        per_second = self._per_second * (10 if self._check_asked.is_set() else 1)
                        self._check_asked.clear()
                        self._tell(await check_all(self._database, self._store, per_second))
                        self.figures.checked_at = datetime.now(UTC)
                mark.succeeded()
            except DatabaseUnavailable as error:
                log.warning("search cannot be checked", error=str(error))
            except Exception as error:
                log.error("search cannot be checked", exc_info=error)
                self.has_failed(error)
                await rest_after(error, mark, MOST_PAUSE_SECONDS)
            mark.idle(COMPARE_SECONDS)
            await woken(self._check_asked, COMPARE_SECONDS if self.figures.is_loaded else 1.0)

    async def _obey(self, mark: Mark) -> NoReturn:
        """Look whether an operator wants search to be checked or made anew."""
        seen: Mapping[str, datetime] | None = None
        while True:
            mark.moved()
            try:
                asked = await catalog.requested_at(self._database)
                if seen is not None:
                    new = {name for name in asked if asked[name] != seen.get(name)}
                    self._do(new)
                seen = asked
                mark.succeeded()
            except DatabaseUnavailable as error:
                log.warning("requests for search cannot be read", error=str(error))
            except Exception as error:
                log.error("requests for search cannot be read", exc_info=error)
                await rest_after(error, mark, MOST_PAUSE_SECONDS)
            mark.idle(REQUESTS_SECONDS)
            await asyncio.sleep(REQUESTS_SECONDS)

    def _do(self, asked: set[str]) -> None:
        if "rebuild" in asked:
            log.info("search is made anew, as an operator wants")
            self._rebuild_asked = True
            self.hints.wake.set()
        if "check" in asked:
            self._check_asked.set()

    def _tell(self, found: Checked) -> None:
        self.figures.mended += found.mended
        if found.mended or found.behind:
            log.warning("search had holes", behind=len(found.behind), mended=found.mended)
