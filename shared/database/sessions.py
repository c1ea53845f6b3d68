"""The ends of upload sessions: each is decided where the session is written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta

from shared.database.client import Database
from shared.database.collection import Document
from shared.database.versions import Versions
from shared.database.work import ask_for_work
from shared.domain.records import VersionRecord, WorkRecord
from shared.domain.sessions import GIVEN_UP, OPEN_VERSION
from shared.domain.transitions import work_after_join

JOIN_GRACE = timedelta(seconds=30)
"""How long whoever completed an upload has for joining its parts before a worker does it."""
OVERDUE_AT_ONCE = 20
"""Versions of one answer: they are handled before the next is asked for, within minutes."""
MOST_TOKENS = 8
"""Tokens of one upload; each answer to its opening brings another."""
_RACES = 5
"""Tries at ending a join while verdicts change the version at the same moment."""


async def complete_session(
    database: Database, record: VersionRecord, claims: dict[int, str]
) -> bool:
    """Decide that an upload is completed; False where it is not open any more.

    Kept with it are the whole-file digests claimed by artifact index and, where parts are to be
    joined, the work of joining them: from here on it happens, whoever dies.
    """
    now = await database.now()
    fields: Document = {"session.state": "completed"}
    for index, sha256 in claims.items():
        fields[f"artifacts.{index}.claimed_sha256"] = sha256
    if any(artifact.kind == "multipart" for artifact in record.artifacts):
        # A full read that was waiting comes after it (see `finish_join`).
        fields["work"] = WorkRecord(kind="join", due_at=now + JOIN_GRACE).model_dump()
    still_open: Document = {
        "_id": record.id,
        "state": {"$in": list(OPEN_VERSION)},
        "session.state": "open",
        "session.expires_at": {"$gt": now},
    }
    result = await database.versions.update_one(still_open, {"$set": fields})
    return result.matched_count == 1


async def add_upload_token(database: Database, version_id: str, sha256: str) -> None:
    """Let one more token use an open upload; of many only the newest stay."""
    await database.versions.update_one(
        {"_id": version_id, "session.state": "open"},
        {"$push": {"session.token_sha256": {"$each": [sha256], "$slice": -MOST_TOKENS}}},
    )


async def overdue_sessions(database: Database, moment: datetime) -> AsyncGenerator[VersionRecord]:
    """Yield the versions whose upload is open although its time was over at the moment."""
    overdue: Document = {"session.state": "open", "session.expires_at": {"$lte": moment}}
    async with aclosing(
        aiter(database.versions.find(overdue).in_batches_of(OVERDUE_AT_ONCE))
    ) as found:
        async for each in found:
            yield VersionRecord.model_validate(each)


async def finish_join(database: Database, version_id: str) -> None:
    """Record that the parts of every file are joined; the work they held up comes next.

    Changes nothing where another has recorded it, or the version is settled.
    """
    for _ in range(_RACES):
        found = await Versions(database).get(version_id)
        if found is None or found.work is None or found.work.kind != "join":
            return
        following = work_after_join(found.artifacts, await database.now())
        result = await database.versions.update_one(
            {"_id": version_id, "work.kind": "join", "state": found.state},
            {"$set": {"work": following.model_dump() if following else None}},
        )
        if result.matched_count == 1:
            return


async def clean_surplus(database: Database, version_id: str) -> bool:
    """Have what came under keys whose bytes lie elsewhere removed; False where it has other work.

    Then a comparison finds it. So it does while the version is not settled: its other files are
    being sent, and cleaning drops parts.
    """
    settled: Document = {"state": {"$in": ["ready", "missing"]}}
    return await ask_for_work(database, version_id, "clean", settled)


async def clean_again(database: Database, version_id: str) -> bool:
    """Put the removal of what an upload left behind into the queue, for bytes that came late.

    Whoever removes at this moment may have passed them, so its lease ends too. False where the
    upload was not given up.
    """
    work = WorkRecord(kind="clean", due_at=await database.now())
    result = await database.versions.update_one(
        {"_id": version_id, "state": "rejected", "session.state": {"$in": sorted(GIVEN_UP)}},
        {"$set": {"work": work.model_dump(), "failure": None}},
    )
    return result.matched_count == 1
