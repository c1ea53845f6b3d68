"""boto3 as a plain program makes it, and the line that a measured process waits for."""

import os
import sys
from typing import Any


def boto3_client(**options: Any) -> Any:
    """Make boto3's client of storage by the services' settings in this process's environment."""
    import boto3  # here: a process of the registry's client must not pay for it

    untyped: Any = boto3
    return untyped.client(
        "s3",
        endpoint_url=f"http://{os.environ['MINIO_ENDPOINT']}",
        aws_access_key_id=os.environ["MINIO_ACCESS_KEY"],
        aws_secret_access_key=os.environ["MINIO_SECRET_KEY"],
        region_name="us-east-1",
        **options,
    )


def wait_for_start() -> None:
    """Say that the process is ready, and wait for a line on its input."""
    print("waiting", flush=True)
    sys.stdin.readline()
