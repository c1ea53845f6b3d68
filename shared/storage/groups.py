"""Storage groups: the buckets that the registry knows. A new one is provisioned on first use."""

from shared.database.client import Database
from shared.database.storage_groups import is_group, list_groups, remember_group
from shared.domain.errors import InvalidRequest
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage


class StorageGroups:
    """The known buckets, cached for the life of the process: they are never forgotten."""

    def __init__(self, database: Database, storage: Storage, settings: Settings) -> None:
        self._database = database
        self._buckets = storage.buckets
        self._settings = settings
        self._known: set[str] = set()

    async def prepare(self) -> None:
        """Provision the default group, and the bucket of the manifests; idempotent."""
        await self._buckets.make(self._settings.manifest_bucket)
        await self.provision(self._settings.minio_bucket)

    async def provision(self, bucket: str) -> None:
        """Make the bucket ready for uploads and remember it; idempotent."""
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

        Raises InvalidRequest for a new one where settings allow none.
        """
        name = bucket or self._settings.minio_bucket
        if name == self._settings.manifest_bucket:
            raise InvalidRequest(
                "storage_group",
                f"{name!r} is the bucket of the manifests",
                code="storage_group_reserved",
            )
        if await self.knows(name):
            return name
        if name != self._settings.minio_bucket and not self._settings.storage_groups_allow_new:
            raise InvalidRequest(
                "storage_group",
                f"{name!r} is not known, and STORAGE_GROUPS_ALLOW_NEW is off",
                code="storage_group_unknown",
            )
        await self.provision(name)
        return name
