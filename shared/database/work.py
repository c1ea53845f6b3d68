"""The queue of versions that need work: taken under a lease with a fencing token, and counted."""

import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta

from registry.schemas import Reason
from shared.database.client import Database
from shared.database.collection import Document
from shared.domain.records import ArtifactRecord, VersionRecord, WorkKind, WorkRecord

FAILED = "_failed"
"""What follows the kind of work in the code of its failure."""
_CANDIDATES = 16
"""Versions that are looked up for one claim: when others take the first, the next are known."""
_LOOKS = 4
"""How often a claim looks, where others took every candidate each time."""


async def claim_work(
    database: Database, kind: WorkKind, token: str, lease: timedelta
) -> VersionRecord | None:
    """Take the version that is due longest; it is free again when the lease ends.

    Findings must carry `token`: they count only while the lease is still this one.
    """
    now = await database.now()
    due: Document = {"work.kind": kind, "work.due_at": {"$lte": now}}
    # Found by the index and taken by id, in two statements: a find-and-modify with a sort keeps
    # all workers at one document, where the slower ones conflict and begin anew.
    for _ in range(_LOOKS):
        found = database.versions.find(due, {"work": 1}).sort(
            [("work.kind", 1), ("work.due_at", 1)]
        )
        candidates = await found.limit(_CANDIDATES).to_list()
        if not candidates:
            return None
        first, *others = candidates
        random.shuffle(others)  # so that those who lost the first do not all meet at the second
        for candidate in (first, *others):
            if await _take(database, candidate, token, now, lease):
                return await _taken(database, candidate["_id"], token)
    return None


async def due_work(database: Database, kind: WorkKind) -> AsyncGenerator[VersionRecord]:
    """Yield the versions that are due for this kind of work now; those that are taken are not."""
    due: Document = {"work.kind": kind, "work.due_at": {"$lte": await database.now()}}
    async with aclosing(aiter(database.versions.find(due).in_batches_of(_CANDIDATES))) as found:
        async for each in found:
            yield VersionRecord.model_validate(each)


async def _take(
    database: Database, candidate: Document, token: str, now: datetime, lease: timedelta
) -> bool:
    """Take a version as it was found; False where another was faster."""
    work: Document = candidate["work"]
    as_found: Document = {"_id": candidate["_id"]}
    as_found.update({f"work.{name}": work[name] for name in ("kind", "due_at", "token")})
    taken = {"$set": {"work.token": token, "work.due_at": now + lease}}
    result = await database.versions.update_one(as_found, {**taken, "$inc": {"work.attempts": 1}})
    return result.matched_count == 1


async def _taken(database: Database, version_id: str, token: str) -> VersionRecord | None:
    found = await database.versions.find_one({"_id": version_id, "work.token": token})
    return VersionRecord.model_validate(found) if found else None


async def renew_lease(database: Database, version_id: str, token: str, lease: timedelta) -> bool:
    """Move the end of the lease; False when it is not held under this token any more."""
    due_at = await database.now() + lease
    return await _set(database, version_id, token, {"work.due_at": due_at})


async def postpone_work(database: Database, version_id: str, token: str, pause: timedelta) -> bool:
    """Give the work back for another try after the pause; False when the lease was lost."""
    due_at = await database.now() + pause
    return await _set(database, version_id, token, {"work.due_at": due_at, "work.token": None})


async def give_back_work(database: Database, version_id: str, token: str) -> bool:
    """Leave the work to another worker at once, as if it had not been taken; False where lost."""
    now = await database.now()
    result = await database.versions.update_one(
        {"_id": version_id, "work.token": token},
        {"$set": {"work.due_at": now, "work.token": None}, "$inc": {"work.attempts": -1}},
    )
    return result.matched_count == 1


async def retry_work(database: Database, version: VersionRecord) -> bool:
    """Put work that was given up back into the queue; False where it is not given up any more."""
    if version.failure is None:
        return False
    kind = version.failure.code.removesuffix(FAILED)
    work = WorkRecord.model_validate({"kind": kind, "due_at": await database.now()})
    result = await database.versions.update_one(
        {"_id": version.id, "state": version.state, "work": None, "failure": {"$ne": None}},
        {"$set": {"work": work.model_dump(), "failure": None}},
    )
    return result.matched_count == 1


def is_begun_by_no_verdict(failure: Reason, artifact: ArtifactRecord) -> bool:
    """Whether work that was given up has to be put back by hand, whatever is found of an artifact.

    Parts have no object yet that could be looked at, and bytes that lie elsewhere do not come.
    """
    return failure.code == f"join{FAILED}" or artifact.location is not None


async def give_up_work(
    database: Database, version_id: str, token: str, kind: WorkKind, detail: str
) -> bool:
    """Take the work out of the queue, and keep why; False when the lease was lost."""
    failure = Reason(code=f"{kind}{FAILED}", detail=detail)
    return await _set(database, version_id, token, {"work": None, "failure": failure.model_dump()})


async def finish_work(database: Database, version_id: str, token: str) -> bool:
    """Take work that is done out of the queue; False when the lease was lost."""
    return await _set(database, version_id, token, {"work": None})


async def ask_to_confirm(database: Database, version_id: str) -> bool:
    """Have a ready version's digests completed; False where it is not ready, or has work."""
    return await ask_for_work(database, version_id, "confirm", {"state": "ready"})


async def ask_to_join(database: Database, version_id: str) -> bool:
    """Have a completed upload joined, and made ready; False where it is not open, or has work."""
    is_left: Document = {"state": "pending", "session.state": "completed"}
    return await ask_for_work(database, version_id, "join", is_left)


async def ask_for_work(
    database: Database, version_id: str, kind: WorkKind, where: Document
) -> bool:
    """Put a version into the queue; False where it is not so, has work, or failed for good."""
    work = WorkRecord(kind=kind, due_at=await database.now())
    result = await database.versions.update_one(
        {"_id": version_id, **where, "work": None, "failure": None},
        {"$set": {"work": work.model_dump()}},
    )
    return result.matched_count == 1


async def confirm_digests(
    database: Database, version_id: str, token: str, digests: Mapping[int, str]
) -> bool:
    """Record the whole-file digests by artifact index; False when the lease was lost."""
    fields: Document = {"work": None}
    for index, sha256 in digests.items():
        fields[f"artifacts.{index}.sha256"] = sha256
        fields[f"artifacts.{index}.sha256_state"] = "verified"
    return await _set(database, version_id, token, fields)


async def _set(database: Database, version_id: str, token: str, fields: Document) -> bool:
    result = await database.versions.update_one(
        {"_id": version_id, "work.token": token}, {"$set": fields}
    )
    return result.matched_count == 1
