"""Sessions of browsers, by digests of their credentials; MongoDB forgets those that are over."""

from shared.database.client import Database
from shared.domain.access.browser_sessions import SessionRecord


async def keep_session(database: Database, session: SessionRecord) -> None:
    """Keep a new session."""
    await database.browser_sessions.insert_one(session.model_dump(by_alias=True))


async def find_session(database: Database, digest: str) -> SessionRecord | None:
    """Return what is kept of a session."""
    found = await database.browser_sessions.find_one({"_id": digest})
    return SessionRecord.model_validate(found) if found else None


async def end_session(database: Database, digest: str) -> None:
    """Let a session count no more."""
    await database.browser_sessions.delete_one({"_id": digest})
