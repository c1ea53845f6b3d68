"""One upload in a process of its own, so that time and peak memory are that client's alone.

`python -m bench.upload_once registry URL MODEL FILE` or `... boto3 BUCKET KEY FILE`, with the
services' settings in its environment. It waits for a line on its input, uploads, and prints what
it measured as JSON.
"""

import json
import os
import sys
from secrets import token_hex
from time import perf_counter

from bench.boto3_client import boto3_client, wait_for_start
from bench.memory import peak_mib

CONCURRENCY = 4
"""Parts that travel at once, for both."""

Measured = dict[str, float]


def with_registry(url: str, model: str, file: str) -> Measured:
    """Upload with the registry's client: until the bytes are stored, and until they are ready."""
    import asyncio  # noqa: F401  # pyright: ignore[reportUnusedImport] - the client loads it late

    from registry import ModelRegistryClient

    wait_for_start()
    begun = perf_counter()  # making the client counts for both; importing it for neither
    with ModelRegistryClient(url, concurrency=CONCURRENCY) as client:
        # A key of its own: the client would recognise the file that it uploaded before.
        version = client.upload(model, file, wait=False, idempotency_key=token_hex(16))
        stored = perf_counter()
        client.wait_until_ready(version)
        ready = perf_counter()
    return {"seconds": stored - begun, "ready_seconds": ready - begun}


def with_boto3(bucket: str, key: str, file: str) -> Measured:
    """Upload with boto3's upload_file, by the same division into parts."""
    from boto3.s3.transfer import TransferConfig

    wait_for_start()
    begun = perf_counter()
    client = boto3_client()
    config = TransferConfig(
        multipart_threshold=int(os.environ["UPLOAD_SINGLE_PUT_MAX_BYTES"]) + 1,  # boto3: >=
        multipart_chunksize=int(os.environ["UPLOAD_PART_SIZE_BYTES"]),
        max_concurrency=CONCURRENCY,
    )
    client.upload_file(file, bucket, key, Config=config)
    return {"seconds": perf_counter() - begun}


def main() -> None:
    """Upload by the client that the arguments name."""
    client, *arguments = sys.argv[1:]
    measured = (with_registry if client == "registry" else with_boto3)(*arguments)
    print(json.dumps({**measured, "peak_mib": peak_mib(os.getpid())}), flush=True)


if __name__ == "__main__":
    main()
