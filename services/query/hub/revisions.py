"""Versions by what clients of Hugging Face call a revision."""

from registry.schemas import Version
from services.query.context import Context
from services.query.versions import lookups
from shared.database.naming import names_meant
from shared.domain.errors import NotFound, version_not_found
from shared.domain.hub_names import NEWEST, version_of_commit

NO_READY_VERSION = "no_ready_version"


async def find_revision(model: str, revision: str, context: Context) -> Version:
    """Return the ready version that a revision means: a commit, or by which of its names wins.

    Raises NotFound as `lookups.find_ready` does, and NO_READY_VERSION where the newest is asked for
    and there is none.
    """
    if (version_id := version_of_commit(revision)) is not None:
        return await _of_commit(model, version_id, revision, context)
    name = "latest" if revision == NEWEST else revision
    names = await names_meant(context.database, model, name)
    try:
        return await lookups.find_ready(model, names, context)
    except NotFound as error:
        if name == "latest" and error.code == "version_not_found":
            detail = f"model {model!r} has no version that is ready"
            raise NotFound(NO_READY_VERSION, detail) from None
        raise


async def _of_commit(model: str, version_id: str, revision: str, context: Context) -> Version:
    found = await context.versions.find(version_id)
    if found is None or found.model != model:
        await lookups.find_model(model, context)
        raise version_not_found(model, revision)
    if found.state != "ready":
        raise lookups.not_ready(found)
    return found
