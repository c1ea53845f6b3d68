"""Finding an upload session, and whether it still takes bytes."""

from services.ingest.context import Context
from shared.domain.errors import NotFound
from shared.domain.records import VersionRecord
from shared.domain.sessions import refusal


async def find_session(upload_id: str, context: Context) -> VersionRecord:
    """Return the version of an upload session; raises NotFound."""
    record = await context.versions.get(upload_id)
    if record is None or record.session is None:
        raise NotFound("upload_not_found", f"there is no upload session {upload_id!r}")
    return record


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
