"""Edits over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Query, Response

from registry.schemas import Model, ModelPatch, Version, VersionPatch
from registry.schemas.aliases import Why
from registry.schemas.edits import MERGE_PATCH_JSON
from services.ingest.context import RequestContext
from services.ingest.edits import edits
from services.ingest.edits.edits import Asked
from services.ingest.idempotency import IdempotencyKey
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.web.access.caller import Caller, declares
from shared.web.entity_tags import read_revision, tagged
from shared.web.json_body import JsonRoute
from shared.web.moments import Moment
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/models/{model}", tags=["edits"], responses=PROBLEMS, route_class=JsonRoute
)

Editor = Annotated[Caller, declares(Action.EDIT)]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=64)]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=64)]


async def _asked(
    caller: Editor,
    reason: Annotated[Why, Query()] = "",
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Asked:
    if if_none_match is not None:
        raise InvalidRequest("If-None-Match", "must not stand here: what is edited is there")
    revision = None if if_match is None else read_revision(if_match)
    return Asked(caller, revision, reason, idempotency_key)


AskedEdit = Annotated[Asked, Depends(_asked)]


@router.patch("/versions/{version}", summary="Edit what is said of a version")
async def edit_version(
    model: str,
    version: str,
    asked: AskedEdit,
    patch: Annotated[VersionPatch, Body(media_type=MERGE_PATCH_JSON)],
    context: RequestContext,
    response: Response,
    at: Moment = None,
) -> Version:
    """Answer the version as it is then; `If-Match` says at which revision it must be for that.

    Without it the patch is merged into whatever is there, and loses nothing of what others add at
    the same moment.
    """
    return tagged(await edits.edit_version(model, version, at, patch, asked, context), response)


@router.patch("", summary="Edit what is said of a model")
async def edit_model(
    model: str,
    asked: AskedEdit,
    patch: Annotated[ModelPatch, Body(media_type=MERGE_PATCH_JSON)],
    context: RequestContext,
    response: Response,
) -> Model:
    """Answer the model as it is then; `If-Match` says at which revision it must be for that."""
    return tagged(await edits.edit_model(model, patch, asked, context), response)
