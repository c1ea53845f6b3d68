"""Strays and folders of found objects, as an operator lists them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from services.indexer.context import Context
from shared.database.found_folders import list_folders
from shared.database.strays import ReportedStray, list_strays
from shared.domain.found_folders import FoundFolder

WAITING = "waiting"
"""Code of a folder that is in the queue: it is no stray yet."""


class Leftover(BaseModel):
    """An object, or a folder of objects, that belongs to no version."""

    id: str
    """Its place in the list, for `--after`."""
    kind: Literal["object", "folder"]
    code: str
    """Why it is here; "waiting": it becomes a version once nothing more comes."""
    detail: str
    bucket: str
    key: str
    """Of a folder, what the keys in it begin with."""
    object_version: str | None = None
    size_bytes: int | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    quarantined_at: datetime | None = None
    """When it was hidden."""
    due_at: datetime | None = None
    """When a worker may look at the folder."""
    attempts: int | None = None
    """How often a worker took the folder."""


async def list_leftovers(
    context: Context, *, bucket: str | None, after: str, limit: int
) -> list[Leftover]:
    """Return up to `limit` of both kinds in order of their ids; raises DatabaseUnavailable."""
    database = context.database
    folders = await list_folders(database, bucket=bucket, after=after, limit=limit)
    strays = await list_strays(database, bucket=bucket, after=after, limit=limit)
    found = [_of_folder(each) for each in folders]
    found += [_of_stray(stray_id, each) for stray_id, each in strays]
    return sorted(found, key=lambda each: each.id)[:limit]


def _of_folder(folder: FoundFolder) -> Leftover:
    detail = "becomes a version once nothing more comes"
    return Leftover(
        id=folder.id,
        kind="folder",
        code=folder.failure.code if folder.failure else WAITING,
        detail=folder.failure.detail if folder.failure else detail,
        bucket=folder.bucket,
        key=folder.prefix,
        first_seen_at=folder.first_seen_at,
        last_seen_at=folder.last_seen_at,
        due_at=folder.due_at,
        attempts=folder.attempts,
    )


def _of_stray(stray_id: str, reported: ReportedStray) -> Leftover:
    stray = reported.stray
    return Leftover(
        id=stray_id,
        kind="folder" if stray.key.endswith("/") and stray.size_bytes is None else "object",
        code=reported.reason.code,
        detail=reported.reason.detail,
        bucket=stray.bucket,
        key=stray.key,
        object_version=stray.object_version,
        size_bytes=stray.size_bytes,
        first_seen_at=reported.first_seen_at,
        last_seen_at=reported.last_seen_at,
        quarantined_at=reported.quarantined_at,
    )
