"""Storage groups: the buckets that the registry knows.

A bucket that was there before is somebody else's. Making it a group adopts and publishes its
objects, so an upload cannot name it: an operator attaches it, by settings or by a command. A new
one is made on first use where the settings and the uploader's grants allow it.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from fnmatch import fnmatchcase

from cachetools import TTLCache

from shared.database.client import Database
from shared.database.errors import DatabaseUnavailable
from shared.database.storage_groups import (
    forget_intent,
    intend_group,
    is_group,
    is_intended,
    list_groups,
    remember_group,
)
from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.errors import Forbidden, InvalidRequest, Unavailable
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.connection import StorageRefused, StorageUnavailable

KNOWN_SECONDS = 5.0
"""How long it is not asked again whether a bucket is a group: an operator may remove one."""
MOST_KNOWN = 10_000
Making = Callable[[str], AbstractAsyncContextManager[object]]
"""What a new group of this name is made in: it refuses whoever may not, and tells the audit."""
PROVISION = "python -m services.admin provision"


class NotProvisioned(Unavailable):
    """A bucket is not as it must be, and this service may not change it; an operator has to."""

    def __init__(self, bucket: str, lacking: str) -> None:
        self.lacking = f"bucket {bucket!r}: {lacking}"
        self.waits_for = f"{self.lacking} (run: {PROVISION})"
        super().__init__("storage_not_provisioned", self.waits_for)


@asynccontextmanager
async def nobody_may(_: str) -> AsyncGenerator[None]:
    """Refuse to have a new storage group made: whoever asks for one has to say that they may."""
    raise Forbidden(f"{LEAST_ROLE[Action.MAKE_STORAGE_GROUP]}:*")
    yield


class StorageGroups:
    """The known buckets; each is asked for again after some seconds."""

    def __init__(self, database: Database, storage: Storage, settings: Settings) -> None:
        self._database = database
        self._buckets = storage.buckets
        self._listing = storage.listing
        self._settings = settings
        self._known: TTLCache[str, None] = TTLCache(MOST_KNOWN, KNOWN_SECONDS)

    async def prepare(self) -> None:
        """Have the buckets that the settings name as they must be; idempotent.

        They are looked at, and what is missing is made where our credentials allow it; a bucket
        that is there already is taken over then. Raises NotProvisioned where they do not, and the
        storage and database errors.
        """
        await self._ensure(self._settings.manifest_bucket, is_group=False)
        for bucket in self._settings.named_groups:
            await self._ensure(bucket)

    async def provision(self, bucket: str) -> None:
        """Make the bucket ready for uploads, whosever it was, and remember it; idempotent."""
        await self._buckets.provision(bucket)
        await remember_group(self._database, bucket)
        self._known[bucket] = None

    async def knows(self, bucket: str) -> bool:
        """Whether the registry keeps versions in this bucket, or did so a moment ago."""
        if bucket not in self._known and await self.has(bucket):
            self._known[bucket] = None
        return bucket in self._known

    async def has(self, bucket: str) -> bool:
        """Whether the registry keeps versions in this bucket now."""
        return await is_group(self._database, bucket)

    async def all(self) -> list[str]:
        """Name every known bucket."""
        return await list_groups(self._database)

    async def resolve(self, bucket: str | None, making: Making = nobody_may) -> str:
        """Return the bucket that an upload shall use, provisioned.

        A new one is made inside `making`. Raises what that refuses it with, InvalidRequest
        "storage_group_reserved", "storage_group_unknown" where settings allow no new one,
        "storage_group_foreign" for a bucket that the registry did not make, and
        "storage_group_refused" for a name that storage takes for no bucket.
        """
        name = bucket or self._settings.minio_bucket
        if name == self._settings.manifest_bucket:
            raise _refused("reserved", f"{name!r} is the bucket of the manifests")
        if await self.knows(name):
            return name
        if name in self._settings.named_groups:
            await self._ensure(name)
            return name
        if not may_be_new(name, self._settings.new_group_names):
            raise unknown_group(name)
        async with making(name):
            await self._make_new(name)
        return name

    async def _ensure(self, bucket: str, *, is_group: bool = True) -> None:
        """Look at a bucket that the settings name, and make what is missing of it."""
        try:
            lacking = await self._buckets.lacks(bucket, sends_events=is_group)
        except StorageUnavailable as error:
            if not error.is_denied:
                raise
            lacking = [f"storage denies it ({error.reason})"]
        if is_group and not lacking and not await self.has(bucket):
            lacking = ["it is no storage group yet"]
        if not lacking:
            return
        try:
            await (self.provision if is_group else self._buckets.make)(bucket)
        except (StorageUnavailable, DatabaseUnavailable) as error:
            if not is_denied(error):
                raise
            raise NotProvisioned(bucket, ", ".join(lacking)) from error

    async def _make_new(self, bucket: str) -> None:
        """Make a bucket that nobody has; one that a crash left behind is gone on with."""
        if not await is_intended(self._database, bucket):
            if not await self._is_somebodys(bucket):
                await intend_group(self._database, bucket)
            # Another process may have made it since the first look: it said so before the bucket
            # was there. Nobody did where the bucket was there, or where a group is being let go.
            if not (await is_intended(self._database, bucket) or await self.has(bucket)):
                raise _foreign(bucket)
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


def may_be_new(bucket: str, patterns: Iterable[str]) -> bool:
    """Whether a new storage group may have this name."""
    return any(fnmatchcase(bucket, pattern) for pattern in patterns)


def is_denied(error: StorageUnavailable | DatabaseUnavailable) -> bool:
    """Whether the server answers, and it is our credentials that may not."""
    return error.is_denied if isinstance(error, StorageUnavailable) else error.is_refused


def unknown_group(bucket: str) -> InvalidRequest:
    """Return the refusal of a bucket that is no group, and that settings do not have made."""
    rule = f"{bucket!r} is not known; an operator adds it, or allows it by STORAGE_GROUPS_ALLOW_NEW"
    return _refused("unknown", f"{rule} and STORAGE_GROUPS_NEW_NAMES")


def _refused(what: str, rule: str) -> InvalidRequest:
    return InvalidRequest("storage_group", rule, code=f"storage_group_{what}")


def _foreign(bucket: str) -> InvalidRequest:
    rule = f"{bucket!r} is a bucket that the registry did not make; an operator can take it over"
    return _refused("foreign", f"{rule}: storage-groups add")
