"""Workers that take versions from the queue of work: one kind after the other, under a lease.

What takes longer than a moment is done here, off the path of Kafka's messages: a long hash would
outlive the consumer's poll interval and lose the partition with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from services.indexer.context import Context
from services.indexer.events.indexing import tell_settled
from services.indexer.found.adopter import Adopter
from services.indexer.verify.full_reads import confirm_version, verify_version
from services.indexer.work.pauses import MAX_DEFECT_PAUSE_SECONDS, STUCK_SECONDS, pause_after
from services.indexer.work.purge import purge_version
from shared.database.client import limit_operations
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost, keep_renewed
from shared.database.lifecycle import reject, settle_whole
from shared.database.sessions import finish_join
from shared.database.work import (
    claim_work,
    finish_work,
    give_back_work,
    give_up_work,
    postpone_work,
    renew_lease,
)
from shared.domain.errors import RegistryError
from shared.domain.records import VersionRecord, WorkKind, new_id
from shared.kafka.dead_letters import Bury, DeadLetter
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import heed_cancellation, run_all, run_guarded, woken
from shared.runtime.telemetry.attributes import version_attributes
from shared.runtime.telemetry.tracing import child_of
from shared.storage.cleaning import clean_upload
from shared.storage.joining import join_upload
from shared.storage.manifests import keep_commit_manifest

LEASE = timedelta(seconds=60)
GIVE_BACK_SECONDS = 2.0
"""How long giving work back may take at the end: without it, the lease ends by itself."""
IDLE_SECONDS = 5.0
"""How often a worker looks for versions that are due again, or that others left behind."""

log = get_logger(__name__)

Work = Callable[[VersionRecord, str, Context], Coroutine[Any, Any, object]]
"""Does what is left to do for a version, and records it under the token."""


async def clean_version(version: VersionRecord, token: str, context: Context) -> None:
    """Remove what an upload that ended left in storage."""
    await clean_upload(version, context.storage)
    await finish_work(context.database, version.id, token)


async def join_version(version: VersionRecord, token: str, context: Context) -> None:
    """Join the parts of a completed upload, where ingest did not come to its end.

    A commit may have none to join, and no event either, as all of its bytes were stored before.
    """
    del token  # joining twice does no harm, and whoever is done first records it
    await keep_commit_manifest(version, context.storage, context.settings)
    if lost := await join_upload(version, context.storage):
        if (rejected := await reject(context.database, version.id, lost[0])) is not None:
            context.counts.version_settled(rejected)
        return
    await settle_whole(context.database, version, partial(tell_settled, context=context))
    await finish_join(context.database, version.id)


WORK: tuple[tuple[WorkKind, Work], ...] = (
    ("join", join_version),
    ("verify", verify_version),
    ("clean", clean_version),
    ("confirm", confirm_version),
    ("purge", purge_version),
)
"""In order of urgency: what keeps versions from being ready comes first."""
TRACED: frozenset[WorkKind] = frozenset(("join", "verify", "confirm"))
"""Work that belongs to the upload; what is removed later, perhaps in a week, does not."""


class Workers:
    """Takes work until cancelled; `wake` tells that there may be some."""

    def __init__(self, context: Context, bury: Bury) -> None:
        self._context = context
        self._bury = bury
        count = context.settings.verify_concurrency
        self._wakes = [asyncio.Event() for _ in range(count)]
        self._marks = [Mark(f"worker {number}", STUCK_SECONDS) for number in range(1, count + 1)]
        self._adopter = Adopter(context, bury, self._wake_workers)

    def marks(self) -> Iterator[Mark]:
        """Yield how each worker goes on, and who adopts found objects."""
        yield from (*self._marks, self._adopter.mark)

    def wake(self) -> None:
        """Look for work, and for folders of found objects, now."""
        self._wake_workers()
        self._adopter.wake()

    async def run(self) -> None:
        """Work until cancelled; what is under way is then given back."""
        await run_all([self._adopter.run(), *map(self._worker, self._wakes, self._marks)])

    def _wake_workers(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def _worker(self, wake: asyncio.Event, mark: Mark) -> NoReturn:
        while True:
            heed_cancellation()
            wake.clear()  # before the look: what comes during it is looked for again
            mark.moved()
            try:
                with mark.told_from_within():
                    busy = await work_once(self._context, self._bury)
            except RegistryError as error:
                log.warning("no work", error=type(error).__name__, detail=str(error))
                busy = False
            except Exception as error:
                # A defect, perhaps of one record: its lease keeps it from the others meanwhile.
                log.error("no work", exc_info=error)
                await rest_after(error, mark, MAX_DEFECT_PAUSE_SECONDS)
                continue
            else:
                mark.succeeded()
            if not busy:
                mark.idle(IDLE_SECONDS)
                await woken(wake, IDLE_SECONDS)


async def work_once(context: Context, bury: Bury) -> bool:
    """Take one version and do its work; False when none was due.

    A failure gives it back for another try, after a pause that grows; the last one makes it a dead
    letter and leaves the reason in the record. Raises the storage and database errors of what
    comes before: while storage is away, nothing is taken and nothing fails.
    """
    await context.storage.buckets.exists(context.settings.minio_bucket)
    for kind, work in WORK:
        token = new_id()
        version = await claim_work(context.database, kind, token, LEASE)
        if version is not None:
            await _attempt(version, kind, work, token, context, bury)
            return True
    return False


async def _attempt(
    version: VersionRecord, kind: WorkKind, work: Work, token: str, context: Context, bury: Bury
) -> None:
    attempts = version.work.attempts if version.work else 1
    try:
        if attempts > context.settings.work_max_attempts:
            # It never came to fail in order, or its dead letter could not be sent.
            raise RuntimeError("no attempt came to its end")
        with child_of(version.trace if kind in TRACED else None, f"{kind} version") as span:
            if span is not None:
                span.set({**version_attributes(version), "registry.attempt": attempts})
            await run_guarded(work(version, token, context), keep_lease(version, token, context))
    except LeaseLost:
        log.warning("lease lost", version_id=version.id, work=kind)
    except asyncio.CancelledError:
        await _give_back(version, token, context)
        raise
    except Exception as error:
        # Whatever it is, it must not stop the work on other versions.
        log.warning(
            "work failed", version_id=version.id, work=kind, attempts=attempts, exc_info=error
        )
        if attempts < context.settings.work_max_attempts:
            await postpone_work(context.database, version.id, token, pause_after(attempts))
        else:
            await _give_up(version, kind, token, error, context, bury)


async def _give_up(
    version: VersionRecord,
    kind: WorkKind,
    token: str,
    error: Exception,
    context: Context,
    bury: Bury,
) -> None:
    topic = context.settings.kafka_bucket_events_topic
    await bury(DeadLetter.of_work(version.storage_group, version.artifacts, topic, error))
    detail = f"{type(error).__name__}: {error}"[:1000]
    if await give_up_work(context.database, version.id, token, kind, detail):
        log.error(
            "work given up",
            model=version.model,
            version=version.number,
            version_id=version.id,
            work=kind,
        )


async def _give_back(version: VersionRecord, token: str, context: Context) -> None:
    try:
        with limit_operations(GIVE_BACK_SECONDS):
            await give_back_work(context.database, version.id, token)
    except DatabaseUnavailable as error:
        log.warning("work not given back", version_id=version.id, error=error.reason)


async def keep_lease(version: VersionRecord, token: str, context: Context) -> NoReturn:
    """Renew the lease of a version's work until cancelled; raises LeaseLost."""

    async def renew() -> bool:
        return await renew_lease(context.database, version.id, token, LEASE)

    await keep_renewed(version.id, renew, seconds=LEASE.total_seconds())
