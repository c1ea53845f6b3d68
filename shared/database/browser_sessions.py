"""Sessions of browsers, by digests of their credentials; MongoDB forgets those that are over."""

from pymongo import DeleteMany

from shared.database.client import Database
from shared.database.pages import newest_first
from shared.domain.access.browser_sessions import SessionRecord

_ENDED_TOGETHER = 20


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


async def end_oldest_sessions(database: Database, principal: str, *, most: int) -> None:
    """End the oldest sessions of a principal, so that no more than `most` are left."""
    found = database.browser_sessions.find({"principal": principal}, {"_id": 1})
    newest = await found.sort(newest_first("created_at")).limit(most + _ENDED_TOGETHER).to_list()
    if beyond := [each["_id"] for each in newest[most:]]:
        await database.browser_sessions.bulk_write([DeleteMany({"_id": {"$in": beyond}})])


async def sessions_of(database: Database, principal: str, *, limit: int) -> list[SessionRecord]:
    """Return the newest sessions of a principal, the newest first."""
    found = database.browser_sessions.find({"principal": principal})
    newest = await found.sort(newest_first("created_at")).limit(limit).to_list()
    return [SessionRecord.model_validate(each) for each in newest]


async def end_sessions_of(database: Database, principal: str) -> None:
    """Let no session of a principal count any more."""
    await database.browser_sessions.bulk_write([DeleteMany({"principal": principal})])
