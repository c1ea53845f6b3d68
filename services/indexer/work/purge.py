"""Purging: what deleted versions have in storage is removed once nobody can restore them."""

from services.indexer.context import Context
from shared.database.deletion import begin_purge, finish_purge
from shared.domain.records import VersionRecord
from shared.runtime.logs import get_logger
from shared.storage.cleaning import remove_version
from shared.storage.manifests import remove_manifest

log = get_logger(__name__)


async def purge_version(version: VersionRecord, token: str, context: Context) -> int | None:
    """Remove the objects, parts, manifest and part digests of a deleted version; may be repeated.

    Objects that other versions refer to stay, until the last of these is purged itself. Returns
    how many bytes were removed; None where nothing may be: it was restored or held meanwhile.
    """
    begun = await begin_purge(context.database, version.id, token)
    if begun is None:
        return None
    freed = await remove_version(begun, context.storage)
    await remove_manifest(begun.model, begun.number, context.storage, context.settings)
    await finish_purge(context.database, begun, token)
    log.info(
        "version purged",
        model=begun.model,
        version=begun.number,
        version_id=begun.id,
        bytes_freed=freed,
    )
    return freed


def bytes_freed(version: VersionRecord) -> int:
    """Return how many bytes a first purge of the version removes, as far as its record tells.

    Not what others have, or refer to.
    """
    own = [each for each in version.artifacts if not each.location and not each.references]
    return sum(each.size_bytes for each in own)
