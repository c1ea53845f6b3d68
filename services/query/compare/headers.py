"""The tensors of versions, listed from the headers of their files in storage."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from registry.schemas import Artifact, Reason, TensorSummary, Version
from services.query.turns import Turns
from shared.domain.comparison import HeldTensor
from shared.domain.errors import Unavailable
from shared.formats.costs import TooCostly
from shared.formats.listing import TENSOR_FORMATS, Contents, list_tensors
from shared.formats.report import FormatError
from shared.formats.sandbox.processes import CheckProcesses, CheckProcessFailed, limits_of
from shared.formats.summaries import summary_of
from shared.runtime.settings import Settings
from shared.runtime.tasks import run_all
from shared.storage.connection import StorageMissing, StorageRefused
from shared.storage.objects import Objects
from shared.storage.ranges import ObjectRanges

MAX_TENSORS: Final = 200_000
"""Of all versions of one comparison: twice the largest models of today, in about 100 MB."""
FILES_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Headers:
    """What reads headers, for all requests of the process."""

    objects: Objects
    processes: CheckProcesses
    turns: Turns
    cards: Turns
    """The turns at model cards: they are small, and wait for no comparison."""

    @classmethod
    def of(cls, settings: Settings, objects: Objects) -> "Headers":
        """Build it over open storage; headers that are large are parsed one at a time."""
        processes = CheckProcesses(limits_of(settings), 1)
        return cls(objects, processes, Turns("comparisons"), Turns("model cards"))

    def ranges(self, version: Version, file: Artifact) -> ObjectRanges:
        """Return a file of a version to be read, pinned to the object that was verified."""
        return ObjectRanges(
            self.objects,
            version.storage_group,
            file.location or file.key,
            file.object_version,
            file.size_bytes,
        )


@dataclass(slots=True)
class Listed:
    """What is inside one version."""

    version: Version
    summary: TensorSummary | None = None
    tensors: list[HeldTensor] | None = None
    """None: they were not read."""
    unread: Reason | None = None
    """Why."""


@dataclass(slots=True)
class Room:
    """How many more tensors may be listed."""

    left: int = field(default=MAX_TENSORS)


async def list_version(version: Version, room: Room, headers: Headers) -> Listed:
    """List the tensors of a version, or say why they are not; raises StorageUnavailable."""
    files = [
        (index, file)
        for index, file in enumerate(version.artifacts)
        if file.format in TENSOR_FORMATS
    ]
    told = [file.tensors for _, file in files if file.tensors is not None]
    found = Listed(version, TensorSummary.sum_of(told) if len(told) == len(files) else None)
    if version.state != "ready":
        detail = f"the version is {version.state}"
        found.unread = Reason(code="version_not_ready", detail=detail)
        return found
    known = sum(summary.count for summary in told)
    if known > room.left:
        found.unread = _too_many()
        return found
    try:
        contents = await _list_files(version, [file for _, file in files], room, headers)
    except _Unread as error:
        found.unread = error.reason
        return found
    found.summary = TensorSummary.sum_of(summary_of(each.totals) for each in contents)
    found.tensors = await asyncio.to_thread(_held, files, contents)
    return found


def _held(files: Sequence[tuple[int, Artifact]], contents: Sequence[Contents]) -> list[HeldTensor]:
    return [
        HeldTensor(index, file.path, *tensor)
        for (index, file), each in zip(files, contents, strict=True)
        for tensor in each.tensors
    ]


class _Unread(Exception):
    """The tensors of a version are not told."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.detail)
        self.reason = reason


async def _list_files(
    version: Version, files: Sequence[Artifact], room: Room, headers: Headers
) -> list[Contents]:
    """List some files at a time; raises _Unread for the first that cannot be."""
    contents: list[Contents] = []
    for start in range(0, len(files), FILES_AT_ONCE):
        portion = files[start : start + FILES_AT_ONCE]
        # Together they may list what is left: those that are counted what they have, and the
        # others an equal share of the rest.
        counted = sum(_most(file) for file in portion)
        others = sum(file.tensors is None for file in portion)
        share = (room.left - counted) // others if others else 0
        found = await run_all(
            _list_file(version, file, _most(file) or share, headers) for file in portion
        )
        for each in found:
            if isinstance(each, Reason):
                raise _Unread(each)
            contents.append(each)
            room.left -= len(each.tensors)
        if room.left < 0:
            raise _Unread(_too_many())
    return contents


def _most(file: Artifact) -> int:
    """Return how many tensors a file may list that was counted; long names count for several."""
    return 2 * file.tensors.count + 1 if file.tensors is not None else 0


async def _list_file(
    version: Version, file: Artifact, limit: int, headers: Headers
) -> Contents | Reason:
    """List one file; an error that concerns it alone is a reason."""
    reader = headers.ranges(version, file)
    try:
        return await list_tensors(file.path, reader, max(limit, 0), headers.processes)
    except TooCostly as error:
        return Reason(code="tensors_too_costly", detail=str(error), path=file.path)
    except FormatError as error:
        return Reason(code="header_unreadable", detail=str(error), path=file.path)
    except (StorageMissing, StorageRefused) as error:
        return Reason(code="object_unreadable", detail=error.detail, path=file.path)
    except CheckProcessFailed as error:
        raise Unavailable("header_check_failed", f"a header could not be read: {error}") from error


def _too_many() -> Reason:
    detail = f"the versions have more than {MAX_TENSORS} tensors together"
    return Reason(code="too_many_tensors", detail=detail)
