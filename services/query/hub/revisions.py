"""Versions by what clients of Hugging Face call a revision."""

from registry.schemas import Version
from services.query.context import Context
from services.query.versions import lookups
from shared.domain.errors import InvalidRequest, NotFound
from shared.domain.hub_names import NEWEST, names_of_revision, version_of_commit

NO_READY_VERSION = "no_ready_version"


async def find_revision(model: str, revision: str, context: Context) -> Version:
    """Return the ready version that a revision means: a commit, or by which of its names wins.

    Versions that are not ready are not there for these clients, so they hide none of a name that
    comes after. Raises NotFound: "model_not_found", "version_not_ready" where all that was met is
    not ready, NO_READY_VERSION where the newest is asked for and there is none, and else
    "version_not_found".
    """
    met: list[Version] = []
    if (version_id := version_of_commit(revision)) is not None:
        found = await context.versions.find(version_id)
        if found is not None and found.model == model:
            met.append(found)
    else:
        for name in names_of_revision(revision):
            if met and met[-1].state == "ready":
                break
            if (named := await _named(model, name, context)) is not None:
                met.append(named)
    if met and met[-1].state == "ready":
        return met[-1]
    await lookups.find_model(model, context)
    raise _not_found(model, revision, met)


async def _named(model: str, name: str, context: Context) -> Version | None:
    try:
        return await lookups.find_version(model, name, context)
    except InvalidRequest:  # it can be no name of this kind
        return None
    except NotFound:
        return None


def _not_found(model: str, revision: str, met: list[Version]) -> NotFound:
    if met:
        detail = f"version {met[0].number} of model {model!r} is {met[0].state}, not ready"
        return NotFound("version_not_ready", detail)
    if names_of_revision(revision) == names_of_revision(NEWEST):
        return NotFound(NO_READY_VERSION, f"model {model!r} has no version that is ready")
    return NotFound("version_not_found", f"model {model!r} has no revision {revision!r}")
