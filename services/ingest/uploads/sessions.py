"""Finding an upload session, and whether it still takes bytes."""

from services.ingest.context import Context
from shared.domain.access.tokens import is_equal
from shared.domain.access.uploads import may_use_upload
from shared.domain.errors import NotFound
from shared.domain.records import VersionRecord
from shared.domain.sessions import refusal
from shared.web.access.caller import Caller


async def find_session(upload_id: str, caller: Caller, context: Context) -> VersionRecord:
    """Return the version of an upload session that the caller may use.

    Raises NotFound: whose upload it is not is not told whether it is there.
    """
    version_id, _, secret = upload_id.partition("-")
    record = await context.versions.get(version_id)
    if record is not None and record.session is not None:
        known = is_equal(record.session.secret or "", secret)
        if known and may_use_upload(caller.principal, record):
            return record
    not_found = NotFound("upload_not_found", f"there is no upload session {upload_id!r}")
    if record is None:
        caller.require_credential()
        raise not_found
    subject = f"version:{record.id}"
    caller.require_credential(record.model, subject)
    raise caller.refused(not_found, record.model, subject)


async def read_again(record: VersionRecord, context: Context) -> VersionRecord:
    """Return the version of an upload session as it is now."""
    found = await context.versions.get(record.id)
    if found is None or found.session is None:
        raise NotFound("upload_not_found", "the upload session is gone meanwhile")
    return found


async def require_open(record: VersionRecord, context: Context) -> None:
    """Raise Conflict unless the session still takes bytes."""
    conflict = refusal(record, await context.database.now())
    if conflict is not None:
        raise conflict


async def url_ttl_seconds(record: VersionRecord, context: Context) -> int:
    """Return how long an upload URL may live: never longer than its session."""
    longest = context.settings.upload_url_ttl_seconds
    if record.session is None:
        return longest
    left = record.session.expires_at - await context.database.now()
    return max(1, min(longest, int(left.total_seconds())))
