"""The running registry as end-to-end tests see it: its addresses and what it left where."""

from dataclasses import dataclass

from shared.database.client import Database
from shared.runtime.settings import Settings
from tests.support.s3 import S3


@dataclass(frozen=True)
class Footprint:
    """What there is of a model, in the database and in storage."""

    models: int = 0
    versions: int = 0
    objects: int = 0
    multipart_uploads: int = 0


NOTHING = Footprint()


@dataclass(frozen=True)
class System:
    """Settings that the services run with, and ways to look behind them."""

    settings: Settings
    database: Database
    s3: S3

    async def footprint(self, model: str | None = None) -> Footprint:
        """Count what belongs to the model, or to any model."""
        prefix = f"{model}/" if model else ""
        bucket = self.settings.minio_bucket
        listed = self.s3.list_object_versions(Bucket=bucket, Prefix=prefix)
        # MinIO takes a prefix here for a whole key: only a list of all of them is complete.
        uploads = self.s3.list_multipart_uploads(Bucket=bucket, Prefix="").get("Uploads", [])
        return Footprint(
            await self.database.models.count_documents({"_id": model} if model else {}),
            await self.database.versions.count_documents({"model": model} if model else {}),
            len(listed.get("Versions", [])),
            sum(upload["Key"].startswith(prefix) for upload in uploads),
        )

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys below a prefix, of all object versions that there are."""
        listed = self.s3.list_object_versions(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Versions", [])]
