"""Registered models: made before their first version, described, tagged."""

from registry.schemas import ModelPatch
from registry.schemas.edits import ModelDescription
from registry.schemas.names import check_model_name
from services.ingest.context import Context
from services.ingest.edits import edits
from services.ingest.mlflow import requests
from services.ingest.mlflow.patches import asked_by, patch_of, tag_patch, tags_of
from shared.database.aliases import list_aliases
from shared.database.models import make_model
from shared.domain.access.audit import Change
from shared.domain.aliases import MAX_ALIASES
from shared.domain.edits import apply_patch
from shared.domain.errors import checked
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller
from shared.web.mlflow.shapes import RegisteredModel, told_model

log = get_logger(__name__)


async def create(request: requests.NewModel, caller: Caller, context: Context) -> RegisteredModel:
    """Make a model without a version; raises Conflict "model_exists", InvalidRequest."""
    caller.require(request.name)
    checked("name", check_model_name, request.name)
    patch = patch_of(ModelPatch, description=request.description or "", tags=tags_of(request.tags))
    result = apply_patch(ModelDescription().model_dump(), patch.model_dump(), ModelDescription)
    said = ModelDescription() if result is None else ModelDescription.model_validate(result.fields)
    by = caller.principal.id
    async with caller.audited(Change.MAKE_MODEL, request.name):
        made = await make_model(context.database, request.name, said, by)
    log.info("model made", model=made.name, by=by)
    return told_model(made, [], [])


async def describe(
    request: requests.ModelDescription, caller: Caller, context: Context
) -> RegisteredModel:
    """Set a model's description; raises NotFound, InvalidRequest."""
    patch = patch_of(ModelPatch, description=request.description or "")
    return await _edit(request.name, patch, caller, context)


async def set_tag(request: requests.ModelTag, caller: Caller, context: Context) -> None:
    """Set a tag of a model; raises NotFound, InvalidRequest."""
    patch = tag_patch(ModelPatch, request.key, request.value)
    await _edit(request.name, patch, caller, context)


async def remove_tag(request: requests.ModelTagKey, caller: Caller, context: Context) -> None:
    """Remove a tag of a model, if it is there; raises NotFound, InvalidRequest."""
    patch = tag_patch(ModelPatch, request.key, None)
    await _edit(request.name, patch, caller, context)


async def _edit(name: str, patch: ModelPatch, caller: Caller, context: Context) -> RegisteredModel:
    caller.require(name)
    model = await edits.edit_model(name, patch, asked_by(caller), context)
    aliases = await list_aliases(context.database, name, after=None, limit=MAX_ALIASES)
    return told_model(model, aliases, [])
