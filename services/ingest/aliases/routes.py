"""Aliases over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from registry.schemas import Alias, AliasRequest, RollbackRequest
from registry.schemas.aliases import Why
from services.ingest.aliases import aliases
from services.ingest.aliases.aliases import Named
from services.ingest.aliases.conditions import MoveCondition
from services.ingest.context import RequestContext
from services.ingest.idempotency import IdempotencyKey
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.entity_tags import tagged
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/models/{model}/aliases/{alias}",
    tags=["aliases"],
    responses=PROBLEMS,
    route_class=JsonRoute,
)

Mover = Annotated[Caller, declares(Action.MOVE_ALIAS)]


async def _named(
    model: str,
    alias: str,
    caller: Mover,
    condition: MoveCondition,
    idempotency_key: IdempotencyKey = None,
) -> Named:
    return Named(model, alias, caller, condition, idempotency_key)


NamedAlias = Annotated[Named, Depends(_named)]


@router.put("", summary="Let an alias point at a ready version")
async def set_alias(
    named: NamedAlias, request: AliasRequest, context: RequestContext, response: Response
) -> Alias:
    """Answer the alias; `If-Match` and `If-None-Match` say how it must be for that."""
    return tagged(await aliases.set_alias(named, request, context), response)


@router.post("/rollback", summary="Let an alias point again where it pointed before")
async def roll_back(
    named: NamedAlias, request: RollbackRequest, context: RequestContext, response: Response
) -> Alias:
    """Answer the alias; rolling back is a move like any other."""
    return tagged(await aliases.roll_back(named, request, context), response)


@router.delete("", status_code=HTTPStatus.NO_CONTENT, summary="Remove an alias")
async def remove_alias(
    named: NamedAlias, context: RequestContext, reason: Annotated[Why, Query()] = ""
) -> None:
    """Let it point nowhere; its history stays."""
    await aliases.remove_alias(named, reason, context)
