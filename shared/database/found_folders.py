"""The collection `found_folders`: a queue of folders in which objects of no version were seen.

A folder is one document, however many objects come. It is in the queue by `due_at`: when it may be
complete, when its holder's lease ends, or after a pause. One that was given up is due no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pymongo import DeleteMany, DeleteOne, UpdateMany, UpdateOne

from registry.schemas import Reason
from shared.database.bulk import slices, upsert_each
from shared.database.client import Database
from shared.database.collection import Change, Document, Transaction, find_each
from shared.database.leases import LeaseLost
from shared.domain.found_folders import FoundFolder, Settling, folder_id
from shared.domain.object_keys import parse_key

FAILED = "adoption_failed"
"""Code of the failure of a folder that was given up."""
ALONE_AFTER = 2
"""A folder that was taken so often is taken alone: if it ends the process, it alone is counted."""
_LOOKS = 4
"""How often a claim looks, where others took every folder each time."""


async def record_folders(
    database: Database, seen: Mapping[tuple[str, str], str], settling: Settling
) -> set[str]:
    """Record that objects of no version were seen, by bucket and prefix the key of one of them.

    Idempotent. Returns the ids of the folders that were not in the queue. Raises
    DatabaseUnavailable.
    """
    now = await database.now()
    changes = [_seen(place, key, now, settling) for place, key in seen.items()]
    return await upsert_each(database.found_folders, changes)


async def retry_folders(
    database: Database, places: Iterable[tuple[str, str]], settling: Settling
) -> None:
    """Put folders that were given up back into the queue; others are left alone."""
    now = await database.now()
    again: Document = {"first_seen_at": now, "due_at": settling.at(now, now), "attempts": 0}
    change: Document = {"$set": again, "$unset": {"failure": ""}}
    changes = [
        UpdateOne({"_id": folder_id(*place), "failure": {"$exists": True}}, change)
        for place in places
    ]
    for together in slices(changes):
        await database.found_folders.bulk_write(together)


async def known_folders(database: Database, ids: Iterable[str]) -> set[str]:
    """Return those of the ids that are in the queue, or were given up."""
    return {found["_id"] async for found in find_each(database.found_folders, "_id", ids)}


async def claim_folders(
    database: Database, token: str, lease: timedelta, settling: Settling, *, most: int
) -> list[FoundFolder]:
    """Take up to `most` folders that are complete; they are free again when the lease ends.

    One to which objects came since it was put into the queue is put off until it is complete. One
    that was taken before and never done is taken alone.
    """
    for _ in range(_LOOKS):
        now = await database.now()
        due = database.found_folders.find({"due_at": {"$lte": now}}).sort([("due_at", 1)])
        candidates = _together(await due.limit(most).to_list())
        if not candidates:
            return []
        changes = [_take(each, token, now, lease, settling) for each in candidates]
        await database.found_folders.bulk_write(changes)
        ids = [each["_id"] for each in candidates]
        found = find_each(database.found_folders, "_id", ids)
        taken = [_folder(each) async for each in found if each["token"] == token]
        if taken:
            return taken
    return []


async def highest_waiting(database: Database, bucket: str, model: str) -> int:
    """Return the highest number that a folder of the model, waiting or given up, asks for; or 0."""
    folders = {"_id": {"$gt": f"{bucket}/{model}/", "$lt": f"{bucket}/{model}0"}}
    highest = 0
    async for found in database.found_folders.find(folders, {"key": 1}):
        version = parse_key(found["key"]).version
        highest = max(highest, version) if isinstance(version, int) else highest
    return highest


async def next_due(database: Database, within: timedelta) -> timedelta:
    """Return how long it is until the next folder is due, or `within` where that is longer."""
    now = await database.now()
    until = database.found_folders.find({"due_at": {"$lte": now + within}}, {"due_at": 1})
    found = await until.sort([("due_at", 1)]).limit(1).to_list()
    return max(found[0]["due_at"] - now, timedelta()) if found else within


async def hold_folders(
    database: Database, ids: Sequence[str], token: str, transaction: Transaction
) -> None:
    """Let the transaction end without effect where another has taken one of the folders.

    Counting is what makes it a conflict: a write that changes nothing would not be one. Raises
    LeaseLost.
    """
    changes = [UpdateOne({"_id": each, "token": token}, {"$inc": {"openings": 1}}) for each in ids]
    held = await database.found_folders.bulk_write(changes, transaction=transaction)
    if held.matched_count != len(ids):
        raise LeaseLost(f"{len(ids)} found folders")


async def renew_folders(
    database: Database, ids: Sequence[str], token: str, lease: timedelta
) -> bool:
    """Move the end of the lease; False where none of the folders is held under this token."""
    change = {"$set": {"due_at": await database.now() + lease}}
    changes = [UpdateOne({"_id": each, "token": token}, change) for each in ids]
    renewed = await database.found_folders.bulk_write(changes)
    return renewed.matched_count > 0


async def finish_folders(
    database: Database, folders: Sequence[FoundFolder], token: str, settling: Settling
) -> None:
    """Take folders that are done out of the queue.

    One in which something was seen since it was taken is due again once that is complete. That is
    told by the count, and not by the time: another process, whose clock is behind, may record what
    came later under an earlier time.
    """
    now = await database.now()
    again: Document = {"token": None, "first_seen_at": now, "attempts": 0}
    again["due_at"] = settling.at(now, now)
    changes: list[Change] = []
    for each in folders:
        held: Document = {"_id": each.id, "token": token}
        changes.append(DeleteOne({**held, "sightings": each.sightings}))
        changes.append(UpdateOne(held, {"$set": again}))
    for together in slices(changes):
        await database.found_folders.bulk_write(together)


async def postpone_folder(
    database: Database, folder: FoundFolder, token: str, pause: timedelta
) -> None:
    """Give a folder back for another try after the pause."""
    change = {"$set": {"due_at": await database.now() + pause, "token": None}}
    await database.found_folders.update_one({"_id": folder.id, "token": token}, change)


async def give_back_folders(
    database: Database, folders: Sequence[FoundFolder], token: str, pause: timedelta
) -> None:
    """Leave folders to another worker after the pause, as if they had not been taken."""
    change: Document = {"$set": {"due_at": await database.now() + pause, "token": None}}
    change["$inc"] = {"attempts": -1}
    changes = [UpdateOne({"_id": each.id, "token": token}, change) for each in folders]
    await database.found_folders.bulk_write(changes)


async def give_up_folder(database: Database, folder: FoundFolder, token: str, detail: str) -> bool:
    """Take a folder out of the queue, and keep why; False where the lease was lost."""
    failure = Reason(code=FAILED, detail=detail).model_dump()
    result = await database.found_folders.update_one(
        {"_id": folder.id, "token": token},
        {"$set": {"failure": failure, "token": None}, "$unset": {"due_at": ""}},
    )
    return result.matched_count == 1


async def free_folders(database: Database, bucket: str) -> None:
    """Take the folders of a bucket from whoever adopts them; they stay in the queue."""
    free = UpdateMany({"_id": in_bucket(bucket, "")}, {"$set": {"token": None}})
    await database.found_folders.bulk_write([free])


async def forget_folders(database: Database, bucket: str) -> None:
    """Forget the folders of a bucket that is no storage group any more."""
    await database.found_folders.bulk_write([DeleteMany({"_id": in_bucket(bucket, "")})])


async def list_folders(
    database: Database, *, bucket: str | None, after: str, limit: int
) -> list[FoundFolder]:
    """Return up to `limit` folders, waiting or given up, whose ids sort after `after`."""
    query = {"_id": {"$gt": after}} if bucket is None else {"_id": in_bucket(bucket, after)}
    cursor = database.found_folders.find(query).sort([("_id", 1)]).limit(limit)
    return [_folder(found) for found in await cursor.to_list()]


def in_bucket(bucket: str, after: str) -> Document:
    """Return the condition for ids of a bucket that sort after `after`."""
    return {"$gt": max(after, f"{bucket}/"), "$lt": f"{bucket}0"}  # "0" follows "/"


def _seen(place: tuple[str, str], key: str, now: datetime, settling: Settling) -> UpdateOne:
    bucket, prefix = place
    new: Document = {"bucket": bucket, "prefix": prefix, "key": key}
    new |= {"first_seen_at": now, "due_at": settling.at(now, now), "token": None, "attempts": 0}
    seen = {"$setOnInsert": new, "$max": {"last_seen_at": now}, "$inc": {"sightings": 1}}
    return UpdateOne({"_id": folder_id(bucket, prefix)}, seen, upsert=True)


def _together(due: Sequence[Document]) -> Sequence[Document]:
    first = due[:1]
    if first and first[0]["attempts"] >= ALONE_AFTER:
        return first
    return [each for each in due if each["attempts"] < ALONE_AFTER]


def _take(
    found: Document, token: str, now: datetime, lease: timedelta, settling: Settling
) -> UpdateOne:
    """Take a folder as it was found, or put it off; nothing where another was faster."""
    as_found = {name: found[name] for name in ("_id", "due_at", "token", "last_seen_at")}
    complete_at = settling.at(found["first_seen_at"], found["last_seen_at"])
    if complete_at > now:
        return UpdateOne(as_found, {"$set": {"due_at": complete_at}})
    taken = {"$set": {"token": token, "due_at": now + lease}, "$inc": {"attempts": 1}}
    return UpdateOne(as_found, taken)


def _folder(found: Document) -> FoundFolder:
    failure = found.get("failure")
    return FoundFolder(
        bucket=found["bucket"],
        prefix=found["prefix"],
        key=found["key"],
        first_seen_at=found["first_seen_at"],
        last_seen_at=found["last_seen_at"],
        due_at=found.get("due_at"),
        attempts=found["attempts"],
        failure=Reason.model_validate(failure) if failure else None,
        sightings=found.get("sightings"),
    )
