"""Objects of no version as they are seen: told at once what is none, the rest put into the queue.

Nothing is asked of storage here: a folder is looked at once nothing more comes, by a worker.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from registry.schemas import Reason
from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.found.stray_reports import report_strays, stray_of
from shared.database.found_folders import record_folders, retry_folders
from shared.database.strays import Stray, codes_of_strays, renew_strays
from shared.domain.found_folders import FINAL, Settling, folder_id, refused_key
from shared.domain.object_keys import is_folder_marker, parse_key
from shared.runtime.settings import Settings

Place = tuple[str, str]
"""Bucket, and prefix of a folder."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What objects of no version come to, before anything is written."""

    refused: list[tuple[Stray, Reason]] = field(default_factory=list[tuple[Stray, Reason]])
    """Objects that no version may have."""
    known: list[str] = field(default_factory=list[str])
    """Ids of reports that are there already, of objects and of folders."""
    folders: dict[Place, str] = field(default_factory=dict[Place, str])
    """Folders to look at, each with the key of an object in it."""
    new: set[str] = field(default_factory=set[str])
    """Ids of those folders in which something is that was not reported yet."""


def settling_of(settings: Settings) -> Settling:
    """Return when a folder counts as complete."""
    return Settling(
        timedelta(seconds=settings.found_settle_seconds),
        timedelta(seconds=settings.found_longest_seconds),
    )


async def look_up(objects: Sequence[ObjectWritten], context: Context) -> Sighting:
    """Say what objects of no version come to; changes nothing."""
    ids = {stray_of(each).id for each in objects}
    ids |= {_folder_stray(place).id for each in objects if (place := _place(each)) is not None}
    return sort_seen(objects, await codes_of_strays(context.database, ids))


async def record_found(
    objects: Sequence[ObjectWritten], context: Context, *, retry: bool
) -> tuple[Sighting, set[str]]:
    """Report and record objects of no version, in as many statements for one as for many.

    With `retry`, folders that were given up are tried again. Returns what they come to, and the ids
    of the folders that were not in the queue before.
    """
    if not objects:
        return Sighting(), set()
    found = await look_up(objects, context)
    await report_strays(found.refused, context)
    await renew_strays(context.database, found.known)
    settling = settling_of(context.settings)
    if retry:
        await retry_folders(context.database, found.folders, settling)
    return found, await record_folders(context.database, found.folders, settling)


def sort_seen(objects: Iterable[ObjectWritten], reported: Mapping[str, str]) -> Sighting:
    """Sort objects of no version by what they come to; `reported`: the codes of known strays.

    A stray that no later look would make a version of is not looked at again; its report says what
    it is as long as it is this object, so not where a bucket keeps one version of each.
    """
    found = Sighting()
    known: dict[str, None] = {}
    for each in objects:
        if is_folder_marker(each.key, each.size_bytes):
            continue
        stray = stray_of(each)
        if (reason := refused_key(each.key)) is not None:
            found.refused.append((stray, reason))
            continue
        place = each.bucket, parse_key(each.key).folder
        of_folder = _folder_stray(place).id
        reports = [name for name in (stray.id, of_folder) if name in reported]
        known |= dict.fromkeys(reports)
        if reported.get(stray.id) in FINAL and each.object_version is not None:
            continue
        found.folders.setdefault(place, each.key)
        if not reports:
            found.new.add(folder_id(*place))
    found.known.extend(known)
    return found


def _place(written: ObjectWritten) -> Place | None:
    if refused_key(written.key) is not None:
        return None
    return written.bucket, parse_key(written.key).folder


def _folder_stray(place: Place) -> Stray:
    return Stray(*place, object_version=None)
