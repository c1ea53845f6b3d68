"""Versions written to folders, each byte verified, as `registry import dir` reads them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from registry.aio import AsyncModelRegistryClient
from registry.errors import DestinationError
from registry.importing.layout import MODEL_FILE, ToldModel, ToldVersion, write_told
from registry.schemas import Version
from registry.schemas.metadata import VersionMetadata
from registry.schemas.mlflow import empty_files
from registry.transfer.progress import Progress


async def export_model(
    client: AsyncModelRegistryClient,
    model: str,
    version: str | None,
    to: Path,
    progress: Progress | None = None,
) -> AsyncIterator[tuple[Version, bool]]:
    """Write a version of a model, or all that are ready, below `to / MODEL`.

    Yields each version, and whether it had to be written: one that is there whole is left alone,
    and one that was cut off is continued. `progress` is told how far each one is. Raises
    NotFoundError, VersionNotReadyError, DestinationError, UnavailableError.
    """
    folder = to / model
    try:
        if version is not None:
            found = await client.get_version(model, version)
            yield found, await _export_version(client, found, folder, progress)
            return
        about = await client.get_model_info(model)
        async for each in client.list_versions(model):
            if each.state == "ready":
                found = await client.get_version(model, each.number)
                yield found, await _export_version(client, found, folder, progress)
        aliases = {each.alias: each.number async for each in client.list_aliases(model)}
        told = ToldModel(description=about.description, tags=about.tags, aliases={**aliases})
        await asyncio.to_thread(write_told, folder / MODEL_FILE, told)
    except OSError as error:
        raise DestinationError(f"cannot write {folder}: {error.strerror}") from error


async def _export_version(
    client: AsyncModelRegistryClient, version: Version, folder: Path, progress: Progress | None
) -> bool:
    told = folder / f"{version.number}.json"  # written last: where it is, the files are whole
    is_there = await asyncio.to_thread(told.exists)
    if not is_there:
        target = folder / str(version.number)
        await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
        await client.download(version.model, version.number, to=target, progress=progress)
        await asyncio.to_thread(_touch_empty, version, target)
    said = version.model_dump(include=set(VersionMetadata.model_fields))
    digests = {each.path: each.sha256 for each in version.artifacts}
    wanted = ToldVersion(**said, number=version.number, label=version.label, sha256=digests)
    await asyncio.to_thread(write_told, told, wanted)
    return not is_there


def _touch_empty(version: Version, folder: Path) -> None:
    for path in empty_files(version.properties):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
