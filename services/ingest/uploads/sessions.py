"""Finding an upload session, and whether it still takes bytes."""

from datetime import datetime

from services.ingest.context import Context
from shared.domain.errors import Conflict, NotFound
from shared.domain.records import VersionRecord


async def find_session(upload_id: str, context: Context) -> VersionRecord:
    """Return the version of an upload session; raises NotFound."""
    record = await context.versions.get(upload_id)
    if record is None or record.session is None:
        raise NotFound("upload_not_found", f"there is no upload session {upload_id!r}")
    return record


def require_open(record: VersionRecord, now: datetime, *, also_completed: bool = False) -> None:
    """Raise Conflict unless the session still takes bytes; `now` is the database's time."""
    session = record.session
    if session is None or (also_completed and session.state == "completed"):
        return
    if session.state != "open":
        raise Conflict(f"upload_{session.state}", f"upload {record.id} is {session.state}")
    if session.expires_at <= now:
        raise Conflict("upload_expired", f"upload {record.id} expired at {session.expires_at}")
