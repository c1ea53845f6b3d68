"""Rules over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from registry.schemas import EffectiveRules, ScopeRules
from registry.schemas.rules import check_namespace
from services.query.context import RequestContext
from services.query.rules import rules
from shared.domain.access.actions import Action
from shared.domain.errors import checked
from shared.domain.rules import namespace_scope
from shared.web.access.caller import Caller, declares
from shared.web.entity_tags import tagged
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1", tags=["rules"], responses=PROBLEMS)

Reader = Annotated[Caller, declares(Action.READ)]


@router.get("/models/{model}/rules", summary="Get a model's own rules, or what applies to it")
async def get_model_rules(
    model: str,
    caller: Reader,
    context: RequestContext,
    response: Response,
    effective: Annotated[bool, Query(description="What applies, from all scopes")] = False,
) -> ScopeRules | EffectiveRules:
    """Answer the model's own rules and their ETag; with `effective` those of all its scopes."""
    if effective:
        return await rules.effective_rules(model, context)
    return tagged(await rules.model_rules(model, context), response)


@router.get(
    "/namespaces/{namespace}/rules",
    summary="Get the rules of a namespace, or with * of all models",
)
async def get_namespace_rules(
    namespace: str, caller: Reader, context: RequestContext, response: Response
) -> ScopeRules:
    """Answer the rules and their ETag, to whoever may read any model that they are for."""
    scope = namespace_scope(checked("namespace", check_namespace, namespace))
    return tagged(await rules.namespace_rules(scope, caller, context), response)
