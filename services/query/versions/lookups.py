"""Finding versions by what a user knows of them."""

from registry.schemas import SETTLED, Model, Version
from registry.schemas.names import check_version
from services.query.context import Context
from shared.database import models
from shared.domain.errors import InvalidRequest, NotFound
from shared.web.access.caller import Caller, model_not_found


async def find_model(name: str, context: Context) -> Model:
    """Return a registered model; raises NotFound."""
    model = await models.find_model(context.database, name)
    if model is None:
        raise model_not_found(name)
    return model


async def find_version(
    name: str, version: str, wait_seconds: float, caller: Caller, context: Context
) -> Version:
    """Return a version of a model by number, label or "latest" (the highest ready number).

    Waits up to `wait_seconds` for it to settle. Raises NotFound, InvalidRequest for a text that is
    neither number nor label, and Unauthenticated where the caller's credential ended meanwhile.
    """
    found = await _find(name, version, context)
    if found is None:
        await find_model(name, context)
        raise NotFound("version_not_found", f"model {name!r} has no version {version!r}")
    return await _settled(found, wait_seconds, caller, context)


async def find_by_id(
    version_id: str, wait_seconds: float, caller: Caller, context: Context
) -> Version:
    """Return a version by its id, or else by one that an uploader gave it.

    Raises NotFound, also where the caller may not read its model, and what `find_version` raises.
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
    return await _settled(found, wait_seconds, caller, context)


async def _find(name: str, version: str, context: Context) -> Version | None:
    if version == "latest":
        model = await models.find_model(context.database, name)
        if model is None or model.latest_number is None:
            return None
        return await context.versions.by_number(name, model.latest_number)
    try:
        wanted = check_version(version)
    except ValueError as error:
        raise InvalidRequest("version", str(error)) from error
    if isinstance(wanted, int):
        return await context.versions.by_number(name, wanted)
    return await context.versions.by_label(name, wanted)


async def _settled(
    version: Version, wait_seconds: float, caller: Caller, context: Context
) -> Version:
    if wait_seconds <= 0 or version.state in SETTLED:
        return version

    async def look() -> Version:
        return await context.versions.find(version.id) or version

    settled = await context.feed.settled(version, look, wait_seconds)
    # A wait is longer than a credential may count on once it is revoked.
    await caller.confirm(version.model, f"version:{version.id}")
    return settled
