"""Versions: copied, described, tagged, deleted, pointed at."""

import re

from registry.schemas import AliasRequest, CopyRequest, Version, VersionPatch
from registry.schemas.edits import Patch
from services.ingest.aliases import aliases
from services.ingest.context import Context
from services.ingest.edits import edits
from services.ingest.lifecycle import copying, lifecycle
from services.ingest.lifecycle.lifecycle import Named
from services.ingest.mlflow import requests
from services.ingest.mlflow.patches import asked_by, patch_of, tag_patch, tags_of
from shared.database.naming import find_named
from shared.domain.access.actions import Action
from shared.domain.aliases import UNCONDITIONAL
from shared.domain.errors import InvalidRequest, NotFound, version_not_found
from shared.web.access.caller import Caller
from shared.web.mlflow.errors import PREFIX
from shared.web.mlflow.numbers import read_number
from shared.web.mlflow.shapes import ModelVersion, told_version

_HERE = re.compile(r"models:/([^/@]+)(?:/([0-9]{1,10})|@([^/@]+))/?")
"""A version by its number or by an alias."""
_FILES = re.compile(re.escape(f"{PREFIX}/mlflow-artifacts/artifacts/") + r"([^/]+)/([0-9]{1,10})/?")
UNREADABLE = (
    "must be models:/NAME/VERSION or models:/NAME@ALIAS, of a version that is here: the server "
    "cannot read other places. Install the plugin model-version-registry-mlflow, and set "
    "MLFLOW_REGISTRY_URI=registry+http(s)://..., which uploads the files"
)


async def create(request: requests.NewVersion, caller: Caller, context: Context) -> ModelVersion:
    """Copy a version that is here: no byte is moved.

    Raises InvalidRequest for any other source, NotFound, and what copying raises.
    """
    caller.require(request.name)
    model, version = _source(request.source, context)
    reading = caller.doing(Action.DOWNLOAD)
    reading.require(model)
    wanted = CopyRequest(model=request.name)
    said: dict[str, object] = {"tags": tags_of(request.tags)}
    if request.description:
        said["description"] = request.description
    patch = patch_of(VersionPatch, **said)
    named = Named(model, version, reading)
    copied = await copying.copy_version(named, None, wanted, None, context)
    return await _edit(request.name, str(copied.number), patch, caller, context)


async def describe(
    request: requests.VersionDescription, caller: Caller, context: Context
) -> ModelVersion:
    """Set a version's description; raises NotFound, Conflict, InvalidRequest."""
    patch = patch_of(VersionPatch, description=request.description or "")
    return await _edit(request.name, request.version, patch, caller, context)


async def set_tag(request: requests.VersionTag, caller: Caller, context: Context) -> None:
    """Set a tag of a version; raises NotFound, Conflict, InvalidRequest."""
    patch = tag_patch(VersionPatch, request.key, request.value)
    await _edit(request.name, request.version, patch, caller, context)


async def remove_tag(request: requests.VersionTagKey, caller: Caller, context: Context) -> None:
    """Remove a tag of a version, if it is there; raises NotFound, Conflict, InvalidRequest."""
    patch = tag_patch(VersionPatch, request.key, None)
    await _edit(request.name, request.version, patch, caller, context)


async def delete(request: requests.NamedVersion, caller: Caller, context: Context) -> None:
    """Delete a version; it can be restored by our own interface. Raises as deleting does."""
    caller.require(request.name)
    number = str((await _there(request.name, request.version, context)).number)
    await lifecycle.delete(Named(request.name, number, caller), "", context)


async def set_alias(request: requests.AliasTarget, caller: Caller, context: Context) -> None:
    """Let an alias point at a version, wherever it points now; raises as moving does."""
    caller.require(request.name, alias=request.alias)
    named = aliases.Named(request.name, request.alias, caller, UNCONDITIONAL)
    target = await _there(request.name, request.version, context)
    await aliases.set_alias(named, AliasRequest(version=target.number), context)


async def remove_alias(request: requests.AliasNamed, caller: Caller, context: Context) -> None:
    """Let an alias point nowhere; one that does already is no error, as in MLflow."""
    caller.require(request.name, alias=request.alias)
    named = aliases.Named(request.name, request.alias, caller, UNCONDITIONAL)
    try:
        await aliases.remove_alias(named, "", context)
    except NotFound as error:
        if error.code != "alias_not_found":
            raise


def _source(source: str, context: Context) -> tuple[str, str]:
    """Return model, and number or @alias, of a source that is here; raises InvalidRequest."""
    if found := _HERE.fullmatch(source):
        return found[1], found[2] or f"@{found[3]}"
    base = context.settings.query_url.rstrip("/")
    if source.startswith(base) and (found := _FILES.fullmatch(source, len(base))):
        return found[1], found[2]
    raise InvalidRequest("source", UNREADABLE)


async def _edit(
    name: str, version: str, patch: Patch, caller: Caller, context: Context
) -> ModelVersion:
    caller.require(name)
    number = str((await _there(name, version, context)).number)
    edited = await edits.edit_version(name, number, None, patch, asked_by(caller), context)
    return told_version(edited, context.settings.query_url)


async def _there(name: str, version: str, context: Context) -> Version:
    """Return a version by its number; raises NotFound, also where it was deleted."""
    found = await find_named(context.database, name, str(read_number(version)))
    if found.state == "deleted":
        raise version_not_found(name, version)
    return found
