"""Finding versions by what a user knows of them."""

from collections.abc import Sequence
from datetime import datetime

from registry.schemas import SETTLED, Model, Version
from services.query.context import Context
from shared.database import models
from shared.database.naming import find_named
from shared.domain.errors import InvalidRequest, NotFound, model_not_found, version_not_found
from shared.web.access.caller import Caller


async def find_model(name: str, context: Context) -> Model:
    """Return a registered model; raises NotFound."""
    model = await models.find_model(context.database, name)
    if model is None:
        raise model_not_found(name)
    return model


async def find_version(
    name: str, version: str, context: Context, *, at: datetime | None = None
) -> Version:
    """Return a version of a model by what a user calls it; raises NotFound, InvalidRequest."""
    return await find_named(context.database, name, version, at=at)


async def find_ready(model: str, names: Sequence[str], context: Context) -> Version:
    """Return the ready version that has the first of these names that one has.

    Versions that are not ready are not there for other tools, so they hide none of a later name.
    Raises NotFound: "model_not_found", "version_not_ready" where one has a name and is not ready,
    else "version_not_found".
    """
    met: Version | None = None
    for name in names:
        try:
            found = await find_version(model, name, context)
        except (NotFound, InvalidRequest):  # a text may not be a name of every kind
            continue
        if found.state == "ready":
            return found
        met = met or found
    await find_model(model, context)
    raise version_not_found(model, names[0]) if met is None else not_ready(met)


def not_ready(version: Version) -> NotFound:
    """Return the error of a version that other tools cannot see yet, or any more."""
    detail = f"version {version.number} of model {version.model!r} is {version.state}, not ready"
    return NotFound("version_not_ready", detail)


async def find_by_id(version_id: str, caller: Caller, context: Context) -> Version:
    """Return a version by its id, or else by one that an uploader gave it.

    Raises NotFound, also where the caller may not read its model.
    """
    found = await context.versions.find(version_id)
    if found is None:
        owner = caller.principal.id
        found = await context.versions.by_client_id(version_id, owner, caller.names)
    not_found = NotFound("version_not_found", f"there is no version with id {version_id!r}")
    if found is None:
        caller.require_credential()
        raise not_found
    if not caller.may_read(found):
        subject = f"version:{found.id}"
        caller.require_credential(found.model, subject)
        raise caller.refused(not_found, found.model, subject)
    return found


async def settled(
    version: Version, wait_seconds: float, caller: Caller, context: Context
) -> Version:
    """Return the version once it has left pending and verifying, or as it is after so long.

    Raises Unauthenticated where the caller's credential ended meanwhile.
    """
    if wait_seconds <= 0 or version.state in SETTLED:
        return version

    async def look() -> Version:
        return await context.versions.find(version.id) or version

    found = await context.feed.settled(version, look, wait_seconds)
    # A wait is longer than a credential may count on once it is revoked.
    await caller.confirm(version.model, f"version:{version.id}")
    return found
