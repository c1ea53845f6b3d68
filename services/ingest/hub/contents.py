"""The files of a commit's version: whose bytes each has. No byte moves but small files' own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from services.ingest.context import Context
from services.ingest.hub.staging import stage_content
from shared.database.blobs import Blob, find_blobs, find_digests
from shared.database.staged import sent_by
from shared.domain.access.decision import NameFilter
from shared.domain.blobs import Bytes, copied
from shared.domain.commits import Added
from shared.domain.errors import Conflict
from shared.domain.file_names import extension_of
from shared.domain.records import ArtifactRecord
from shared.domain.staging import StagedRecord

Files: TypeAlias = Mapping[str, "Blob | Added"]
"""By path: what the version before has, or what a commit adds."""


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom a version is made, and where."""

    model: str
    bucket: str
    owner: str
    readable: NameFilter
    """Models whose bytes the version may have without their being sent."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Contents:
    """The artifacts of a version in order of their paths, without keys of their own."""

    artifacts: list[ArtifactRecord] = field(default_factory=list[ArtifactRecord])
    shared: dict[int, Blob] = field(default_factory=dict[int, Blob])
    """By place: the bytes of other versions."""
    staged: list[StagedRecord] = field(default_factory=list[StagedRecord])
    """Bytes that the version takes."""


async def gather(files: Files, whose: Whose, context: Context) -> Contents:
    """Return the version's artifacts; small files are sent to where they wait for it.

    Raises Conflict "bytes_missing" for bytes that are nowhere, or not for this caller.
    """
    added = {path: each for path, each in files.items() if isinstance(each, Added)}
    stored = await _stored(added, whose, context)
    lacking = {path: each for path, each in added.items() if path not in stored}
    staged = await _staged(lacking, whose, context)
    contents = Contents()
    holders: dict[str, str] = {}
    for path in sorted(files):
        file = files[path]
        blob = file if isinstance(file, Blob) else stored.get(path)
        if blob is not None:
            contents.shared[len(contents.artifacts)] = blob
            contents.artifacts.append(_referring(path, blob))
            continue
        assert isinstance(file, Added)  # noqa: S101 - all others have bytes that are stored
        record = staged[file.sha256]
        contents.artifacts.append(_taking(path, record, holders.get(record.sha256)))
        if record.sha256 not in holders:
            holders[record.sha256] = record.key
            contents.staged.append(record)
    return contents


async def _stored(added: Mapping[str, Added], whose: Whose, context: Context) -> dict[str, Blob]:
    """Return by path the bytes that a version has which the caller may read.

    Those of a file with the same extension first: they were checked for what it says.
    """
    wanted = {
        path: Bytes(each.sha256, each.size_bytes, extension_of(path))
        for path, each in added.items()
        if each.size_bytes is not None
    }
    blobs = await find_blobs(context.database, whose.bucket, wanted.values(), whose.readable)
    found = {path: blobs[each] for path, each in wanted.items() if each in blobs}
    others = {
        each.sha256: each.size_bytes
        for path, each in added.items()
        if path not in found and each.content is None
    }
    renamed = await find_digests(context.database, whose.bucket, others, whose.readable)
    return {
        **{path: renamed[each.sha256] for path, each in added.items() if each.sha256 in renamed},
        **found,
    }


async def _staged(
    lacking: Mapping[str, Added], whose: Whose, context: Context
) -> dict[str, StagedRecord]:
    """Return by SHA-256 what was sent for these files, or came with the commit."""
    digests = {each.sha256 for each in lacking.values()}
    sent = await sent_by(
        context.database, whose.model, whose.owner, whose.bucket, digests, until=whose.now
    )
    content: dict[str, bytes] = {}
    for each in lacking.values():
        there = sent.get(each.sha256)
        if there is not None and each.size_bytes in (None, there.size_bytes):
            continue
        if each.content is None:
            detail = f"the bytes of {each.path!r} were not sent, or are over: upload it again"
            raise Conflict("bytes_missing", detail, path=each.path)
        content[each.sha256] = each.content
    return sent | await stage_content(whose.model, whose.bucket, content, whose.owner, context)


def _referring(path: str, blob: Blob) -> ArtifactRecord:
    """Return a file with bytes of another version; checked anew under another kind of name."""
    same = copied(blob.artifact).model_copy(update={"path": path})
    if extension_of(path) == extension_of(blob.artifact.path):
        return same
    unchecked: dict[str, object] = {"format": None, "media_type": None, "tensors": None}
    return same.model_copy(update={"state": "pending", "details": {}, **unchecked})


def _taking(path: str, record: StagedRecord, holder: str | None) -> ArtifactRecord:
    """Return a file whose bytes were staged, or that has those of another file of the version."""
    return ArtifactRecord(
        path=path,
        key="" if holder else record.key,
        location=holder,
        size_bytes=record.size_bytes,
        kind="multipart",
        expected_sha256=record.sha256,
        part_size_bytes=record.part_size_bytes,
        part_count=record.part_count,
        multipart_id=None if holder else record.multipart_id,
    )
