"""Importing runs as the command asks for them: clients are opened, and closed."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from registry._certificates import find_certificates
from registry._retry import RetryPolicy
from registry.aio import AsyncModelRegistryClient
from registry.importing.directories import FolderSource
from registry.importing.exporting import export_model
from registry.importing.importer import Importer
from registry.importing.mlflow.server import MlflowServer
from registry.importing.mlflow.source import MlflowSource
from registry.importing.report import ImportReport, Watch
from registry.importing.sources import ModelSource
from registry.schemas import Version
from registry.transfer.progress import Progress


@dataclass(frozen=True, slots=True)
class Options:
    """What all importing runs are told."""

    url: str | None
    """Address of the registry; None: as the client finds it."""
    renamed: Mapping[str, str]
    at_once: int
    dry_run: bool
    folder: Path | None
    watch: Watch | None = None
    """Told how far the run is."""


@dataclass(frozen=True, slots=True)
class MlflowOptions:
    """What a run from an MLflow server is told besides."""

    tracking_uri: str
    registry_uri: str
    only: Collection[str]
    """Names of models; none: all."""
    called: str
    local_root: Path | None


async def import_from_mlflow(options: Options, mlflow: MlflowOptions) -> ImportReport:
    """Bring in what an MLflow server has; raises UnavailableError where a server stays away."""
    async with AsyncExitStack() as stack:
        certificates, retry = find_certificates(), RetryPolicy()
        tracking = MlflowServer(mlflow.tracking_uri, certificates, retry)
        stack.push_async_callback(tracking.close)
        registry = MlflowServer(mlflow.registry_uri, certificates, retry)
        stack.push_async_callback(registry.close)
        source = MlflowSource(registry, tracking, mlflow.only, mlflow.called, mlflow.local_root)
        return await _run(source, options)


async def import_from_folder(options: Options, root: Path, called: str) -> ImportReport:
    """Bring in what lies in a folder; raises SourceError where it cannot be read."""
    return await _run(FolderSource(root, called), options)


async def import_from_bucket(
    options: Options, address: str, endpoint: str | None, called: str
) -> ImportReport:
    """Bring in what lies in a bucket; raises SourceError where it may not be read.

    Raises MissingExtraError without boto3.
    """
    # Imported late: boto3 is an optional dependency.
    from registry.importing.s3.bucket import Bucket
    from registry.importing.s3.source import BucketSource

    bucket = await asyncio.to_thread(Bucket, address, endpoint)
    source = called or f"{endpoint or ''} {bucket.address}".strip()
    return await _run(BucketSource(bucket, source), options)


async def export_to_folder(
    url: str | None,
    model: str,
    version: str | None,
    to: Path,
    tell: Callable[[Version, bool], None],
    progress: Progress | None = None,
) -> None:
    """Write versions to a folder, and tell of each whether it had to be written."""
    async with AsyncModelRegistryClient(url) as client:
        async for each, is_new in export_model(client, model, version, to, progress):
            tell(each, is_new)


async def _run(source: ModelSource, options: Options) -> ImportReport:
    async with AsyncModelRegistryClient(options.url) as client:
        importer = Importer(
            source,
            client,
            at_once=options.at_once,
            renamed=options.renamed,
            dry_run=options.dry_run,
            folder=options.folder,
            watch=options.watch,
        )
        return await importer.run()
