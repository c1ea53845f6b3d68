"""Removing what an upload left in storage, once it was aborted or has expired."""

from shared.database.client import Database
from shared.database.work import finish_cleaning
from shared.domain.records import VersionRecord
from shared.storage.adapter import Storage


async def clean_upload(record: VersionRecord, storage: Storage) -> None:
    """Remove the objects and the parts of an upload; may be repeated. Raises storage errors."""
    for artifact in record.artifacts:
        if artifact.multipart_id is not None:
            await storage.multipart.abort(record.storage_group, artifact.key, artifact.multipart_id)
        found = await storage.objects.head(record.storage_group, artifact.key)
        if found is not None:
            await storage.objects.remove(record.storage_group, artifact.key, found.object_version)


async def clean_at_once(record: VersionRecord, storage: Storage, database: Database) -> None:
    """Do the cleaning that a rejection left as work; a worker does it where this fails."""
    await clean_upload(record, storage)
    await finish_cleaning(database, record.id)
