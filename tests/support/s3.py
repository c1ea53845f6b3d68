"""A plain S3 client, as a user without the registry's client would use it."""

from typing import Any, Protocol, cast

import boto3
from botocore.config import Config

from shared.runtime.settings import Settings


class S3(Protocol):
    """The calls that tests make; boto3 has no types of its own."""

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        **said: str,
    ) -> dict[str, Any]: ...
    def list_object_versions(self, *, Bucket: str, Prefix: str) -> dict[str, Any]: ...  # noqa: N803
    def list_multipart_uploads(self, *, Bucket: str, Prefix: str) -> dict[str, Any]: ...  # noqa: N803


def s3_client(settings: Settings) -> S3:
    """Open a client; it connects on first use."""
    client: Any = cast(Any, boto3).client(
        "s3",
        endpoint_url=f"http://{settings.minio_endpoint}",
        aws_access_key_id=settings.minio_access_key.get_secret_value(),
        aws_secret_access_key=settings.minio_secret_key.get_secret_value(),
        region_name=settings.minio_region,
        # As older clients and other languages do: no checksum that storage could attest.
        config=Config(request_checksum_calculation="when_required"),
    )
    return client
