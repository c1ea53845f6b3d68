"""Versions as requests name them."""

from registry.schemas import Version
from services.ingest.context import Context
from shared.domain.errors import version_not_found


async def required_version(model: str, version: str | int, context: Context) -> Version:
    """Return a version of a model by its number or label; raises NotFound."""
    found = await context.versions.by_number_or_label(model, version)
    if found is None:
        raise version_not_found(model, version)
    return found
