"""MLflow's writes over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter

from services.ingest.context import RequestContext
from services.ingest.mlflow import models, requests, versions
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.mlflow.errors import PREFIX
from shared.web.mlflow.shapes import ModelAnswer, NothingAnswer, VersionAnswer
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix=f"{PREFIX}/mlflow", tags=["mlflow"], responses=PROBLEMS, route_class=JsonRoute
)

Uploader = Annotated[Caller, declares(Action.UPLOAD)]
Editor = Annotated[Caller, declares(Action.EDIT)]
Mover = Annotated[Caller, declares(Action.MOVE_ALIAS)]
Deleter = Annotated[Caller, declares(Action.DELETE)]


@router.post("/registered-models/create", summary="Make a model without a version")
async def create_model(
    request: requests.NewModel, caller: Uploader, context: RequestContext
) -> ModelAnswer:
    """Answer the model."""
    return ModelAnswer(registered_model=await models.create(request, caller, context))


@router.patch("/registered-models/update", summary="Describe a model")
async def update_model(
    request: requests.ModelDescription, caller: Editor, context: RequestContext
) -> ModelAnswer:
    """Answer the model."""
    return ModelAnswer(registered_model=await models.describe(request, caller, context))


@router.post("/registered-models/set-tag", summary="Set a tag of a model")
async def set_model_tag(
    request: requests.ModelTag, caller: Editor, context: RequestContext
) -> NothingAnswer:
    """Answer nothing."""
    await models.set_tag(request, caller, context)
    return NothingAnswer()


@router.delete("/registered-models/delete-tag", summary="Remove a tag of a model")
async def delete_model_tag(
    request: requests.ModelTagKey, caller: Editor, context: RequestContext
) -> NothingAnswer:
    """Answer nothing."""
    await models.remove_tag(request, caller, context)
    return NothingAnswer()


@router.post("/registered-models/alias", summary="Let an alias point at a version")
async def set_alias(
    request: requests.AliasTarget, caller: Mover, context: RequestContext
) -> NothingAnswer:
    """Answer nothing."""
    await versions.set_alias(request, caller, context)
    return NothingAnswer()


@router.delete("/registered-models/alias", summary="Remove an alias")
async def delete_alias(
    request: requests.AliasNamed, caller: Mover, context: RequestContext
) -> NothingAnswer:
    """Answer nothing."""
    await versions.remove_alias(request, caller, context)
    return NothingAnswer()


@router.post("/model-versions/create", summary="Copy a version that is here")
async def create_version(
    request: requests.NewVersion, caller: Uploader, context: RequestContext
) -> VersionAnswer:
    """Answer the new version; files that lie elsewhere are uploaded by the plugin."""
    return VersionAnswer(model_version=await versions.create(request, caller, context))


@router.patch("/model-versions/update", summary="Describe a version")
async def update_version(
    request: requests.VersionDescription, caller: Editor, context: RequestContext
) -> VersionAnswer:
    """Answer the version."""
    return VersionAnswer(model_version=await versions.describe(request, caller, context))


@router.post("/model-versions/set-tag", summary="Set a tag of a version")
async def set_version_tag(
    request: requests.VersionTag, caller: Editor, context: RequestContext
) -> NothingAnswer:
    """Answer nothing."""
    await versions.set_tag(request, caller, context)
    return NothingAnswer()


@router.delete("/model-versions/delete-tag", summary="Remove a tag of a version")
async def delete_version_tag(
    request: requests.VersionTagKey, caller: Editor, context: RequestContext
) -> NothingAnswer:
    """Answer nothing."""
    await versions.remove_tag(request, caller, context)
    return NothingAnswer()


@router.delete("/model-versions/delete", summary="Delete a version")
async def delete_version(
    request: requests.NamedVersion, caller: Deleter, context: RequestContext
) -> NothingAnswer:
    """Answer nothing; the version can be restored by our own interface."""
    await versions.delete(request, caller, context)
    return NothingAnswer()


@router.post("/model-versions/transition-stage", summary="Refused: there are no stages")
async def transition_stage(
    request: requests.Stage, caller: Editor, context: RequestContext
) -> VersionAnswer:
    """Refuse it; raises InvalidRequest."""
    caller.require(request.name)
    raise InvalidRequest("stage", "must not be set: there are no stages, set an alias instead")


@router.post("/registered-models/rename", summary="Refused: names stay")
async def rename_model(
    request: requests.NewName, caller: Editor, context: RequestContext
) -> ModelAnswer:
    """Refuse it; raises InvalidRequest."""
    caller.require(request.name)
    rule = "must not be given: models keep their names; copy the versions to a model of that name"
    raise InvalidRequest("new_name", rule)


@router.delete("/registered-models/delete", summary="Refused: names and numbers are kept")
async def delete_model(
    request: requests.NamedModel, caller: Deleter, context: RequestContext
) -> NothingAnswer:
    """Refuse it; raises InvalidRequest."""
    caller.require(request.name)
    rule = "must not be deleted: a model keeps its name and its numbers; delete its versions"
    raise InvalidRequest("name", rule)
