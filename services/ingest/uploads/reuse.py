"""Bytes that are stored already are not sent again: an upload's files refer to them."""

from collections import defaultdict
from collections.abc import Mapping

from registry.schemas import ReuseRequest, UploadSession
from services.ingest.context import Context
from services.ingest.uploads.sessions import read_again, require_open
from services.ingest.uploads.views import session_view
from shared.database.blobs import Blob, find_blobs, known_sizes
from shared.database.lifecycle import settle
from shared.database.part_digests import forget_part_digests, keep_part_digests, read_part_digests
from shared.database.references import BlobGone
from shared.database.rules import read_effective
from shared.domain.access.decision import NameFilter
from shared.domain.blobs import bytes_of, is_unsent, referring, refers
from shared.domain.errors import InvalidRequest
from shared.domain.part_digests import spans_parts
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.transitions import Verdict
from shared.domain.version_rules import against_format
from shared.runtime.logs import get_logger

log = get_logger(__name__)

DIGESTS_TOGETHER = 50
"""Files of one answer: the part digests of each are up to 320 kB."""


async def reuse(
    record: VersionRecord, request: ReuseRequest, names: NameFilter, context: Context
) -> UploadSession:
    """Let the files of an open session refer to the same bytes where they are stored; repeatable.

    Only to those of versions of these names: who may not read bytes has to send them. Raises
    InvalidRequest for a path that is none of the session's, and Conflict where it is not open.
    """
    await require_open(record, context)
    places = {artifact.path: index for index, artifact in enumerate(record.artifacts)}
    for path in request.sha256:
        if path not in places:
            raise InvalidRequest(f"sha256.{path}", "is not a file of this session")
    digests = {places[path]: sha256 for path, sha256 in request.sha256.items()}
    return await session_view(await _refer(record, digests, names, context), context)


async def with_stored_bytes(
    draft: VersionRecord, digests: Mapping[int, str], names: NameFilter, context: Context
) -> VersionRecord:
    """Return a draft whose files refer to stored bytes, by the SHA-256 (hex) of each file."""
    chosen = await _chosen(draft, digests, names, context)
    artifacts = list(draft.artifacts)
    for index, blob in chosen.items():
        artifacts[index] = referring(artifacts[index], blob.artifact)
    return draft.model_copy(update={"artifacts": artifacts}) if chosen else draft


async def _refer(
    record: VersionRecord, digests: Mapping[int, str], names: NameFilter, context: Context
) -> VersionRecord:
    """Let files of an open session refer to stored bytes; returns the version as it is then."""
    chosen = await _chosen(record, digests, names, context)
    verdicts = [
        Verdict(record.id, index, referring(record.artifacts[index], blob.artifact))
        for index, blob in chosen.items()
    ]
    try:
        for settled in await settle(context.database, verdicts):
            context.counts.version_settled(settled)
    except BlobGone as gone:
        log.info("bytes are being removed", upload_id=record.id, key=str(gone))
        return record  # they are sent as all others
    return await read_again(record, context)


async def _chosen(
    record: VersionRecord, digests: Mapping[int, str], names: NameFilter, context: Context
) -> dict[int, Blob]:
    """Return by index the bytes that files may refer to; their part digests are kept, too.

    Not those of a format that the model's rules do not allow: they are sent as all others, and
    verification says why the version is rejected.
    """
    pending = {i: sha256 for i, sha256 in digests.items() if _may_be(record.artifacts[i], sha256)}
    if not pending or names == NameFilter():
        return {}
    wanted = {i: bytes_of(record.artifacts[i], sha256) for i, sha256 in pending.items()}
    blobs = await find_blobs(context.database, record.storage_group, wanted.values(), names)
    found = {index: blobs[each] for index, each in wanted.items() if each in blobs}
    if not found:
        return {}
    rules = await read_effective(context.database, record.model)
    chosen = {
        index: blob
        for index, blob in found.items()
        if against_format(rules, record, referring(record.artifacts[index], blob.artifact)) is None
    }
    if chosen:
        await copy_part_digests(record.id, chosen, context)
        log.info(
            "bytes are stored already",
            model=record.model,
            upload_id=record.id,
            files=len(chosen),
            size_bytes=sum(blob.artifact.size_bytes for blob in chosen.values()),
        )
    return chosen


async def sizes_known(record: VersionRecord, names: NameFilter, context: Context) -> set[int]:
    """Return the sizes of the session's files, sent in parts, that stored bytes have.

    Their digest is not known before they are sent, unless somebody asks for it.
    """
    if names == NameFilter():
        return set()
    large = [
        each.size_bytes for each in record.artifacts if each.kind == "multipart" and is_unsent(each)
    ]
    return await known_sizes(context.database, record.storage_group, large, names)


def _may_be(artifact: ArtifactRecord, sha256: str) -> bool:
    """Whether nothing of a file was sent, and this digest is not another than was declared."""
    return is_unsent(artifact) and artifact.expected_sha256 in (None, sha256)


async def copy_part_digests(version_id: str, chosen: Mapping[int, Blob], context: Context) -> None:
    """Keep the part digests of the bytes for the version that is to refer to them, too."""
    places: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, blob in chosen.items():
        if spans_parts(blob.artifact):
            places[blob.version_id][blob.index].append(index)
    for source, wanted in places.items():
        indexes = sorted(wanted)
        for start in range(0, len(indexes), DIGESTS_TOGETHER):
            there = indexes[start : start + DIGESTS_TOGETHER]
            kept = await read_part_digests(context.database, source, there)
            copied = {own: parts for at, parts in kept.items() for own in wanted[at]}
            await keep_part_digests(context.database, version_id, copied)


async def forget_draft(draft: VersionRecord, context: Context) -> None:
    """Forget what was kept for a version that was not opened."""
    if refers(draft):
        await forget_part_digests(context.database, draft.id, len(draft.artifacts))
