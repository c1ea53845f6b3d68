"""Storage groups: the buckets that the registry knows. A new one is made on first use.

A bucket that was there before is somebody else's. Making it a group would adopt and publish its
objects, so an upload cannot name it; an operator can, by the settings MINIO_BUCKET,
MANIFEST_BUCKET and STORAGE_GROUPS.
"""

from shared.database.client import Database
from shared.database.storage_groups import (
    forget_intent,
    intend_group,
    is_group,
    is_intended,
    list_groups,
    remember_group,
)
from shared.domain.errors import InvalidRequest
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.connection import StorageRefused, StorageUnavailable


class StorageGroups:
    """The known buckets, cached for the life of the process: they are never forgotten."""

    def __init__(self, database: Database, storage: Storage, settings: Settings) -> None:
        self._database = database
        self._buckets = storage.buckets
        self._listing = storage.listing
        self._settings = settings
        self._known: set[str] = set()

    async def prepare(self) -> None:
        """Provision the buckets that the settings name; idempotent.

        One that is there already is taken over. Raises the storage and database errors.
        """
        await self._buckets.make(self._settings.manifest_bucket)
        for bucket in self._settings.named_groups:
            await self.provision(bucket)

    async def provision(self, bucket: str) -> None:
        """Make the bucket ready for uploads, whosever it was, and remember it; idempotent."""
        await self._buckets.provision(bucket)
        await remember_group(self._database, bucket)
        self._known.add(bucket)

    async def knows(self, bucket: str) -> bool:
        """Whether the registry keeps versions in this bucket."""
        if bucket not in self._known and await is_group(self._database, bucket):
            self._known.add(bucket)
        return bucket in self._known

    async def all(self) -> list[str]:
        """Name every known bucket."""
        return await list_groups(self._database)

    async def resolve(self, bucket: str | None) -> str:
        """Return the bucket that an upload shall use, provisioned.

        Raises InvalidRequest "storage_group_reserved", "storage_group_unknown" where settings
        allow no new one, "storage_group_foreign" for a bucket that the registry did not make, and
        "storage_group_refused" for a name that storage takes for no bucket.
        """
        name = bucket or self._settings.minio_bucket
        if name == self._settings.manifest_bucket:
            raise _refused("reserved", f"{name!r} is the bucket of the manifests")
        if await self.knows(name):
            return name
        if name in self._settings.named_groups:
            await self.provision(name)
            return name
        if not self._settings.storage_groups_allow_new:
            raise _refused("unknown", f"{name!r} is not known, and STORAGE_GROUPS_ALLOW_NEW is off")
        await self._make_new(name)
        return name

    async def _make_new(self, bucket: str) -> None:
        """Make a bucket that nobody has; one that a crash left behind is gone on with."""
        if not await is_intended(self._database, bucket):
            if await self._is_somebodys(bucket):
                raise _foreign(bucket)
            await intend_group(self._database, bucket)
        try:
            is_new = await self._buckets.make(bucket)
        except StorageRefused as error:
            await forget_intent(self._database, bucket)
            rule = f"{bucket!r} cannot be made a bucket: {error.s3_code}"
            raise _refused("refused", rule) from error
        # Not made by this call: by one of ours, now or before a crash, or by somebody else. Ours
        # holds nothing until it is a group.
        if not is_new and await self._holds_objects(bucket) and not await self.knows(bucket):
            await forget_intent(self._database, bucket)
            raise _foreign(bucket)
        await self.provision(bucket)

    async def _is_somebodys(self, bucket: str) -> bool:
        try:
            return await self._buckets.exists(bucket)
        except StorageUnavailable as error:
            if error.reason != "AccessDenied" or not await self._buckets.exists(
                self._settings.minio_bucket
            ):
                raise
            return True  # our own is not denied to us: this one belongs to others

    async def _holds_objects(self, bucket: str) -> bool:
        async for page in self._listing.pages(bucket, size=1):
            return bool(page)
        return False


def _refused(what: str, rule: str) -> InvalidRequest:
    return InvalidRequest("storage_group", rule, code=f"storage_group_{what}")


def _foreign(bucket: str) -> InvalidRequest:
    rule = f"{bucket!r} is a bucket that the registry did not make; an operator can take it over"
    return _refused("foreign", f"{rule} by STORAGE_GROUPS")
