"""What a folder of found objects holds, and what becomes of each: decided without any I/O."""

from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from registry.schemas import Reason
from registry.schemas.uploads import MAX_FILES
from shared.database.strays import Stray
from shared.domain.found_folders import (
    CAME_AFTER_ADOPTION,
    EMPTY_OBJECT,
    TOO_MANY_FILES,
    FoundFolder,
    refused_key,
)
from shared.domain.object_keys import is_folder_marker, parse_key
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord, new_id
from shared.storage.listing import ListedObject

Owner = tuple[VersionRecord, ArtifactRecord]


@dataclass(frozen=True, slots=True)
class Listed:
    """The objects of a folder, without the markers that show it."""

    objects: list[ListedObject]
    is_cut: bool = False
    """Whether there are more than a version may have."""


@dataclass(slots=True)
class Contents:
    """What becomes of a folder's objects."""

    files: list[ListedObject] = field(default_factory=list[ListedObject])
    """Those that make a version."""
    strays: list[tuple[Stray, Reason]] = field(default_factory=list[tuple[Stray, Reason]])
    declared: list[ListedObject] = field(default_factory=list[ListedObject])
    """Those that an upload has declared since they were seen."""
    adopted: VersionRecord | None = None
    """The version that was made of this folder before."""


async def list_all(pages: AsyncIterable[list[ListedObject]]) -> Listed:
    """Read the pages of a folder, up to where there is too much for a version."""
    objects: list[ListedObject] = []
    files = 0
    async for page in pages:
        for each in page:
            if is_folder_marker(each.key, each.size_bytes):
                continue
            files += each.size_bytes > 0
            if files > MAX_FILES or len(objects) == 2 * MAX_FILES:
                return Listed(objects, is_cut=True)
            objects.append(each)
    return Listed(objects)


def sort_contents(
    folder: FoundFolder, listed: Listed, owners: Mapping[str, Iterable[Owner]]
) -> Contents:
    """Sort a folder's objects by what becomes of them; `owners` has the versions of a key."""
    found = Contents()
    unowned: list[ListedObject] = []
    for each in listed.objects:
        owner = _owner_here(folder, each, owners)
        if owner is None:
            unowned.append(each)
        elif _is_adopted(folder, owner[0]):
            found.adopted = owner[0]
        elif owner[1].etag is None:
            found.declared.append(each)
    if listed.is_cut:
        found.strays.append((Stray(folder.bucket, folder.prefix, None), _too_many()))
    for each in unowned:
        if (reason := _reason_against(each)) is not None:
            found.strays.append((stray_of(folder, each), reason))
        elif found.adopted is not None:
            found.strays.append((stray_of(folder, each), came_after(found.adopted)))
        elif not listed.is_cut:
            found.files.append(each)
    return found


def draft_of(folder: FoundFolder, files: Iterable[ListedObject], now: datetime) -> VersionRecord:
    """Return the version that a folder becomes: to be read whole, since nobody attested it."""
    version = folder.parsed.version
    artifacts = [
        ArtifactRecord(
            path=parse_key(each.key).path,
            key=each.key,
            size_bytes=each.size_bytes,
            kind="object",
            etag=each.etag,
            object_version=each.object_version,
        )
        for each in files
    ]
    return VersionRecord(
        id=new_id(),
        model=folder.parsed.model,
        number=0,
        label=version if isinstance(version, str) else None,
        state="verifying",
        source="object",
        storage_group=folder.bucket,
        artifacts=artifacts,
        size_bytes=sum(artifact.size_bytes for artifact in artifacts),
        created_at=now,
        work=WorkRecord(kind="verify", due_at=now),
    )


def stray_of(folder: FoundFolder, listed: ListedObject) -> Stray:
    """Return an object of the folder as a report names it."""
    return Stray(folder.bucket, listed.key, listed.object_version, listed.size_bytes)


def came_after(version: VersionRecord) -> Reason:
    """Return the reason of an object that came too late to its folder."""
    detail = (
        f"version {version.number} of model {version.model!r} was made of this folder before; "
        "it does not change any more"
    )
    return Reason(code=CAME_AFTER_ADOPTION, detail=detail)


def _owner_here(
    folder: FoundFolder, listed: ListedObject, owners: Mapping[str, Iterable[Owner]]
) -> Owner | None:
    for owner in owners.get(listed.key, ()):
        if owner[0].storage_group == folder.bucket:
            return owner
    return None


def _is_adopted(folder: FoundFolder, version: VersionRecord) -> bool:
    return version.source == "object" and version.storage_group == folder.bucket


def _reason_against(listed: ListedObject) -> Reason | None:
    if (reason := refused_key(listed.key)) is not None:
        return reason
    if listed.size_bytes == 0:
        return Reason(code=EMPTY_OBJECT, detail="the object has no bytes")
    return None


def _too_many() -> Reason:
    detail = f"the folder holds more than {MAX_FILES} files, which is more than a version may have"
    return Reason(code=TOO_MANY_FILES, detail=detail)
