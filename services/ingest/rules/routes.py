"""Rules over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from registry.schemas import RetentionReport, Rules, ScopeRules
from registry.schemas.rules import check_namespace
from services.ingest.aliases.conditions import MoveCondition
from services.ingest.context import RequestContext
from services.ingest.rules import retention, rules
from shared.domain.access.actions import Action
from shared.domain.errors import checked
from shared.domain.rules import namespace_scope
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor
from shared.web.entity_tags import tagged
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1", tags=["rules"], responses=PROBLEMS, route_class=JsonRoute)

RuleSetter = Annotated[Caller, declares(Action.SET_RULES)]
OF_MODEL = "/models/{model}/rules"
OF_NAMESPACE = "/namespaces/{namespace}/rules"


async def _scope(namespace: str) -> str:
    return namespace_scope(checked("namespace", check_namespace, namespace))


Scope = Annotated[str, Depends(_scope)]


@router.put(OF_MODEL, summary="Set a model's own rules")
async def set_model_rules(
    model: str,
    request: Rules,
    caller: RuleSetter,
    condition: MoveCondition,
    context: RequestContext,
    response: Response,
) -> ScopeRules:
    """Answer the rules, which replace those before; `If-Match` says at which revision they are."""
    return tagged(await rules.set_model_rules(model, request, condition, caller, context), response)


@router.delete(OF_MODEL, status_code=HTTPStatus.NO_CONTENT, summary="Remove a model's own rules")
async def remove_model_rules(
    model: str, caller: RuleSetter, condition: MoveCondition, context: RequestContext
) -> None:
    """Let those of its namespace, and those of all models, count alone."""
    await rules.remove_model_rules(model, condition, caller, context)


@router.put(OF_NAMESPACE, summary="Set the rules of a namespace, or with * of all models")
async def set_namespace_rules(
    scope: Scope,
    request: Rules,
    caller: RuleSetter,
    condition: MoveCondition,
    context: RequestContext,
    response: Response,
) -> ScopeRules:
    """Answer the rules, which replace those before; `If-Match` says at which revision they are."""
    return tagged(
        await rules.set_namespace_rules(scope, request, condition, caller, context), response
    )


@router.delete(
    OF_NAMESPACE,
    status_code=HTTPStatus.NO_CONTENT,
    summary="Remove the rules of a namespace, or with * of all models",
)
async def remove_namespace_rules(
    scope: Scope, caller: RuleSetter, condition: MoveCondition, context: RequestContext
) -> None:
    """Let the rules of its models, and those of all models, count alone."""
    await rules.remove_namespace_rules(scope, condition, caller, context)


@router.post("/models/{model}/retention", summary="Evaluate a model's rule of retention")
async def evaluate_retention(
    model: str,
    caller: Annotated[Caller, declares(Action.DELETE)],
    context: RequestContext,
    cursor: Cursor = None,
    apply: Annotated[
        bool, Query(description="Delete what the rule removes; it can be restored")
    ] = False,
) -> RetentionReport:
    """Answer what keeps each version, or why it goes; nothing is changed without `apply`."""
    return await retention.evaluate(model, cursor, caller, context, apply=apply)
