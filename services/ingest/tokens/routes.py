"""Tokens over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter

from registry.schemas.access import NewToken, TokenPage, TokenRequest
from services.ingest.context import RequestContext
from services.ingest.tokens import tokens
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, Limit
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], responses=PROBLEMS, route_class=JsonRoute)

TokenManager = Annotated[Caller, declares(Action.MANAGE_TOKENS)]


@router.post("", status_code=HTTPStatus.CREATED, summary="Make a token, which is shown once")
async def make_token(
    request: TokenRequest, caller: TokenManager, context: RequestContext
) -> NewToken:
    """Answer the token; what is kept of it cannot be turned back into it."""
    return await tokens.make_token(request, caller, context)


@router.get("", summary="List tokens, the newest first")
async def list_tokens(
    caller: TokenManager, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> TokenPage:
    """Answer a page of the tokens that the caller made; of all tokens for who administers all."""
    return await tokens.list_tokens(cursor, limit, caller, context)


@router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT, summary="Revoke a token")
async def revoke_token(token_id: str, caller: TokenManager, context: RequestContext) -> None:
    """Let a token count no more, everywhere within 10 seconds; may be repeated."""
    await tokens.revoke_token(token_id, caller, context)
