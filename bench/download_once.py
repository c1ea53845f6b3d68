"""One download in a process of its own, so that time, CPU and peak memory are that client's alone.

`python -m bench.download_once registry URL MODEL TARGET`, or `... boto3 BUCKET PREFIX TARGET` and
`... boto3+fsync BUCKET PREFIX TARGET`, with the services' settings in its environment. It waits for
a line on its input, downloads, and prints what it measured as JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, process_time

from bench.boto3_client import boto3_client, wait_for_start
from bench.memory import peak_mib

FILES_AT_ONCE = 10
"""Small files that boto3 fetches side by side: as many as the ranges that it fetches of one."""


def with_registry(url: str, model: str, target: str) -> Callable[[], None]:
    """Download with the registry's client, as it is installed."""
    from registry import ModelRegistryClient

    def download() -> None:
        with ModelRegistryClient(url) as client:
            client.download(model, to=target)

    return download


def with_boto3(bucket: str, prefix: str, target: str) -> Callable[[], None]:
    """Download with boto3's download_file and its own settings."""
    return lambda: _download_by_boto3(bucket, prefix, Path(target), syncs=False)


def with_boto3_and_fsync(bucket: str, prefix: str, target: str) -> Callable[[], None]:
    """Do the same, and make files and their names durable, as the registry's client does."""
    return lambda: _download_by_boto3(bucket, prefix, Path(target), syncs=True)


CLIENTS: dict[str, Callable[[str, str, str], Callable[[], None]]] = {
    "registry": with_registry,
    "boto3": with_boto3,
    "boto3+fsync": with_boto3_and_fsync,
}


def _download_by_boto3(bucket: str, prefix: str, target: Path, *, syncs: bool) -> None:
    from botocore.config import Config

    client = boto3_client(config=Config(max_pool_connections=FILES_AT_ONCE))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys: list[str] = [found["Key"] for page in pages for found in page.get("Contents", ())]

    def fetch(key: str) -> None:
        path = target if len(keys) == 1 else target / key.removeprefix(prefix)
        client.download_file(bucket, key, str(path))
        if syncs:
            _sync(path)

    if len(keys) == 1:
        fetch(keys[0])
    else:
        target.mkdir()
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            list(pool.map(fetch, keys))
    if syncs:
        _sync(target.parent if len(keys) == 1 else target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main() -> None:
    """Download by the client that the arguments name."""
    client, *arguments = sys.argv[1:]
    download = CLIENTS[client](*arguments)
    if client != "registry":
        import boto3  # noqa: F401  # pyright: ignore[reportUnusedImport] - importing counts for neither
    wait_for_start()
    begun, begun_cpu = perf_counter(), process_time()
    download()
    measured = {
        "seconds": perf_counter() - begun,
        "cpu_seconds": process_time() - begun_cpu,
        "peak_mib": peak_mib(os.getpid()),
    }
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
