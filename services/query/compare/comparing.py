"""Comparing versions of a model: found, read, compared, and told in bounds."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from registry.schemas import Version
from registry.schemas.comparison import (
    ComparedTensor,
    ComparedVersion,
    Comparison,
    TensorRow,
)
from services.query.compare.attested import settle_by_digests
from services.query.compare.contents import settle_by_reading
from services.query.compare.headers import Listed, Room, list_version
from services.query.context import Context
from services.query.versions.lookups import find_version
from shared.domain.comparison import (
    ComparedRow,
    HeldTensor,
    compare_files,
    compare_metadata,
    compare_tensors,
    count_rows,
    sort_rows,
)
from shared.domain.errors import InvalidRequest, Unavailable
from shared.web.moments import PossibleMoment

MAX_SECONDS: Final = 60.0
"""Of one comparison, and of waiting for those before it."""
_MOMENT = TypeAdapter[datetime](PossibleMoment)


async def compare_versions(
    model: str, names: Sequence[str], limit: int, context: Context
) -> Comparison:
    """Compare versions by number, label, @alias or @alias?at=TIME, or "latest".

    Each list has up to `limit` rows. Raises NotFound, InvalidRequest, TooManyRequests,
    StorageUnavailable and Unavailable "comparison_timeout".
    """
    try:
        async with asyncio.timeout(MAX_SECONDS), context.headers.turns.turn():
            # Versions of a thousand files each: who waits does not hold them.
            versions = [await _find(model, name, context) for name in names]
            listed, rows = await _compare_contents(versions, context)
            return await asyncio.to_thread(_told, model, listed, rows, limit)
    except TimeoutError as error:
        detail = f"the comparison took longer than {MAX_SECONDS:.0f} s"
        raise Unavailable("comparison_timeout", detail) from error


async def _find(model: str, name: str, context: Context) -> Version:
    """Return a version by its name; one of an alias may have a moment."""
    alias, sign, text = name.partition("?at=")
    if not sign:
        return await find_version(model, name, context)
    try:
        at = _MOMENT.validate_python(text)
    except ValidationError as error:
        raise InvalidRequest("versions", "must have a time with its offset behind ?at=") from error
    return await find_version(model, alias, context, at=at)


async def _compare_contents(
    versions: Sequence[Version], context: Context
) -> tuple[list[Listed], list[ComparedRow]]:
    room = Room()
    # One after the other: what one leaves of the room, the next one may take.
    listed = [await list_version(version, room, context.headers) for version in versions]
    tensors = [each.tensors for each in listed]
    rows = await asyncio.to_thread(compare_tensors, tensors)
    rows = await settle_by_digests(rows, versions, context.database)
    return listed, await settle_by_reading(rows, versions, context.headers)


def _told(
    model: str, listed: Sequence[Listed], rows: Sequence[ComparedRow], limit: int
) -> Comparison:
    versions = [each.version for each in listed]
    metadata, files = compare_metadata(versions), compare_files(versions)
    tensors = sort_rows(rows)
    return Comparison(
        model=model,
        versions=[_version(each) for each in listed],
        metadata=metadata[:limit],
        metadata_counts=count_rows(metadata),
        files=files[:limit],
        file_counts=count_rows(files),
        tensors=[_row(row) for row in tensors[:limit]],
        tensor_counts=count_rows(tensors),
        left_out=sum(max(0, len(each) - limit) for each in (metadata, files, tensors)),
    )


def _version(listed: Listed) -> ComparedVersion:
    version = listed.version
    return ComparedVersion(
        id=version.id,
        number=version.number,
        label=version.label,
        state=version.state,
        file_count=len(version.artifacts),
        size_bytes=version.size_bytes,
        tensors=listed.summary,
        unread=listed.unread,
    )


def _row(row: ComparedRow) -> TensorRow:
    return TensorRow(
        name=row.name,
        status=row.status,
        differs=list(row.differs),
        values=[_tensor(each) for each in row.held],
    )


def _tensor(held: HeldTensor | None) -> ComparedTensor | None:
    if held is None:
        return None
    return ComparedTensor(file=held.path, dtype=held.dtype, shape=list(held.shape))
