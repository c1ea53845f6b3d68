"""Multipart uploads that nobody will complete: their parts cost space, and no listing shows them.

Storage that lists uploads only by their keys (MinIO after a restart) does not tell of all of them;
what ended sessions left is therefore also removed key by key, as work (`shared/storage/cleaning`).
"""

from datetime import timedelta

from services.indexer.reconcile.pace import Round
from shared.database.staged import staged_uploads
from shared.domain.records import VersionRecord
from shared.domain.sessions import is_joining
from shared.runtime.logs import get_logger
from shared.storage.connection import StorageRefused
from shared.storage.multipart import OpenUpload

log = get_logger(__name__)


async def abort_abandoned_uploads(bucket: str, walk: Round) -> None:
    """Abort what belongs to a session that ended, and what nobody declared and is old.

    Something that nobody declared may be the upload of a plain S3 client that is under way.
    """
    try:
        async for page in walk.context.storage.multipart.open_uploads(bucket):
            await walk.pace.acquire()
            await _abort_page(bucket, page, walk)
    except StorageRefused as error:
        walk.report.add_error(f"open uploads of {bucket!r} are not listed: {error.s3_code}")


async def _abort_page(bucket: str, page: list[OpenUpload], walk: Round) -> None:
    # First: what a commit takes meanwhile has its version as owner by then.
    staged = await staged_uploads(walk.context.database, {found.key for found in page})
    owners = await walk.context.versions.owners(bucket, {found.key for found in page})
    age = timedelta(seconds=walk.context.settings.stray_age_seconds)
    before = walk.report.started_at - age
    for found in page:
        owner, _ = owners.get(found.key, (None, None))
        if owner is None and found.key in staged:
            continue  # it waits for a commit, and is dropped when its time is over
        if not is_abandoned(found, owner, is_old=found.initiated_at <= before):
            continue
        if not walk.dry:
            await walk.pace.acquire()
            await walk.context.storage.multipart.abort(bucket, found.key, found.multipart_id)
            log.info("abandoned upload aborted", bucket=bucket, key=found.key)
        walk.report.aborted_uploads += 1


def is_abandoned(found: OpenUpload, owner: VersionRecord | None, *, is_old: bool) -> bool:
    """Whether nobody will complete the upload; `owner` is the version that has its key."""
    if owner is None or owner.session is None:
        return is_old
    recorded = {artifact.key: artifact.multipart_id for artifact in owner.artifacts}
    is_recorded = recorded.get(found.key) == found.multipart_id
    if owner.session.state == "open" and owner.state in ("pending", "verifying"):
        # One that is not recorded may be recorded in a moment.
        return is_old and not is_recorded
    return not (is_recorded and is_joining(owner))
