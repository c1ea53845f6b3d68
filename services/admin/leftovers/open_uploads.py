"""Multipart uploads that were neither completed nor aborted, as storage lists them."""

from contextlib import aclosing
from datetime import datetime

from pydantic import BaseModel

from services.indexer.context import Context
from shared.domain.access.uploads import upload_id
from shared.domain.errors import NotFound
from shared.domain.records import VersionRecord
from shared.storage.multipart import OpenUpload


class OpenMultipartUpload(BaseModel):
    """A multipart upload whose parts lie in storage."""

    bucket: str
    key: str
    multipart_id: str
    initiated_at: datetime
    upload_id: str | None = None
    """The session that declared it; None: a plain S3 client's, or one that is forgotten."""
    session_state: str | None = None


async def list_open_uploads(
    context: Context, *, bucket: str | None, limit: int
) -> list[OpenMultipartUpload]:
    """Return up to `limit` open uploads of a bucket, or of every bucket, in order.

    MinIO lists those since its last start. Raises NotFound, the storage and the database errors.
    """
    if bucket is not None and not await context.groups.knows(bucket):
        raise NotFound("storage_group_unknown", f"{bucket!r} is no storage group")
    found: list[OpenMultipartUpload] = []
    for name in [bucket] if bucket is not None else await context.groups.all():
        async with aclosing(context.storage.multipart.open_uploads(name)) as pages:
            async for page in pages:
                found += await _told(name, page[: limit - len(found)], context)
                if len(found) == limit:
                    return found
    return found


async def _told(bucket: str, page: list[OpenUpload], context: Context) -> list[OpenMultipartUpload]:
    owners = await context.versions.owners(bucket, {each.key for each in page})
    return [_one(bucket, each, owners.get(each.key, (None, None))[0]) for each in page]


def _one(bucket: str, found: OpenUpload, owner: VersionRecord | None) -> OpenMultipartUpload:
    session = owner.session if owner else None
    return OpenMultipartUpload(
        bucket=bucket,
        key=found.key,
        multipart_id=found.multipart_id,
        initiated_at=found.initiated_at,
        upload_id=upload_id(owner) if owner and session else None,
        session_state=session.state if session else None,
    )
