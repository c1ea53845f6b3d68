"""Buckets: made, told to keep object versions, and to send their events to Kafka.

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
from shared.storage.connection import UNSUPPORTED, StorageRefused, translated

OBJECT_WRITTEN = [
    # s3:ObjectCreated:* would also report tagging and retention.
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectCreated:Copy",
]

log = get_logger(__name__)


class Buckets:
    """Provisions buckets; every method raises StorageRefused or StorageUnavailable."""

    def __init__(self, client: Minio, settings: Settings) -> None:
        self._client = client
        self._notify_arn = settings.minio_notify_arn
        self._lacking: set[str] = set()

    async def exists(self, bucket: str) -> bool:
        """Whether the bucket is there."""
        with translated(bucket):
            return await self._client.bucket_exists(bucket)

    async def provision(self, bucket: str) -> None:
        """Make the bucket where it is missing, keep versions in it, and switch its events on.

        Idempotent. Versions make a verified object immutable: a later write under its key gets a
        version of its own, and the recorded one stays readable.
        """
        await self.make(bucket)
        async with self._where_supported(bucket, "bucket notifications"):
            with translated(bucket):
                await self._switch_events_on(bucket)

    async def make(self, bucket: str) -> bool:
        """Make the bucket where it is missing, and keep versions in it; idempotent.

        Returns whether this call made it.
        """
        is_new = not await self.exists(bucket) and await self._make(bucket)
        async with self._where_supported(bucket, "object versions"):
            with translated(bucket):
                await self._client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
        return is_new

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

    async def _switch_events_on(self, bucket: str) -> None:
        current = await self._client.get_bucket_notification(bucket)
        others = [
            queue for queue in current.queue_config_list or [] if queue.queue != self._notify_arn
        ]
        ours = [queue for queue in current.queue_config_list or [] if queue not in others]
        if any(set(OBJECT_WRITTEN) <= set(queue.events) for queue in ours):
            return
        await self._client.set_bucket_notification(
            bucket,
            NotificationConfig(
                cloud_func_config_list=current.cloud_func_config_list,
                queue_config_list=[*others, QueueConfig(self._notify_arn, OBJECT_WRITTEN)],
                topic_config_list=current.topic_config_list,
            ),
        )


def is_unsupported(error: StorageRefused) -> bool:
    """Whether the store does not know the request at all, whoever sends it."""
    return error.s3_code in UNSUPPORTED
