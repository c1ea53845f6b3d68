"""Takes folders of found objects from their queue, several at once, and has them adopted."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.found.adoption import adopt_folders
from services.indexer.found.groups import leave_others
from services.indexer.found.recording import settling_of
from services.indexer.work.pauses import MAX_DEFECT_PAUSE_SECONDS, STUCK_SECONDS, pause_after
from shared.database.client import limit_operations
from shared.database.errors import DatabaseUnavailable
from shared.database.found_folders import (
    claim_folders,
    give_back_folders,
    give_up_folder,
    next_due,
    postpone_folder,
    renew_folders,
)
from shared.database.leases import LeaseLost, keep_renewed
from shared.domain.errors import RegistryError, Unavailable
from shared.domain.found_folders import FoundFolder
from shared.domain.records import new_id
from shared.kafka.dead_letters import Bury, DeadLetter
from shared.kafka.errors import KafkaForbids
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import heed_cancellation, run_guarded, woken

LEASE = timedelta(seconds=60)
TOGETHER = 50
"""Folders that are taken at once."""
GIVE_BACK_SECONDS = 2.0
"""How long giving folders back may take at the end: without it, the lease ends by itself."""
IDLE = timedelta(seconds=5)
"""How often it looks for folders that others left behind."""
SHORTEST_PAUSE_SECONDS = 0.05
OUTAGE_PAUSE = timedelta(seconds=5)

log = get_logger(__name__)


class Adopter:
    """Adopts folders until cancelled; `wake` tells that objects were seen."""

    def __init__(self, context: Context, bury: Bury, wake_workers: Callable[[], None]) -> None:
        self._context = context
        self._bury = bury
        self._wake_workers = wake_workers
        self._wake = asyncio.Event()
        self.mark = Mark("adoption of found folders", STUCK_SECONDS)

    def wake(self) -> None:
        """Look anew when the next folder is due."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Work until cancelled; folders under way are then given back."""
        while True:
            heed_cancellation()
            self._wake.clear()  # before the look: what comes during it is looked for again
            pause = IDLE
            self.mark.moved()
            try:
                with self.mark.told_from_within():
                    busy = await adopt_once(self._context, self._bury, self._wake_workers)
                self.mark.succeeded()
                if busy:
                    continue
                pause = await next_due(self._context.database, IDLE)
            except RegistryError as error:
                if isinstance(error, KafkaForbids):
                    self.mark.failed(error)  # no dead letter can leave until an operator mends it
                log.warning("nothing adopted", error=type(error).__name__, detail=str(error))
            except Exception as error:
                # A defect, perhaps of one record: its lease keeps it from the others meanwhile.
                log.error("nothing adopted", exc_info=error)
                await rest_after(error, self.mark, MAX_DEFECT_PAUSE_SECONDS)
                continue
            seconds = max(pause.total_seconds(), SHORTEST_PAUSE_SECONDS)
            self.mark.idle(seconds)
            await woken(self._wake, seconds)


async def adopt_once(context: Context, bury: Bury, wake_workers: Callable[[], None]) -> bool:
    """Take folders that are complete and adopt them; False when none was due.

    A folder that fails is given back for another try, after a pause that grows; the last one makes
    it a dead letter and leaves the reason in its document. Raises the storage and database errors
    of what comes before: while storage is away, nothing is taken and nothing fails.
    """
    await context.storage.buckets.exists(context.settings.minio_bucket)
    token = new_id()
    folders = await claim_folders(
        context.database, token, LEASE, settling_of(context.settings), most=TOGETHER
    )
    if not folders:
        return False
    folders = await leave_others(folders, token, context)
    if not folders:
        return True
    adopting = _adopt(folders, token, context, bury, wake_workers)
    try:
        await run_guarded(adopting, _renew(folders, token, context))
    except LeaseLost:
        log.warning("lease lost", folders=len(folders))
    except asyncio.CancelledError:
        await _give_back(folders, token, timedelta(), context)
        raise
    except Unavailable:
        await _give_back(folders, token, OUTAGE_PAUSE, context)
        raise
    return True


async def _adopt(
    folders: Sequence[FoundFolder],
    token: str,
    context: Context,
    bury: Bury,
    wake_workers: Callable[[], None],
) -> None:
    """Adopt folders together; where that fails, each by itself, so that one holds up no other."""
    try:
        for folder in folders:
            if folder.attempts > context.settings.work_max_attempts:
                # It never came to fail in order, or its dead letter could not be sent.
                raise RuntimeError("no attempt came to its end")
        if await adopt_folders(folders, token, context):
            wake_workers()
    except (LeaseLost, DatabaseUnavailable):
        raise  # no folder is at fault
    except Exception as error:
        # Whatever it is, it must not stop the work on other folders.
        if len(folders) > 1:
            log.warning("folders not adopted together", folders=len(folders), exc_info=error)
            for folder in folders:
                await _adopt([folder], token, context, bury, wake_workers)
        else:
            await _fail(folders[0], token, error, context, bury)


async def _fail(
    folder: FoundFolder, token: str, error: Exception, context: Context, bury: Bury
) -> None:
    if isinstance(error, Unavailable):
        # Raises where storage is away for all: then it is no fault of this folder.
        await context.storage.buckets.exists(context.settings.minio_bucket)
    place = {"bucket": folder.bucket, "folder": folder.prefix, "attempts": folder.attempts}
    log.warning("folder not adopted", **place, exc_info=error)
    if folder.attempts < context.settings.work_max_attempts:
        await postpone_folder(context.database, folder, token, pause_after(folder.attempts))
        return
    topic = context.settings.kafka_bucket_events_topic
    seen = ObjectWritten(folder.bucket, folder.key)
    await bury(DeadLetter.of_work(folder.bucket, [seen], topic, error))
    detail = f"{type(error).__name__}: {error}"[:1000]
    if await give_up_folder(context.database, folder, token, detail):
        log.error("folder given up", **place)


async def _give_back(
    folders: Sequence[FoundFolder], token: str, pause: timedelta, context: Context
) -> None:
    try:
        with limit_operations(GIVE_BACK_SECONDS):
            await give_back_folders(context.database, folders, token, pause)
    except DatabaseUnavailable as error:
        log.warning("folders not given back", folders=len(folders), error=error.reason)


async def _renew(folders: Sequence[FoundFolder], token: str, context: Context) -> NoReturn:
    """Renew the leases until cancelled; raises LeaseLost where none is held any more."""
    ids = [folder.id for folder in folders]

    async def renew() -> bool:
        return await renew_folders(context.database, ids, token, LEASE)

    await keep_renewed("found folders", renew, seconds=LEASE.total_seconds())
