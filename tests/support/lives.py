"""What becomes of versions: confirmed, deleted, purged, and what of them is in storage."""

from datetime import timedelta

from registry import AsyncModelRegistryClient
from registry.schemas import Version
from shared.domain.records import utc_now
from tests.support.eventually import eventually
from tests.support.system import System


def keys_of(system: System, model: str) -> list[str]:
    """The keys of a model in the default storage group."""
    return system.keys(system.settings.minio_bucket, f"{model}/")


async def confirmed(client: AsyncModelRegistryClient, version: Version) -> Version:
    """Wait until the SHA-256 of every file is verified."""

    async def look() -> Version | None:
        found = await client.get_version_by_id(version.id)
        done = all(each.sha256_state == "verified" for each in found.artifacts)
        return found if done else None

    return await eventually(look)


async def let_retention_pass(system: System, version: Version) -> None:
    """Have a deleted version due to be purged now."""
    due = utc_now() - timedelta(seconds=1)
    versions = system.database.versions
    await versions.update_one({"_id": version.id}, {"$set": {"deletion.purge_due_at": due}})
    waiting = {"_id": version.id, "work.kind": "purge"}  # one that is held does not
    await versions.update_one(waiting, {"$set": {"work.due_at": due}})


async def purged(client: AsyncModelRegistryClient, system: System, version: Version) -> Version:
    """Wait until nothing of a deleted version is in storage."""
    await let_retention_pass(system, version)

    async def look() -> Version | None:
        found = await client.get_version_by_id(version.id)
        return found if found.deletion and found.deletion.purged_at else None

    return await eventually(look)
