"""Buckets: looked at, made, told to keep object versions, and to send their events to Kafka.

A store that can do neither still works: what is written once cannot be overwritten by a signed
URL, the reconciler finds what no event tells, and downloads are verified (docs/decisions/0002).
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from miniopy_async.api import Minio
from miniopy_async.commonconfig import ENABLED
from miniopy_async.notificationconfig import NotificationConfig, QueueConfig
from miniopy_async.versioningconfig import VersioningConfig

from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings
from shared.storage.connection import UNSUPPORTED, StorageMissing, StorageRefused, translated

OBJECT_WRITTEN = [
    # s3:ObjectCreated:* would also report tagging and retention.
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectCreated:Copy",
]

VERSIONS = "object versions"
EVENTS = "bucket notifications"
"""What a store may lack, as the log names it."""
ABSENT = "it is not there"

log = get_logger(__name__)


class Buckets:
    """Looks at buckets and provisions them.

    Every method raises StorageRefused or StorageUnavailable.
    """

    def __init__(self, client: Minio, settings: Settings) -> None:
        self._client = client
        self._notify_arn = settings.minio_notify_arn
        self._lacking: set[str] = set()

    async def exists(self, bucket: str) -> bool:
        """Whether the bucket is there."""
        with translated(bucket):
            return await self._client.bucket_exists(bucket)

    async def lacks(self, bucket: str, *, sends_events: bool) -> list[str]:
        """Say what is missing of a provisioned bucket, by reading alone; nothing: it is ready.

        What the store does not have at all is not missing.
        """
        lacking: list[str] = []
        try:
            async with self._where_supported(bucket, VERSIONS):
                if not await self._keeps_versions(bucket):
                    lacking.append("it keeps no object versions")
            if VERSIONS in self._lacking and not await self.exists(bucket):
                return [ABSENT]
            if sends_events:
                async with self._where_supported(bucket, EVENTS):
                    if not await self._sends_events(bucket):
                        lacking.append("it sends no events")
        except StorageMissing:
            return [ABSENT]
        return lacking

    async def provision(self, bucket: str) -> None:
        """Make the bucket where it is missing, keep versions in it, and switch its events on.

        Idempotent. Versions make a verified object immutable: a later write under its key gets a
        version of its own, and the recorded one stays readable.
        """
        await self.make(bucket)
        async with self._where_supported(bucket, EVENTS):
            with translated(bucket):
                await self._switch_events(bucket, on=True)

    async def make(self, bucket: str) -> bool:
        """Make the bucket where it is missing, and keep versions in it; idempotent.

        Returns whether this call made it.
        """
        is_new = not await self.exists(bucket) and await self._make(bucket)
        async with self._where_supported(bucket, VERSIONS):
            with translated(bucket):
                await self._client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
        return is_new

    async def switch_events_off(self, bucket: str) -> None:
        """Let the bucket tell us no more; what it tells others stays. Quiet where it is gone."""
        try:
            async with self._where_supported(bucket, EVENTS):
                with translated(bucket):
                    await self._switch_events(bucket, on=False)
        except StorageMissing:
            return

    async def _make(self, bucket: str) -> bool:
        try:
            with translated(bucket):
                await self._client.make_bucket(bucket)
        except StorageRefused as error:
            if error.s3_code != "BucketAlreadyOwnedByYou":
                raise
            return False  # made by another meanwhile
        return True

    @asynccontextmanager
    async def _where_supported(self, bucket: str, what: str) -> AsyncGenerator[None]:
        """Go on without what the store cannot do, and say so once."""
        try:
            yield
        except StorageRefused as error:
            if not is_unsupported(error):
                raise
            if what not in self._lacking:
                log.warning(f"storage has no {what}", bucket=bucket, code=error.s3_code)
            self._lacking.add(what)

    async def _keeps_versions(self, bucket: str) -> bool:
        with translated(bucket):
            return (await self._client.get_bucket_versioning(bucket)).status == ENABLED

    async def _sends_events(self, bucket: str) -> bool:
        with translated(bucket):
            current = await self._client.get_bucket_notification(bucket)
        return any(self._is_ours(queue) for queue in current.queue_config_list or [])

    async def _switch_events(self, bucket: str, *, on: bool) -> None:
        current = await self._client.get_bucket_notification(bucket)
        queues = current.queue_config_list or []
        others = [queue for queue in queues if queue.queue != self._notify_arn]
        if any(map(self._is_ours, queues)) if on else len(others) == len(queues):
            return
        ours = [QueueConfig(self._notify_arn, OBJECT_WRITTEN)] if on else []
        await self._client.set_bucket_notification(
            bucket,
            NotificationConfig(
                cloud_func_config_list=current.cloud_func_config_list,
                queue_config_list=[*others, *ours],
                topic_config_list=current.topic_config_list,
            ),
        )

    def _is_ours(self, queue: QueueConfig) -> bool:
        """Whether it is a rule that sends us each object that is written."""
        return queue.queue == self._notify_arn and set(OBJECT_WRITTEN) <= set(queue.events)


def is_unsupported(error: StorageRefused) -> bool:
    """Whether the store does not know the request at all, whoever sends it."""
    return error.s3_code in UNSUPPORTED
