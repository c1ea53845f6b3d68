"""Folders of found objects become versions: listed, sorted, opened together, with a manifest each.

Every step can be done again: a version that is there is found by its keys, a manifest is written
once, and a folder leaves the queue only after all of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing

from registry.schemas import Reason
from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.found.contents import (
    Contents,
    Listed,
    Owner,
    came_after,
    draft_of,
    list_all,
    sort_contents,
    stray_of,
)
from services.indexer.found.groups import hold_groups
from services.indexer.found.recording import settling_of
from services.indexer.found.stray_reports import report_strays
from shared.database.collection import Transaction
from shared.database.found_folders import finish_folders, highest_waiting, hold_folders
from shared.database.opening import Wish, open_versions
from shared.database.strays import Stray, forget_strays
from shared.domain.errors import Conflict
from shared.domain.found_folders import FoundFolder
from shared.domain.records import VersionRecord
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_all
from shared.storage.manifests import keep_manifest

FILES_TOGETHER = 2000
"""Files of one transaction, unless one folder has more."""

log = get_logger(__name__)

Found = tuple[FoundFolder, Contents]


async def adopt_folders(folders: Sequence[FoundFolder], token: str, context: Context) -> bool:
    """Make a version of each folder, report what is none, and take the folders out of the queue.

    True where objects must be read whole next. Raises LeaseLost, the storage and the database
    errors; what was opened until then stays, and is found when it is done again.
    """
    # 1. What the folders hold, and which of it belongs to a version by now.
    listed = await run_all(_list(folder, context) for folder in folders)
    owners = await _owners([each.key for found in listed for each in found.objects], context)
    contents = [
        (folder, sort_contents(folder, found, owners))
        for folder, found in zip(folders, listed, strict=True)
    ]
    # 2. One version for each; what others have taken meanwhile is reported.
    opened: list[VersionRecord] = []
    for together in _cut(contents):
        opened += await _open(together, token, context)
    # 3. Their manifests, also those that could not be written when the version was opened.
    before = [found.adopted for _, found in contents if found.adopted is not None]
    await run_all(_keep(record, context) for record in (*opened, *before))
    # 4. What is no version, and what was declared since it was seen.
    await report_strays([each for _, found in contents for each in found.strays], context)
    written = [
        ObjectWritten(folder.bucket, each.key, each.object_version, size_bytes=each.size_bytes)
        for folder, found in contents
        for each in found.declared
    ]
    indexed = await index_objects(written, context)
    # 5. All of it is durable.
    await finish_folders(context.database, folders, token, settling_of(context.settings))
    return bool(opened) or indexed.has_work


async def _list(folder: FoundFolder, context: Context) -> Listed:
    async with (
        context.storage_slots,
        aclosing(context.storage.listing.pages(folder.bucket, prefix=folder.prefix)) as pages,
    ):
        return await list_all(pages)


async def _owners(keys: Sequence[str], context: Context) -> dict[str, list[Owner]]:
    owners: dict[str, list[Owner]] = {}
    for version in await context.versions.by_keys(keys):
        for artifact in version.artifacts:
            owners.setdefault(artifact.key, []).append((version, artifact))
    return owners


def _cut(contents: Sequence[Found]) -> Iterator[list[Found]]:
    """Cut folders that make a version into those of one transaction."""
    together: list[Found] = []
    files = 0
    for folder, found in contents:
        if not found.files:
            continue
        if together and files + len(found.files) > FILES_TOGETHER:
            yield together
            together, files = [], 0
        together.append((folder, found))
        files += len(found.files)
    if together:
        yield together


async def _open(contents: Sequence[Found], token: str, context: Context) -> list[VersionRecord]:
    now = await context.database.now()
    wishes: list[Wish] = []
    folder_of: dict[str, FoundFolder] = {}
    above = await _numbers_asked_for([folder for folder, _ in contents], context)
    for folder, found in contents:
        draft, version = draft_of(folder, found.files, now), folder.parsed.version
        number = version if isinstance(version, int) else None
        wishes.append(Wish(draft, number, above.get((folder.bucket, draft.model), 0)))
        folder_of[draft.id] = folder

    async def hold(together: Sequence[Wish], transaction: Transaction) -> None:
        held = [folder_of[wish.draft.id] for wish in together]
        await hold_folders(context.database, [each.id for each in held], token, transaction)
        await hold_groups(held, context, transaction)

    results = await open_versions(context.database, wishes, hold=hold)
    opened: list[VersionRecord] = []
    adopted: list[Stray] = []
    for (folder, found), result in zip(contents, results, strict=True):
        if isinstance(result, Conflict):
            await _sort_again(folder, found, result, context)
        else:
            opened.append(result)
            adopted += [stray_of(folder, each) for each in found.files]
            adopted.append(Stray(folder.bucket, folder.prefix, None))
            _tell(result)
    await forget_strays(context.database, [stray.id for stray in adopted])
    return opened


async def _numbers_asked_for(
    folders: Sequence[FoundFolder], context: Context
) -> dict[tuple[str, str], int]:
    """Return up to which number folders wait, by bucket and model, where one has a label.

    A label takes a number above them: else their objects would be of no version, once they come.
    """
    labelled = {
        (folder.bucket, folder.parsed.model)
        for folder in folders
        if isinstance(folder.parsed.version, str)
    }
    return {place: await highest_waiting(context.database, *place) for place in labelled}


async def _sort_again(
    folder: FoundFolder, found: Contents, conflict: Conflict, context: Context
) -> None:
    """Sort files anew that met a conflict: their version, number or label is taken by now."""
    files, found.files = found.files, []
    owners = await _owners([each.key for each in files], context)
    again = sort_contents(folder, Listed(files), owners)
    found.declared += again.declared
    found.adopted = again.adopted
    found.strays += again.strays
    reason = await _reason(folder, conflict, context)
    found.strays += [(stray_of(folder, each), reason) for each in again.files]


async def _reason(folder: FoundFolder, conflict: Conflict, context: Context) -> Reason:
    """Say why none can be made: of a folder that was adopted, all of whose objects are gone."""
    model, version = folder.parsed.model, folder.parsed.version
    if isinstance(version, int):
        [*owners] = await context.versions.records_of(model, after=version - 1, limit=1)
        if (
            owners
            and owners[0].number == version
            and owners[0].source == "object"
            and owners[0].storage_group == folder.bucket
        ):
            return came_after(owners[0])
    return Reason(code=conflict.code, detail=conflict.detail)


async def _keep(record: VersionRecord, context: Context) -> None:
    async with context.storage_slots:
        await keep_manifest(record, context.storage, context.settings)


def _tell(record: VersionRecord) -> None:
    log.info(
        "folder adopted",
        model=record.model,
        version=record.number,
        version_id=record.id,
        files=len(record.artifacts),
    )
