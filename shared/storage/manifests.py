"""Manifests: what only the database would know of a version, kept beside the objects.

A bucket of its own holds one small object for each version, written once when it is opened: its
metadata, names, and what was declared of its files. With the event topic, which tells what became
of it, the records can be rebuilt (docs/decisions/0011).
"""

from collections.abc import AsyncGenerator

from shared.domain.records import VersionRecord
from shared.domain.sessions import is_commit
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.cleaning import remove_object

CONTENT_TYPE = "application/json"
MAX_BYTES = 16 * 1024 * 1024
"""MongoDB's limit for a document, which a manifest was."""


def manifest_key(model: str, number: int) -> str:
    """Return the key of a version's manifest."""
    return f"{model}/{number}.json"


async def keep_manifest(record: VersionRecord, storage: Storage, settings: Settings) -> None:
    """Write the manifest where it is not there yet; raises storage errors."""
    await storage.objects.put_once(
        settings.manifest_bucket,
        manifest_key(record.model, record.number),
        record.model_dump_json(by_alias=True, exclude={"work", "failure"}).encode(),
        CONTENT_TYPE,
    )


async def keep_commit_manifest(record: VersionRecord, storage: Storage, settings: Settings) -> None:
    """Write the manifest of a commit: ingest may have ended once it had opened the version.

    The upload of any other version is repeated by its client until the manifest is there. Raises
    storage errors.
    """
    if is_commit(record):
        await keep_manifest(record, storage, settings)


async def remove_manifest(model: str, number: int, storage: Storage, settings: Settings) -> None:
    """Remove the manifest of a version; quiet where there is none. Raises storage errors."""
    await remove_object(settings.manifest_bucket, manifest_key(model, number), storage)


async def read_manifest(
    model: str, number: int, storage: Storage, settings: Settings
) -> VersionRecord | None:
    """Return a version as it was opened; None where there is no manifest. Raises storage errors."""
    bucket, key = settings.manifest_bucket, manifest_key(model, number)
    if await storage.objects.head(bucket, key) is None:
        return None
    body = await storage.objects.read(bucket, key, 0, MAX_BYTES)
    return VersionRecord.model_validate_json(body)


async def manifest_names(
    storage: Storage, settings: Settings
) -> AsyncGenerator[list[tuple[str, int]]]:
    """Yield model and number of every version that has a manifest, in pages."""
    async for page in storage.listing.pages(settings.manifest_bucket):
        names = (found.key.removesuffix(".json").rpartition("/") for found in page)
        yield [(model, int(number)) for model, _, number in names if number.isdecimal()]
