"""Storage groups: buckets that keep object versions and send their events to Kafka."""

from miniopy_async.api import Minio
from miniopy_async.commonconfig import ENABLED
from miniopy_async.notificationconfig import NotificationConfig, QueueConfig
from miniopy_async.versioningconfig import VersioningConfig

from shared.runtime.settings import Settings
from shared.storage.connection import StorageRefused, translated

OBJECT_WRITTEN = [
    # s3:ObjectCreated:* would also report tagging and retention.
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectCreated:Copy",
]


class Buckets:
    """Provisions buckets; every method raises StorageRefused or StorageUnavailable."""

    def __init__(self, client: Minio, settings: Settings) -> None:
        self._client = client
        self._notify_arn = settings.minio_notify_arn

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
        with translated(bucket):
            await self._switch_events_on(bucket)

    async def make(self, bucket: str) -> None:
        """Make the bucket where it is missing, and keep versions in it; idempotent."""
        with translated(bucket):
            if not await self._client.bucket_exists(bucket):
                await self._make(bucket)
            await self._client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))

    async def _make(self, bucket: str) -> None:
        try:
            with translated(bucket):
                await self._client.make_bucket(bucket)
        except StorageRefused as error:
            if error.s3_code != "BucketAlreadyOwnedByYou":  # made by another worker meanwhile
                raise

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
