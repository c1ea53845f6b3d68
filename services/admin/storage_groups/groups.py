"""Attaching buckets as storage groups, and letting them go: with an administrator's credentials.

The services' rights follow: a policy names the groups that there are.
"""

from datetime import datetime

from pydantic import BaseModel, Field

from registry.schemas.names import check_bucket_name
from services.admin.operator import Operator
from services.admin.provision.rights import give_storage_rights
from shared.database.found_folders import forget_folders, free_folders
from shared.database.storage_groups import (
    KnownGroup,
    first_version_in,
    forget_group,
    known_groups,
    mark_removing,
    remember_group,
)
from shared.database.strays import forget_strays_in
from shared.domain.errors import Conflict, NotFound, RegistryError, checked


class GroupStatus(BaseModel):
    """A storage group, and whether its bucket is as it must be."""

    bucket: str
    state: str
    """ready; intended: about to be made; removing: it takes no more uploads."""
    created_at: datetime
    is_named: bool
    """Whether the settings name it: MINIO_BUCKET, STORAGE_GROUPS."""
    lacking: list[str] = Field(default_factory=list[str])
    """What is missing of its bucket."""


async def list_groups(operator: Operator) -> list[GroupStatus]:
    """Return every group with the state of its bucket; raises the database errors."""
    return [await _status(group, operator) for group in await known_groups(operator.database)]


async def add_group(bucket: str, operator: Operator) -> GroupStatus:
    """Attach a bucket, whosever it was, or make it; what lies in it becomes versions.

    Raises InvalidRequest, Conflict, and the storage and database errors. Idempotent.
    """
    checked("storage_group", check_bucket_name, bucket)
    if bucket == operator.settings.manifest_bucket:
        raise Conflict("storage_group_reserved", f"{bucket!r} is the bucket of the manifests")
    # The rights first: from the moment on that it is a group, uploads are sent there.
    await give_storage_rights(operator, also=[bucket])
    try:
        await operator.groups.provision(bucket)
    finally:
        await give_storage_rights(operator)  # on what is a group by now, and on no other
    [added] = [each for each in await known_groups(operator.database) if each.bucket == bucket]
    return await _status(added, operator)


async def remove_group(bucket: str, operator: Operator) -> None:
    """Let a group go that no version lies in; its bucket stays, with all that it holds.

    Raises NotFound, Conflict "storage_group_named" and "storage_group_in_use", and the storage and
    database errors. Where it is cut off, the group takes no more uploads, and it can be repeated.
    """
    if bucket in operator.settings.named_groups:
        detail = f"{bucket!r} is named by MINIO_BUCKET or STORAGE_GROUPS: take it out there first"
        raise Conflict("storage_group_named", detail)
    # 1. No more uploads: whoever opens one looks once more when its version is there.
    if not await mark_removing(operator.database, bucket):
        raise NotFound("storage_group_unknown", f"{bucket!r} is no storage group")
    # 2. No version. None is made of what waits to be adopted: see services/indexer/found/groups.py.
    await free_folders(operator.database, bucket)
    if version := await first_version_in(operator.database, bucket):
        await remember_group(operator.database, bucket)
        detail = f"versions lie in {bucket!r}, such as the one with id {version}"
        raise Conflict("storage_group_in_use", detail)
    # 3. No rights, no events, no trace.
    await give_storage_rights(operator)
    await operator.storage.buckets.switch_events_off(bucket)
    await forget_folders(operator.database, bucket)
    await forget_strays_in(operator.database, bucket)
    await forget_group(operator.database, bucket)


async def _status(group: KnownGroup, operator: Operator) -> GroupStatus:
    try:
        lacking = await operator.storage.buckets.lacks(group.bucket, sends_events=True)
    except RegistryError as error:
        lacking = [error.detail]
    return GroupStatus(
        bucket=group.bucket,
        state=group.state,
        created_at=group.created_at,
        is_named=group.bucket in operator.settings.named_groups,
        lacking=lacking,
    )
